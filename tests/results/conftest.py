"""The digits of `digits.py`, as a dataset of one's own, for the results."""

import os

import pytest
from digits import read_digits, register_digits

from flutils.config import profiles
from flutils.data import catalog
from flutils.experiment import Experiment


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """Register the dataset; yield its name."""
    content = read_digits()
    register_digits(lambda wanted: [(name, content) for name in wanted], content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLUTILS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield "digits"
    catalog.SPECS.pop("digits")
    profiles._PAPER.pop("digits")
    for sizes in profiles.SIZES.values():
        sizes.pop("digits")


@pytest.fixture(scope="session")
def run(digits, tmp_path_factory):
    """An experiment on it, whose steps are made as they are asked for, once for all test processes."""
    home = tmp_path_factory.getbasetemp()
    home = home.parent / "digits" if "PYTEST_XDIST_WORKER" in os.environ else home / "digits"
    return Experiment(digits, "smoke", 0, home=home)
