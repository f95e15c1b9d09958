"""Feedback learning's result: verdicts follow the answers, rays fall into their groups, shares are right."""

import numpy as np
import pandas as pd
import pytest

from flutils.claims import judge_findings
from flutils.feedback import CrossingReport
from flutils.paper import FL, ORI, REDUCED_FL
from flutils.results import FeedbackResult
from flutils.results.feedback import HELD_OUT, find_crossing, read_dose
from flutils.results.made_examples import split_by_strength
from flutils.results.retrained_rays import (
    ALIKE,
    GROUPS,
    MADE,
    OTHER,
    SAME,
    describe_group,
    group_rays,
    measure_own_effect,
)

from .test_margins import make_table

FRAMES = ("frame", "crossing", "strengths", "dose", "before_after", "own_examples")


def judge(crossed, sample):
    (found,) = judge_findings([find_crossing(np.asarray(crossed), np.asarray(sample))])
    return found


@pytest.mark.parametrize(("failing", "verdict"), [(0, "holds"), (1, "fails"), (20, "fails")])
def test_examples_cross_only_if_all_do(failing, verdict):
    sample = np.repeat(np.arange(50), 4)
    found = judge(~((sample < failing) & (np.arange(200) % 4 == 0)), sample)
    assert (found.id, found.verdict) == ("strength-crosses", verdict)
    assert f"{200 - failing} of 200 examples cross" in found.evidence


def test_examples_are_counted_by_sample():
    crossed = np.arange(200) >= 10
    found = [judge(crossed, sample) for sample in (np.arange(200) // 10, np.arange(200))]
    assert {each.verdict for each in found} == {"fails"}
    assert "1 of 20 samples" in found[0].evidence and "10 of 200 samples" in found[1].evidence
    # Of n samples without a failure, a share p of failing ones stays unseen with chance (1 - p)^n.
    assert "at most 5.0 %" in judge(np.ones(59, bool), np.arange(59)).evidence
    assert judge(np.ones(0, bool), np.arange(0)).verdict == "cannot tell"


def test_every_ray_is_in_one_group():
    made = np.array([0, 0, 2]), np.array([1, 2, 0])
    by_rule = np.array([0, 0, 1, 2]), np.array([1, 2, 3, 0])
    masks = group_rays((3, 4), made, by_rule, np.array([0, 2]))
    assert tuple(masks) == GROUPS
    assert np.array_equal(np.sum(list(masks.values()), axis=0), np.ones((3, 4)))
    assert {name: mask.sum() for name, mask in masks.items()} == {MADE: 3, SAME: 5, ALIKE: 1, OTHER: 3}
    assert masks[ALIKE][1, 3]


def test_a_group_is_compared_with_itself_on_ori():
    tables = {ORI: make_table([[1, 2], [-1, 0]], [0, 1]), FL: make_table([[2, -1], [3, 0]], [0, 1])}
    group = describe_group(tables, np.ones((2, 2), bool))
    assert (group.samples, group.rays) == (2, 4)
    after = group.models[FL]
    assert (after.longer, after.shorter, after.not_found) == (0.5, 0.25, 0.25)
    assert after.mean == pytest.approx((0.2 + 0.5 + 0.3 + 0) / 4)
    margins = group.list_margins(0.1)[FL]
    np.testing.assert_allclose(margins, [0, 0.2, 0.3, np.nan])
    # On F.L. they cross at steps 0, 2 and 3, and one nowhere.
    assert [group.find_share(FL, steps) for steps in (0, 1.9, 2, 9)] == [0.25, 0.25, 0.5, 0.75]
    empty = describe_group(tables, np.zeros((2, 2), bool))
    assert np.isnan(empty.find_share(FL, 2))
    assert empty.rays == 0 and np.isnan(empty.models[FL].mean)


def test_an_effect_of_ones_own_examples_is_told_from_chance():
    origin, rng = np.repeat([0, 1, 2], 20), np.random.default_rng(0)
    chosen = np.tile(np.arange(20) < 10, 3)
    chosen[origin == 2] = True  # a class of which all were chosen has nobody to compare with
    noise = rng.normal(size=(60, 5))
    everything = np.ones((60, 5), bool)
    found = measure_own_effect(noise + chosen[:, None], everything, origin, chosen, rng)
    assert (found.classes, found.chosen, found.others) == (2, 20, 20)
    assert found.difference == pytest.approx(1, abs=0.5) and found.as_far < 0.01
    assert measure_own_effect(noise, everything, origin, chosen, rng).as_far > 0.01
    assert np.isnan(measure_own_effect(noise, everything, origin, np.ones(60, bool), rng).difference)


def test_examples_are_split_by_strength(run):
    strength = np.array([1.5, 1.55, 1.95, 2.0, 1.7], np.float32)
    moved = np.array([1, 1, 1, 1, 0], np.float32)
    zeros = np.zeros(5, np.int64)
    report = CrossingReport(np.array([1, 0, 2, 1, 1]), zeros, zeros + 1, zeros, moved, strength, 3)
    bands = split_by_strength(report, run.config.feedback)
    assert [(round(band.low, 2), band.examples, band.crosses, band.met) for band in bands] == [
        (1.5, 2, 0.5, 0.5),
        (1.9, 2, 1.0, 0.5),
    ]


@pytest.mark.slow
def test_the_result_is_that_of_the_examples_and_reads_back_alike(run):
    found, made = FeedbackResult.compute(run), run.feedback.examples(run.models.ori())
    assert found.sets[FL].examples == len(made) == sum(each.examples[FL] for each in found.classes.values())
    assert found.frame()["samples, Reduced F.L."].tolist() == [3] * 6
    assert [model for model, _ in found.dose().index] == [FL, REDUCED_FL]  # the paper has no such dataset
    ours = found.dose().loc[(FL, "ours")]
    assert ours["examples per 100 training samples"] == pytest.approx(len(made) / 6)
    assert ours["rays with an example (%)"] == pytest.approx(100 * len(made) / (30 * 24))
    assert list(found.groups) == [*GROUPS, HELD_OUT]
    assert sum(found.groups[name].rays for name in GROUPS) == 18 * 24
    assert found.groups[HELD_OUT].rays == 12 * 12
    assert found.sets[FL].beyond == (made.strength * made.margin > found.search_range).sum()
    assert [verdict.id for verdict in found.judged] == ["strength-crosses"]
    found.save(run.store)
    again = FeedbackResult.load(run.store)
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(again, name)(), getattr(found, name)())
    assert {name: each.caption for name, each in again.drawings().items()} == {
        name: each.caption for name, each in found.drawings().items()
    }


@pytest.mark.parametrize(("dataset", "examples"), [("mnist", 45_600), ("cifar10", 43_600)])
def test_the_papers_dose_follows_from_its_printed_numbers(dataset, examples):
    training = {"mnist": 60_000, "cifar10": 50_000}[dataset]
    rays = {"mnist": 1500 * 1568, "cifar10": 1_500_000}[dataset]
    assert read_dose(dataset, FL) == (examples, training, rays)
    assert read_dose(dataset, REDUCED_FL) == (60_000, training, rays)
