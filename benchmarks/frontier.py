"""What the fast search pays for being right: evaluations against mismatches, by setting.

Every ray is recorded once at every grid step, and the package's own search is then played back on the
recording, for each setting and for several choices of the pilot's rays. Run by `make bench`; recording
the default rays takes about half an hour on two cores and goes on where it was stopped, the rest takes
minutes. Writes ``benchmarks/results/frontier.json``, ``frontier.png`` and ``frontier.svg``.
"""

import argparse
import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from audit import SIZES
from compare import RESULTS
from recording import Playback, Recording, load_recording
from subjects import load_subject

from flutils.artifacts import describe_origin, write_json
from flutils.margins import SearchAudit, certificate
from flutils.margins.blocks import SearchJob
from flutils.margins.certificate import Certificate

SAFETIES = (3.0, 4.0, 5.0, 6.0, 7.0)
PILOTS = (2, 4)  # rays of each sample
SEEDS = tuple(range(5))
STRIDE = 4
TARGET = 1e-4  # mismatches per ray


def build_job(recording: Recording, pilot_rays: int, seed: int) -> SearchJob:
    """Return the search of all recorded rays, its pilot so many of each sample's."""
    return SearchJob(
        image=np.arange(len(recording.origin), dtype=np.int32),
        origin=recording.origin,
        gap=recording.gap[:, 0, 0],
        direction=recording.direction,
        sign=recording.sign,
        lengths=recording.lengths,
        block_rays=65_536,
        audit_rate=0.0,
        pilot_samples=len(recording.origin),
        pilot_rays=pilot_rays,
        seed=seed,
    )


def measure_settings(
    recording: Recording,
    *,
    safeties: Sequence[float] = SAFETIES,
    pilots: Sequence[int] = PILOTS,
    seeds: Sequence[int] = SEEDS,
) -> list[dict[str, Any]]:
    """Search all recorded rays with each setting and each pilot, and count what differs from the sweep."""
    engine, truth = Playback(recording), recording.first_crossing().ravel()
    found: dict[tuple[float, int], list[tuple[int, int]]] = {}
    for pilot, seed in itertools.product(pilots, seeds):
        job = build_job(recording, pilot, seed)
        gaps, samples = job.observe_pilot(engine, lambda chosen: chosen)
        for safety in safeties:
            learnt = Certificate.learn(gaps, samples, safety=safety)
            searching = dataclasses.replace(job, certificate=learnt)
            blocks = [searching.run(engine, job.samples(index), index) for index in range(job.num_blocks)]
            crossing = np.concatenate([block.crossing for block in blocks])
            counts = (sum(block.evaluations for block in blocks), int((crossing != truth).sum()))
            found.setdefault((safety, pilot), []).append(counts)
    num_samples, last = len(recording.origin), len(recording.lengths) - 1
    return [
        {
            "safety": safety,
            "pilot_rays": pilot * num_samples,
            "pilot_evaluations_a_ray": pilot * num_samples * last / recording.rays,
            **_pool(recording.rays, *zip(*counts, strict=True)),
        }
        for (safety, pilot), counts in found.items()
    ]


def _pool(rays: int, evaluations: Sequence[int], mismatches: Sequence[int]) -> dict[str, Any]:
    """Average over pilots. They share the rays, so the upper bound counts each ray once."""
    mean, total = float(np.mean(mismatches)), sum(mismatches)
    return {
        "evaluations_a_ray": float(np.mean(evaluations)) / rays,
        "mismatches": list(mismatches),
        "rate": mean / rays,
        "upper_bound": SearchAudit(rays, int(np.ceil(mean)), 0).upper_bound,
        "pooled_upper_bound": SearchAudit(rays * len(mismatches), total, 0).upper_bound,
    }


def measure_strategies(recording: Recording) -> dict[str, dict[str, Any]]:
    """Count evaluations and mismatches of simpler searches on the same rays."""
    differs = (recording.predicted != recording.origin[:, None, None]).reshape(recording.rays, -1)
    truth, last = recording.first_crossing().ravel(), differs.shape[1] - 1
    row = np.arange(len(differs))

    def bisect(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, int]:
        """Halve each interval, same class at `low` and another at `high`, to one step."""
        evaluations = 0
        while (open_ := high - low > 1).any():
            middle = (low + high) // 2
            other = differs[row, middle]
            high, low = np.where(open_ & other, middle, high), np.where(open_ & ~other, middle, low)
            evaluations += int(open_.sum())
        return high, evaluations

    def judge(crossing: np.ndarray, evaluations: int) -> dict[str, Any]:
        return _pool(recording.rays, [evaluations], [int((crossing != truth).sum())])

    ends = differs[:, last]
    at, halvings = bisect(np.zeros_like(truth), np.where(ends, last, 1))
    looks = np.unique([*range(STRIDE, last, STRIDE), last])
    strides = np.where(differs[:, looks].any(axis=1), differs[:, looks].argmax(axis=1), len(looks) - 1)
    hit, before = differs[row, looks[strides]], np.concatenate([[0], looks])[strides]
    in_stride, more = bisect(before, np.where(hit, looks[strides], before + 1))
    return {
        "sweep": judge(truth, int(np.where(truth < 0, last, truth).sum())),
        "end and bisection": judge(np.where(ends, at, -1), len(truth) + halvings),
        f"stride {STRIDE} and bisection": judge(
            np.where(hit, in_stride, -1), int((strides + 1).sum()) + more
        ),
    }


def list_pareto(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the points that no other beats in evaluations and in mismatches, from the cheapest on."""
    best: list[dict[str, Any]] = []
    for point in sorted(points, key=lambda one: (one["evaluations_a_ray"], one["rate"])):
        if not best or point["rate"] < best[-1]["rate"]:
            best.append(point)
    return best


def find_best(subjects: dict[str, Any]) -> dict[str, float] | None:
    """Return the safety that keeps to `TARGET` for every model and pilot, with the fewest evaluations."""
    costs: dict[float, float] = {}
    for one in itertools.chain.from_iterable(subject["settings"] for subject in subjects.values()):
        cost = one["evaluations_a_ray"] if one["rate"] <= TARGET else np.inf
        costs[one["safety"]] = costs.get(one["safety"], 0.0) + cost
    safety = min(costs, key=lambda key: costs[key])
    return {"safety": safety} if np.isfinite(costs[safety]) else None


def measure_frontier(name: str, samples: int, directions: int, **grid: Any) -> dict[str, Any]:
    """Record one subject's rays, or read them, and measure every setting and strategy on them."""
    subject = load_subject(name)
    recording = load_recording(name, subject, samples, directions)
    print(subject.name, recording.rays, "rays recorded", flush=True)
    found = {
        "subject": subject.name,
        "rays": recording.rays,
        "settings": measure_settings(recording, **grid),
        "strategies": measure_strategies(recording),
    }
    for one in found["settings"]:
        print(subject.name, one, flush=True)
    return found


def plot(subjects: dict[str, Any], default: dict[str, float]) -> plt.Figure:
    """Draw mismatches per ray against evaluations per ray, a panel a model."""
    figure, axes = plt.subplots(1, len(subjects), figsize=(5.5 * len(subjects), 4), layout="constrained")
    for axis, subject in zip(np.atleast_1d(axes), subjects.values(), strict=True):
        # No mismatch is drawn as half of one, with a line up to the bound.
        lowest = 0.5 / (subject["rays"] * len(subject["settings"][0]["mismatches"]))
        pilots = sorted({one["pilot_rays"] for one in subject["settings"]})
        for one in subject["settings"]:
            color = f"C{pilots.index(one['pilot_rays'])}"
            place = one["evaluations_a_ray"], one["rate"] or lowest
            axis.scatter(
                *place,
                marker="osD^v"[pilots.index(one["pilot_rays"])],
                s=28,
                facecolors=color if one["rate"] else "none",
                edgecolors=color,
            )
            if not one["rate"]:
                axis.plot([place[0]] * 2, [lowest, one["pooled_upper_bound"]], color=color, lw=0.6, alpha=0.6)
            if all(one[key] == value for key, value in default.items()):
                axis.scatter(*place, s=130, facecolors="none", edgecolors="C3")
        for index, (pilot, marker) in enumerate(zip(pilots, "osD^v", strict=False)):
            axis.scatter([], [], s=28, color=f"C{index}", marker=marker, label=f"{pilot:,} pilot rays")
        line = list_pareto(subject["settings"])
        axis.plot(
            [one["evaluations_a_ray"] for one in line],
            [one["rate"] or lowest for one in line],
            color="0.6",
            lw=1,
            label="no setting better in both",
        )
        for name, one in subject["strategies"].items():
            y = one["rate"] or lowest
            axis.scatter(one["evaluations_a_ray"], y, color="0.3", marker="x")
            axis.annotate(
                name,
                (one["evaluations_a_ray"], y),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
        axis.scatter([], [], s=130, facecolors="none", edgecolors="C3", label="default")
        axis.axhline(TARGET, color="0.7", lw=0.8, ls="--")
        looked = subject["strategies"].values()
        axis.set(
            yscale="log",
            xlim=(0, 1.1 * max(one["evaluations_a_ray"] for one in looked)),
            ylim=(lowest / 2, 3 * max(one["rate"] for one in looked)),
            xlabel="evaluations per ray, without the pilot's",
            ylabel="mismatches per ray (hollow: none; line: 95 %)",
            title=f"{subject['subject']}, {subject['rays']:,} rays",
        )
    # Both panels have the same marks.
    axis.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5))
    return figure


def make_frontier(sizes: dict[str, tuple[int, int]], **grid: Any) -> dict[str, Any]:
    """Measure every subject and return what ``frontier.json`` holds."""
    subjects = {name: measure_frontier(name, *size, **grid) for name, size in sizes.items()}
    default = {"safety": certificate.SAFETY}
    return {
        "strategy": "predict",
        "default": default,
        "best": find_best(subjects),
        "target": TARGET,
        "subjects": subjects,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, help="samples a model; default: those of audit.py")
    parser.add_argument("--directions", type=int, help="directions a sample; default: those of audit.py")
    chosen = parser.parse_args()
    measured = make_frontier(
        {
            name: (chosen.samples or samples, chosen.directions or directions)
            for name, (samples, directions) in SIZES.items()
        }
    )
    RESULTS.mkdir(exist_ok=True)
    write_json(RESULTS / "frontier.json", {**measured, **describe_origin()})
    drawn = plot(measured["subjects"], measured["default"])
    for suffix in ("png", "svg"):
        drawn.savefig(RESULTS / f"frontier.{suffix}", dpi=150)
