"""README's own-model snippets run as printed, and what it lists and links is there."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from flutils.config import PROFILES
from flutils.reproduce.notebooks import list_paths

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROSE = re.sub(r"<!-- (\w+):begin -->.*?<!-- \1:end -->", "", README, flags=re.S)


@pytest.fixture(scope="module")
def names():
    """What a reader has: a trained model, images and their classes."""
    rng = np.random.default_rng(0)
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    x = rng.random((30, 8, 8, 1), dtype=np.float32)
    return {"model": model, "x": x, "y": model.predict_on_batch(x).argmax(axis=1)}


def test_own_model_snippets_run_as_printed(names, capsys):
    snippets = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    assert len(snippets) == 2
    # 100 directions need more than 64 pixels; everything else is as printed.
    exec(snippets[0].replace("orthogonal(100", "orthogonal(60"), names)
    table, printed = names["table"], capsys.readouterr().out
    assert table.margin.shape == (30, 120)
    assert np.isfinite(table.margin).any()
    assert "samples: 30" in printed
    assert np.isclose((names["M"] * names["N"])[names["N"] > 0].sum(), np.nansum(table.margin))

    before = names["model"].get_weights()
    exec(snippets[1], names)
    printed = capsys.readouterr().out
    assert "Selection(" in printed
    assert "FeedbackExamples(" in printed
    assert len(names["examples"]) > 0
    after = names["retrained"].model.get_weights()
    assert any(not np.array_equal(old, new) for old, new in zip(before, after, strict=True))
    assert len(names["retrained"].history) == names["recipe"].feedback.epochs


def test_notebook_table_lists_every_notebook():
    rows = re.findall(r"^\| (\d\d) \| \[.+?\]\(notebooks/(.+?)\) \|", PROSE, flags=re.M)
    assert [name for _, name in rows] == [
        path.name for path in list_paths(ROOT / "notebooks") if path.name[:2] != "00"
    ]
    assert all(name.startswith(number) for number, name in rows)


def test_links_lead_somewhere():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_prose_names_every_profile_and_no_measured_accuracy():
    assert [name for name in PROFILES if f"| `{name}` |" not in PROSE] == []
    # 97.5 % and 2.5 % are the rule of the verdicts.
    assert set(re.findall(r"\d+(?:\.\d+)? ?%", PROSE)) <= {"97.5 %", "2.5 %"}
