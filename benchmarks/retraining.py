"""How long and at what rate to retrain: a sweep on the loss alone, before any robustness is looked at.

The rule was fixed beforehand. The peak rate is the one with the lowest training loss in the last of two
epochs; at that rate the epochs are the fewest of 2, 4 and 8 from which doubling them lowers that loss by
less than 0.01 nats, else 8. Neither test images nor margins are read. Each run is kept at once, so that a
sweep that was stopped continues. Writes ``benchmarks/results/retraining.json``.
"""

import argparse
import json
import time
from typing import Any

from compare import RESULTS

from flutils import training
from flutils.artifacts import describe_origin, write_json
from flutils.config import replace
from flutils.experiment import Experiment

RATES = {"mnist": (1e-4, 3e-4, 1e-3), "cifar10": (0.01, 0.03, 0.1)}
EPOCHS = (2, 4, 8)
LEVEL = 0.01  # nats of training loss below which more epochs are not worth it


def choose_rate(runs: list[dict[str, Any]]) -> float:
    """Return the rate with the lowest loss after the fewest epochs."""
    return min((run for run in runs if run["epochs"] == EPOCHS[0]), key=lambda run: run["loss"])["rate"]


def choose_epochs(runs: list[dict[str, Any]], rate: float) -> int:
    """Return the fewest epochs from which doubling them lowers the loss by less than `LEVEL`."""
    loss = {run["epochs"]: run["loss"] for run in runs if run["rate"] == rate}
    for epochs in EPOCHS[:-1]:
        # A loss below the level cannot fall by more, whatever a longer run gives.
        if loss[epochs] < LEVEL or loss[epochs] - loss[2 * epochs] < LEVEL:
            return epochs
    return EPOCHS[-1]


def sweep(dataset: str, profile: str, results: dict[str, Any]) -> None:
    """Run what is missing of one dataset's sweep, and keep it in `results` and on disk."""
    experiment = Experiment(dataset, profile, 0)
    ori = experiment.models.ori()
    examples = experiment.feedback.examples(ori)
    runs = results.setdefault(dataset, {"examples": len(examples), "runs": []})["runs"]

    def run(rate: float, epochs: int) -> None:
        if any((done["rate"], done["epochs"]) == (rate, epochs) for done in runs):
            return
        started = time.perf_counter()
        history = training.train_feedback(
            ori.load(),
            *experiment.training_set,
            examples.images,
            examples.labels,
            experiment.config.training,
            replace(experiment.config.feedback, learning_rate=rate, epochs=epochs),
            seed=experiment.seed,
        ).history
        seconds = time.perf_counter() - started
        last = {name: history[-1][name] for name in ("loss", "accuracy")}
        runs.append({"rate": rate, "epochs": epochs, **last, "seconds": round(seconds, 1)})
        results[dataset]["origin"] = describe_origin()
        write_json(RESULTS / "retraining.json", results)
        print(dataset, runs[-1], flush=True)

    for rate in RATES[dataset]:
        run(rate, EPOCHS[0])
    best = choose_rate(runs)
    for epochs in EPOCHS[1:]:
        if runs[-1]["loss"] >= LEVEL or runs[-1]["rate"] != best:
            run(best, epochs)
    results[dataset] |= {"rate": best, "epochs": choose_epochs(runs, best)}
    write_json(RESULTS / "retraining.json", results)
    print(dataset, "chosen:", results[dataset]["rate"], results[dataset]["epochs"], flush=True)


def main() -> None:
    """Run the sweeps that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", action="append", choices=tuple(RATES))
    parser.add_argument("--profile", default="paper")
    arguments = parser.parse_args()
    path = RESULTS / "retraining.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    results = {name: known[name] for name in RATES if name in known}
    for dataset in arguments.dataset or RATES:
        sweep(dataset, arguments.profile, results)


if __name__ == "__main__":
    main()
