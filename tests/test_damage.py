"""Every byte: whatever is flipped, cut short, emptied or replaced is noticed and named, and none is used.

What alters nothing that is read, such as a date inside a zip file, may pass, if what is read is the same.
"""

import gzip
import hashlib
import json
import shutil
import sys

import keras
import numpy as np
import pytest
from conftest import ROOT
from damage import attempt, caught, flip, make_network, make_result, save_epochs
from test_search_blocks import GRID, Curved

from flutils import data, directions, margins, models
from flutils.artifacts import ArtifactWarning, Store
from flutils.artifacts.store import read_provenance
from flutils.data import catalog, formats
from flutils.guard import read_sealed, seal
from flutils.margins.blocks import BlockStore
from flutils.records import to_json
from flutils.reproduce import verify
from flutils.results import Table1

SHIPPED = sorted((ROOT / "artifacts" / "paper").glob("*/*.*.json"))
REPORTED = sorted((ROOT / "artifacts" / "reported").rglob("*.json"))
FIGURES = sorted((ROOT / "figures").rglob("*.json"))


def spread(size, count):
    """Return positions in a file: the ends, and `count` between."""
    return sorted({*range(min(size, 8)), *np.linspace(0, size - 1, count).astype(int).tolist()})


def damages(content, count=40):
    """Yield (what, damaged content)."""
    for position in spread(len(content), count):
        yield f"bit of byte {position} flipped", flip(content, position, 1 << position % 8)
    for size in (0, 1, len(content) // 2, len(content) - 1):
        yield f"cut to {size} bytes", content[:size]


def without_seal(content):
    return {key: value for key, value in content.items() if key != "seal"}


# --- the store -------------------------------------------------------------------------------------------


def write(path, text):
    path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def table():
    x = np.random.default_rng(1).random((4, 8, 8, 1), dtype=np.float32)
    rays = directions.random_orthogonal(5, shape=(8, 8, 1), seed=0)
    return margins.search(Curved(), x, Curved()(x).argmax(axis=1), rays, **GRID)


@pytest.fixture(scope="module")
def store(tmp_path_factory, table):
    """A store of each kind of artifact, two of a kind."""
    store = Store("smoke", "mnist", home=tmp_path_factory.mktemp("home"))
    for seed, name in enumerate(("ori", "fl")):
        inputs = {"seed": seed}
        network, part = make_network(seed), table.take(np.arange(seed + 1))
        store.obtain(
            name, ".keras", inputs, lambda path, _, network=network: models.save_model(network, path)
        )
        store.obtain(f"margins-{name}", ".npz", inputs, lambda path, _, part=part: part.save(path))
        text = json.dumps({"PGD": seed})
        store.obtain(f"calibration-{name}", ".json", inputs, lambda path, _, text=text: write(path, text))
    make_result().save(store)
    return store


KINDS = [(".keras", ""), (".npz", "margins-"), (".json", "calibration-")]


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[1]}ori")
def kept(request, store):
    """An artifact with another of its kind; both are as before afterwards."""
    suffix, prefix = request.param
    name, other = f"{prefix}ori", f"{prefix}fl"
    own, foreign = (store.find(called, suffix, {"seed": seed}) for seed, called in enumerate((name, other)))
    files = [own.path, own.path.with_name(f"{own.path.name}.json")]
    contents = [path.read_bytes() for path in files]
    yield name, suffix, own, foreign
    for path, content in zip(files, contents, strict=True):
        path.write_bytes(content)


def find(store, name, suffix):
    return caught(lambda: store.find(name, suffix, {"seed": 0}))


def is_refused(store, name, suffix, path, what):
    found, said = find(store, name, suffix)
    assert found is None, what
    assert len(said) == 1 and f"artifact {path.name} is damaged" in said[0] and "made anew" in said[0], what
    return said[0]


def test_every_damage_of_an_artifact_is_noticed_named_and_mended(store, kept):
    name, suffix, own, _ = kept
    content = own.path.read_bytes()
    for what, damaged in damages(content):
        own.path.write_bytes(damaged)
        assert "checksum" in is_refused(store, name, suffix, own.path, what)
    with pytest.warns(ArtifactWarning, match="damaged"):
        again = store.obtain(name, suffix, {"seed": 0}, lambda path, _: path.write_bytes(content) and {})
    assert again.checksum == own.checksum and find(store, name, suffix) == (again, [])


def test_no_damage_of_a_provenance_changes_what_is_read(store, kept):
    name, suffix, own, _ = kept
    provenance = own.path.with_name(f"{own.path.name}.json")
    content = provenance.read_bytes()
    passed = 0
    for what, damaged in damages(content, count=len(content) // 3):
        provenance.write_bytes(damaged)
        found, said = find(store, name, suffix)
        if found is None:
            assert len(said) == 1 and f"artifact {own.path.name} is damaged" in said[0], what
        else:
            # White space, and the name of the seal itself.
            about = without_seal(own.about)
            assert {key: found.about[key] for key in about} == about, what
            passed += 1
    assert passed < 0.05 * len(content)


@pytest.mark.parametrize("with_provenance", [False, True])
def test_another_artifact_under_its_name_is_refused(store, kept, with_provenance):
    name, suffix, own, foreign = kept
    shutil.copy(foreign.path, own.path)
    if with_provenance:
        shutil.copy(f"{foreign.path}.json", f"{own.path}.json")
    said = is_refused(store, name, suffix, own.path, "replaced")
    assert ("under another's name" if with_provenance else "checksum") in said


def test_a_provenance_alone_is_not_enough(store, kept):
    name, suffix, own, foreign = kept
    shutil.copy(f"{foreign.path}.json", f"{own.path}.json")
    is_refused(store, name, suffix, own.path, "another's provenance")
    (own.path.with_name(f"{own.path.name}.json")).unlink()
    assert find(store, name, suffix) == (None, [])


def test_a_provenance_from_before_there_were_seals_is_taken(store, kept):
    name, suffix, own, _ = kept
    provenance = own.path.with_name(f"{own.path.name}.json")
    about = without_seal(own.about)
    provenance.write_text(json.dumps(about), encoding="utf-8")
    assert find(store, name, suffix)[0].about == about
    provenance.write_text(json.dumps({**about, "inputs": {"seed": 1}}), encoding="utf-8")
    assert "key" in is_refused(store, name, suffix, own.path, "other inputs")


# --- results and figures ---------------------------------------------------------------------------------


def test_no_damage_of_a_result_reaches_a_table(store):
    path = store.folder / "table1.json"
    content, frame, passed = path.read_bytes(), make_result().frame(), 0
    for what, damaged in damages(content, count=len(content)):
        path.write_bytes(damaged)
        found, said = attempt(lambda: Table1.load(store))
        if said:
            assert said.startswith("result 'table1' for smoke/mnist cannot be read"), what
            assert said.endswith("delete table1.json and run the notebook that saves it"), what
            continue
        passed += 1
        assert found.frame().equals(frame) and found.num_rays == 40, what
    path.write_bytes(content)
    assert passed < 0.2 * len(content)


def test_another_result_under_its_name_is_refused(store, tmp_path):
    path = store.folder / "table1.json"
    content = path.read_bytes()
    other = Store("smoke", "cifar10", home=tmp_path)
    other.save_result("table1", to_json(make_result("cifar10")))
    try:
        path.write_bytes((other.folder / "table1.json").read_bytes())
        with pytest.raises(ValueError, match=r"it is of smoke/cifar10.*run notebook 03 again"):
            Table1.load(store)
        path.write_text(json.dumps(seal({"name": "table2", "values": {}})), encoding="utf-8")
        with pytest.raises(ValueError, match=r"table1.*it is the result 'table2'"):
            Table1.load(store)
    finally:
        path.write_bytes(content)


def test_damage_of_each_file_is_named_by_verify(store):
    """Results, those that ship included, and the numbers of figures too; each file is damaged in turn."""
    figures, shipped = store.home / "figures" / "smoke", store.home / "artifacts/reported/smoke/mnist"
    shutil.copytree(store.folder, shipped, ignore=lambda _, names: set(names) - {"table1.json"})
    files = [*store.folder.glob("*.*"), *shipped.glob("*.json"), *figures.glob("*.json")]
    assert len(files) == 2 * 6 + 1 + 2

    def wrong():
        found = list(verify("smoke", "mnist", home=store.home, quick=True))
        assert len(found) == 6 + 1 + 2
        return [one.path.name for one in found if not one.sound]

    assert wrong() == []
    for path in files:
        content = path.read_bytes()
        path.write_bytes(flip(content, len(content) // 2, 1))
        provenance = path.name.endswith((".keras.json", ".npz.json", ".json.json"))
        assert wrong() == [path.name.removesuffix(".json") if provenance else path.name]
        path.write_bytes(content)


def test_verify_looks_at_what_is_of_no_dataset_alone(tmp_path):
    result = tmp_path / "artifacts" / "reported" / "smoke" / "all" / "theory.json"
    figure = tmp_path / "figures" / "smoke" / "12_claims.json"
    for path, kind in ((result, "name"), (figure, "figure")):
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(seal({kind: path.stem, "values": [1, 2]})), encoding="utf-8")
        found = list(verify("smoke", "all", home=tmp_path))
        assert found[-1].sound and path in [one.path for one in found]
        path.write_text(path.read_text().replace("[1, 2]", "[1, 3]"), encoding="utf-8")
        assert [one.sound for one in verify("smoke", "all", home=tmp_path) if one.path == path] == [False]
        path.unlink()
    assert list(verify("smoke", "mnist", home=tmp_path)) == []


# --- dataset files ---------------------------------------------------------------------------------------


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A registered dataset of two files; yield them, and the names that were fetched."""
    rng = np.random.default_rng(0)
    files = {
        "images.idx": formats.build_idx(rng.integers(0, 256, (6, 4, 4), dtype=np.uint8)),
        "labels.idx": formats.build_idx(np.arange(6, dtype=np.uint8) % 3),
    }
    fetched = []

    def fetch(wanted):
        fetched.extend(wanted)
        return [(name, files[name]) for name in wanted]

    def parse(contents):
        x, y = (formats.parse_idx(contents[name]) for name in files)
        return [(x[:4, ..., None], y[:4]), (x[4:, ..., None], y[4:])]

    spec = data.DataSpec(
        name="tiny",
        title="Tiny",
        files=tuple(
            data.DataFile(name, hashlib.md5(content).hexdigest(), size=len(content))
            for name, content in files.items()
        ),
        bounds=(0.0, 255.0),
        class_names=("a", "b", "c"),
        image_shape=(4, 4, 1),
        parse=parse,
        fetch=fetch,
    )
    monkeypatch.setenv("FLUTILS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(catalog.SPECS, "tiny", spec)
    data.load("tiny")
    fetched.clear()
    return files, fetched, tmp_path / "cache" / "tiny"


@pytest.mark.parametrize("name", ["images.idx", "labels.idx"])
def test_every_damage_of_a_cached_dataset_file_is_fetched_anew(tiny, name):
    files, fetched, folder = tiny
    whole = data.load("tiny")
    other = files["labels.idx" if name == "images.idx" else "images.idx"]
    cases = [*damages(files[name], count=200), ("longer", files[name] + b"\0"), ("another", other)]
    for what, damaged in cases:
        (folder / name).write_bytes(damaged)
        found, said = caught(lambda: data.load("tiny"))
        assert len(said) == 1 and f"{name} is damaged" in said[0] and "fetching it again" in said[0], what
        np.testing.assert_array_equal(found.x_train, whole.x_train)
        np.testing.assert_array_equal(found.y_test, whole.y_test)
    assert fetched == [name] * len(cases)


@pytest.mark.parametrize("packed", [False, True])
def test_every_damage_of_a_file_in_a_named_folder_is_refused(tiny, tmp_path, packed):
    files, fetched, _ = tiny
    folder, ending = tmp_path / "mine", ".gz" if packed else ""
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}{ending}").write_bytes(gzip.compress(content, mtime=0) if packed else content)
    whole, path = data.load("tiny", folder=folder), folder / f"images.idx{ending}"
    for what, damaged in damages(path.read_bytes(), count=100):
        path.write_bytes(damaged)
        found, said = attempt(lambda: data.load("tiny", folder=folder), data.DataChecksumError)
        if said:
            assert str(path) in said and "replace the file" in said, what
        else:  # the header of gzip holds a date and a name, which nobody reads
            assert packed, what
            np.testing.assert_array_equal(found.x_train, whole.x_train)
    assert fetched == []


# --- checkpoints and blocks ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["epoch-0002.keras", "epoch-0002.json"])
def test_every_damage_of_a_checkpoint_falls_back_to_the_one_before(tmp_path, name, monkeypatch):
    checkpoints = save_epochs(tmp_path)
    monkeypatch.setattr(keras.saving, "load_model", lambda path, **_: path.name)
    assert checkpoints.load_newest().model == "epoch-0002.keras"
    path, refused = tmp_path / name, 0
    content = path.read_bytes()
    for what, damaged in damages(content, count=60):
        path.write_bytes(damaged)
        found, said = caught(checkpoints.load_newest)
        if found.model == "epoch-0002.keras":  # the name of the seal
            assert name.endswith(".json") and len(found.history) == 2 and said == [], what
            continue
        refused += 1
        assert len(found.history) == 1, what
        assert len(said) == 1 and "checkpoint epoch-0002.keras cannot be read" in said[0], what
    assert refused > 50


@pytest.mark.parametrize("whose", ["its own", "another training"])
def test_a_checkpoint_under_anothers_name_is_refused(tmp_path, whose):
    checkpoints = save_epochs(tmp_path / "own")
    source = tmp_path / "own" / "epoch-0001"
    if whose == "another training":
        save_epochs(tmp_path / "other", "b")
        source = tmp_path / "other" / "epoch-0002"
    for suffix in (".keras", ".json"):
        shutil.copy(source.with_suffix(suffix), (tmp_path / "own" / "epoch-0002").with_suffix(suffix))
    with pytest.warns(UserWarning, match=r"epoch-0002\.keras cannot be read \(it"):
        assert len(checkpoints.load_newest().history) == 1


def test_a_checkpoint_from_before_there_were_seals_is_taken(tmp_path):
    checkpoints = save_epochs(tmp_path)
    history = [{"loss": 1.0}, {"loss": 2.0}]
    (tmp_path / "epoch-0002.json").write_text(json.dumps(history), encoding="utf-8")
    assert caught(checkpoints.load_newest)[0].history == history
    assert len(caught(checkpoints.load_newest)[0].model.optimizer.variables) > 0


@pytest.fixture
def search(tmp_path, monkeypatch):
    """A finished search in blocks; call it to run it again, for its table, warnings and evaluations."""
    monkeypatch.setattr(sys.modules["flutils.margins.search"], "FEW_RAYS", 0)  # so that there is a pilot
    x = np.random.default_rng(1).random((12, 8, 8, 1), dtype=np.float32)
    y, rays = Curved()(x).argmax(axis=1), directions.random_orthogonal(10, shape=(8, 8, 1), seed=0)

    def run(folder=tmp_path / "blocks", step=0.05):
        model = Curved()
        settings = {**GRID, "step": step, "block_rays": 80, "checkpoint": folder}
        found, said = caught(lambda: margins.search(model, x, y, rays, **settings))
        return found, said, model.points

    run()
    return run


@pytest.mark.parametrize("name", ["block-000001.npz", "pilot.npz"])
def test_every_damage_of_a_search_s_scratch_is_searched_again(search, tmp_path, name):
    path = tmp_path / "blocks" / name
    content, (whole, _, least) = path.read_bytes(), search()
    passed = 0
    for what, damaged in damages(content, count=40):
        path.write_bytes(damaged)
        table, said, points = search()
        if points == least:  # a date in the zip file
            passed += 1
        else:
            assert len(said) == 1 and f"{name} is damaged and searched again" in said[0], what
        np.testing.assert_array_equal(table.crossing, whole.crossing)
        np.testing.assert_array_equal(table.adjacent, whole.adjacent)
        assert table.audit == whole.audit and table.cost.evaluations == whole.cost.evaluations, what
    assert passed < 26


def test_blocks_in_anothers_place_are_searched_again(search, tmp_path):
    whole, _, _ = search()
    search(tmp_path / "other", step=0.1)
    for name, source in {
        "block-000001.npz": tmp_path / "blocks" / "block-000002.npz",
        "pilot.npz": tmp_path / "other" / "pilot.npz",
        "block-000000.npz": tmp_path / "other" / "block-000000.npz",
    }.items():
        shutil.copy(source, tmp_path / "blocks" / name)
        table, said, _ = search()
        assert len(said) == 1 and f"{name} is damaged" in said[0] and "another" in said[0]
        np.testing.assert_array_equal(table.crossing, whole.crossing)


def test_a_block_from_before_it_had_a_place_is_taken_if_it_has_the_right_size(tmp_path):
    store = BlockStore(tmp_path, "fingerprint")
    arrays = {"crossing": np.full(6, 3, np.int16), "adjacent": np.ones(6, np.int16)}
    counts = dict.fromkeys(("evaluations", "audited", "mismatches", "audit_evaluations"), 2)
    np.savez_compressed(tmp_path / "block-000000.npz", **arrays, **counts)
    assert store.load(0, rays=6, steps=4).evaluations == 2
    for rays, steps in ((7, 4), (6, 2)):
        with pytest.warns(UserWarning, match="block-000000.npz is damaged"):
            assert store.load(0, rays=rays, steps=steps) is None


# --- what ships ------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("provenance", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_damage_anywhere_in_what_ships_is_noticed(provenance, tmp_path):
    own, path = tmp_path / provenance.name, tmp_path / provenance.stem
    shutil.copy(provenance, own)
    shutil.copy(provenance.with_suffix(""), path)
    about, content = read_provenance(own), path.read_bytes()
    for position in spread(len(content), 3):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        with pytest.raises(ValueError, match="its checksum differs"):
            read_provenance(own)
    path.write_bytes(content)
    assert read_provenance(own) == about
    text = own.read_bytes()
    assert "seal" in about
    for what, damaged in damages(text, count=len(text)):
        own.write_bytes(damaged)
        found, _ = attempt(lambda: read_provenance(own))
        assert found is None or {key: found[key] for key in without_seal(about)} == without_seal(about), what


@pytest.mark.long
@pytest.mark.parametrize("path", REPORTED + FIGURES, ids=lambda path: "/".join(path.parts[-4:]))
def test_damage_anywhere_in_a_result_or_figure_that_ships_is_noticed(path, tmp_path):
    whole, own = read_sealed(path), tmp_path / path.name
    assert "seal" in whole
    content = path.read_bytes()
    for what, damaged in damages(content, count=min(len(content), 60_000_000 // len(content))):
        own.write_bytes(damaged)
        found, _ = attempt(lambda: read_sealed(own))
        assert found is None or {key: found[key] for key in without_seal(whole)} == without_seal(whole), what
