"""Figures on disk: PNG and SVG beside a JSON of what they plot."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from flutils import guard, progress
from flutils.artifacts.files import check_writable, find_home, write_json
from flutils.folders import atomic_path

_STABLE_SVG: Any = {"svg.hashsalt": "flutils", "svg.fonttype": "none"}


def save_figure(
    figure: Figure,
    name: str,
    *,
    profile: str,
    caption: str,
    plotted: dict[str, Any],
    home: Path | None = None,
) -> Path:
    """Save a figure as ``figures/<profile>/<name>.png``, ``.svg`` and ``.json``.

    Args:
        figure: what to save.
        name: file name without ending.
        profile: the profile whose numbers it shows.
        caption: units, number of samples and profile in words; kept in the JSON.
        plotted: the plotted numbers as JSON values; the same artifacts give the same file.
        home: folder that holds ``figures/``; see `find_home`.

    Returns:
        The path of the PNG.

    Raises:
        PermissionError: if the folder cannot be written.
    """
    folder = find_home(home) / "figures" / profile
    check_writable(folder)
    for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
        with atomic_path(folder / f"{name}{suffix}") as writing, mpl.rc_context(_STABLE_SVG):
            figure.savefig(writing, format=suffix[1:], metadata=metadata, bbox_inches="tight", dpi=150)
    about = {"figure": name, "profile": profile, "caption": caption, "plotted": plotted}
    write_json(folder / f"{name}.json", guard.seal(about))
    progress.emit("figure", path=str(folder / f"{name}.png"))
    return folder / f"{name}.png"
