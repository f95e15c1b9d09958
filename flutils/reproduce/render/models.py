"""The models as markdown."""

from collections.abc import Mapping
from typing import Any

from flutils import paper
from flutils.reproduce.collect import Results
from flutils.reproduce.notebooks import ALL
from flutils.reproduce.render.markdown import count, make_table, spell_dataset, spell_seconds, spell_share

_HEADER = ["dataset", "model", "test accuracy", "under PGD", "parameters", "training time"]


def render_models(found: Results) -> str:
    """Render the models' accuracies, sizes and training times; empty if none is reported.

    The result ``report`` knows all of them; without it, ``train`` knows Ori. and perhaps Adv.
    """
    reported = found.get(ALL, {}).get("report", {}).get("models", ())
    models = [*reported] or [
        model for results in found.values() for model in _list_trained(results.get("train"))
    ]
    rows = [
        [
            spell_dataset(model["dataset"]),
            model["model"],
            spell_share(model["test_accuracy"]),
            spell_share(model.get("pgd_accuracy")),
            f"{model['parameters']:,}",
            f"{spell_seconds(model['training_seconds'])} ({count(model['epochs'], 'epoch')})",
        ]
        for model in models
    ]
    return make_table(_HEADER, rows, left=2) if rows else ""


def _list_trained(values: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the models that the result ``train`` of notebook 01 knows."""
    if values is None:
        return []
    common = {key: values[key] for key in ("dataset", "parameters")}
    keys = ("test_accuracy", "pgd_accuracy", "training_seconds", "epochs")
    adv = {key: values.get(f"adv_{key}") for key in keys}
    models = [{**common, "model": paper.ORI, **{key: values.get(key) for key in keys}}]
    return [*models, {**common, "model": paper.ADV, **adv}] if adv["epochs"] else models
