"""A search in blocks: resumed after a kill, bounded in memory, spread over workers."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from oracle import linear_model

from flutils import directions, margins

GRID = {"step": 0.05, "search_range": 2.0, "bounds": (0.0, 1.0), "both_signs": True, "clip": False}


class Curved:
    """A smooth classifier of 8x8 images whose class boundaries bend; it counts its points."""

    def __init__(self):
        rng = np.random.default_rng(3)
        self.inner, self.outer = rng.normal(size=(64, 32)) / 8, rng.normal(size=(32, 4))
        self.points = 0

    def __call__(self, points):
        self.points += len(points)
        return (np.tanh(points.reshape(len(points), -1) @ self.inner) @ self.outer).astype(np.float32)


@pytest.fixture(scope="module")
def arguments():
    x = np.random.default_rng(1).random((90, 8, 8, 1), dtype=np.float32)
    return x, Curved()(x).argmax(axis=1), directions.random_orthogonal(40, shape=(8, 8, 1), seed=0)


def assert_same(table, other):
    np.testing.assert_array_equal(table.crossing, other.crossing)
    np.testing.assert_array_equal(table.adjacent, other.adjacent)
    assert table.audit == other.audit
    assert table.cost.evaluations == other.cost.evaluations


def test_predicting_search_agrees_with_the_sweep_for_fewer_evaluations(arguments):
    sweep = margins.search(Curved(), *arguments, strategy="sweep", **GRID)
    predicted = margins.search(Curved(), *arguments, strategy="predict", audit_rate=0.2, **GRID)
    assert (sweep.crossing > 0).mean() > 0.1
    assert (sweep.crossing < 0).mean() > 0.1
    assert (sweep.crossing != predicted.crossing).mean() <= 1e-3
    searched = predicted.cost.evaluations - predicted.cost.pilot_evaluations
    assert searched < sweep.cost.evaluations / 4
    assert 0.15 * sweep.crossing.size < predicted.audit.rays < 0.25 * sweep.crossing.size


def test_audit_counts_and_corrects_what_the_certificate_missed(arguments, monkeypatch):
    # Without any room for error, and so with mistakes on purpose, a full audit must find them all.
    monkeypatch.setattr("flutils.margins.certificate.SAFETY", 0.0)
    rng = np.random.default_rng(0)
    bumps = rng.normal(size=(64, 3)) * 4

    def wavy(points):
        waves = np.sin(points.reshape(len(points), -1) @ bumps)
        return np.concatenate([waves, 0.2 * np.ones((len(points), 1))], axis=1).astype(np.float32)

    x, _, rays = arguments
    y = wavy(x).argmax(axis=1)
    sweep = margins.search(wavy, x, y, rays, strategy="sweep", **GRID)
    blind = margins.search(wavy, x, y, rays, strategy="predict", audit_rate=0.0, **GRID)
    audited = margins.search(wavy, x, y, rays, strategy="predict", audit_rate=1.0, **GRID)
    wrong = int((blind.crossing != sweep.crossing).sum())
    assert wrong > 0
    assert audited.audit.mismatches == wrong
    assert audited.audit.rays == sweep.crossing.size
    np.testing.assert_array_equal(audited.crossing, sweep.crossing)
    np.testing.assert_array_equal(audited.adjacent, sweep.adjacent)


def test_upper_bound_of_the_mismatch_rate():
    audit = margins.SearchAudit(rays=30_000, mismatches=0, evaluations=1)
    assert audit.upper_bound == pytest.approx(1 - 0.05 ** (1 / 30_000), rel=1e-6)  # the rule of three
    assert margins.SearchAudit(rays=10, mismatches=10, evaluations=1).upper_bound == 1.0
    assert 0.1 < margins.SearchAudit(rays=100, mismatches=10, evaluations=1).upper_bound < 0.18


KILLED = """
import os, signal, sys
import numpy as np
from flutils import margins
from test_search_blocks import GRID, Curved, directions

class Killed(Curved):
    def __call__(self, points):
        if self.points > {limit}:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(points)

x = np.random.default_rng(1).random((90, 8, 8, 1), dtype=np.float32)
rays = directions.random_orthogonal(40, shape=(8, 8, 1), seed=0)
margins.search(Killed(), x, Curved()(x).argmax(axis=1), rays, block_rays=800, checkpoint={folder!r}, **GRID)
"""


@pytest.mark.parametrize("limit", [2_000, 20_000])  # in the pilot, and between blocks
def test_killed_search_resumes_to_the_same_bits(arguments, tmp_path, limit):
    folder = tmp_path / "blocks"
    script = textwrap.dedent(KILLED).format(limit=limit, folder=str(folder))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    killed = subprocess.run([sys.executable, "-c", script], env=environment, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    finished = len(list(folder.glob("block-*.npz")))
    assert finished == 0 if limit == 2_000 else 0 < finished < 9

    fresh, resumed = Curved(), Curved()
    whole = margins.search(fresh, *arguments, block_rays=800, **GRID)
    table = margins.search(resumed, *arguments, block_rays=800, checkpoint=folder, **GRID)
    assert_same(whole, table)
    if finished:
        assert resumed.points < fresh.points


def test_blocks_of_another_search_are_refused(arguments, tmp_path):
    margins.search(Curved(), *arguments, checkpoint=tmp_path, **GRID)
    with pytest.raises(ValueError, match=r"another search.*pass another folder"):
        margins.search(Curved(), *arguments, checkpoint=tmp_path, **{**GRID, "step": 0.1})


MEMORY = """
from pathlib import Path
import numpy as np
from flutils import directions, margins
from test_search_blocks import GRID, Curved
x = np.random.default_rng(1).random(({samples}, 8, 8, 1), dtype=np.float32)
rays = directions.random_orthogonal(60, shape=(8, 8, 1), seed=0)
margins.search(Curved(), x, Curved()(x).argmax(axis=1), rays, block_rays=8_192, **GRID)
# Not getrusage's peak, which begins with that of the process that started this one.
lines = Path("/proc/self/status").read_text().splitlines()
print(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_rays():
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    peaks = []
    for samples in (200, 2_000):
        script = MEMORY.format(samples=samples)
        run = subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True)
        peaks.append(int(run.stdout) / 1024)
    # 216,000 more rays: their result alone takes 0.8 MiB.
    assert peaks[1] - peaks[0] < 60


@pytest.mark.slow
def test_search_on_workers_survives_the_loss_of_one(arguments, tmp_path):
    distributed = pytest.importorskip("distributed")
    curved = Curved()
    inner, outer = curved.inner, curved.outer

    def model(points):  # travels by value, and takes its time
        time.sleep(0.02)
        return (np.tanh(points.reshape(len(points), -1) @ inner) @ outer).astype(np.float32)

    options = {**GRID, "block_rays": 160}
    local = margins.search(curved, *arguments, **options)
    killed: list[int] = []
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        victim = next(iter(client.run(os.getpid).values()))
        killer = threading.Thread(target=_kill_in_midst, args=(victim, tmp_path, killed))
        killer.start()
        spread = margins.search(model, *arguments, client=client, checkpoint=tmp_path, **options)
        killer.join()
    assert killed and 0 < killed[0] < 45
    assert_same(local, spread)


def _kill_in_midst(victim: int, folder: Path, killed: list[int]) -> None:
    """Kill a process as soon as the first blocks are written; note how many there were."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        finished = len(list(folder.glob("block-*.npz")))
        if finished:
            psutil.Process(victim).kill()
            killed.append(finished)
            return
        time.sleep(0.005)


def test_packed_model_loads_where_its_layers_are_unknown(tmp_path):
    from flutils import models
    from flutils.margins.portable import PortableModel

    model = models.build_resnet(units=1, width=1, weight_decay=0.0, seed=0)
    images = np.random.default_rng(0).random((4, 32, 32, 3), dtype=np.float32) * 255
    (tmp_path / "packed.pickle").write_bytes(pickle.dumps(PortableModel.pack(model)))
    np.save(tmp_path / "images.npy", images)
    script = (
        "import pickle, sys, pathlib, numpy as np\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "model = pickle.loads((folder / 'packed.pickle').read_bytes()).unpack()\n"
        "np.save(folder / 'logits.npy', model.predict_on_batch(np.load(folder / 'images.npy')))\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=120)
    there, here = np.load(tmp_path / "logits.npy"), model.predict_on_batch(images)
    np.testing.assert_allclose(there, here, rtol=1e-5, atol=1e-5)


def test_linear_models_are_searched_without_mismatch(arguments):
    x, _, rays = arguments
    model = linear_model(np.random.default_rng(5).normal(size=(64, 4)), np.zeros(4))
    y = np.asarray(model(x)).argmax(axis=1)
    sweep = margins.search(model, x, y, rays, strategy="sweep", **GRID)
    predicted = margins.search(model, x, y, rays, strategy="predict", **GRID)
    np.testing.assert_array_equal(sweep.crossing, predicted.crossing)
