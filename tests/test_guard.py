"""Untrusted files: nothing is unpickled or run, nothing leaves its folder, and sizes are bounded first."""

import ast
import gzip
import io
import json
import os
import tarfile
import zipfile

import h5py
import keras
import numpy as np
import pytest
from conftest import ROOT
from damage import flip, pack, unpack

import flutils
from flutils import guard, models
from flutils.guard import archives
from flutils.guard.notebooks import read_notebook
from flutils.reproduce.notebooks import find_notebooks

TREES = {
    path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "flutils").rglob("*.py"))
}


def list_calls(tree):
    """Yield (dotted name, call) of every call in a file."""
    yield from ((ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call))


@pytest.mark.parametrize("path", TREES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_unpickled_or_unpacked_to_a_folder(path):
    for node in ast.walk(TREES[path]):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            assert not {"pickle", "_pickle", "dill", "joblib", "cloudpickle", "shelve", "marshal"} & names
    for name, call in list_calls(TREES[path]):
        options = {option.arg: ast.unparse(option.value) for option in call.keywords}
        assert name not in ("np.load", "numpy.load", "eval", "exec", "pd.read_pickle", "yaml.load"), (
            call.lineno
        )
        assert options.get("allow_pickle", "False") == "False", call.lineno
        assert name.rpartition(".")[2] not in ("extract", "extractall", "unpack_archive"), call.lineno
        if name.endswith("saving.load_model") and path.name != "portable.py":  # whose bytes are our own
            assert options.get("safe_mode") == "True", call.lineno


def test_the_search_for_such_calls_finds_them():
    tree = ast.parse("import numpy as np\nnp.load('a', allow_pickle=True)\nkeras.saving.load_model('b')")
    assert [name for name, _ in list_calls(tree)] == ["np.load", "keras.saving.load_model"]


@pytest.fixture(scope="module")
def network():
    """A small model."""
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])


@pytest.fixture
def saved(network, tmp_path):
    models.save_model(network, tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_a_layer_that_would_run_code_of_the_file_is_refused(tmp_path):
    layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Lambda(lambda x: x * 2)]
    keras.Sequential(layers).save(tmp_path / "lambda.keras")
    with pytest.raises(ValueError, match=r"lambda\.keras is not a Keras model.*Lambda"):
        models.load_model(tmp_path / "lambda.keras")


def rewrite(path, **changes):
    """Put other contents into members of a zip file; None leaves one out."""
    members = {**dict(unpack(path.read_bytes())), **changes}
    path.write_bytes(pack([(name, content) for name, content in members.items() if content is not None]))


def weights(build):
    """Return an HDF5 file made by `build`."""
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        build(opened)
    return file.getvalue()


def huge(file):
    file.create_dataset("layers/dense/vars/0", shape=(1 << 40,), dtype="f4", chunks=(1 << 20,))


def outside(file):
    file["layers"] = h5py.ExternalLink("/etc/hostname", "/")


def elsewhere(file):
    file.create_dataset("weights", shape=(4,), dtype="u1", external=[("/etc/hostname", 0, 4)])


def virtual(file):
    layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
    layout[:] = h5py.VirtualSource("other.h5", "a", shape=(4,))
    file.create_virtual_dataset("weights", layout)


@pytest.mark.parametrize(
    ("build", "message"),
    [(huge, "would take"), (outside, "are a link"), (elsewhere, "another file"), (virtual, "another file")],
)
def test_weights_that_are_huge_or_elsewhere_are_refused(saved, build, message):
    rewrite(saved, **{"model.weights.h5": weights(build)})
    with pytest.raises(ValueError, match=rf"model\.keras is not a Keras model.*{message}"):
        models.load_model(saved)


def test_links_in_a_circle_end(saved):
    def circle(file):
        file["a/b"] = np.zeros(3)
        file["a/again"] = file["a"]

    rewrite(saved, **{"model.weights.h5": weights(circle)})
    with pytest.raises(ValueError, match="is not a Keras model"):
        models.load_model(saved)


def test_a_config_that_asks_for_more_than_the_weights_is_refused(saved):
    config = json.loads(dict(unpack(saved.read_bytes()))["config.json"])
    config["config"]["layers"][-1]["config"]["units"] = 10**9
    rewrite(saved, **{"config.json": json.dumps(config)})
    with pytest.raises(ValueError, match="units 1,000,000,000, but the file holds 51 weights"):
        models.load_model(saved)


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5"])
def test_a_model_without_one_of_its_parts_is_refused(saved, name):
    rewrite(saved, **{name: None})
    with pytest.raises(ValueError, match=f"it lacks {name}"):
        models.load_model(saved)


# --- archives and arrays ---------------------------------------------------------------------------------


def test_arrays_come_back_as_numpy_reads_them(tmp_path):
    path = tmp_path / "arrays.npz"
    arrays = {
        "a": np.arange(5),
        "text": np.array("žluť"),
        "columns": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        "none": np.zeros((0, 3), np.float32),
        "flag": np.array(True),
    }
    for save in (np.savez, np.savez_compressed):
        save(path, **arrays)
        found = guard.read_arrays(path)
        assert list(found) == list(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype == array.dtype and found[name].flags.writeable


def header(shape, dtype="<f8"):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header((1 << 60,)) + b"12345678", "should have"),
        (header((-1, -1)) + b"12345678", "should have"),
        (header((1 << 60,), "<U0"), "neither numbers nor text"),
        (header((1,), "|O") + b"12345678", "allow_pickle=False"),
        (header((1,), "<V8") + b"12345678", "neither numbers nor text"),
        (header((2,)) + b"12345678", "should have 16 bytes"),
        (b"\x93NUMPY\x09\x00" + b" " * 50, "unknown version"),
    ],
)
def test_arrays_that_their_bytes_do_not_fill_are_refused(tmp_path, content, message):
    path = tmp_path / "arrays.npz"
    path.write_bytes(pack([("a.npy", content)]))
    with pytest.raises(ValueError, match=message):
        guard.read_arrays(path)


@pytest.mark.parametrize("name", ["../out.npy", "/out.npy", "a/../../out.npy", "a\\out.npy", "C:out.npy"])
def test_members_that_lead_out_of_an_archive_are_refused(tmp_path, name):
    (tmp_path / "inside").mkdir()
    path = tmp_path / "inside" / "a.zip"
    path.write_bytes(pack([(name, b"content")]))
    with pytest.raises(ValueError, match="leads out of the archive"):
        guard.read_archive(path)
    assert sorted(found.name for found in tmp_path.rglob("*")) == ["a.zip", "inside"]


def test_links_doubles_and_locked_members_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(pack([("a", b"/etc/hostname")], external_attr=0o120777 << 16))
    with pytest.raises(ValueError, match="is a link"):
        guard.read_archive(path)
    with pytest.warns(UserWarning, match="Duplicate"):
        path.write_bytes(pack([("a", b"1"), ("a", b"2")]))
    with pytest.raises(ValueError, match="one name"):
        guard.read_archive(path)
    path.write_bytes(pack([("a", b"1")], compress_type=zipfile.ZIP_LZMA))
    with pytest.raises(ValueError, match="unusual way"):
        guard.read_archive(path)
    content = bytearray(pack([("a", b"1")]))
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="encrypted"):
        guard.read_archive(path)


def test_an_archive_that_does_not_fit_into_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "a.zip"
    path.write_bytes(pack([("a", bytes(1000)), ("b", bytes(1000))]))
    monkeypatch.setattr(archives, "find_memory", lambda: 1999)
    monkeypatch.setattr(archives, "_read_member", lambda *_: pytest.fail("it was read"))
    with pytest.raises(ValueError, match="unpacks to 2,000 bytes"):
        guard.read_archive(path)


@pytest.mark.parametrize(("size", "message"), [(10, "CRC|cut short"), (1 << 31, "as large")])
def test_a_member_that_lies_of_its_size_is_refused(tmp_path, size, message):
    path, content = tmp_path / "a.zip", bytearray(pack([("a", bytes(5000))]))
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = size.to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises((ValueError, zipfile.BadZipFile), match=message):
        guard.read_archive(path)


def tar(path, *members):
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))


def member(name, size=0, **changes):
    found = tarfile.TarInfo(name)
    found.size = size
    for key, value in changes.items():
        setattr(found, key, value)
    return found


def test_only_regular_members_of_a_tar_are_read_and_none_is_written(tmp_path):
    path = tmp_path / "a.tar.gz"
    links = [
        (member("x/wanted", type=kind, linkname="/etc/hostname"), b"")
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE)
    ]
    tar(path, *links, (member("../../wanted", 4), b"text"), (member("/other", 4), b"text"))
    assert list(guard.read_tar(path, {"wanted"}, 1 << 20)) == [("wanted", b"text")]
    assert [found.name for found in tmp_path.iterdir()] == ["a.tar.gz"]


@pytest.mark.parametrize("name", ["wanted", "other"])
def test_a_tar_or_gzip_that_unpacks_to_too_much_is_refused(tmp_path, name):
    path = tmp_path / "a.tar.gz"
    tar(path, (member(name, 5_000_000), bytes(5_000_000)))
    with pytest.raises((ValueError, tarfile.ReadError), match="more than 1,000,000 bytes"):
        list(guard.read_tar(path, {"wanted"}, 1_000_000))
    assert path.stat().st_size < 10_000
    path.write_bytes(gzip.compress(bytes(5_000_000)))
    with pytest.raises(ValueError, match="more than 1,000,000 bytes"):
        guard.gunzip(path, 1_000_000)
    assert len(guard.gunzip(path, 5_000_000)) == 5_000_000


def test_pipes_folders_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "zero"):
        if path.name == "zero":
            path.symlink_to("/dev/zero")
        with pytest.raises(ValueError, match="a regular file"):
            guard.read_bytes(path, 100)


# --- JSON and seals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NaN", "finite"),
        ("[-Infinity]", "finite"),
        ("1e999", "finite"),
        ("9" * 41, "41 digits"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":', "Expecting value"),
        ("", "Expecting value"),
    ],
)
def test_json_that_python_would_take_and_json_does_not_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        guard.parse_json(text)


def test_json_of_too_many_bytes_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("[1, 2, 3]", encoding="utf-8")
    assert guard.read_json(tmp_path / "a.json") == [1, 2, 3]
    with pytest.raises(ValueError, match="more than 8 bytes"):
        guard.read_json(tmp_path / "a.json", 8)


def test_a_seal_fits_what_was_sealed_and_nothing_else(tmp_path):
    content = {"b": (1, 2.5), "a": {"x": None, "z": True, "2": "é"}}
    sealed, path = guard.seal(content), tmp_path / "a.json"
    assert guard.seal(sealed) == sealed
    text = json.dumps(sealed)
    path.write_text(text, encoding="utf-8")
    assert guard.read_sealed(path) == json.loads(text)
    for position in range(len(text)):
        path.write_bytes(flip(text.encode(), position, 1))
        try:
            found = guard.read_sealed(path)
        except ValueError:
            continue
        # The name of the seal itself: what was sealed is as it was.
        assert found["a"] == content["a"] and found["b"] == [1, 2.5] and "seal" not in found
    path.write_text(json.dumps(content), encoding="utf-8")
    assert guard.read_sealed(path)["b"] == [1, 2.5]


# --- notebooks -------------------------------------------------------------------------------------------


def test_notebooks_of_the_current_folder_are_not_run(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    own = find_notebooks()[0]
    (tmp_path / "notebooks" / own.path.name).write_bytes(own.path.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert {notebook.path.parent for notebook in find_notebooks()} == {ROOT / "notebooks"}
    monkeypatch.setattr(flutils, "__file__", str(tmp_path / "site-packages" / "flutils" / "__init__.py"))
    with pytest.raises(ValueError, match=r"expected notebooks.*found none; install the package"):
        find_notebooks()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"cells": [], "nbformat": 4}',
        '{"nbformat": 99, "nbformat_minor": 0}',
        '{"cells": [{"cell_type": "code"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
    ],
)
def test_what_is_no_notebook_is_refused(tmp_path, text):
    (tmp_path / "01_train.ipynb").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"01_train\.ipynb is not a notebook .*run it again"):
        read_notebook(tmp_path / "01_train.ipynb")
