"""What the paper's text claims, judged on measured numbers: holds, fails, or cannot tell.

A verdict comes from a bootstrap: the claim is evaluated on 2,000 resamples, and *holds* if it is true in at
least 97.5 % of them, *fails* if it is false in at least 97.5 %, and is *cannot tell* in between. What is
resampled is what is independent: whole samples of margin tables (rays of one sample are not independent),
images under attack, directions from class-center images; always the same for all models, which are compared
on the same inputs. Models that are exactly alike are not "more" than each other, so such a claim fails.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from flutils import paper
from flutils.claims.attacks import judge_attacks
from flutils.claims.centers import judge_center_images
from flutils.claims.class_robustness import judge_class_robustness
from flutils.claims.control import (
    CONTROL,
    Comparison,
    compare_with_control,
    tabulate_comparisons,
)
from flutils.claims.curves import judge_fgsm_curves
from flutils.claims.feedback import judge_feedback
from flutils.claims.frame import tabulate
from flutils.claims.levels import judge_improvement, judge_mean_margins
from flutils.claims.printed import NOT_CLAIMED, NOT_PRINTED, judge_paper, judge_printed
from flutils.claims.resamples import RESAMPLES, resample_means, resample_tables
from flutils.claims.table1 import judge_table1
from flutils.claims.verdicts import (
    CANNOT_TELL,
    CONFIDENCE,
    FAILS,
    HOLDS,
    Verdict,
    judge,
    spell_difference,
    spell_significant,
)

ALL_IDS = tuple(claim.id for claim in paper.CLAIMS)

_JUDGED: dict[Callable[..., list[Verdict]], str] = {
    judge_table1: "inequality most-robust most-vulnerable neighbours",
    judge_feedback: "strength-crosses",
    judge_fgsm_curves: "fgsm-above-ori fgsm-adv-below-0.4 fgsm-fl-above-0.4 fgsm-adv-at-0.5",
    judge_center_images: "cci-ori-worst cci-adv-marginal cci-fl-best cci-fl-set margin-always",
    judge_attacks: "no-worse-than-guess adversarial-adv-best fl-above-ori noise-fl-best noise-adv-destroyed",
    judge_mean_margins: "margins-3-4 more-beyond-range r-fl-substantial r-fl-above-reduced reduced-r-mnist",
    judge_improvement: "cifar-more",
    judge_class_robustness: (
        "r-threshold adv-unstable classes-3-4 low-classes reduced-above-ori reduced-below-fl"
    ),
}
JUDGES: Mapping[str, Callable[..., list[Verdict]]] = MappingProxyType(
    {claim_id: judge_claim for judge_claim, ids in _JUDGED.items() for claim_id in ids.split()}
)
"""Claim's id -> the function that judges it; the ids that one function shares are in its order."""

__all__ = [
    "ALL_IDS",
    "CANNOT_TELL",
    "CONFIDENCE",
    "CONTROL",
    "FAILS",
    "HOLDS",
    "JUDGES",
    "NOT_CLAIMED",
    "NOT_PRINTED",
    "RESAMPLES",
    "Comparison",
    "Verdict",
    "compare_with_control",
    "judge",
    "judge_attacks",
    "judge_center_images",
    "judge_class_robustness",
    "judge_feedback",
    "judge_fgsm_curves",
    "judge_improvement",
    "judge_mean_margins",
    "judge_paper",
    "judge_printed",
    "judge_table1",
    "resample_means",
    "resample_tables",
    "spell_difference",
    "spell_significant",
    "tabulate",
    "tabulate_comparisons",
]
