"""The paper against itself: every finding from digits read off the paper, not from the package's tables."""

import math
import statistics
from decimal import Decimal

import pytest

from flutils import paper
from flutils.paper import bounds, consistency
from flutils.paper.tables import last_digit

D = Decimal


def test_summaries_are_rounded_with_n_minus_1_but_for_two_that_are_cut_off():
    found = consistency.recompute_summaries()
    assert len(found) == 32  # 8 rows of Table II and 8 of Table IV, Avg. and Std. each
    odd = {
        (s.table, s.row, s.column, str(s.printed), str(round(s.recomputed, 4)))
        for s in found
        if s.verdict != "rounded"
    }
    # (0.066 + 0.0074 + 1.768 + 0.104 + 1.240 + 0.013 + 25.46 + 0.299 + 0.031 + 0.497) / 10 = 2.94854
    assert odd == {
        ("II", "F.L. / Adv.", "Std.", "72.486", "72.4868"),
        ("IV", "cifar10 / Adv.", "Avg.", "2.948", "2.9485"),
    }
    assert {s.verdict for s in found} == {"rounded", "cut off"}
    rows = {f"{n} / {m}": row for n, own in (paper.TABLE_2 | paper.TABLE_4).items() for m, row in own.items()}
    printed = {s.row: s.printed for s in found if s.column == "Std."}
    by_n = {name: statistics.pstdev(rows[name].values) for name in printed}
    assert all(abs(by_n[name] - std) > 10 * last_digit(std) for name, std in printed.items())
    # Row Ori. of MNIST in Table IV, with n in place of n - 1: 2.590, printed 2.73.
    assert (str(printed["mnist / Ori."]), round(by_n["mnist / Ori."], 2)) == ("2.73", D("2.59"))


@pytest.mark.parametrize(
    ("printed", "recomputed", "verdict"),
    [("1.23", "1.2345", "rounded"), ("1.23", "1.2369", "cut off"), ("1.24", "1.2301", "differs")],
)
def test_verdict_on_a_last_digit(printed, recomputed, verdict):
    assert consistency.Summary("II", "a", "Avg.", D(printed), D(recomputed)).verdict == verdict


def test_not_found_bound_of_the_mean_that_needs_it():
    found = {(b.images, b.model, b.class_name): b for b in bounds.bound_not_found()}
    assert len(found) == 80
    # 1,000 rays, k of them N/A at 255, the others at most 126: 255 k + 126 (1,000 - k) >= 239,567.
    airplane = found["Ori.", "Ori.", "Airplane"]
    assert airplane.mean_margin == D("239.567")
    assert 255 * 881 + 126 * 119 >= 239_567 > 255 * 880 + 126 * 120
    assert airplane.at_least == D("88.1")
    assert found["Ori.", "Ori.", "Automobile"].at_least == 0
    full = [b for b in found.values() if b.at_least == 100]
    assert len(full) == 6 and {b.mean_margin for b in full} == {D(255)}
    assert sum(b.mean_margin > D("127.5") for b in found.values()) == 34


def test_deepfool_repeats_fgsm_on_cifar10_only():
    assert consistency.list_repeated_rows() == (("cifar10", "FGSM", "DeepFool"),)


def test_all_cifar10_accuracies_but_gaussian_are_multiples_of_a_tenth():
    coarse = ("FGSM", "CW-L2", "PGD", "BIM", "MIM", "DeepFool", "Random")
    assert consistency.list_coarse_attacks("cifar10") == coarse
    assert consistency.list_coarse_attacks("mnist") == ()


def test_marks_fit_the_threshold_on_mnist_and_the_ranks_on_cifar10():
    marks = consistency.check_level_marks()
    wrong = {
        rule: [(m.dataset, m.class_name) for m in marks if getattr(m, rule) != m.printed]
        for rule in ("by_rank", "by_threshold")
    }
    assert wrong["by_rank"] == [("mnist", "2")]
    assert wrong["by_threshold"] == [("cifar10", name) for name in ("Cat", "Deer", "Ship")]
    two = next(m for m in marks if (m.dataset, m.class_name) == ("mnist", "2"))
    assert (two.class_robustness, two.printed, two.by_rank) == (D("0.955"), "low", "medium")
    for dataset in ("mnist", "cifar10"):
        ranks = [m.by_rank for m in marks if m.dataset == dataset]
        assert (ranks.count("high"), ranks.count("medium"), ranks.count("low")) == (2, 3, 5)


def test_class_robustness_before_and_after():
    changes = {(c.dataset, c.class_name): c for c in consistency.compare_class_robustness()}
    three, deer = changes["mnist", "3"], changes["cifar10", "Deer"]
    assert (three.level, three.ori, three.fl, three.reduced_fl) == (
        "high",
        D("7.237"),
        D("0.009"),
        D("0.553"),
    )
    assert (deer.level, deer.ori, deer.fl, deer.reduced_fl) == ("medium", D("0.565"), D("0.573"), D("0.128"))
    low = [c for c in changes.values() if c.level == "low"]
    assert [c.class_name for c in low if c.fl < c.ori] == ["Airplane"]
    assert (changes["cifar10", "Airplane"].ori, changes["cifar10", "Airplane"].fl) == (D("0.032"), D("0.020"))
    on_cifar10 = [c for c in low if c.dataset == "cifar10"]
    assert len(on_cifar10) == 5
    assert all(c.reduced_fl > c.fl for c in on_cifar10)
    assert max(c.fl for c in on_cifar10) == D("0.059")


def test_classes_whose_mean_margin_falls():
    assert consistency.list_fallen_classes("Ori.", "F.L.") == ("Airplane", "Bird", "Truck")
    assert consistency.list_fallen_classes("Ori.", "Reduced F.L.") == ("Airplane", "Bird", "Truck")
    assert consistency.list_fallen_classes("F.L.", "F.L.") == ()
    assert consistency.list_fallen_classes("F.L.", "Reduced F.L.") == ("Bird",)
    assert consistency.list_fallen_classes("Ori.", "Ori.") == ()


def test_outflow_bound():
    found = {(b.dataset, b.model): b for b in bounds.bound_outflow()}
    assert len(found) == 8
    assert all(b.lowest < 1 < b.highest for b in found.values())
    fl = found["mnist", "F.L."]
    assert fl.vulnerable == ("3", "4")
    # s at 0.007 and 1 - s at 1.856 have the mean 1: s = 0.856 / 1.849.
    assert math.isclose(fl.at_least, 100 * 0.856 / 1.849)
    # (9.147 - 1) / (9.147 - 0.015)
    assert math.isclose(found["cifar10", "F.L."].at_least, 100 * 8.147 / 9.132)
    assert found["mnist", "Reduced F.L."].highest == D("128.07")


def test_no_weights_beat_the_outflow_bound():
    # Any weights of mean 1 on the printed row: two classes at a time, one on each side of 1.
    for bound in bounds.bound_outflow():
        values = paper.TABLE_4[bound.dataset][bound.model].values
        shares = [float((a - 1) / (a - b)) for a in values if a > 1 for b in values if b < 1]
        assert math.isclose(100 * min(shares), bound.at_least)


def test_level_bounds():
    found = {(b.dataset, b.model): b for b in bounds.bound_levels()}
    assert {b.bound for b in found.values()} == {D("45"), D("11475")}  # 90 x 0.5 and 90 x 127.5
    fl = found["mnist", "F.L."]
    assert (round(fl.share, 1), fl.empty_at_most) == (D("86.9"), 78)  # 39.12 / 45, 39.12 / 0.5
    assert (fl.lone_rays, fl.rays) == (7, 2_352_000)  # 2.97 / 0.48; 1,500 x 784 x 2
    cifar = found["cifar10", "F.L."]
    assert (round(cifar.share, 1), cifar.empty_at_most) == (D("40.4"), 36)
    assert (cifar.lone_rays, cifar.rays) == (21, 1_500_000)  # 2599.23 / 125.5
    assert found["mnist", "Ori."].lone_rays == 0


def test_aligned_rays():
    mnist, cifar10 = bounds.bound_aligned_rays()
    assert (mnist.signs, mnist.crossing, mnist.beyond_half, mnist.top) == (2, D("21.05"), 0, "3")
    assert (cifar10.signs, cifar10.crossing, cifar10.top) == (1, D("92.61"), "Bird")
    assert math.isclose(cifar10.beyond_half, 100 * 42.61 / 92.61)
    assert math.isclose(cifar10.top_of_others, 44.61 / 0.9)
