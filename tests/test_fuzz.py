"""Every reader of a file against random, damaged and hostile input: a clear error, or a right result.

A few of each in the everyday run, hundreds in the long one; each is drawn from its own number, so that a
failure can be repeated.
"""

import gzip
import hashlib
import io
import json
import shutil
import tarfile
import time
import tracemalloc
import warnings
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from damage import attempt, make_network, make_result, save_epochs, spoil_bytes, spoil_json, spoil_zip
from PIL import Image
from test_experiment_models import make_result as make_attack
from test_search_blocks import GRID, Curved

from flutils import attacks, data, directions, feedback, guard, margins, models
from flutils.artifacts import Store
from flutils.artifacts.store import read_provenance
from flutils.data import downloads, formats
from flutils.experiment.bundle import load_results, save_bundle
from flutils.margins.blocks import Block, BlockStore
from flutils.margins.trace import RayTrace
from flutils.records import to_json
from flutils.reproduce.notebooks import read_defaults
from flutils.results import Table1
from flutils.training.checkpoints import Checkpoints

SECONDS = 20  # for one input, on a busy machine
PEAK = 700 << 20  # bytes that one input may take


@dataclass
class Reader:
    """A reader of files.

    Attributes:
        content: of a whole file.
        name: of the file.
        read: reads the file at a path.
        compare: of two things read, whether they are the same.
        spoilers: ways to spoil the content, each a function of it and a generator.
        refusals: the exceptions that it documents.
        named: whether its errors name the file.
        checked: whether the format has a checksum, so that what changes a byte is refused.
        tries: inputs in the everyday run.
    """

    content: bytes
    name: str
    read: Any
    compare: Any
    spoilers: tuple = (spoil_bytes, spoil_zip)
    refusals: tuple = (ValueError,)
    named: bool = True
    checked: bool = True
    tries: int = 15


def same_arrays(one, other):
    return all(
        np.array_equal(getattr(one, name), value)
        for name, value in vars(other).items()
        if isinstance(value, np.ndarray)
    )


def saved(save, folder, name):
    save(folder / name)
    return (folder / name).read_bytes()


def make_table():
    x = np.random.default_rng(1).random((2, 8, 8, 1), dtype=np.float32)
    rays = directions.random_orthogonal(3, shape=(8, 8, 1), seed=0)
    return margins.search(Curved(), x, Curved()(x).argmax(axis=1), rays, **GRID)


def make_tar(**members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"package/{name.replace('__', '.')}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def spoil_gzip(content, rng):
    return gzip.compress(spoil_bytes(gzip.decompress(content), rng), mtime=0)


def make_png(height=3):
    file = io.BytesIO()
    Image.fromarray(np.zeros((height, 1024, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def spoil_png(content, rng):
    """Return a PNG whose header states another size, kind or method, with a right checksum."""
    head = bytearray(content[12:29])  # IHDR and its 13 bytes
    at = int(rng.integers(4, 17))
    head[at] = int(rng.choice([0, 1, 2, 3, 4, 6, 8, 16, 0x7F, 0xFF]))
    return content[:12] + bytes(head) + zlib.crc32(bytes(head)).to_bytes(4, "big") + content[33:]


def spoil_idx(content, rng):
    """Return an IDX file whose header states other lengths or numbers of axes."""
    at, value = int(rng.integers(16)), int(rng.choice([0, 1, 3, 64, 65, 255]))
    return content[:at] + bytes([value]) + content[at + 1 :]


def build_readers(folder):
    """Return each reader by name."""
    table = make_table()
    crossing = feedback.CrossingReport(
        *(np.arange(3), np.arange(3) % 2, np.arange(3)[::-1].copy(), np.arange(3)),
        *(np.ones(3, np.float32), np.full(3, 1.5, np.float32), 3),
    )
    trace = RayTrace(np.arange(3.0), np.zeros((2, 3, 4, 4, 1), np.float32), np.zeros((2, 3, 5), np.float32))
    attack = make_attack([1.0, np.inf], [True, False])
    saved(attack.save, folder, "part.npz")
    parts = [(name, folder / "part.npz") for name in ("PGD", "FGSM")]
    block = Block(np.full(6, 3, np.int16), np.ones(6, np.int16), 5, 0, 0, 0)
    blocks, epochs = BlockStore(folder / "blocks", "f"), folder / "epochs"
    blocks.save(0, block)
    gaps = np.linspace(3, 1, 60).reshape(30, 2, 1) - np.arange(5)
    certificate = margins.certificate.Certificate.learn(gaps, np.arange(30))
    blocks.save_certificate(certificate)
    save_epochs(epochs, epochs=1)
    store = Store("smoke", "mnist", home=folder / "home")
    made = store.obtain("ori", ".bin", {"seed": 0}, lambda path, _: path.write_bytes(b"weights") and {})
    store.save_result("table1", to_json(make_result()))
    notebook = json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "id": "a",
                    "execution_count": None,
                    "metadata": {"tags": ["parameters"]},
                    "outputs": [],
                    "source": 'DATASET = "mnist"\nPROFILE = "smoke"\nSEED = 0',
                }
            ],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    ).encode()
    labels = json.dumps(list(range(10))).encode()
    images = formats.build_idx(np.arange(48, dtype=np.uint8).reshape(3, 4, 4))
    records = formats.build_cifar_records(np.zeros((2, 32, 32, 3), np.uint8), np.ones(2, np.uint8))
    pixels = {f"data_batch_{number}__png": make_png(2) for number in range(1, 6)}
    names = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
    package = make_tar(
        **pixels, test_batch__png=make_png(10), train_lables__json=labels, test_lables__json=labels
    )
    keras_file = {"x_train": np.zeros((3, 4, 4), np.uint8), "y_train": np.zeros(3, np.uint8)}
    mnist = saved(lambda path: np.savez(path, **keras_file), folder, "mnist.npz")
    downloaded = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"}
    equal, anything = (lambda one, other: one == other), (OSError, EOFError, ValueError)

    def place(path, home, name, read):
        """Put a file where its reader looks for it, for as long as it reads."""
        whole = (home / name).read_bytes()
        shutil.copy(path, home / name)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                found = read()
            finally:
                (home / name).write_bytes(whole)
        if found is None:
            raise ValueError("; ".join(str(warning.message) for warning in said) or f"{name} says nothing")
        return found

    training = Checkpoints(epochs, "a")
    weights = make_network(0)
    any_json = (spoil_bytes, spoil_json)
    labels_file = data.DataFile("train-labels-idx1-ubyte", hashlib.md5(bytes(1000)).hexdigest())
    return {
        "table": Reader(saved(table.save, folder, "t.npz"), "t.npz", margins.MarginTable.load, same_arrays),
        "trace": Reader(saved(trace.save, folder, "t.npz"), "t.npz", RayTrace.load, same_arrays),
        "crossing": Reader(
            saved(crossing.save, folder, "c.npz"), "c.npz", feedback.CrossingReport.load, same_arrays
        ),
        "attack": Reader(
            saved(attack.save, folder, "a.npz"), "a.npz", attacks.AttackResult.load, same_arrays
        ),
        "bundle": Reader(
            saved(lambda path: save_bundle(parts, path), folder, "b.zip"),
            "b.zip",
            load_results,
            lambda one, other: (
                one.keys() == other.keys() and all(same_arrays(one[key], other[key]) for key in other)
            ),
        ),
        "model": Reader(
            saved(lambda path: models.save_model(weights, path), folder, "m.keras"),
            "m.keras",
            models.load_model,
            lambda one, other: all(map(np.array_equal, one.get_weights(), other.get_weights())),
            tries=8,
        ),
        "block": Reader(
            (folder / "blocks" / "block-000000.npz").read_bytes(),
            "block-000000.npz",
            lambda path: place(path, folder / "blocks", path.name, lambda: blocks.load(0, 6, 4)),
            same_arrays,
        ),
        "pilot": Reader(
            (folder / "blocks" / "pilot.npz").read_bytes(),
            "pilot.npz",
            lambda path: place(path, folder / "blocks", path.name, lambda: blocks.load_certificate(4)),
            same_arrays,
        ),
        "checkpoint": Reader(
            (epochs / "epoch-0001.keras").read_bytes(),
            "epoch-0001.keras",
            lambda path: place(path, epochs, path.name, training.load_newest),
            lambda one, other: one.history == other.history,
            tries=8,
        ),
        "history": Reader(
            (epochs / "epoch-0001.json").read_bytes(),
            "epoch-0001.json",
            lambda path: place(path, epochs, path.name, training.load_newest),
            lambda one, other: one.history == other.history,
            any_json,
            named=False,  # the model beside it is
            tries=8,
        ),
        "provenance": Reader(
            made.path.with_name(f"{made.path.name}.json").read_bytes(),
            f"{made.path.name}.json",
            lambda path: place(
                path, store.folder, path.name, lambda: read_provenance(store.folder / path.name)
            ),
            lambda one, other: {**other, **one, "seal": 0} == {**one, "seal": 0},
            any_json,
            named=False,  # by the store that reads it
        ),
        "result": Reader(
            (store.folder / "table1.json").read_bytes(),
            "table1.json",
            lambda path: place(path, store.folder, path.name, lambda: Table1.load(store)),
            lambda one, other: one.frame().equals(other.frame()),
            any_json,
        ),
        "notebook": Reader(notebook, "01_x.ipynb", read_defaults, equal, any_json, checked=False),
        "idx": Reader(
            images,
            "i.idx",
            lambda path: formats.parse_idx(path.read_bytes()),
            np.array_equal,
            (spoil_bytes, spoil_idx),
            named=False,
            checked=False,
        ),
        "records": Reader(
            records,
            "r.bin",
            lambda path: formats.parse_cifar_records(path.read_bytes()),
            lambda one, other: all(map(np.array_equal, one, other)),
            (spoil_bytes,),
            named=False,
            checked=False,
        ),
        "png": Reader(
            make_png(),
            "p.png",
            lambda path: formats.decode_png_rows(path.read_bytes()),
            np.array_equal,
            (spoil_bytes, spoil_png),
            named=False,
        ),
        "labels": Reader(
            labels,
            "l.json",
            lambda path: formats.parse_labels(path.read_bytes()),
            np.array_equal,
            any_json,
            named=False,
            checked=False,
        ),
        # What these raise is one source's failure, which `data.fetch` reports beside those of the others.
        "npm package": Reader(
            package,
            "p.tgz",
            lambda path: dict(downloads._convert_pngs(path, names)),
            equal,
            (spoil_bytes, spoil_gzip),
            (Exception,),
            named=False,
        ),
        "Keras's file": Reader(
            mnist,
            "mnist.npz",
            lambda path: dict(downloads._split_npz(path, downloaded)),
            equal,
            refusals=(Exception,),
            named=False,
        ),
        "gzip": Reader(
            gzip.compress(bytes(1000)),
            "g.gz",
            lambda path: guard.gunzip(path, 5000),
            equal,
            (spoil_bytes,),
            (*anything, zlib.error),
            named=False,
            checked=False,  # two files one after the other are one file to gzip
        ),
        "data folder": Reader(
            gzip.compress(bytes(1000)),
            "train-labels-idx1-ubyte.gz",
            lambda path: data.sources._read_checked(labels_file, path),
            equal,
            (spoil_bytes, spoil_gzip),
            (data.DataChecksumError,),
        ),
    }


NAMES = ["table", "trace", "crossing", "attack", "bundle", "model", "block", "pilot", "checkpoint", "history"]
NAMES += [
    "provenance",
    "result",
    "notebook",
    "idx",
    "records",
    "png",
    "labels",
    "npm package",
    "Keras's file",
]
NAMES += ["gzip", "data folder"]


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    return build_readers(tmp_path_factory.mktemp("fuzz"))


def test_every_reader_is_fuzzed(readers):
    assert list(readers) == NAMES


def fuzz(reader, folder, count):
    """Read `count` spoilt files; return how many were refused."""
    path = folder / reader.name
    path.write_bytes(reader.content)
    whole, refused = reader.read(path), 0
    for number in range(count):
        rng = np.random.default_rng([number, len(reader.content)])
        spoil = reader.spoilers[number % len(reader.spoilers)]
        with warnings.catch_warnings(action="ignore"):
            content = spoil(reader.content, rng)
            path.write_bytes(content)
            tracemalloc.reset_peak()
            started = time.perf_counter()
            found, said = attempt(lambda: reader.read(path), reader.refusals)
            if said is None:
                assert spoil is not spoil_bytes or not reader.checked or reader.compare(found, whole), number
            else:
                refused += 1
                assert not reader.named or reader.name in said, (number, said)
            assert time.perf_counter() - started < SECONDS, number
            assert tracemalloc.get_traced_memory()[1] < PEAK, number
    return refused


@pytest.fixture(autouse=True)
def _traced():
    """Count what Python and NumPy take."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_refuses_or_reads_what_is_spoilt(readers, tmp_path, name):
    count = readers[name].tries
    assert fuzz(readers[name], tmp_path, count) > 0


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_reader_refuses_or_reads_hundreds_of_spoilt_files(readers, tmp_path, name, say):
    count = 600
    refused = fuzz(readers[name], tmp_path, count)
    say(f"{name}: {refused} of {count} refused")
    assert refused > 0
