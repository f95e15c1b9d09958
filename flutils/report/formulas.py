"""The formulas of a page as pictures, so that it needs neither a script nor the network to show them."""

import io
import re
from base64 import b64encode
from html import escape
from typing import Any

_FORMULA = re.compile(r"(\$\$?)(?=\S)(.+?)(?<=\S)\1", re.DOTALL)
# What matplotlib's language of formulas has under another name only.
_NAMES = {r"\tfrac12": r"\frac{1}{2}", r"\tfrac": r"\frac", r"\lVert": r"\|", r"\rVert": r"\|"}
_RELATION = re.compile(r"\\le(?![a-z])")


def draw_formulas(text: str) -> str:
    """Replace the formulas in a piece of text by pictures that have the formula as alternative text.

    Args:
        text: with formulas between ``$`` or, those on a line of their own, ``$$``.

    Returns:
        HTML; a formula that matplotlib cannot read stays as it is.
    """
    parts, end = [], 0
    for match in _FORMULA.finditer(text):
        parts += [escape(text[end : match.start()]), _draw(match)]
        end = match.end()
    return "".join([*parts, escape(text[end:])])


def _draw(match: re.Match[str]) -> str:
    from matplotlib.mathtext import math_to_image

    formula = _RELATION.sub(r"\\leq", match[2].replace("\n", " "))
    for name, known in _NAMES.items():
        formula = formula.replace(name, known)
    drawn: Any = io.BytesIO()
    try:
        math_to_image(f"${formula}$", drawn, dpi=72, format="svg")
    except ValueError:
        return escape(match[0])
    kind = "formula shown" if match[1] == "$$" else "formula"
    source = b64encode(drawn.getvalue()).decode()
    return f'<img class="{kind}" alt="{escape(match[2])}" src="data:image/svg+xml;base64,{source}"/>'
