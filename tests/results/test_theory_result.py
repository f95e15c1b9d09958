"""The theory's statements: slips in both readings, cosines by margin, and margins after a step."""

import numpy as np
import pytest

from flutils import theory
from flutils.records import from_json, to_json
from flutils.results import Theory, lemma, steps
from flutils.results.plane import Examples, Plane, Scenario
from flutils.theory import READINGS


def test_the_corrected_lines_hold_and_the_printed_ones_do_not():
    slips = theory.measure_slips(0)
    assert all(slip.corrected < 1e-3 for slip in slips.values())
    printed = {name: slip.printed for name, slip in slips.items()}
    assert printed.pop("Eq. 9, with the corrected δ") < 1e-12
    assert len(printed) == 5 and min(printed.values()) > 0.1


def test_a_prime_is_missing_in_one_reading_and_nothing_simple_in_the_other():
    f = np.linspace(-2, 2, 41)
    sigma, slope = np.tanh(f), 1 - np.tanh(f) ** 2
    printed, true = theory.read_delta(f, READINGS[0])
    assert true - printed == pytest.approx(slope - sigma)
    assert (true > 0).all() and (printed[f < 0] < 0).all()
    printed, true = theory.read_delta(f, READINGS[1])
    assert (true[f > 0] > printed[f > 0]).all() and (printed[f != 0] > 0).all()
    with pytest.raises(ValueError, match="reading must be one of"):
        theory.read_delta(f, "sum")


def test_densities_and_empty_groups():
    edges = np.linspace(-1, 1, 5)
    density = lemma._measure_density(np.array([0.1, 0.2, 0.7, np.nan]), edges)
    assert (density * np.diff(edges)).sum() == pytest.approx(1)
    assert np.isnan(lemma._measure_density(np.array([]), edges)).all()
    none = lemma._count(np.full((2, 3), 0.1), np.zeros((2, 3), bool), np.ones((2, 3), bool))
    assert np.isnan(none["with cos > 0 (%)"]) and none["of those that do not cross (%)"] == 100


def test_margins_along_the_ray_after_a_step():
    # Two classes on a grid of four points: class 0 until the boundary, class 1 from it on.
    def ray(crossing):
        return np.stack([np.where(np.arange(4) < crossing, 1.0, -1.0), np.zeros(4)], axis=-1)

    def logits(first, others, along):
        return np.concatenate([[[first, 0.0]], others, along])

    others = np.array([[0.0, 2.0]])
    before = np.concatenate([[[-1.0, 0.0]] * 2, others, ray(2), ray(3)])
    after = np.array(
        [
            [logits(1.0, others - [[0, 1.0]], ray(3)), logits(-2.0, others, ray(9))],
            [logits(1.0, others, ray(1)), logits(-0.5, others, ray(3))],
        ]
    )
    a, b = np.zeros(2, int), np.ones(2, int)
    found = steps._summarize({"all layers": (before, after)}, a, b, np.array([1]), grid=4)
    assert found.grows["all layers"].tolist() == [1.0, 0.0]
    assert found.shrinks["all layers"].tolist() == [0.0, 0.5]
    assert found.pushed["all layers"].tolist() == [1.0, 0.0]
    assert found.falls["all layers"].tolist() == [0.5, 1.0]
    assert found.corrected["all layers"].tolist() == [0.5, 0.5]
    assert found.lead_falls["all layers"].tolist() == [0.5, 0.0]
    assert (found.right_before, found.examples, found.others) == (1.0, 2, 1)


def build_theory():
    line, grid = np.linspace(0, 1, 8), np.subtract.outer(np.linspace(0, 1, 8), np.linspace(0.2, 0.9, 8))
    row = {"mean before": 0.2, "mean after": 0.3}
    made = Examples(np.array([[0.5, 0.6]]), np.array([0.0]), np.array([[0.5, 0.3]]))
    names = ("examples of A", "examples of A and B")
    plane = Plane(
        place=line,
        f={"before": grid, **dict.fromkeys(names, grid + 0.05)},
        samples=np.array([[0.4, 0.2], [0.5, 0.8]]),
        classes=np.array([0.0, 1.0]),
        examples=dict.fromkeys(names, made),
        scenario=Scenario(np.array([0.5, 0.3]), np.array([0.0, 1.0]), np.array([0.6, 0.8]), 0.2, 0.3),
        pushed=dict.fromkeys("abcd", row),
        asked={"a": {"examples": 1.0}},
        one_step={"α = 1": {"f(x_e) before": 1.0}},
    )
    count = lemma._count(np.array([[0.1, -0.1]]), np.array([[True, True]]), np.array([[False, False]]))
    found = lemma.Lemma(
        kinds=dict.fromkeys((lemma.FOUND, lemma.ONE, lemma.WALKED), count),
        edges=np.linspace(-1, 1, 3), crossing=np.array([0.5, 0.5]), others=np.array([np.nan, np.nan]),
        margin=np.array([1.0]), share=np.array([0.5]), low=np.array([0.3]), high=np.array([0.7]),
        crossing_share=0.9, both_ways=np.nan, same_class=np.nan, chance=0.01, kink=0.2,
        beyond={"examples": 4.0, "back": 1.0, "adjacent": 3.0, "third": 0.0}, num_samples=1, num_rays=2,
    )  # fmt: skip
    return Theory(
        dataset="all", profile="smoke", seed=0, judged=(), statements=(), plane=plane,
        slips=theory.measure_slips(0), surfaces={"D = 2, plane": {"rays": 3.0}}, lemma={"cifar10": found},
        falls=steps.measure_falls(0), steps={},
    )  # fmt: skip


def test_tables_and_figures_of_a_result_that_was_saved():
    found = build_theory()
    again = from_json(Theory, to_json(found))
    names = "frame pushed asked one_step counted signs cosines sizes beyond deltas errors rates used"
    for name in names.split():
        assert getattr(again, name)().equals(getattr(found, name)())
    assert list(again.drawings()) == ["figure1", "figure2", "lemma1", "theorem1"]  # no example crossed
    assert again.rates().loc["linear"].eq(100).all()
