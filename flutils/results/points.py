"""What the paper's printed numbers say of each other and of its text, point by point."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from flutils import paper, robustness
from flutils.claims import format_signed, rank_correlation
from flutils.paper import ADV, CIFAR10, DATASETS, FL, MNIST, MODELS, ORI, REDUCED_FL, bounds, consistency
from flutils.randomness import stream

GUESS = 100 / consistency.NUM_CLASSES


@dataclass(frozen=True)
class Point:
    """One thing that was checked; all strings.

    Attributes:
        point: its number and name.
        where: table, equation or section.
        printed: what the paper prints or says.
        recomputed: what comes out.
        consequence: what follows for a reader.
    """

    point: str
    where: str
    printed: str
    recomputed: str
    consequence: str


def list_points(seed: int) -> tuple[Point, ...]:
    """Return every point, in the order of their numbers.

    Args:
        seed: of the selection that point 8 draws.
    """
    parts = (
        _check_summaries(),
        _check_table_3(),
        _check_not_found(),
        _check_marks(),
        _check_text(),
        _check_averages(),
        _check_lemma(),
        _check_algorithm(seed),
        _check_level(),
    )
    return tuple(point for part in parts for point in part)


def compare_strengths() -> dict[tuple[str, str], dict[str, Any]]:
    """Return FGSM beside PGD by dataset and model, in percent, on as many images as the digits suggest."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name in DATASETS:
        images = _count_images(name, "PGD")
        for model in (ORI, ADV, FL):
            fgsm, pgd = (float(paper.TABLE_3[name][attack][model]) for attack in ("FGSM", "PGD"))
            error = (sum(p * (100 - p) for p in (fgsm, pgd)) / images) ** 0.5
            found[name, model] = {
                "FGSM (%)": fgsm,
                "PGD (%)": pgd,
                "PGD − FGSM": pgd - fgsm,
                "standard error": error,
                "PGD weaker": "yes" if pgd > fgsm else "no",
            }
    return found


def _count_images(dataset: str, attack: str) -> int:
    """Return on how many test images an accuracy of Table III seems to be measured, by its digits."""
    return 1_000 if attack in consistency.list_coarse_attacks(dataset) else 10_000


def bound_averages() -> dict[tuple[str, str], tuple[float, float, float]]:
    """Return (images of, model) -> Avg. of Table II: printed, and its bounds if N/A were the search range."""
    search_range = float(paper.PROTOCOL[CIFAR10]["search_range"].value)
    needs, found = bounds.bound_not_found(), {}
    for images in paper.TABLE_2:
        for model in MODELS:
            own = [b for b in needs if (b.images, b.model) == (images, model)]
            means = np.array([float(b.mean_margin) for b in own])
            least = np.array([float(b.at_least) / 100 for b in own])
            high = means - least * (bounds.NOT_FOUND_MARGIN - search_range)
            half = search_range / bounds.NOT_FOUND_MARGIN
            found[images, model] = float(means.mean()), float(half * means.mean()), float(high.mean())
    return found


def measure_made_up() -> dict[str, float]:
    """Return R of small made-up tables of three classes, search range 0.5: what R can and cannot see."""

    def level(adjacent: Any, margin: Any) -> float:
        table = SimpleNamespace(
            origin=np.array([0]), adjacent=np.array([adjacent]), margin=np.array([margin])
        )
        return robustness.robustness_level(robustness.mean_margin_matrix(table, num_classes=3)[0], 0.5)

    return {
        "1,000 rays into class 1, margin 0.3": level([1] * 1_000, [0.3] * 1_000),
        "the same and one ray into class 2, margin 0.02": level([1] * 1_000 + [2], [0.3] * 1_000 + [0.02]),
        "margins 0.10 and 0.48 into class 1": level([1, 1], [0.1, 0.48]),
        "the second one beyond the search range": level([1, -1], [0.1, np.nan]),
    }


def measure_useless() -> dict[str, float]:
    """Return R of a classifier that always gives the same class, for each dataset's search range."""
    right = np.arange(10)[:, None] == 0  # right for one class of ten
    adjacent, margin = np.where(right, -1, 0), np.where(right, np.nan, 0.0)
    table = SimpleNamespace(origin=np.arange(10), adjacent=adjacent, margin=margin)
    M, _ = robustness.mean_margin_matrix(table)
    return {n: robustness.robustness_level(M, paper.PROTOCOL[n]["search_range"].number) for n in DATASETS}


def _check_summaries() -> Iterator[Point]:
    summaries = consistency.recompute_summaries()
    slips = [each for each in summaries if each.verdict != "rounded"]
    sums = " and ".join(str(sum(row.values())) for row in paper.TABLE_1.values())
    yield Point(
        "1 Avg. and Std.",
        "Tables I, II, IV",
        f"{len(summaries)} Avg. and Std.; Table I sums to {sums} %",
        f"{len(slips)} differ, by less than one last digit; sums within rounding",
        "the tables are transcribed and computed with care; Std. is ddof 1",
    )


def _check_table_3() -> Iterator[Point]:
    yield Point(
        "2a DeepFool = FGSM",
        "Table III",
        "two attacks",
        "; ".join(f"{d}: {b} equals {a} in all columns" for d, a, b in consistency.list_repeated_rows()),
        "one row was probably copied",
    )
    weaker = {key: row for key, row in compare_strengths().items() if row["PGD − FGSM"] > 0}
    errors = ", ".join(f"{row['PGD − FGSM'] / row['standard error']:.1f}" for row in weaker.values())
    yield Point(
        "2b PGD against FGSM",
        "Table III",
        "PGD takes many steps, FGSM one",
        f"PGD is the weaker for {'; '.join(' '.join(key) for key in weaker)}",
        f"strengths are not printed and the gap is {errors} standard errors: rows do not rank attacks",
    )
    below = [cell for cell in paper.cells("III") if cell.value < GUESS]
    apart = max(
        (GUESS - float(cell.value)) / (GUESS * (100 - GUESS) / _count_images(cell.dataset, cell.row)) ** 0.5
        for cell in below
    )
    yield Point(
        "2c random guess",
        "Table III",
        "no model worse than a random guess (§V-B)",
        "; ".join(f"{cell.row} on {cell.dataset} {cell.column}: {cell.printed} %" for cell in below),
        f"does not hold in {len(below)} cell, by {apart:.1f} standard errors",
    )
    coarse = consistency.list_coarse_attacks(CIFAR10)
    yield Point(
        "2d resolution",
        "Table III",
        "two decimals",
        f"cifar10: {len(coarse)} of {len(paper.ATTACKS)} attacks in whole tenths of a percent",
        "probably 1,000 test images, or rounded",
    )


def _check_not_found() -> Iterator[Point]:
    needs = bounds.bound_not_found()
    beyond = [b for b in needs if b.mean_margin > paper.PROTOCOL[CIFAR10]["search_range"].value]
    first, averages = needs[0], bound_averages()
    ahead = all(averages[images, FL][1] > averages[images, ORI][2] for images in paper.TABLE_2)
    yield Point(
        "3 N/A",
        "§V-B, Tables I, II",
        "omitted; counted as the search range; in Table II unsaid",
        f"{len(beyond)} of {len(needs)} means lie above the search range; {first.mean_margin} needs "
        f"{first.at_least:.1f} % N/A at {bounds.NOT_FOUND_MARGIN}",
        "two values for one event; F.L.'s lead over Ori. in Table II "
        + ("holds under either" if ahead else "depends on it"),
    )


def _check_marks() -> Iterator[Point]:
    marks, constants = consistency.check_level_marks(), paper.PROTOCOL[MNIST]

    def count_unlike(dataset: str, rule: str) -> int:
        return sum(getattr(m, rule) != m.printed for m in marks if m.dataset == dataset)

    def count_examples(rule: str) -> int:
        own = (getattr(m, rule) for m in marks if m.dataset == MNIST)
        samples = sum(constants[f"samples_{level}"].value for level in own)
        return int(samples * constants["directions_per_sample"].value)

    yield Point(
        "4 marks",
        "§IV-B, Table IV",
        "one rule for both datasets, by rank",
        f"mnist: the ranks miss {count_unlike(MNIST, 'by_rank')} mark, the threshold R_i < 1 misses "
        f"{count_unlike(MNIST, 'by_threshold')}; cifar10: the ranks miss {count_unlike(CIFAR10, 'by_rank')}, "
        f"the threshold {count_unlike(CIFAR10, 'by_threshold')}",
        f"on mnist F.L. has {count_examples('printed'):,} examples by the marks, "
        f"{count_examples('by_rank'):,} by the rule",
    )


def _check_text() -> Iterator[Point]:
    where, levels = "§V-B, §V-C, Table IV", paper.ROBUSTNESS
    stds = {n: {m: paper.TABLE_4[n][m].deviation for m in MODELS} for n in DATASETS}
    extremes = ", ".join(
        f"{n}: largest Std. {max(own, key=own.__getitem__)}, smallest {min(own, key=own.__getitem__)}"
        for n, own in stds.items()
    )
    yield Point("5a Adv. most unstable", where, "most unstable of all", extremes, "holds on cifar10 only")
    yield Point(
        "5b Reduced F.L. above Ori.",
        where,
        "still better than Ori.",
        f"mnist: R {levels[MNIST][REDUCED_FL]} against {levels[MNIST][ORI]}",
        "holds on cifar10 only, as the next paragraph of §V-C says itself",
    )
    changes = {(c.dataset, c.class_name): c for c in consistency.compare_class_robustness()}
    three, four = changes[MNIST, "3"], changes[MNIST, "4"]
    order = rank_correlation(*(paper.TABLE_4[MNIST][model].numbers for model in (ORI, FL)))
    yield Point(
        "5c inequality on mnist",
        "§V-C, Table IV",
        "F.L. attempts to relax the inequality",
        f"classes 3, 4: R_i {three.ori}, {four.ori} become {three.fl}, {four.fl}; rank correlation "
        f"{format_signed(order, 2)}; Std. {stds[MNIST][ORI]} becomes {stds[MNIST][FL]}",
        "inverted rather than reduced",
    )
    deer, airplane = changes[CIFAR10, "Deer"], changes[CIFAR10, "Airplane"]
    yield Point(
        "5d classes 3 and 4",
        "§V-C, Table IV",
        "may fall, such as 3 and 4 for both datasets",
        f"class 4 on cifar10 (Deer): R_i {deer.ori} becomes {deer.fl}",
        "does not hold for that one, barely",
    )
    low = [c for c in changes.values() if c.dataset == CIFAR10 and c.level == "low"]
    ahead = sum(c.reduced_fl > c.fl for c in low)
    yield Point(
        "5e low classes",
        "§V-C, Table IV",
        "remarkably better",
        f"cifar10: class 0 (Airplane) {airplane.ori} becomes {airplane.fl}; with F.L. none of the {len(low)} "
        f"is above {max(c.fl for c in low)}",
        f"holds on mnist; on cifar10 Reduced F.L. raises {ahead} of the {len(low)} more than F.L.",
    )
    yield from _check_table_2()


def _check_table_2() -> Iterator[Point]:
    where = "§V-A, Table II"
    yield Point(
        "5f margins always improve",
        where,
        "always",
        f"on Ori.'s images F.L. is below Ori. for {', '.join(consistency.list_fallen_classes(ORI, FL))}",
        "holds for the averages of both sets, not for each class; images are chosen per model",
    )
    rows = paper.TABLE_2
    gain = {s: 100 * (rows[s][ADV].average / rows[s][ORI].average - 1) for s in rows}
    yield Point(
        "5g Adv. marginally above Ori.",
        where,
        "marginally larger",
        f"{format_signed(gain[ORI], 1)} % on Ori.'s images, {format_signed(gain[FL], 1)} % on F.L.'s",
        "marginal on one set of two",
    )
    spread = "; ".join(
        f"{s} images: F.L. {rows[s][FL].deviation}, Adv. {rows[s][ADV].deviation}, "
        f"Ori. {rows[s][ORI].deviation}"
        for s in rows
    )
    above = [s for s in rows if rows[s][FL].deviation > rows[s][ADV].deviation]
    yield Point(
        "5h F.L.'s Std. is low",
        where,
        "highest overall mean margins and low standard deviations",
        f"Std. on {spread}",
        f"on {' and '.join(above)} images it exceeds Adv.'s, and is only "
        f"{rows[ORI][ORI].deviation - rows[ORI][FL].deviation} below Ori.'s",
    )


def _check_averages() -> Iterator[Point]:
    flows = {(f.dataset, f.model): f for f in bounds.bound_outflow()}
    rows = {(n, m): paper.TABLE_4[n][m] for n in DATASETS for m in MODELS}
    moments = np.array([[float(row.average), float(row.deviation)] for row in rows.values()]).T
    together = float(np.corrcoef(moments)[0, 1])
    yield Point(
        "6a Avg. of R_i",
        "Eq. 3, Table IV",
        "an Avg. per model",
        f"the weighted mean is 1 for any table; printed Avg. and Std. correlate {format_signed(together, 2)}",
        "a larger Avg. is no progress",
    )
    reduced = rows[MNIST, REDUCED_FL]
    rest = (sum(reduced.values) - max(reduced.values)) / (len(reduced.values) - 1)
    yield Point(
        "6b one class",
        "Table IV",
        f"mnist Reduced F.L.: {reduced.average}",
        f"{rest:.3f} without its R_i of {max(reduced.values)}",
        "an average of ratios speaks of its largest",
    )
    fl = flows[MNIST, FL]
    both = sum(f.lowest < 1 < f.highest for f in flows.values())
    yield Point(
        "6c rows are possible",
        "Eq. 3, Table IV",
        f"{len(flows)} rows of R_i",
        f"{both} have values on both sides of 1, as the identity demands",
        f"the rows can be true; on mnist F.L. at least {fl.at_least:.1f} % of all margins leave classes "
        f"{' and '.join(fl.vulnerable)}",
    )
    fits = bounds.fit_flows()
    yield Point(
        "6d Table I fits Table IV",
        "Eq. 3, Tables I, IV",
        "p_i and R_i of one search",
        "Σ p_i m_i (1/R_i − 1) = 0 needs margins into robust classes to be "
        + " and ".join(f"{f.ratio:.2f} ({f.low:.2f} to {f.high:.2f}; {f.dataset})" for f in fits)
        + " times those into vulnerable ones",
        "such margins are possible: the two tables can be of one search",
    )


def _check_lemma() -> Iterator[Point]:
    mnist, cifar10 = bounds.bound_aligned_rays()
    yield Point(
        "7 Lemma 1",
        "§IV-C, Table I",
        "a ray that crosses points along the gradient",
        f"cifar10: {cifar10.crossing} % of the rays cross, at least {cifar10.beyond_half:.1f} % of them "
        f"against a single gradient; {cifar10.top} alone takes {cifar10.top_of_others:.2f} % of the others' "
        f"rays; mnist: {mnist.crossing} % cross",
        "fails with one gradient per sample; with one for each adjacent class counting cannot refute it",
    )


def _check_algorithm(seed: int) -> Iterator[Point]:
    constants = paper.PROTOCOL[MNIST]
    size = consistency.NUM_CLASSES * int(constants["training_samples_per_class"].value)
    count, per_sample = (int(constants[name].value) for name in ("samples", "directions_per_sample"))
    selected = stream(seed, "paper check, algorithm").permutation(size)[:count]
    yield Point(
        "8 Algorithm 1",
        "Algorithm 1",
        "samples[selected_index[i]]; labels[selected_index]; margin = step",
        f"out of range for {(selected >= count).sum():,} of {count:,} samples; {count * per_sample:,} "
        f"examples but {count:,} labels; margins in steps",
        "slips of the pseudocode; the intent is clear, and is what this package does",
    )


def _check_level() -> Iterator[Point]:
    single, crowd, before, after = measure_made_up().values()
    fl = {b.dataset: b for b in bounds.bound_levels() if b.model == FL}
    few = " and ".join(f"{fl[n].lone_rays} ({n})" for n in DATASETS)
    yield Point(
        "9a R is unweighted",
        "Eq. 2",
        "a sum over cells",
        f"one ray beside 1,000 moves R from {single:.2f} to {crowd:.2f}; "
        f"F.L.'s gain could rest on {few} rays",
        "read the number of rays in the cells beside R",
    )
    yield Point(
        "9b beyond the range",
        "Eq. 1, §V-B",
        "a larger R is more robust",
        f"one margin leaves the range: {before:.2f} to {after:.2f}",
        "read the N/A rate beside R",
    )
    yield Point(
        "9c R of a useless model",
        "Eq. 2, §V-B",
        f"largest R: {', '.join(f'{n} {max(paper.ROBUSTNESS[n].values())}' for n in DATASETS)}",
        "always one class: " + ", ".join(f"{n} {value:.2f}" for n, value in measure_useless().items()),
        "R alone ranks no models; read accuracy beside it",
    )
