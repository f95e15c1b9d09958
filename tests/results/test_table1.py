"""Verdicts on §III follow the margins they are given."""

import numpy as np
import pytest

from flutils import claims, margins
from flutils.results import table1

NUM_RAYS = 40


def table_with(shares, *, samples=200, spread=0.0):
    """Return a margin table whose rays fall into class c for about a share ``shares[c]`` of the rays."""
    rng = np.random.default_rng(0)
    origin = np.arange(samples) % 10
    adjacent = np.full((samples, NUM_RAYS), -1, np.int16)
    for i in range(samples):
        odds = np.append(shares, 1 - sum(shares))
        if spread:
            odds = rng.dirichlet(odds / spread + 1e-9)
        fell = rng.choice(11, NUM_RAYS, p=odds)
        adjacent[i] = np.where((fell == 10) | (fell == origin[i]), -1, fell)
    settings = margins.SearchSettings(
        step=0.02,
        search_range=0.5,
        bounds=(0.0, 1.0),
        both_signs=False,
        clip=True,
        reference="label",
        unit="rms",
        strategy="sweep",
        num_classes=10,
    )
    return margins.MarginTable(
        crossing=np.where(adjacent < 0, -1, 5).astype(np.int16),
        adjacent=adjacent,
        origin=origin,
        direction=np.arange(NUM_RAYS, dtype=np.int32),
        sign=np.ones(NUM_RAYS, np.int8),
        settings=settings,
        cost=margins.SearchCost(evaluations=1, pilot_evaluations=0, seconds=1.0, engine="none"),
    )


def judge(table, dataset, *, seed):
    return claims.judge_findings(table1.find_inequality(table, dataset, seed=seed))


def verdicts(table, dataset="mnist"):
    return [verdict.verdict for verdict in judge(table, dataset, seed=0)]


def test_claims_hold_where_class_3_clearly_leads_and_class_0_clearly_trails():
    shares = np.array([0.001, 0.03, 0.03, 0.3, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03])
    assert verdicts(table_with(shares))[:3] == ["holds", "holds", "holds"]


def test_claims_fail_where_another_class_leads():
    shares = np.array([0.3, 0.03, 0.03, 0.001, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03])
    assert verdicts(table_with(shares))[:3] == ["holds", "fails", "fails"]


def test_two_leaders_that_few_samples_cannot_separate():
    shares = np.array([0.001, 0.02, 0.02, 0.2, 0.02, 0.02, 0.02, 0.02, 0.2, 0.02])
    assert verdicts(table_with(shares, samples=60, spread=0.5))[1] == "cannot tell"


def test_the_claimed_classes_are_those_of_the_dataset():
    shares = np.array([0.03, 0.03, 0.3, 0.03, 0.03, 0.03, 0.03, 0.001, 0.03, 0.03])
    assert verdicts(table_with(shares), "cifar10")[:3] == ["holds", "holds", "holds"]
    assert verdicts(table_with(shares), "mnist")[1] == "fails"


def test_neighbours_are_counted_by_origin_class():
    table = table_with(np.full(10, 0.05))
    # Class 9 is fallen into most, and its own samples meet class 0 only; class 0 is fallen into least
    # and meets all classes: the claim's picture, drawn by hand for all classes in between.
    for i, origin in enumerate(table.origin):
        meets = [c for c in range(10) if c != origin][: 10 - origin]
        table.adjacent[i] = np.resize(meets, NUM_RAYS)
    shares = np.bincount(table.adjacent.ravel(), minlength=10)
    expected = np.sign(np.corrcoef(shares.argsort().argsort(), 10 - np.arange(10))[0, 1])
    assert verdicts(table)[3] == {1.0: "fails", -1.0: "holds"}[expected]


def test_equally_many_neighbours_order_nothing():
    table = table_with(np.full(10, 0.05))
    for i, origin in enumerate(table.origin):
        table.adjacent[i] = np.resize([c for c in range(10) if c != origin], NUM_RAYS)
    found = table1.find_inequality(table, "mnist", seed=0)[-1]
    assert found.id == "neighbours" and np.isnan(found.outcomes).all()
    assert "each class meet 9 others" in found.evidence
    assert verdicts(table)[3] == "cannot tell"


@pytest.mark.parametrize(
    ("true", "verdict"),
    [(1000, "holds"), (975, "holds"), (974, "cannot tell"), (26, "cannot tell"), (25, "fails"), (0, "fails")],
)
def test_shares_of_resamples_that_make_a_verdict(true, verdict):
    assert claims.judge_resamples(np.append(False, np.arange(1000) < true)) == verdict


def test_verdicts_are_the_same_for_the_same_seed():
    table = table_with(np.full(10, 0.05), spread=0.5)
    assert judge(table, "mnist", seed=1) == judge(table, "mnist", seed=1)


def test_inequality_rarely_holds_where_all_classes_are_alike():
    rng = np.random.default_rng(1)
    held = 0
    for seed in range(40):
        # Samples differ a lot from each other, classes not at all.
        counts = np.array([rng.multinomial(NUM_RAYS, rng.dirichlet(np.full(10, 0.3))) for _ in range(200)])
        outcomes = table1._compare_extremes(counts, np.arange(200) % 10, seed=seed)
        held += claims.judge_resamples(outcomes) == "holds"
    assert held <= 6  # of 40; about one is expected at 97.5 %


def test_an_undecided_resample_speaks_for_neither_side():
    undecided = np.full(30, np.nan)
    assert claims.judge_resamples(np.concatenate([[np.nan], np.ones(970), undecided])) == "cannot tell"
    assert claims.judge_resamples(np.concatenate([[np.nan], np.zeros(970), undecided])) == "cannot tell"
    assert claims.judge_resamples(np.concatenate([[np.nan], np.zeros(980), undecided[:20]])) == "fails"


def test_a_claim_of_near_ties_is_not_refuted_by_their_number():
    ties = np.random.default_rng(0).random((7, 2001)) < 0.6
    assert not ties[:, 1:].all(axis=0).mean() > 0.1  # hardly ever are all seven true
    assert claims.judge_resamples(claims.hold_all(*ties)) == "cannot tell"
    sure, refuted = np.ones(2001), np.arange(2001) < 6  # false in more than 1 - 0.025 / 8 of the resamples
    assert claims.judge_resamples(claims.hold_all(*ties, refuted)) == "fails"
    assert claims.judge_resamples(claims.hold_all(*ties, np.arange(2001) < 12)) == "cannot tell"
    assert claims.judge_resamples(claims.hold_all(sure, sure)) == "holds"
    assert claims.judge_resamples(claims.hold_all(sure, np.full(2001, np.nan))) == "cannot tell"
    assert claims.hold_all([True], [False]).tolist() == [0.0]  # printed numbers alone


def test_classes_that_no_ray_enters_tie_for_most_vulnerable():
    shares = np.array([0.0, 0.0, 0.03, 0.3, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03])
    assert verdicts(table_with(shares))[2] == "cannot tell"


def test_a_verdict_says_which_claim_it_is_about():
    found = judge(table_with(np.full(10, 0.05)), "mnist", seed=0)
    assert [v.id for v in found] == ["inequality", "most-robust", "most-vulnerable", "neighbours"]
    assert list(vars(found[0]))[:2] == ["id", "about"]
    assert {v.about for v in found} == {"Table I"}
    assert all(isinstance(value, str) and value for v in found for value in vars(v).values())


@pytest.mark.parametrize(
    ("value", "text"),
    [(2467.6, "2,468"), (42.61, "42.6"), (60.0, "60.0"), (-0.08391, "−0.0839"), (0.0, "0"), (np.inf, "∞")],
)
def test_numbers_are_spelled_with_three_digits_and_no_exponent(value, text):
    assert claims.format_significant(value) == text


def test_a_tie_is_rounded_alike_whatever_the_order_of_the_sum():
    tie = 72.445
    spelled = {claims.format_significant(np.nextafter(tie, other), 4) for other in (0, tie, 100)}
    signed = {claims.format_signed(np.nextafter(tie, other), 2) for other in (0, tie, 100)}
    assert len(spelled) == len(signed) == 1
