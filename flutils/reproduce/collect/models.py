"""The trained models: accuracy, size and what their training took, from their provenance."""

from collections.abc import Mapping
from typing import Any

from flutils.artifacts import Artifact
from flutils.experiment import CONTROL, LABELS


def collect_models(dataset: str, artifacts: Mapping[str, Artifact | None]) -> list[dict[str, Any]]:
    """Collect what is known of the models of a dataset: the paper's four in its order, and the control.

    Args:
        dataset: whose models.
        artifacts: name -> the artifact, None where it is not made; others than the models are ignored.

    Returns:
        One mapping a trained model: dataset, model, parameters, epochs, training seconds, the fractions
        test accuracy and PGD accuracy (None where not measured), feedback examples (None where none were
        used), device, date, source commit and versions.
    """
    rows = []
    for name, label in (*LABELS.items(), (CONTROL, CONTROL)):
        artifact = artifacts.get(name)
        if artifact is None:
            continue
        about, measured = artifact.about, artifact.about["measured"]
        rows.append(
            {
                "dataset": dataset,
                "model": label,
                "parameters": measured["parameters"],
                "epochs": len(measured["history"]),
                "training_seconds": round(sum(epoch["seconds"] for epoch in measured["history"]), 1),
                "test_accuracy": measured["test_accuracy"],
                "pgd_accuracy": measured.get("pgd_accuracy"),
                "examples": measured.get("examples"),
                **{key: about[key] for key in ("device", "date", "commit", "versions")},
            }
        )
    return rows
