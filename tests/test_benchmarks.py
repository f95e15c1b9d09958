"""The benchmarks' arithmetic, and the page made from their results."""

import dataclasses
import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from flutils import config, data, margins, models
from flutils.margins.rays import classify

ROOT = Path(__file__).parents[1]


@pytest.fixture
def benchmark(monkeypatch):
    """Import a script of the benchmarks, which stand beside the package, not in it."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield importlib.import_module
    for name in ("report", "subjects", "recording", "frontier", "audit", "compare", "determinism"):
        sys.modules.pop(name, None)


def test_pages_show_what_the_benchmarks_wrote(benchmark):
    report = benchmark("report")
    assert "MNIST CNN" in report.render() and "ResNet-20" in report.render()
    for page in report.PAGES:
        assert report.rewrite(page) == page.read_text(encoding="utf-8"), f"{page.name}: run `make bench`"


def test_page_without_marks_is_refused(benchmark, tmp_path):
    (tmp_path / "search.md").write_text("no marks here", encoding="utf-8")
    with pytest.raises(ValueError, match=r"search\.md has no benchmark marks"):
        benchmark("report").rewrite(tmp_path / "search.md")


def test_operations_of_the_mnist_cnn_are_counted_by_hand(benchmark):
    multiply_adds = 28 * 28 * 25 * 32 + 14 * 14 * 25 * 32 * 64 + 7 * 7 * 64 * 1024 + 1024 * 10
    assert benchmark("subjects").count_flops(models.build_mnist_cnn(seed=0)) == 2 * multiply_adds


@pytest.fixture
def curved(benchmark):
    """A subject of MNIST images whose classes are bent by a small random network."""
    ds = data.load("mnist")
    rng = np.random.default_rng(2)
    inner, outer = rng.normal(size=(784, 24)) / 10, rng.normal(size=(24, 4))

    def model(points):
        return (np.sin(points.reshape(len(points), -1) @ inner) @ outer).astype(np.float32)

    ds = dataclasses.replace(ds, y_train=model(ds.x_train).argmax(axis=1).astype(np.int64) % 3)
    settings = config.load_profile("mnist", "smoke")
    return benchmark("subjects").Subject("curved", model, settings, ds, 1.0, 1)


SAMPLES, DIRECTIONS = 30, 6


@pytest.fixture
def recording(benchmark, curved, tmp_path):
    return benchmark("recording").record(curved, SAMPLES, DIRECTIONS, tmp_path)


def search_live(curved, strategy, **options):
    x, y = curved.samples(SAMPLES)
    return margins.search(
        curved.model, x, y, curved.directions(DIRECTIONS), **curved.grid(), strategy=strategy, **options
    )


def test_recording_holds_what_the_sweep_finds(curved, recording):
    table = search_live(curved, "sweep")
    right = table.crossing[:, 0] != 0
    assert 0.2 < right.mean() < 1
    assert recording.gap.shape == (right.sum(), 2 * DIRECTIONS, 26)
    np.testing.assert_array_equal(recording.first_crossing(), table.crossing[right])
    assert (recording.first_crossing() == -1).any() and (recording.first_crossing() > 0).any()


def test_recording_goes_on_where_it_was_stopped(benchmark, curved, recording, tmp_path):
    chunks = sorted(tmp_path.glob("chunk-*.npz"))
    assert len(chunks) == SAMPLES // benchmark("recording").CHUNK
    chunks[1].unlink()
    chunks[2].write_bytes(b"half")
    points = []

    def counted(images):
        points.append(len(images))
        return curved.model(images)

    again = benchmark("recording").record(
        dataclasses.replace(curved, model=counted), SAMPLES, DIRECTIONS, tmp_path
    )
    np.testing.assert_array_equal(again.gap, recording.gap)
    everything = recording.gap.size
    assert 0 < sum(points) < everything / 2


def test_playback_answers_as_the_model_did(benchmark, recording):
    rng = np.random.default_rng(0)
    sample, ray, step = (rng.integers(0, size, 2_000) for size in recording.gap.shape)
    engine = benchmark("recording").Playback(recording)
    length = recording.lengths[step] * recording.sign[ray]
    logits = engine.answer(sample, recording.direction[ray], length)
    # Length 0 has no sign: every ray of a sample starts at the same point.
    predicted, gap = classify(logits, recording.origin[sample])
    np.testing.assert_array_equal(predicted, recording.predicted[sample, ray, step])
    np.testing.assert_array_equal(gap, recording.gap[sample, ray, step])


def test_search_played_back_is_the_search(benchmark, curved, recording, monkeypatch):
    """The same evaluations and crossings as a live search with the same pilot."""
    frontier = benchmark("frontier")
    monkeypatch.setattr(importlib.import_module("flutils.margins.search"), "FEW_RAYS", 1)
    table = search_live(curved, "predict", audit_rate=0.0)
    job = frontier.build_job(recording, table.cost.pilot_evaluations // 25 // len(recording.origin), seed=0)
    engine = benchmark("recording").Playback(recording)
    learnt = job.learn(engine, lambda samples: samples)
    played = dataclasses.replace(job, certificate=learnt).run(engine, job.samples(0), 0)
    live = table.cost.evaluations - table.cost.pilot_evaluations - SAMPLES
    assert played.evaluations == live
    right = table.crossing[:, 0] != 0
    np.testing.assert_array_equal(played.crossing, table.crossing[right].ravel())


def test_frontier_counts_mismatches_and_evaluations(benchmark, recording):
    frontier = benchmark("frontier")
    found = frontier.measure_settings(recording, safeties=(0, 50), pilots=(4,), seeds=(0, 1))
    loose, strict = found
    assert loose["rate"] > 0 == strict["rate"]
    assert loose["evaluations_a_ray"] < strict["evaluations_a_ray"]
    assert loose["rate"] == pytest.approx(np.mean(loose["mismatches"]) / recording.rays)
    assert 0 < strict["pooled_upper_bound"] < strict["upper_bound"] < loose["upper_bound"]
    assert strict["pilot_evaluations_a_ray"] == 4 * 25 / (2 * DIRECTIONS)


def test_simple_strategies_by_hand(benchmark):
    """Three rays of nine steps: one crosses for good, one returns before the end, one never crosses."""
    recording = benchmark("recording")
    differs = np.zeros((1, 3, 10), np.int16)
    differs[0, 0, 6:] = 1
    differs[0, 1, 2:4] = 1
    rays = np.arange(3, dtype=np.int32), np.ones(3, np.int8)
    made = recording.Recording(
        np.where(differs, -1, 1).astype(np.float32), differs, np.zeros(1, np.int64), *rays, np.arange(10.0)
    )
    np.testing.assert_array_equal(made.first_crossing(), [[6, 2, -1]])
    found = benchmark("frontier").measure_strategies(made)
    counts = {name: (round(3 * one["evaluations_a_ray"]), one["mismatches"]) for name, one in found.items()}
    # End: a look each, and 4, 6, 5 inside the first ray. Strides look at 4, 8, 9, then at 6 and 5.
    assert counts == {
        "sweep": (6 + 2 + 9, [0]),
        "end and bisection": (3 + 3, [1]),
        "stride 4 and bisection": (2 + 3 + 3 + 2, [1]),
    }


def test_pareto_and_best_settings(benchmark):
    frontier = benchmark("frontier")

    def setting(safety, cost, rate, pilot=200):
        return {"safety": safety, "pilot_rays": pilot, "evaluations_a_ray": cost, "rate": rate}

    points = [setting(1, 4, 1e-3), setting(2, 6, 0), setting(3, 7, 0), setting(4, 5, 2e-3)]
    assert [one["safety"] for one in frontier.list_pareto(points)] == [1, 2]
    easy = {"settings": [setting(1, 2, 0), setting(2, 3, 0), setting(3, 4, 0)]}
    hard = {"settings": [setting(1, 4, 2e-4), setting(2, 6, 9e-5), setting(3, 7, 0)]}
    assert frontier.find_best({"a": easy, "b": hard}) == {"safety": 2}
    hard["settings"].append(setting(2, 7, 3e-4, pilot=500))
    assert frontier.find_best({"a": easy, "b": hard}) == {"safety": 3}
    assert frontier.find_best({"b": {"settings": hard["settings"][:1]}}) is None


def test_differences_by_hand(benchmark):
    """Four rays, of which one crosses two steps later and one no more; two weights; two images."""
    determinism = benchmark("determinism")
    first = {
        "weights": np.array([-4.0, 2.0], np.float32),
        "margins": np.array([[3, 5], [-1, 7]], np.int16),
        "examples": np.array([[[1.0, 0.5]], [[np.nan, np.nan]], [[1.0, 1.0]]], np.float32),
        "logits": np.ones((2, 3), np.float32),
        "directions": np.ones((2, 3), np.float32),
        "attack": np.ones((2, 3), np.float32),
    }
    second = {
        "weights": np.array([-4.0, 2.5], np.float32),
        "margins": np.array([[3, 7], [-1, -1]], np.int16),
        "examples": np.array([[[1.0, 0.25]], [[np.nan, np.nan]], [[np.nan, np.nan]]], np.float32),
        "logits": np.ones((2, 3), np.float32),
        "directions": np.ones((2, 3), np.float32),
    }
    found = determinism.compare(first, second)
    assert found["attack"] is None and found["logits"]["identical"] and found["directions"]["identical"]
    kept = ("identical", "rows", "differ", "largest", "in one alone")
    assert {name: tuple(found[name][key] for key in kept) for name in ("weights", "margins", "examples")} == {
        "weights": (False, 2, 1, 0.5, 0),
        "margins": (False, 4, 2, 2.0, 1),
        "examples": (False, 3, 2, 0.25, 1),
    }
    assert found["weights"]["scale"] == 4


@pytest.mark.long
def test_small_computations_are_compared_in_processes_of_their_own(benchmark, tmp_path):
    determinism = benchmark("determinism")
    sizes = determinism.Sizes(
        prepared=1_000, trained=256, samples=20, rays=20, examples=2, attacked=10, pgd_steps=2
    )
    again, other = determinism.VARIANTS[0], determinism.VARIANTS[-1]
    found = determinism.measure(["mnist"], sizes, (again, other), tmp_path)["MNIST CNN"]
    assert [name for name, one in found[again.name].items() if not one["identical"]] == []
    assert [name for name, one in found[other.name].items() if one["identical"]] == ["logits"]
    assert found[again.name]["margins"]["rows"] == 400


def test_what_was_measured_is_the_same_where_nothing_changed():
    measured = json.loads((ROOT / "benchmarks/results/determinism.json").read_text(encoding="utf-8"))
    assert list(measured["subjects"]) == ["MNIST CNN", "ResNet-8"]
    for found in measured["subjects"].values():
        for name in ("nothing (a second run)", "nothing (a third run)"):
            assert all(one["identical"] for one in found[name].values()), name
        # The comparison can see a difference; logits are of the same weights.
        assert [name for name, one in found["another seed"].items() if one["identical"]] == ["logits"]
        assert all(one["directions"]["identical"] for name, one in found.items() if name != "another seed")
