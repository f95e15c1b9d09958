"""The layout: imports go downward, TensorFlow comes late, files are short, public things are described."""

import ast
import subprocess
import sys

import pytest
from conftest import ROOT

PACKAGE = ROOT / "flutils"
LEVELS = {
    0: {"arguments", "backend", "config", "folders", "guard", "paper", "progress", "randomness"},
    1: {"data", "directions", "models", "records"},
    2: {"margins", "robustness", "training", "attacks", "theory"},
    3: {"feedback", "algorithm1", "plots", "artifacts"},
    4: {"experiment"},
    5: {"claims"},
    6: {"results"},
    7: {"report", "explorer", "doctor"},
    8: {"reproduce"},
    9: {"__main__"},
}
BESIDE = {  # within a level, who may import whom
    ("algorithm1", "feedback"),
    ("folders", "guard"),
    ("folders", "progress"),
}
LEVEL = {module: level for level, modules in LEVELS.items() for module in modules}
# The places where a kernel, a gradient, a compiled loop or an export needs the backend itself.
NAMES_TENSORFLOW = {"models.py", "training/perturbation.py", "margins/engines.py", "attacks/steps.py"}
PRINTS = {"__main__", "reproduce"}
FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def module_of(path):
    """Return the top-level module that a file belongs to; a package counts as one."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def name(path):
    return str(path.relative_to(PACKAGE))


def list_imports(tree):
    """List the dotted names that a file imports, wherever in it; ``from a import b`` gives a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def list_flutils_imports(tree):
    """List the top-level modules of flutils that a file imports."""
    modules = {PACKAGE / f"{module}.py" for module in LEVEL} | {PACKAGE / module for module in LEVEL}
    for dotted in list_imports(tree):
        parts = dotted.split(".")
        if parts[0] == "flutils" and len(parts) > 1 and PACKAGE / f"{parts[1]}.py" in modules:
            yield parts[1]


def test_every_module_has_a_level():
    unknown = {module_of(path) for path in FILES} - LEVEL.keys() - {"__init__"}
    assert not unknown, f"give {unknown} a level in this test and in the design"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_go_downward(path):
    own = module_of(path)
    others = set(list_flutils_imports(TREES[path])) - {own}
    if own == "__init__":
        assert not others
        return
    wrong = {other for other in others if LEVEL[other] >= LEVEL[own] and (own, other) not in BESIDE}
    assert not wrong, f"{name(path)} is of level {LEVEL[own]} and imports {wrong}"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_only_named_places_import_tensorflow(path):
    roots = {dotted.split(".")[0] for dotted in list_imports(TREES[path])}
    if roots & {"tensorflow", "jax", "torch"}:
        assert name(path) in NAMES_TENSORFLOW, "keep to keras.ops, or add a small named place"


@pytest.mark.parametrize(
    "code",
    [
        "import flutils",
        "import flutils.experiment",
        "import flutils.reproduce",
        "import flutils.explorer",
        "from flutils import doctor; doctor.examine()",
        "import flutils.plots, flutils.claims",
        "import flutils.__main__ as main; main._build_parser().format_help()",
    ],
)
def test_light_imports(code):
    heavy = (
        "import sys; sys.exit(' '.join({'tensorflow', 'keras', 'jax', 'openvino'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", f"{code}\n{heavy}"], capture_output=True, text=True)
    assert done.returncode == 0, f"{code} imports {done.stderr}"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_files_are_short_and_raise_instead_of_asserting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    for node in ast.walk(TREES[path]):
        assert not isinstance(node, ast.Assert), f"line {node.lineno}: raise an exception"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            assert module_of(path) in PRINTS, f"line {node.lineno}: only the command line prints"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_public_things_have_docstrings(path):
    tree = TREES[path]
    assert ast.get_docstring(tree), "say what the module is"
    named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    top = [node for node in tree.body if isinstance(node, named)]
    # A method that overrides one of a base class is described there.
    owners = [node for node in top if isinstance(node, ast.ClassDef) and not node.bases]
    inner = [node for owner in owners for node in owner.body]
    for node in [*top, *(item for item in inner if isinstance(item, named))]:
        if not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"
