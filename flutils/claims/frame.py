"""Verdicts as a table to show."""

from collections.abc import Mapping, Sequence
from typing import Any

from flutils.claims.printed import judge_printed
from flutils.claims.verdicts import Verdict

COLUMNS = ("dataset", "about", "claim", "printed numbers", "ours", "evidence")


def tabulate(found: Mapping[str, Sequence[Verdict]]) -> Any:
    """Put verdicts beside what the paper's own printed numbers say.

    Args:
        found: dataset -> its verdicts.

    Returns:
        A pandas frame with a row a verdict: dataset, table or figure, claim, the verdict of the printed
        numbers (see `judge_printed`), the verdict here, and its evidence.
    """
    import pandas as pd

    rows = [
        (dataset, item.about, item.claim, judge_printed(item.id, dataset), item.verdict, item.evidence)
        for dataset, verdicts in found.items()
        for item in verdicts
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
