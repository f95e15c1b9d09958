"""Put what the benchmarks measured into README.md and the pages of docs/, between their marks.

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
        f"{subject['mflop_a_forward']:.1f} MFLOP per forward pass, batches of {subject['batch_size']}). "
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
        audited["strategy"],
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
    return f"Evaluations per ray as the grid gets finer ({grown['subject']}): {told}."


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
                found[f"{frontier['strategy']}, {one['pilot_rays']:,} pilot rays"] = one
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
    default = ", ".join(f"{name} {value:g}" for name, value in frontier["default"].items())
    told = (
        f"The same rays recorded at every step, and searches played back on them; {frontier['strategy']} "
        f"with the default constants ({default}), averaged over "
        f"{max(pilots)} choices of the pilot, whose own evaluations are not counted:"
    )
    return f"{told}\n\n{_render_table(header, rows)}"


def _render_table(header: tuple[str, ...], rows: list[list[str]]) -> str:
    align = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, align, *rows))


def _load(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def render_audits() -> str:
    """Return README's table of the search's speed."""
    return _render_audits(_load("audit"))


def render_differences() -> str:
    """Return README's table of what is the same to the last bit, and what is not, for the worse network."""
    subjects, rows = list(_load("determinism")["subjects"].values()), {}
    for changed in subjects[0]:
        worst = {
            name: max(found, key=lambda each: each["largest"] / each["scale"])
            for name in DETERMINISM
            if (found := [each[changed][name] for each in subjects if each[changed][name]])
        }
        differs = [
            f"{DETERMINISM[name]} ({_render_difference(name, each)})"
            for name, each in worst.items()
            if not each["identical"]
        ]
        rows.setdefault("; ".join(differs) or "nothing", []).append(changed)
    header = "| what differs, at most | what was changed |\n| --- | --- |"
    return "\n".join(
        [header, *(f"| {differs} | {'; '.join(changes)} |" for differs, changes in rows.items())]
    )


def render_determinism() -> str:
    """Return the one table of what is the same to the last bit, and what is not."""
    measured = _load("determinism")
    sizes, header = measured["sizes"], ("What is changed", "model", *DETERMINISM.values())
    rows = [
        [changed, model, *(_render_difference(name, found[name]) for name in DETERMINISM)]
        for changed in next(iter(measured["subjects"].values()))
        for model, variants in measured["subjects"].items()
        for found in (variants[changed],)
    ]
    versions = measured["versions"]
    told = (
        f"Measured by `make bench` on {measured['device']}, with TensorFlow {versions['tensorflow']}, "
        f"OpenVINO {versions['openvino']} and NumPy {versions['numpy']}, against the same computation on "
        f"two cores: one epoch of training on {sizes['trained']:,} images; of a model trained before, the "
        f"same for all, logits, a search of {sizes['samples'] * sizes['rays']:,} rays, feedback examples, "
        f"and PGD of {sizes['pgd_steps']} steps. *Same* is the same to the last bit. Weights and logits "
        "have the largest difference, as a fraction of the largest weight or logit; all else has how many "
        "differ, of how many, and by how much at most, pixels as a fraction of their range. Where no ray "
        f"differs, at most one of {sizes['samples'] * sizes['rays'] / 3:,.0f} does (95 %, rays taken as "
        "independent)."
    )
    isa = "; ".join(f"{name}: {text}" for name, text in measured["isa"].items())
    return f"{told}\n\n{_render_table(header, rows)}\n\nWhat oneDNN in TensorFlow says it uses: {isa}."


DETERMINISM = {
    "directions": "directions",
    "weights": "weights trained",
    "logits": "logits",
    "margins": "rays' crossings",
    "examples": "examples",
    "attack": "attacked images",
}


def _render_difference(name: str, found: dict[str, Any] | None) -> str:
    """Say how an outcome differs."""
    if found is None:
        return "–"
    if found["identical"]:
        return "same"
    share = f"{found['largest'] / found['scale']:.0e}"
    if name in ("weights", "logits"):
        return share
    counts = f"{found['differ']:,} of {found['rows']:,}"
    if name != "margins":
        return f"{counts}, {share}"
    alone = f", {found['in one alone']:,} in one alone" if found["in one alone"] else ""
    return f"{counts}, {found['largest']:.0f} step{'s' * (found['largest'] != 1)}{alone}"


# Page -> what fills its blocks, in their order.
PAGES = {
    HOME / "docs" / "search.md": (render,),
    HOME / "docs" / "determinism.md": (render_determinism,),
    HOME / "README.md": (render_audits, render_differences),
}


def rewrite(page: Path) -> str:
    """Return a page's text with its benchmark blocks made anew.

    Raises:
        ValueError: if the page has none.
    """
    text = page.read_text(encoding="utf-8")
    if not BLOCK.search(text):
        raise ValueError(
            f"{page.name} has no benchmark marks; add <!-- benchmark:begin --> and <!-- benchmark:end -->"
        )
    makers = iter(PAGES[page])
    return BLOCK.sub(lambda match: f"{match[1]}\n{next(makers)()}\n\n{match[2]}", text)


if __name__ == "__main__":
    for page in PAGES:
        with atomic_path(page) as writing:
            writing.write_text(rewrite(page), encoding="utf-8")
