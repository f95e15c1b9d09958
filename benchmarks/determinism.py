"""What is the same to the last bit, and what is not, when something around a computation changes.

Small trainings, searches, examples and attacks run in processes of their own, first as a reference and then
with one thing changed. Run by `make bench`; writes ``benchmarks/results/determinism.json``.
"""

import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np

from flutils import attacks, data, feedback, margins, models, training
from flutils.artifacts import describe_origin, write_json
from flutils.config import load_profile, replace
from flutils.directions import random_orthogonal

RESULTS = Path(__file__).parent / "results"
NAMES = {"mnist": "MNIST CNN", "cifar10": "ResNet-8"}
OUTCOMES = ("directions", "weights", "logits", "margins", "examples", "attack")
# Of a ray the step at which it crosses can differ, of the others numbers.
STEPS = "margins"


@dataclass(frozen=True)
class Sizes:
    """How much of everything: enough rays for the fast search, and few enough for minutes."""

    prepared: int = 4_000  # images of the training that gives the models to be searched and attacked
    trained: int = 1_024
    samples: int = 40
    rays: int = 100  # of each sample
    examples: int = 10  # likewise
    attacked: int = 100
    pgd_steps: int = 10


@dataclass(frozen=True)
class Variant:
    """One thing that is not as in the reference."""

    name: str
    environment: dict[str, str] = field(default_factory=dict)
    cores: int = 2
    engine: str = "auto"  # of the search; "function" hides the model in one
    batch_size: int = 250  # of search and attack
    block_rays: int = 65_536
    seed: int = 0


REFERENCE = Variant("reference")
VARIANTS = (
    Variant("nothing (a second run)"),
    Variant("nothing (a third run)"),
    Variant("one thread", cores=1),
    Variant("batches of 100 points", batch_size=100),
    Variant("blocks of 1,000 rays", block_rays=1_000),
    Variant("search in TensorFlow", engine="keras"),
    Variant("search of a function that calls Keras", engine="function"),
    Variant("JAX in place of TensorFlow", {"KERAS_BACKEND": "jax"}),
    Variant("TensorFlow without oneDNN", {"TF_ENABLE_ONEDNN_OPTS": "0"}),
    Variant("oneDNN as on AVX-512 without VNNI and AMX", {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}),
    Variant(
        "oneDNN and OpenBLAS as on AVX2",
        {"ONEDNN_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Haswell"},
    ),
    Variant("another seed", seed=1),
)


def prepare(folder: Path, dataset: str, sizes: Sizes) -> None:
    """Train the model that every variant searches and attacks."""
    config, ds = _load(dataset, sizes.prepared)
    model = models.build_model(config.model, seed=0)
    training.train_natural(model, *_first(ds, sizes.prepared), config.training, seed=0)
    models.save_model(model, folder / f"{dataset}.keras")


def compute(folder: Path, dataset: str, sizes: Sizes, variant: Variant) -> dict[str, np.ndarray]:
    """Return everything that is compared of one dataset, computed in this process."""
    config, ds = _load(dataset, sizes.trained)
    seed, bounds, search = variant.seed, ds.bounds, config.search
    rays = random_orthogonal(sizes.rays // (1 + search.both_signs), shape=ds.image_shape, seed=seed)
    found: dict[str, np.ndarray] = {"directions": rays}

    model = models.build_model(config.model, seed=0)
    training.train_natural(model, *_first(ds, sizes.trained), config.training, seed=seed)
    found["weights"] = np.concatenate([weight.ravel() for weight in model.get_weights()])

    model = models.load_model(folder / f"{dataset}.keras")
    x, y = _first(ds, max(sizes.samples, sizes.attacked))
    found["logits"] = model.predict_on_batch(x)
    hidden = variant.engine == "function"
    table = margins.search(
        (lambda points: model.predict_on_batch(points)) if hidden else model,
        x[: sizes.samples],
        y[: sizes.samples],
        rays,
        step=search.step,
        search_range=search.search_range,
        bounds=bounds,
        both_signs=search.both_signs,
        reference="prediction",
        engine="auto" if hidden else variant.engine,
        batch_size=variant.batch_size,
        block_rays=variant.block_rays,
        audit_rate=0.0,
        seed=seed,
    )
    found["margins"] = table.crossing
    chosen = feedback.choose_samples(table, equal=True, samples_low=sizes.samples, seed=seed)
    made = feedback.make_examples(
        table,
        x[: sizes.samples],
        rays,
        chosen,
        rays_per_sample=sizes.examples,
        labels=y[: sizes.samples],
        seed=seed,
    )
    # Rows of samples and ranks, so that one example less moves no other.
    examples = np.full((sizes.samples, sizes.examples, *ds.image_shape), np.nan, np.float32)
    for row in np.unique(made.sample):
        own = made.images[made.sample == row]
        examples[row, : len(own)] = own
    found["examples"] = examples.reshape(-1, *ds.image_shape)
    if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":  # which the attacks need
        found["attack"] = attacks.run(
            "PGD",
            model,
            x[: sizes.attacked],
            y[: sizes.attacked],
            strength=config.attacks.standard_linf / 2,
            bounds=bounds,
            seed=seed,
            batch_size=variant.batch_size,
            steps=sizes.pgd_steps,
        ).images
    return found


def compare(reference: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> dict[str, Any]:
    """Say how many rows of each outcome differ, of how many, and by how much at most; None without outcome.

    Rows are rays, examples, images or directions; each weight is one.
    """
    return {
        name: _compare_one(reference[name], other[name], name == STEPS) if name in other else None
        for name in OUTCOMES
    }


def _compare_one(first: np.ndarray, second: np.ndarray, steps: bool) -> dict[str, Any]:
    first, second = (
        array.reshape(-1, 1) if steps else array.reshape(len(array), -1) for array in (first, second)
    )
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    apart = np.abs(first.astype(np.float64) - second)[~same]
    # One that crosses in one run alone, or an example that is made in one alone, has no distance.
    both = apart[((first >= 0) & (second >= 0))[~same]] if steps else apart[np.isfinite(apart)]
    return {
        "identical": bool(same.all()),
        "rows": len(same),
        "differ": int((~same).any(axis=1).sum()),
        "largest": float(both.max(initial=0.0)),
        "in one alone": int(apart.size - both.size) if steps else int((~np.isfinite(apart)).any()),
        "scale": 1.0 if steps else float(np.nanmax(np.abs(first))),
    }


def run_alone(
    folder: Path, datasets: list[str], sizes: Sizes, variant: Variant, *, first: bool = False
) -> Any:
    """Do in a new process what `prepare` or `compute` do; return the outcomes of each dataset."""
    task = {
        "folder": str(folder),
        "datasets": datasets,
        "sizes": dataclasses.asdict(sizes),
        "variant": dataclasses.asdict(variant),
        "first": first,
    }
    cores = sorted(os.sched_getaffinity(0))[: variant.cores]
    subprocess.run(
        [sys.executable, __file__, json.dumps(task)],
        env={**os.environ, **variant.environment},
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
        check=True,
    )
    return {} if first else {dataset: dict(np.load(folder / f"{dataset}.npz")) for dataset in datasets}


def measure(datasets: list[str], sizes: Sizes, variants: tuple[Variant, ...], folder: Path) -> dict[str, Any]:
    """Compare all variants with the reference."""
    run_alone(folder, datasets, sizes, REFERENCE, first=True)
    reference = run_alone(folder, datasets, sizes, REFERENCE)
    found: dict[str, Any] = {NAMES[dataset]: {} for dataset in datasets}
    for variant in variants:
        if variant.environment.get("KERAS_BACKEND") == "jax" and not util.find_spec("jax"):
            continue
        other = run_alone(folder, datasets, sizes, variant)
        for dataset in datasets:
            found[NAMES[dataset]][variant.name] = compare(reference[dataset], other[dataset])
            print(NAMES[dataset], variant.name, found[NAMES[dataset]][variant.name], flush=True)
    return found


def find_limit(variant: Variant) -> str:
    """Return what oneDNN in TensorFlow says of the processor under a variant's environment."""
    script = "import flutils, tensorflow as tf; tf.linalg.matmul(tf.ones((8, 8)), tf.ones((8, 8)))"
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1", **variant.environment, "ONEDNN_VERBOSE": "1"}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    told = re.search(r"info,cpu,isa:(.*)", run.stdout)
    return told[1] if told else "not used"


def _load(dataset: str, count: int) -> tuple[Any, Any]:
    """Return settings of one epoch over so many images, and the dataset."""
    config = load_profile(dataset, "quick")
    return replace(config, training={"epochs": 1, "train_size": count}), data.load(dataset)


def _first(ds: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    return ds.x_train[:count], ds.y_train[:count]


def main(task: dict[str, Any]) -> None:
    """Do in this process what `run_alone` asked for."""
    folder, sizes, variant = Path(task["folder"]), Sizes(**task["sizes"]), Variant(**task["variant"])
    for dataset in task["datasets"]:
        if task["first"]:
            prepare(folder, dataset, sizes)
        else:
            np.savez(folder / f"{dataset}.npz", **compute(folder, dataset, sizes, variant))


if __name__ == "__main__":
    if sys.argv[1:]:
        main(json.loads(sys.argv[1]))
    else:
        RESULTS.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            subjects = measure(list(NAMES), Sizes(), VARIANTS, Path(scratch))
        limited = [
            REFERENCE,
            *(variant for variant in VARIANTS if "ONEDNN_MAX_CPU_ISA" in variant.environment),
        ]
        limits = {variant.name: find_limit(variant) for variant in limited}
        measured = {"sizes": dataclasses.asdict(Sizes()), "subjects": subjects, "isa": limits}
        write_json(RESULTS / "determinism.json", {**measured, **describe_origin()})
