"""Two real processes at once on one cache, one search, one training, one store: nothing is done twice."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile

import pytest
from conftest import ROOT
from test_folders import HOLD, process
from test_reproduce import MAKE, write_notebook

from flutils import data
from flutils.__main__ import main
from flutils.data.sources import Fetched
from flutils.reproduce import pipeline

# Both say that they are there, and whoever is first goes on only then; any wait is worth a word.
MEET = """
import os, sys, time
from pathlib import Path
from flutils.folders import locks
locks._QUIET_TRIES = 1
place = Path(os.environ["MEET"])
(place / str(os.getpid())).touch()
def meet():
    while len(list(place.iterdir())) < 2:
        time.sleep(0.01)
    time.sleep(2)  # the other still imports what it needs
"""
FETCH = """
import hashlib
from flutils import data
def bring(wanted):
    meet()
    for name in wanted:
        with open(sys.argv[1], "a") as asked:
            asked.write(name + "\\n")
        yield name, name.encode()
files = tuple(data.DataFile(name, hashlib.md5(name.encode()).hexdigest()) for name in ("a.bin", "b.bin"))
data.register(data.DataSpec("own", "Own", files, (0, 1), ("0",), (1, 1, 1), lambda contents: [], bring))
print(data.fetch("own").source)
"""
OBTAIN = """
from flutils.artifacts import Store
def make(path, scratch):
    meet()
    with open(sys.argv[2], "a") as made:
        made.write("x")
    (scratch / "checkpoint").write_text("1")
    path.write_text("content")
artifact = Store("smoke", "mnist", home=Path(sys.argv[1])).obtain("ori", ".txt", {"step": "test"}, make)
print(os.getpid(), artifact.checksum)
"""
SEARCH = """
import numpy as np
from flutils import margins
from test_search_blocks import GRID, Curved, directions
class Slow(Curved):
    def __call__(self, points):
        time.sleep(0.02)
        return super().__call__(points)
x = np.random.default_rng(1).random((90, 8, 8, 1), dtype=np.float32)
rays = directions.random_orthogonal(40, shape=(8, 8, 1), seed=0)
model = Slow()
y = model(x).argmax(axis=1)
model.points = 0
table = margins.search(model, x, y, rays, block_rays=800, checkpoint=sys.argv[1], **GRID)
print(model.points, table.crossing.sum(), table.cost.evaluations, table.audit.mismatches)
"""
TRAIN = """
import numpy as np
from flutils import training
from flutils.config import load_profile, replace
from flutils.models import build_mnist_cnn
from flutils.training import checkpoints
load = checkpoints.Checkpoints.load_newest
checkpoints.Checkpoints.load_newest = lambda self: (meet(), load(self))[1]
x = np.random.default_rng(1).random((600, 8, 8, 1), dtype=np.float32)
recipe = replace(load_profile("mnist", "smoke").training, epochs=4)
model = build_mnist_cnn(seed=0, image_shape=(8, 8, 1))
training.train_natural(model, x, np.arange(600) % 10, recipe, seed=0, checkpoints=sys.argv[1])
"""
REPRODUCE = """
import sys
from pathlib import Path
from flutils import data
from flutils.data.sources import Fetched
from flutils.__main__ import main
from flutils.reproduce import notebooks
data.fetch = lambda name: Fetched(name, "cache", Path("."), "0")
notebooks._find_folder = lambda folder: Path(sys.argv[1])
sys.exit(main(["reproduce", "--profile", "smoke", "--dataset", "mnist", *sys.argv[2:]]))
"""


def run_both(code, *arguments, **environment):
    """Run a script in two processes at once; return the exit code, output and errors of each."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", **environment}
    place = tempfile.TemporaryDirectory()
    environment["MEET"] = place.name
    both = [
        subprocess.Popen(
            [sys.executable, "-c", MEET + code, *map(str, arguments)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    with place:
        outputs = [run.communicate(timeout=300) for run in both]
    return [(run.returncode, *output) for run, output in zip(both, outputs, strict=True)]


def test_a_download_comes_once(tmp_path):
    runs = run_both(FETCH, tmp_path / "asked", FLUTILS_CACHE=str(tmp_path / "cache"))
    assert [code for code, *_ in runs] == [0, 0], runs
    assert sorted(said for _, said, _ in runs) == ["cache\n", "own\n"]
    assert (tmp_path / "asked").read_text() == "a.bin\nb.bin\n"
    (waited,) = [errors for _, said, errors in runs if said == "cache\n"]
    assert waited.startswith("waiting for own, which process ") and waited.count("\n") == 1
    found = {path.name: path.read_bytes() for path in (tmp_path / "cache" / "own").iterdir()}
    assert found == {"a.bin": b"a.bin", "b.bin": b"b.bin"}


def test_an_artifact_is_made_once(tmp_path):
    counted = tmp_path / "counted"
    runs = run_both(OBTAIN, tmp_path / "home", counted)
    assert [code for code, *_ in runs] == [0, 0], runs
    assert counted.read_text() == "x"
    said = [text.split() for _, text, _ in runs]
    assert said[0][1] == said[1][1]
    found = sorted(path.name for path in (tmp_path / "home").rglob("*") if path.is_file())
    assert [name.partition(".")[2] for name in found] == ["txt", "txt.json"]
    (waited,) = [number for number, (_, _, errors) in enumerate(runs) if errors]
    line, maker = runs[waited][2], said[1 - waited][0]
    assert line.startswith(f"waiting for {found[0]}, which process {maker} on ") and line.count("\n") == 1


def test_a_search_is_made_once(tmp_path):
    folder = tmp_path / "blocks"
    runs = run_both(SEARCH, folder)
    assert [code for code, *_ in runs] == [0, 0], runs
    points, results = zip(*(said.split(maxsplit=1) for _, said, _ in runs), strict=True)
    assert results[0] == results[1]
    few, many = sorted(map(int, points))
    assert few < 1_000 < 20_000 < many  # step 0 of each sample tells which search it is
    names = sorted(path.name for path in folder.iterdir())
    assert names == [*(f"block-{number:06}.npz" for number in range(9)), "pilot.npz", "search.json"]


@pytest.mark.slow
def test_a_training_is_made_once(tmp_path):
    runs = run_both(TRAIN, tmp_path / "epochs", FLUTILS_EVENTS=str(tmp_path / "events"))
    assert [code for code, *_ in runs] == [0, 0], runs
    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    (message,) = [event["text"] for event in events if event["kind"] == "message"]
    assert message.startswith("waiting for training, which process ")
    waited = events.index({"kind": "message", "text": message})
    done = [event["done"] for event in events[waited:] if event["kind"] == "progress"]
    assert done == sorted(done)  # it is never begun anew
    names = sorted(path.name for path in (tmp_path / "epochs").iterdir())
    assert names == [
        "epoch-0003.json",
        "epoch-0003.keras",
        "epoch-0004.json",
        "epoch-0004.keras",
        "training.json",
    ]


@pytest.fixture
def notebooks(tmp_path):
    """A folder with a notebook whose artifact takes a while."""
    slow = MAKE.replace(
        '    path.write_bytes(b"x")', "    import time; time.sleep(4); path.write_bytes(b'x')"
    )
    write_notebook(tmp_path / "notebooks", "01_make", slow)
    return tmp_path / "notebooks"


@pytest.mark.slow
def test_two_runs_make_each_artifact_once_and_both_end_well(tmp_path, notebooks):
    home = tmp_path / "home"
    runs = run_both(REPRODUCE, notebooks, FLUTILS_HOME=str(home))
    assert [code for code, *_ in runs] == [0, 0], runs
    made = [said for _, said, _ in runs if "computed: thing" in said]
    waited = [(said, errors) for _, said, errors in runs if "computed: nothing" in said]
    assert len(made) == len(waited) == 1, runs
    assert "cached: thing" in waited[0][0] and "waiting for thing-" in waited[0][1]
    folder = home / "artifacts" / "smoke"
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    key = hashlib.sha256(b'{"format": 1, "seed": 0}').hexdigest()[:12]
    assert names == [
        "index.html", "mnist/notebooks/01_make.ipynb", f"mnist/thing-{key}.npz",
        f"mnist/thing-{key}.npz.json", "mnist/train.json",
    ]  # fmt: skip


def test_nothing_is_deleted_under_a_run_that_works_with_it(tmp_path, notebooks, monkeypatch, capsys):
    home = tmp_path / "home"
    old = home / "artifacts" / "smoke" / "mnist" / "old.npz"
    old.parent.mkdir(parents=True)
    old.touch()
    monkeypatch.setenv("FLUTILS_HOME", str(home))
    monkeypatch.setattr(data, "fetch", lambda name: Fetched(name, "cache", tmp_path, "0"))
    monkeypatch.setattr(pipeline, "_run_steps", lambda plan, home: ())
    monkeypatch.setattr(pipeline, "_write_page", lambda plan, home: None)
    fresh = ["reproduce", "--profile", "smoke", "--dataset", "mnist", "--fresh"]
    with process(HOLD, home / "artifacts" / "smoke" / "run-0") as (other, _):
        assert main(fresh) == 2
        (said,) = capsys.readouterr().err.splitlines()
        assert said.startswith("error: expected that nobody works in ")
        assert f"process {other.pid} on " in said and "holds run-0; wait until it has ended" in said
        assert old.exists()
        assert main(fresh[:-1]) == 0
    assert main(fresh) == 0 and not old.exists()
