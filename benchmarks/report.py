"""Put what the benchmarks measured into docs/search.md and README.md, between their marks.

Run by `make bench` after the benchmarks; a test fails when a page and the result files differ.
"""

import json
import re
from pathlib import Path
from typing import Any

from flutils.folders import atomic_path

RESULTS = Path(__file__).parent / "results"
HOME = Path(__file__).parents[1]
BLOCK = re.compile(r"(<!-- benchmark:begin -->\n).*?(<!-- benchmark:end -->)", re.S)
HEADER = ("Search", "rays", "evaluations per ray", "rays/s", "× sweep", "GFLOP/s", "of matmul", "of forward")


def render() -> str:
    """Return the benchmarks' results as markdown."""
    compared, audited, grown, frontier = (_load(name) for name in ("compare", "audit", "growth", "frontier"))
    parts = [f"Measured by `make bench` on {compared['device']}, in one process."]
    parts += [_render_comparison(subject) for subject in compared["subjects"].values()]
    parts += ["Every ray of these searches was also swept:", _render_audits(audited)]
    parts += [_render_growth(grown), "![growth](../benchmarks/results/growth.png)"]
    parts += [_render_frontier(frontier), "![frontier](../benchmarks/results/frontier.png)"]
    return "\n\n".join(parts)


def _render_comparison(subject: dict[str, Any]) -> str:
    forward = subject["forward_images_a_second"]
    caption = (
        f"**{subject['subject']}** ({subject['test_accuracy']:.1%} test accuracy, "
        f"{subject['mflop_a_forward']:.1f} MFLOP a forward pass, batches of {subject['batch_size']}). "
        f"Bare forward: TensorFlow {forward['keras']:,.0f} images/s (Keras's own `predict_on_batch` "
        f"{forward['predict']:,.0f}), OpenVINO {forward['openvino']:,.0f} "
        f"({forward['openvino'] / forward['keras']:.2f}×); by batch size, TensorFlow and OpenVINO, "
        f"{_render_batches(subject['forward_by_batch'])}. Matrix product: "
        f"{subject['matmul_gflops']:.0f} GFLOP/s."
    )
    rows = [
        [
            label,
            f"{row['rays']:,}",
            f"{row['evaluations_a_ray']:.2f}",
            f"{row['rays_a_second']:,.1f}",
            f"{row['times_sweep']:.3g}",
            f"{row['gflops']:.1f}",
            f"{row['of_matmul']:.0%}",
            f"{row['of_forward']:.0%}" if "of_forward" in row else "–",
        ]
        for label, row in subject["rows"].items()
    ]
    return f"{caption}\n\n{_render_table(HEADER, rows)}"


def _render_batches(rates: dict[str, dict[str, float]]) -> str:
    return ", ".join(
        f"{batch}: {rate['keras']:,.0f} and {rate['openvino']:,.0f}" for batch, rate in rates.items()
    )


def _render_audits(audited: dict[str, Any]) -> str:
    header = (
        "Model",
        "rays",
        "N/A",
        "sweep",
        "chord",
        "fewer",
        "with pilot",
        "mismatches",
        "rate at most (95 %)",
    )
    rows = [
        [
            one["subject"],
            f"{one['rays']:,}",
            f"{one['not_found_rate']:.1%}",
            f"{one['sweep_evaluations_a_ray']:.2f}",
            f"{one['evaluations_a_ray']:.2f}",
            f"{one['fewer']:.1f}×",
            f"{one['fewer_with_pilot']:.1f}×",
            f"{one['mismatches']}",
            f"{one['upper_bound']:.1e}",
        ]
        for one in audited["subjects"].values()
    ]
    return _render_table(header, rows)


def _render_growth(grown: dict[str, Any]) -> str:
    points = {name: curves["steps"] for name, curves in _by_strategy(grown["curves"]).items()}
    told = "; ".join(
        f"{name}: " + ", ".join(f"{p['evaluations_a_ray']:.2f} at {p['steps']} steps" for p in curve)
        for name, curve in points.items()
    )
    return f"Evaluations a ray as the grid gets finer ({grown['subject']}): {told}."


def _by_strategy(curves: dict[str, Any]) -> dict[str, Any]:
    return {name: {axis: curves[axis][name] for axis in curves} for name in curves["steps"]}


def _render_frontier(frontier: dict[str, Any]) -> str:
    header = (
        "Model",
        "rays",
        "search",
        "evaluations per ray",
        "fewer",
        "mismatches per ray",
        "at most (95 %)",
    )
    rows, pilots = [], set()
    for subject in frontier["subjects"].values():
        sweep = subject["strategies"]["sweep"]["evaluations_a_ray"]
        found = dict(subject["strategies"])
        for one in subject["settings"]:
            pilots.add(len(one["mismatches"]))
            if all(one[key] == value for key, value in frontier["default"].items()):
                found[f"chord, {one['pilot_rays']:,} pilot rays"] = one
        rows += [
            [
                subject["subject"],
                f"{subject['rays']:,}",
                name,
                f"{one['evaluations_a_ray']:.2f}",
                f"{sweep / one['evaluations_a_ray']:.1f}×",
                f"{one['rate']:.1e}" if one["rate"] else "0",
                "–" if name == "sweep" else f"{one['upper_bound']:.1e}",
            ]
            for name, one in found.items()
        ]
    default = frontier["default"]
    told = (
        f"The same rays recorded at every step, and searches played back on them; chord with the default "
        f"constants (safety {default['safety']:g}, floor {default['floor']:g}), averaged over "
        f"{max(pilots)} choices of the pilot, whose own evaluations are not counted:"
    )
    return f"{told}\n\n{_render_table(header, rows)}"


def _render_table(header: tuple[str, ...], rows: list[list[str]]) -> str:
    align = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, align, *rows))


def _load(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def render_short() -> str:
    """Return the one table that README shows."""
    return _render_audits(_load("audit"))


PAGES = {HOME / "docs" / "search.md": render, HOME / "README.md": render_short}


def rewrite(page: Path) -> str:
    """Return a page's text with its benchmark block made anew.

    Raises:
        ValueError: if the page lacks the block's marks.
    """
    text = page.read_text(encoding="utf-8")
    if not BLOCK.search(text):
        raise ValueError(
            f"{page.name} has no benchmark marks; add <!-- benchmark:begin --> and <!-- benchmark:end -->"
        )
    return BLOCK.sub(lambda match: f"{match[1]}\n{PAGES[page]()}\n\n{match[2]}", text)


if __name__ == "__main__":
    for page in PAGES:
        with atomic_path(page) as writing:
            writing.write_text(rewrite(page), encoding="utf-8")
