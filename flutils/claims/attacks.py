"""Table III judged: accuracy under attacks and noise."""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import ArrayLike

from flutils.arguments import require
from flutils.claims.resamples import check_models, resample_means
from flutils.claims.verdicts import (
    Finding,
    Floats,
    Verdict,
    format_percent,
    hold_all,
    is_larger,
    judge_findings,
    judge_resamples,
)
from flutils.paper import ADV, ATTACKS, FL, ORI
from flutils.randomness import stream

NOISES = ("Random", "Gaussian")
COLUMNS = (ORI, ADV, FL)


def judge_attacks(
    correct: Mapping[str, Mapping[str, ArrayLike]],
    *,
    seed: int,
    num_classes: int = 10,
    idle: Collection[str] = (),
) -> list[Verdict]:
    """Judge what §V-B says about Table III.

    Attacks with equally many images are taken to share them, and their images are resampled together; those
    with fewer are resampled apart, so that an average over both is told a little too surely if the fewer
    images are among the more.

    Args:
        correct: attack of `flutils.paper.ATTACKS` -> model -> (n,) bool, whether each image is classified
            correctly under the attack. Both noises and at least one adversarial attack; Ori., Adv. and
            F.L. on the same images of an attack. Other models are not in Table III and are ignored.
        seed: the run's seed, for the resamples of images.
        num_classes: number of classes, of which a random guess picks one.
        idle: attacks of strength 0, which left the images as they were and say nothing about robustness.
            No average counts them, and a claim about every attack of a kind cannot be told to hold.

    Returns:
        One `Verdict` a claim, in the order of the text.

    Raises:
        ValueError: if an attack is unknown or missing, `idle` names one that is not in `correct`, a model is
            missing, or shapes do not fit.

    Source: paper §V-B, Table III. Readings of `measure_attacks`.
    """
    unknown = [attack for attack in correct if attack not in ATTACKS]
    require(not unknown, f"no attack {unknown} in Table III; its attacks are {', '.join(ATTACKS)}")
    adversarial = [attack for attack in correct if attack not in NOISES]
    require(
        set(NOISES) <= set(correct) and bool(adversarial),
        f"expected {' and '.join(NOISES)} and at least one adversarial attack, got {list(correct)}; "
        "run those that are missing",
    )
    require(
        set(idle) <= set(correct),
        f"idle names attacks that are not there: {sorted(set(idle) - set(correct))}",
    )
    by_size: dict[int, dict[tuple[str, str], np.ndarray]] = {}
    for attack, models in correct.items():
        check_models(models, COLUMNS, f"answers under {attack}")
        found = {model: np.asarray(models[model]) for model in COLUMNS}
        shapes = {answers.shape for answers in found.values()}
        shape = found[ORI].shape
        require(
            len(shapes) == 1 and len(shape) == 1 and shape[0] > 0,
            f"expected (n,) answers of equal n under {attack}, got {sorted(shapes)}; "
            "attack the same images of every model",
        )
        require(
            all(answers.dtype == bool for answers in found.values()),
            f"expected bool answers under {attack}; pass whether each image is classified correctly",
        )
        by_size.setdefault(shape[0], {}).update({(attack, m): answers for m, answers in found.items()})
    rng = stream(seed, "claims/attacks")
    rates: dict[str, dict[str, Floats]] = {attack: {} for attack in correct}
    for answered in by_size.values():
        means = resample_means(np.stack(list(answered.values()), axis=1), rng)
        for i, (attack, model) in enumerate(answered):
            rates[attack][model] = means[:, i]
    return judge_findings(measure_attacks(rates, num_classes, idle=idle))


def measure_attacks(
    accuracy: Mapping[str, Mapping[str, Floats]], num_classes: int = 10, *, idle: Collection[str] = ()
) -> list[Finding]:
    """Evaluate the claims about Table III on accuracies.

    Readings: "overall", and "under adversarial attacks" or "noise", is the accuracy averaged over the
    attacks of that kind; the evidence adds on how many attacks it is so. F.L. is best under noise only if
    it is under both noises. Adv.'s robustness is destroyed if noise leaves it less accurate than Ori.

    Args:
        accuracy: attack -> model -> (1 + b,) float, fractions.
        num_classes: number of classes.
        idle: attacks of strength 0; see `judge_attacks`.

    Returns:
        One `Finding` a claim, in the order of the text.

    Source: paper §V-B, Table III.
    """
    active = [attack for attack in accuracy if attack not in idle]
    adversarial = [attack for attack in active if attack not in NOISES]
    noises = [noise for noise in NOISES if noise in active]
    unknown = np.full_like(next(iter(accuracy.values()))[ORI], np.nan)
    left_out = "".join(f"; {attack} has strength 0 and is left out" for attack in accuracy if attack in idle)

    def average(names: Collection[str], model: str) -> Floats:
        return np.mean([accuracy[name][model] for name in names], axis=0) if names else unknown

    attacked = {m: average(adversarial, m) for m in COLUMNS}
    noisy = {m: average(noises, m) for m in COLUMNS}

    def spell(rates: Mapping[str, Floats]) -> str:
        return ", ".join(f"{m} {format_percent(rates[m][0])}" for m in rates)

    def is_best(rates: Mapping[str, Floats], best: str) -> Floats:
        return hold_all(*(is_larger(rates[best], rates[m]) for m in COLUMNS if m != best))

    cells = {(attack, m): accuracy[attack][m] for attack in active for m in COLUMNS}
    lowest = min(cells, key=lambda cell: cells[cell][0])
    guess = 1 / num_classes
    adv_best = sum(int(is_best(accuracy[attack], ADV)[0] == 1) for attack in adversarial)
    above = {attack: is_larger(accuracy[attack][FL], accuracy[attack][ORI]) for attack in active}
    count_above = sum(int(outcomes[0] == 1) for outcomes in above.values())
    return [
        Finding(
            "no-worse-than-guess",
            np.min(list(cells.values()), axis=0) >= guess - 1e-12,  # exactly a guess is not worse
            f"lowest accuracy {format_percent(cells[lowest][0])} ({lowest[1]} under {lowest[0]}); "
            f"a guess has {format_percent(guess)}",
        ),
        Finding(
            "adversarial-adv-best",
            is_best(attacked, ADV),
            f"averaged over adversarial attacks: {spell(attacked)}; "
            f"Adv. is best under {adv_best} of {len(adversarial)}",
        ),
        Finding(
            "fl-above-ori",
            hold_all(is_larger(attacked[FL], attacked[ORI]), is_larger(noisy[FL], noisy[ORI])),
            f"attacks: F.L. {format_percent(attacked[FL][0])}, Ori. {format_percent(attacked[ORI][0])}; "
            f"noises: F.L. {format_percent(noisy[FL][0])}, Ori. {format_percent(noisy[ORI][0])}; "
            f"above under {count_above} of {len(above)}, under every one: "
            f"{judge_resamples(hold_all(*above.values()))}{left_out}",
        ),
        Finding(
            "noise-fl-best",
            hold_all(*(is_best(accuracy[noise], FL) if noise in active else unknown for noise in NOISES)),
            "; ".join(f"{noise}: {spell(accuracy[noise])}" for noise in noises) + left_out,
        ),
        Finding(
            "noise-adv-destroyed",
            is_larger(noisy[ORI], noisy[ADV]),
            f"averaged over {' and '.join(noises) or 'no noise'}: Adv. {format_percent(noisy[ADV][0])}, "
            f"Ori. {format_percent(noisy[ORI][0])}{left_out}",
        ),
    ]
