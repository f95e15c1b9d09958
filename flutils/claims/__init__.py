"""What the paper's text claims, judged on measured numbers: holds, fails, or cannot tell.

A verdict comes from a bootstrap: the claim is evaluated on 2,000 resamples, and *holds* if it is true in at
least 97.5 % of them, *fails* if it is false in at least 97.5 %, and is *cannot tell* in between. What is
resampled is what is independent: whole samples of margin tables (rays of one sample are not independent),
images under attack; always the same for all models, which are compared
on the same inputs. Models that are exactly alike are not "more" than each other, so such a claim fails.
"""

from flutils.claims.control import (
    COMPARED,
    CONTROL,
    NOISE,
    Comparison,
    compare_with_controls,
    find_difference,
)
from flutils.claims.resamples import (
    RESAMPLES,
    ResampledMargins,
    check_models,
    draw_weights,
    recenter,
    resample_means,
    resample_tables,
    split_samples,
)
from flutils.claims.verdicts import (
    CANNOT_TELL,
    CONFIDENCE,
    FAILS,
    HOLDS,
    Finding,
    Floats,
    Verdict,
    agree,
    correlate_ranks,
    find_ends,
    format_difference,
    format_ends,
    format_percent,
    format_signed,
    format_significant,
    hold_all,
    is_larger,
    judge_findings,
    judge_resamples,
    make_verdict,
    rank_correlation,
)

__all__ = [
    "CANNOT_TELL",
    "COMPARED",
    "CONFIDENCE",
    "CONTROL",
    "FAILS",
    "HOLDS",
    "NOISE",
    "RESAMPLES",
    "Comparison",
    "Finding",
    "Floats",
    "ResampledMargins",
    "Verdict",
    "agree",
    "check_models",
    "compare_with_controls",
    "correlate_ranks",
    "draw_weights",
    "find_difference",
    "find_ends",
    "format_difference",
    "format_ends",
    "format_percent",
    "format_signed",
    "format_significant",
    "hold_all",
    "is_larger",
    "judge_findings",
    "judge_resamples",
    "make_verdict",
    "rank_correlation",
    "recenter",
    "resample_means",
    "resample_tables",
    "split_samples",
]
