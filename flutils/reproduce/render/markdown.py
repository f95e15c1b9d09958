"""Tables, numbers and words in markdown."""

from collections.abc import Sequence
from typing import Any

TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
SYMBOLS = {"holds": "✓", "fails": "✗", "cannot tell": "?"} | dict.fromkeys(
    ("not printed", "not claimed", "not judged"), "–"
)


def make_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Write a table whose first `left` columns are aligned to the left, and the others to the right."""
    align = [*["---"] * left, *["---:"] * (len(header) - left)]
    cells = [[text.replace("|", "\\|") for text in line] for line in (header, *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (cells[0], align, *cells[1:]))


def fold(summary: str, content: str) -> str:
    """Write what a reader opens at will."""
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"


def mark(verdict: str) -> str:
    """Write a verdict with its symbol."""
    return f"{SYMBOLS[verdict]} {verdict}" if verdict in SYMBOLS else verdict


def spell_dataset(name: str) -> str:
    """Write a dataset's name as the paper does."""
    return TITLES.get(name, name)


def spell_number(value: Any, decimals: int = 2) -> str:
    """Write a number; a dash for None."""
    return "–" if value is None else f"{float(value):,.{decimals}f}"


def spell_share(value: float | None) -> str:
    """Write a fraction in percent; a dash for None."""
    return "–" if value is None else f"{100 * value:.2f} %"


def spell_seconds(seconds: float) -> str:
    """Write a duration in seconds or minutes."""
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def count(number: int, noun: str) -> str:
    """Write a number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
