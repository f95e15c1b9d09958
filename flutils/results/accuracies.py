"""Accuracies under attack, resampled together, and what §V-B and §VI say about them."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from flutils import attacks, paper
from flutils.attacks import AttackResult
from flutils.claims import (
    CANNOT_TELL,
    NOISE,
    Finding,
    Floats,
    draw_weights,
    format_percent,
    format_signed,
    hold_all,
    is_larger,
    judge_resamples,
)
from flutils.paper import ADV, FL, MNIST, ORI, REDUCED_FL

CLEAN = "without an attack"
COLUMNS = (ORI, ADV, FL)  # of Table III
_NOISES = ("Random", "Gaussian")


def resample_accuracies(
    labels: NDArray[np.integer],
    results: Mapping[str, Mapping[str, AttackResult]],
    rows: Mapping[str, NDArray[np.integer]],
    rng: np.random.Generator,
) -> dict[str, dict[str, Floats]]:
    """Return accuracies on the images and on resamples of them, the same for all attacks and models.

    One resample of the whole test set is drawn, within its classes, and restricted to the images of each
    attack: so attacks on fewer images are resampled together with those on more.

    Args:
        labels: (n,) class of each test image.
        results: model -> attack -> what it left.
        rows: attack -> the test images it was run on.
        rng: what draws the resamples.

    Returns:
        Attack, or `CLEAN` -> model -> (1 + b,) fractions. Without an attack they are those of the most images
        that any attack was run on, from `quick` on the whole test set.
    """
    most = max(rows, key=lambda name: len(rows[name]))
    right: dict[str, dict[str, NDArray[np.bool_]]] = {
        CLEAN: {model: found[most].clean_correct for model, found in results.items()}
    }
    for name in rows:
        right[name] = {model: ~found[name].success for model, found in results.items() if name in found}
    # One column per attack and model, 0 where the attack was not run; and one per attack for its images.
    columns = {(name, model): answers for name, own in right.items() for model, answers in own.items()}
    images = {name: rows.get(name, rows[most]) for name in right}
    matrix = np.zeros((len(labels), len(columns) + len(images)))
    for place, ((name, _), answers) in enumerate(columns.items()):
        matrix[images[name], place] = answers
    for place, chosen in enumerate(images.values(), start=len(columns)):
        matrix[chosen, place] = 1
    sums = draw_weights(labels, rng) @ matrix
    totals = dict(zip(images, sums[:, len(columns) :].T, strict=True))
    rates: dict[str, dict[str, Floats]] = {name: {} for name in right}
    for (name, model), found in zip(columns, sums.T, strict=False):
        total = totals[name]  # a resample may have none of the images
        rates[name][model] = np.divide(found, total, out=np.full(len(total), np.nan), where=total > 0)
    return rates


def find_claims(
    rates: Mapping[str, Mapping[str, Floats]],
    dataset: str,
    *,
    left_out: Mapping[str, str] = MappingProxyType({}),
    images: int = 0,
) -> list[Finding]:
    """Evaluate the claims about Table III.

    Readings: "overall", and "under adversarial attacks" or "noise", is the accuracy averaged over the
    attacks of that kind; the evidence adds on how many attacks it is so. F.L. is best under noise only if
    it is under both noises. Adv.'s robustness is destroyed if noise leaves it less accurate than Ori., and
    is judged on MNIST, of which the paper says it "above all".

    Args:
        rates: attack of Table III, or `CLEAN` -> model -> (1 + b,) float, fractions; others are ignored.
        dataset: ``"mnist"`` or ``"cifar10"``; nothing is claimed of another.
        left_out: attack -> why it says nothing about robustness: no average counts it, and a claim about
            every attack of a kind cannot then be told to hold.
        images: on how many images the accuracies of `CLEAN` are measured.

    Returns:
        One `Finding` per claim, in the order of the text.

    Source: paper §V-B, Table III; §VI.
    """
    if dataset not in paper.DATASETS:
        return []
    given = [name for name in paper.ATTACKS if name in rates]
    active = [name for name in given if name not in left_out]
    adversarial = [name for name in active if attacks.ATTACKS[name].kind != "noise"]
    noises = [name for name in _NOISES if name in active]
    unknown = np.full_like(rates[given[0]][ORI], np.nan)
    idle = {name: why for name, why in left_out.items() if name in given}
    without = _list_left_out({name: why for name, why in idle.items() if name not in _NOISES})
    silent = _list_left_out({name: why for name, why in idle.items() if name in _NOISES})
    attacks_used, noises_used = _number(adversarial, "adversarial attack"), _number(noises, "noise")
    attacked, noisy = (
        {m: np.mean([rates[name][m] for name in names], axis=0) if names else unknown for m in COLUMNS}
        for names in (adversarial, noises)
    )
    cells = {(name, m): rates[name][m] for name in active for m in COLUMNS}
    adv_best = sum(int(_is_best(rates[name], ADV)[0] == 1) for name in adversarial)
    above = {name: is_larger(rates[name][FL], rates[name][ORI]) for name in active}
    findings = [
        _find_no_worse(cells, len(paper.CLASS_NAMES[dataset]), unknown),
        Finding(
            "adversarial-adv-best",
            _is_best(attacked, ADV),
            f"averaged over {attacks_used}: {_list_rates(attacked)}"
            f"{_list_printed(dataset, adversarial)}; Adv. is best under {adv_best} of them{without}",
        ),
        Finding(
            "fl-above-ori",
            hold_all(is_larger(attacked[FL], attacked[ORI]), is_larger(noisy[FL], noisy[ORI])),
            f"F.L. − Ori. in points: {_gain(attacked)} under {attacks_used}"
            f"{_print_gain(dataset, adversarial)}, {_gain(noisy)} under {noises_used}"
            f"{_print_gain(dataset, noises)}; above under "
            f"{sum(int(found[0] == 1) for found in above.values())} of {len(above)}, under every one: "
            f"{judge_resamples(hold_all(*above.values())) if above else CANNOT_TELL}{_list_left_out(idle)}",
        ),
        Finding(
            "noise-fl-best",
            hold_all(*(_is_best(rates[name], FL) if name in noises else unknown for name in _NOISES)),
            "; ".join(
                f"{name}: {_list_rates(rates[name])}{_list_printed(dataset, [name])}"
                f"{_list_unprinted(rates[name])}"
                for name in noises
            )
            + silent.removeprefix("" if noises else "; "),
        ),
    ]
    if dataset == MNIST:
        findings.append(
            Finding(
                "noise-adv-destroyed",
                is_larger(noisy[ORI], noisy[ADV]),
                f"averaged over {noises_used}: {_list_rates(noisy)}{_list_printed(dataset, noises)}{silent}",
            )
        )
    if CLEAN in rates:
        clean = rates[CLEAN]
        findings.append(
            Finding(
                "accuracy-improves",
                is_larger(clean[FL], clean[ORI]),
                f"without an attack, on {images:,} test images: {_list_rates(clean, 2)}; "
                f"F.L. − Ori. in points: {_gain(clean, 2)}",
            )
        )
    return findings


def _find_no_worse(cells: Mapping[tuple[str, str], Floats], classes: int, unknown: Floats) -> Finding:
    guess = 1 / classes
    if not cells:
        return Finding("no-worse-than-guess", unknown, "no attack of a strength above 0")
    lowest = min(cells, key=lambda cell: cells[cell][0])
    return Finding(
        "no-worse-than-guess",
        np.min(list(cells.values()), axis=0) >= guess - 1e-12,  # exactly a guess is not worse
        f"lowest accuracy {format_percent(cells[lowest][0])} ({lowest[1]} under {lowest[0]}); "
        f"a guess has {format_percent(guess)}",
    )


def _is_best(rates: Mapping[str, Floats], best: str) -> Floats:
    return hold_all(*(is_larger(rates[best], rates[m]) for m in COLUMNS if m != best))


def _print(dataset: str, names: Collection[str]) -> dict[str, Floats]:
    """Return the paper's accuracies averaged over attacks, (1,) fractions by model; NaN over none."""
    table = paper.TABLE_3[dataset]
    values = {model: [float(table[name][model]) / 100 for name in names] for model in COLUMNS}
    return {model: np.array([np.mean(found) if found else np.nan]) for model, found in values.items()}


def _list_left_out(reasons: Mapping[str, str]) -> str:
    """Say which attacks are left out and why, those of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for name, why in reasons.items():
        by_reason.setdefault(why, []).append(name)
    said = [f"{', '.join(names)} ({why})" for why, names in by_reason.items()]
    return f"; left out: {', '.join(said)}" if said else ""


def _list_rates(rates: Mapping[str, Floats], digits: int = 1) -> str:
    if np.isnan(rates[ORI][0]):
        return "none"
    return ", ".join(f"{model} {100 * rates[model][0]:.{digits}f} %" for model in COLUMNS)


def _list_unprinted(rates: Mapping[str, Floats]) -> str:
    """List the models that Table III does not have."""
    found = [f"{m} {format_percent(rates[m][0])}" for m in (REDUCED_FL, NOISE) if m in rates]
    return f" (not in the table: {', '.join(found)})" if found else ""


def _list_printed(dataset: str, names: Collection[str]) -> str:
    return f" (paper {_list_rates(_print(dataset, names))})" if names else ""


def _print_gain(dataset: str, names: Collection[str]) -> str:
    return f" (paper {_gain(_print(dataset, names))})" if names else ""


def _number(names: Collection[str], word: str) -> str:
    return f"{len(names)} {word}{'s' * (len(names) != 1)}"


def _gain(rates: Mapping[str, Floats], digits: int = 1) -> str:
    gain = 100 * (rates[FL][0] - rates[ORI][0])
    return "none" if np.isnan(gain) else format_signed(gain, digits)
