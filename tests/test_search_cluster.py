"""A pipeline whose searches run on a Dask cluster: same bits, same keys, and clear words where it cannot."""

import functools
import os
import sys

import numpy as np
import pytest
from test_experiment import tiny_profile
from test_reproduce import read_text, write_notebook

from flutils import config, data, margins
from flutils.data.sources import Fetched
from flutils.experiment import Experiment, workspace
from flutils.margins import cluster
from flutils.reproduce import compute, reproduce

distributed = pytest.importorskip("distributed")
CONNECT = """from flutils.margins.cluster import connect
with connect() as client:
    print(len(client.nthreads()), "workers")"""


def start(**options):
    return distributed.LocalCluster(threads_per_worker=1, dashboard_address=None, **options)


@pytest.fixture(scope="module")
def two_workers():
    """A cluster of two worker processes, as `dask scheduler` and twice `dask worker` give."""
    with start(n_workers=2) as cluster_of_two:
        yield cluster_of_two


def make_table(home, **choice):
    """Search a model with `compute`, trained unless it is there; return the table and its file."""
    compute(profile="smoke", datasets=["mnist"], steps=["margins-ori"], **choice)
    path = dict(Experiment("mnist", "smoke", 0, home=home).list_artifacts())["margins-ori"].path
    return margins.MarginTable.load(path), path


@pytest.mark.slow
def test_two_workers_make_the_same_bits_under_the_same_key(two_workers, tmp_path, monkeypatch):
    def small(*names):
        return config.replace(tiny_profile(*names), search={"num_samples": 10, "num_directions": 60})

    monkeypatch.setattr(workspace, "load_profile", small)
    # Several blocks, and a pilot and an audit, which so few rays would do without.
    monkeypatch.setattr(sys.modules["flutils.margins.search"], "FEW_RAYS", 100)
    monkeypatch.setattr(margins, "search", functools.partial(margins.search, block_rays=120, audit_rate=0.1))
    monkeypatch.setenv("FLUTILS_HOME", str(tmp_path))
    here, path = make_table(tmp_path)
    path.unlink()
    address = two_workers.scheduler_address
    there, other = make_table(tmp_path, scheduler=address)
    assert other == path  # its name holds the key
    assert here.settings.strategy == there.settings.strategy == "predict"
    for part in ("crossing", "adjacent", "origin"):
        np.testing.assert_array_equal(getattr(here, part), getattr(there, part))
    assert (
        here.audit == there.audit and here.audit.rays > 0 and here.cost.evaluations == there.cost.evaluations
    )
    with distributed.Client(address, set_as_default=False) as client:
        built = client.run(lambda: len(sys.modules["flutils.margins.runner"]._engines))
    assert list(built.values()) == [1, 1], "one of them had no block"
    assert cluster.SCHEDULER_VARIABLE not in os.environ


@pytest.mark.slow
def test_notebooks_search_on_the_cluster_of_their_run(two_workers, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "fetch", lambda name: Fetched(name, "cache", tmp_path, "0"))
    write_notebook(tmp_path / "notebooks", "01_make", CONNECT)
    choice = {"datasets": "mnist", "folder": tmp_path / "notebooks", "home": tmp_path / "home"}
    reproduce(profile="smoke", scheduler=two_workers.scheduler_address, **choice)
    assert "2 workers" in read_text(next((tmp_path / "home").rglob("01_make.ipynb")))
    assert cluster.SCHEDULER_VARIABLE not in os.environ


def test_without_a_scheduler_searches_run_here(monkeypatch):
    monkeypatch.delenv(cluster.SCHEDULER_VARIABLE, raising=False)
    with cluster.use_scheduler(None), cluster.connect() as client:
        assert client is None


def test_what_the_environment_says_is_back_after_a_failure(monkeypatch):
    monkeypatch.setattr(cluster, "_PATIENCE", 1)
    monkeypatch.setenv(cluster.SCHEDULER_VARIABLE, "tcp://127.0.0.1:2")
    with (
        pytest.raises(ConnectionError, match=r"at tcp://127\.0\.0\.1:1, but it cannot be reached.*`dask sch"),
        cluster.use_scheduler("tcp://127.0.0.1:1"),
    ):
        pytest.fail("there is no such scheduler")
    assert os.environ[cluster.SCHEDULER_VARIABLE] == "tcp://127.0.0.1:2"


def test_a_scheduler_without_workers_is_refused(monkeypatch):
    monkeypatch.setattr(cluster, "_PATIENCE", 1)
    with start(n_workers=0, processes=False, protocol="tcp") as empty:
        message = f"{empty.scheduler_address} has no workers; `dask worker {empty.scheduler_address}` starts"
        with pytest.raises(ConnectionError, match=message), cluster.use_scheduler(empty.scheduler_address):
            pytest.fail("it has no workers")


@pytest.mark.parametrize("found", ["0.0.1", ModuleNotFoundError("No package metadata")])
def test_workers_of_other_versions_are_refused(found):
    class Client:
        def wait_for_workers(self, *_, **__):
            pass

        def run(self, version, name, on_error):
            return {"tcp://a:1": version(name), "tcp://b:2": found if name == "keras" else version(name)}

    named = found if isinstance(found, str) else "none"
    with pytest.raises(ValueError, match=rf"expected keras \S+ on every worker.*got {named} on tcp://b:2"):
        cluster._check_workers(Client(), "tcp://c:3")


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"needs Dask.*pip install"), cluster.use_scheduler("tcp://a:1"):
        pytest.fail("there is no Dask")
