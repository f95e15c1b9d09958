"""Verdicts on Fig. 4 and R follow the margin tables they are given."""

from dataclasses import replace

import numpy as np
import pytest

from flutils import claims, margins, robustness
from flutils.claims.resamples import resample_tables
from flutils.paper import ADV, CIFAR10, FL, MNIST, MODELS, ORI, REDUCED_FL

NUM_RAYS, STEPS = 60, 25
EVEN = np.full(10, 0.1)


def make_table(seed=0, *, length=10.0, crosses=0.6, into=EVEN, samples=200, spread=0.1):
    """Return a table whose rays cross with chance `crosses` near step `length`, into classes by `into`.

    `length` and `crosses` may be one number or one an origin class; `spread` is how samples differ.
    """
    rng = np.random.default_rng(seed)
    origin = np.arange(samples) % 10
    own = np.exp(rng.normal(0, spread, samples)) * np.broadcast_to(length, 10)[origin]
    odds = np.where(np.arange(10) == origin[:, None], 0, into)
    odds = odds / odds.sum(axis=1, keepdims=True)
    shape = (samples, NUM_RAYS)
    found = rng.random(shape) < np.broadcast_to(crosses, 10)[origin][:, None]
    fell = (rng.random(shape)[:, :, None] > odds.cumsum(axis=1)[:, None, :]).sum(axis=2).clip(0, 9)
    crossing = np.clip(rng.poisson(own[:, None], shape), 1, STEPS)
    settings = margins.SearchSettings(0.02, 0.5, (0.0, 1.0), False, True, "label", "rms", "sweep", 10)
    return margins.MarginTable(
        crossing=np.where(found, crossing, -1).astype(np.int16),
        adjacent=np.where(found, fell, -1).astype(np.int16),
        origin=origin,
        direction=np.arange(NUM_RAYS, dtype=np.int32),
        sign=np.ones(NUM_RAYS, np.int8),
        settings=settings,
        cost=margins.SearchCost(1, 0, 1.0, "none"),
    )


def make_tables(**kwargs):
    """Return one table a model; a keyword is a model's arguments, and all others share the defaults."""
    names = {"ori": ORI, "adv": ADV, "fl": FL, "reduced": REDUCED_FL}
    return {model: make_table(i, **kwargs.get(key, {})) for i, (key, model) in enumerate(names.items())}


def by_id(verdicts):
    return {verdict.id: verdict.verdict for verdict in verdicts}


def judge_margins(tables, dataset=MNIST, seed=0):
    return by_id(claims.judge_mean_margins(tables, dataset, seed=seed))


def judge_classes(tables, dataset=MNIST, seed=0):
    return by_id(claims.judge_class_robustness(tables, dataset, seed=seed))


def test_the_data_row_of_resamples_is_what_robustness_measures():
    tables = make_tables(ori={"samples": 37, "crosses": 0.1})
    drawn = resample_tables({ORI: tables[ORI]}, np.random.default_rng(0))[ORI]
    M, N = robustness.mean_margin_matrix(tables[ORI])
    assert (N == 0).sum() > 10  # with empty cells beside the diagonal
    assert drawn.level[0] == pytest.approx(robustness.robustness_level(M, 0.5))
    np.testing.assert_allclose(drawn.class_robustness[0], robustness.class_robustness(M, N))
    assert drawn.not_found[0] == tables[ORI].not_found_rate
    by_rays = np.nan_to_num(tables[ORI].margin, nan=0.5).mean()
    assert drawn.mean_margin[0] == pytest.approx(by_rays, rel=1e-5)


def test_without_any_crossing_the_mean_margin_is_the_search_range():
    drawn = resample_tables({ORI: make_table(crosses=0.0)}, np.random.default_rng(0))[ORI]
    assert (drawn.mean_margin == 0.5).all()


def test_resampled_levels_scatter_about_the_data_although_resamples_lose_cells():
    table = make_table(samples=37, crosses=0.05)
    drawn = resample_tables({ORI: table}, np.random.default_rng(0))[ORI]
    raw = np.divide(drawn.sums, drawn.counts, out=np.full(drawn.sums.shape, 0.5), where=drawn.counts > 0)
    raw = (raw * ~np.eye(10, dtype=bool)).sum(axis=(1, 2))
    assert raw[1:].min() > raw[0] - 4 * raw.std() and raw[1:].mean() > raw[0] + raw[1:].std()
    assert drawn.level[1:].mean() == pytest.approx(drawn.level[0])
    assert drawn.level[1:].std() == pytest.approx(raw[1:].std())


def test_claims_hold_on_a_picture_like_the_papers():
    length = np.where(np.isin(np.arange(10), [3, 4]), 8.0, 14.0)
    tables = make_tables(fl={"length": length, "crosses": 0.3}, reduced={"length": 9.0})
    assert judge_margins(tables) == {
        "margins-3-4": "holds",
        "more-beyond-range": "holds",
        "r-fl-substantial": "holds",
        "r-fl-above-reduced": "holds",
        "reduced-r-mnist": "holds",
    }


def test_claims_fail_on_the_opposite_picture():
    tables = make_tables(fl={"length": 7.0, "crosses": 0.9}, reduced={"length": 14.0})
    assert set(judge_margins(tables).values()) == {"fails"}


def test_a_small_gain_is_a_rise_but_not_substantial():
    table = make_table(length=12.0)
    more = np.where((table.crossing > 0) & (np.arange(NUM_RAYS) % 4 == 0), table.crossing + 1, table.crossing)
    tables = {ORI: table, FL: replace(table, crossing=more.astype(np.int16)), REDUCED_FL: table}
    verdict = claims.judge_mean_margins(tables, CIFAR10, seed=0)[1]
    assert (verdict.id, verdict.verdict) == ("r-fl-substantial", "fails")
    assert verdict.evidence.endswith("a rise of any size: holds")


def test_few_unlike_samples_cannot_tell():
    few = {"samples": 20, "spread": 0.5}
    tables = make_tables(ori=few, fl={**few, "length": 10.9}, reduced=few)
    assert judge_margins(tables)["r-fl-substantial"] == "cannot tell"


def test_pairs_of_models_share_their_resamples():
    # Samples differ hugely, but F.L. moves each boundary out by one step: only paired resamples can tell.
    table = make_table(length=10.0, spread=0.6, samples=40)
    more = np.where(table.crossing > 0, table.crossing + 1, -1).clip(-1, STEPS)
    tables = {ORI: table, FL: replace(table, crossing=more.astype(np.int16)), REDUCED_FL: table}
    assert judge_margins(tables)["r-fl-above-reduced"] == "holds"
    assert set(judge_margins(tables)) == set(judge_margins(tables, CIFAR10)) | {
        "margins-3-4",
        "reduced-r-mnist",
    }


def test_models_alike_in_law_seldom_make_a_claim_hold():
    held = dict.fromkeys(("more-beyond-range", "r-fl-above-reduced", "reduced-r-mnist"), 0)
    for seed in range(40):
        rare = {"samples": 60, "crosses": 0.15, "spread": 0.4}
        tables = {m: make_table(100 + 10 * seed + i, **rare) for i, m in enumerate((ORI, FL, REDUCED_FL))}
        found = judge_margins(tables, seed=seed)
        for claim in held:
            held[claim] += found[claim] == "holds"
    assert max(held.values()) <= 5  # of 40; about one is expected at 97.5 %


def test_equal_models_do_not_beat_each_other():
    table = make_table()
    tables = dict.fromkeys(MODELS, table)
    assert set(judge_margins(tables).values()) == {"fails"}
    found = judge_classes(tables)
    directional = ("adv-unstable", "classes-3-4", "low-classes", "reduced-above-ori", "reduced-below-fl")
    assert {found[claim] for claim in directional} == {"fails"}


def test_improvement_compares_relative_gains():
    small, large = make_tables(fl={"length": 11.0}), make_tables(fl={"length": 16.0})
    one = claims.judge_improvement({MNIST: small, CIFAR10: large}, seed=0)
    other = claims.judge_improvement({MNIST: large, CIFAR10: small}, seed=0)
    same = claims.judge_improvement({MNIST: small, CIFAR10: make_tables(fl={"length": 11.05})}, seed=0)
    assert [v[0].verdict for v in (one, other, same)] == ["holds", "fails", "cannot tell"]
    with pytest.raises(ValueError, match="both datasets"):
        claims.judge_improvement({MNIST: small}, seed=0)


def test_tables_that_cannot_be_compared_are_refused():
    tables = make_tables()
    for field, value in (
        ("origin", (tables[FL].origin + 1) % 10),
        ("direction", tables[FL].direction[::-1]),
        ("sign", -tables[FL].sign),
    ):
        adjacent = np.full_like(tables[FL].adjacent, -1)
        other = replace(tables[FL], crossing=adjacent, adjacent=adjacent, **{field: value})
        with pytest.raises(ValueError, match=field):
            claims.judge_mean_margins({**tables, FL: other}, MNIST, seed=0)
    coarse = replace(tables[FL], settings=replace(tables[FL].settings, step=0.04))
    with pytest.raises(ValueError, match="step is"):
        claims.judge_mean_margins({**tables, FL: coarse}, MNIST, seed=0)
    short = make_table(samples=50)
    with pytest.raises(ValueError, match="origin"):
        claims.judge_class_robustness({**tables, FL: short}, MNIST, seed=0)


def test_missing_models_and_unknown_datasets_are_named():
    tables = make_tables()
    with pytest.raises(ValueError, match=r"Reduced F\.L\. is missing"):
        claims.judge_mean_margins({ORI: tables[ORI], FL: tables[FL]}, MNIST, seed=0)
    with pytest.raises(ValueError, match=r"Adv\. is missing"):
        claims.judge_class_robustness({m: tables[m] for m in (ORI, FL, REDUCED_FL)}, MNIST, seed=0)
    with pytest.raises(ValueError, match="dataset must be"):
        claims.judge_class_robustness(tables, "svhn", seed=0)


def test_the_same_seed_gives_the_same_verdicts():
    tables = make_tables(
        ori={"samples": 20}, fl={"samples": 20}, adv={"samples": 20}, reduced={"samples": 20}
    )
    assert claims.judge_class_robustness(tables, MNIST, seed=3) == claims.judge_class_robustness(
        tables, MNIST, seed=3
    )
