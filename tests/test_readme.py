"""README's own-model snippet runs as printed."""

import re
from pathlib import Path

import keras
import numpy as np

README = Path(__file__).parents[1] / "README.md"


def test_own_model_snippet_runs_as_printed(capsys):
    snippets = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.S)
    assert len(snippets) == 1
    rng = np.random.default_rng(0)
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    x = rng.random((30, 8, 8, 1), dtype=np.float32)
    y = model.predict_on_batch(x).argmax(axis=1)
    # 100 directions need more than 64 pixels; everything else is as printed.
    names = {"model": model, "x": x, "y": y}
    exec(snippets[0].replace("orthogonal(100", "orthogonal(60"), names)

    table, printed = names["table"], capsys.readouterr().out
    assert table.margin.shape == (30, 120)
    assert np.isfinite(table.margin).any()
    assert "samples: 30" in printed
    assert np.isclose((names["M"] * names["N"])[names["N"] > 0].sum(), np.nansum(table.margin))
