"""Compare ways to search the same rays, side by side in one process on this machine.

Run by `make bench`; writes ``benchmarks/results/compare.json``, which README's table is made from.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from subjects import Subject, load_subject

from flutils import margins
from flutils.artifacts import describe_origin, write_json
from flutils.margins.checks import count_steps
from flutils.margins.engines import compile_inference
from flutils.margins.openvino_engine import compile_openvino

RESULTS = Path(__file__).parent / "results"
BATCH = 250
BATCHES = (50, 100, 250, 500)
# Samples and directions: many rays for the fast strategy, some of them for the sweep, a few for Algorithm 1.
SIZES = {
    "mnist": {"fast": (400, 150), "sweep": (40, 150)},
    "cifar10": {"fast": (200, 100), "sweep": (20, 100)},
}
LITERAL_RAYS = 8


def measure_rate(function: Callable[[], Any], *, seconds: float = 3.0) -> float:
    """Return calls a second, after one call that is not counted."""
    function()
    calls, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        function()
        calls += 1
    return calls / (time.perf_counter() - started)


def measure_matmul(size: int = 2048) -> float:
    """Return the machine's float32 matrix product in GFLOP/s."""
    matrix = np.random.default_rng(0).standard_normal((size, size), dtype=np.float32)
    return 2 * size**3 * measure_rate(lambda: matrix @ matrix) / 1e9


def measure_forward(subject: Subject, batch: int, rounds: int = 3) -> dict[str, float]:
    """Return bare forward passes in images a second, measured in turn, medians.

    "predict" is `predict_on_batch` as Keras compiles it by default, "keras" the search's own compilation
    without XLA, "openvino" the model compiled by OpenVINO.
    """
    points = np.resize(subject.samples(200)[0], (batch, *subject.data.image_shape))
    tensor = keras.ops.convert_to_tensor(points)
    compiled = compile_inference(lambda images: subject.model(images, training=False))
    fast = compile_openvino(subject.model, points.shape)
    engines = {
        "predict": lambda: subject.model.predict_on_batch(points),
        "keras": lambda: compiled(tensor),
        "openvino": lambda: fast(points),
    }
    rates: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name, call in engines.items():
            rates[name].append(batch * measure_rate(call, seconds=1.5))
    return {name: float(np.median(values)) for name, values in rates.items()}


def search_literally(subject: Subject) -> dict[str, float]:
    """Run Algorithm 1 as printed, one point a call, on a few rays."""
    x, y = subject.samples(LITERAL_RAYS * 10)
    directions = subject.directions(LITERAL_RAYS)
    grid = subject.grid()
    steps = count_steps(grid["step"], grid["search_range"])
    evaluations, rays, started = 0, 0, time.perf_counter()
    for image, label, direction in zip(x, y, np.resize(directions, (len(x), *x.shape[1:])), strict=True):
        if rays == LITERAL_RAYS:
            break
        for step in range(steps + 1):
            point = np.clip(image + step * grid["step"] * direction, *grid["bounds"])
            logits = subject.model(point[None].astype(np.float32), training=False)
            evaluations += 1
            if int(np.argmax(logits)) != label:
                break
        rays += step > 0  # samples at the boundary already say nothing about speed
    seconds = time.perf_counter() - started
    return {"rays": rays, "evaluations_a_ray": evaluations / rays, "rays_a_second": rays / seconds}


def search_batched(subject: Subject, strategy: str, engine: str, size: tuple[int, int]) -> dict[str, Any]:
    """Run the package's search and return what it took."""
    x, y = subject.samples(size[0])
    table = margins.search(
        subject.model,
        x,
        y,
        subject.directions(size[1]),
        strategy=strategy,
        engine=engine,
        batch_size=BATCH,
        audit_rate=0.0,
        **subject.grid(),
    )
    # Samples that are misclassified cost one evaluation for all their rays: leave them out of the rate.
    rays = int((table.crossing != 0).sum())
    return {
        "rays": rays,
        "evaluations_a_ray": table.cost.evaluations / rays,
        "rays_a_second": rays / table.cost.seconds,
        "seconds": table.cost.seconds,
    }


def compare(name: str) -> dict[str, Any]:
    """Measure everything for one subject."""
    subject = load_subject(name)
    matmul = measure_matmul()
    by_batch = {batch: measure_forward(subject, batch) for batch in BATCHES}
    print(subject.name, by_batch, flush=True)
    forward = by_batch[BATCH]
    sizes = SIZES[name]
    rows = {
        "Algorithm 1, one point a call": search_literally(subject),
        "sweep, TensorFlow": search_batched(subject, "sweep", "keras", sizes["sweep"]),
        "predict, TensorFlow": search_batched(subject, "predict", "keras", sizes["fast"]),
        "predict, OpenVINO": search_batched(subject, "predict", "openvino", sizes["fast"]),
    }
    for label, row in rows.items():
        row["gflops"] = row["rays_a_second"] * row["evaluations_a_ray"] * subject.flops / 1e9
        row["of_matmul"] = row["gflops"] / matmul
        row["times_sweep"] = row["rays_a_second"] / rows["sweep, TensorFlow"]["rays_a_second"]
        if not label.startswith("Algorithm"):
            bare = forward["openvino" if "OpenVINO" in label else "keras"]
            row["of_forward"] = row["rays_a_second"] * row["evaluations_a_ray"] / bare
        print(f"{subject.name}: {label}: {row}", flush=True)
    return {
        "subject": subject.name,
        "test_accuracy": subject.test_accuracy,
        "mflop_a_forward": subject.flops / 1e6,
        "batch_size": BATCH,
        "matmul_gflops": matmul,
        "forward_images_a_second": forward,
        "forward_by_batch": {str(batch): rates for batch, rates in by_batch.items()},
        "rows": rows,
    }


if __name__ == "__main__":
    RESULTS.mkdir(exist_ok=True)
    subjects = {name: compare(name) for name in SIZES}
    write_json(RESULTS / "compare.json", {"subjects": subjects, **describe_origin()})
