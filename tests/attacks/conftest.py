"""The network that all tests of attacks attack."""

import pytest
from test_attacks import build_network


@pytest.fixture(scope="session")
def network():
    return build_network()
