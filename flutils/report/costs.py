"""What the artifacts that ship took to make: hours, and on which processors."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flutils.artifacts import read_provenance

_KINDS = {"margins": "searching", "dose": "doses, retrained and searched", "adv": "training, adversarial"}


@dataclass(frozen=True)
class Costs:
    """What making the artifacts of a profile took.

    Attributes:
        hours: (dataset, kind of step) -> hours by the clock. A training counts every epoch; of another step
            that was stopped and continued, the last part alone is known.
        devices: processors and graphics cards, in words -> hours, the most first.
    """

    hours: dict[tuple[str, str], float]
    devices: dict[str, float]

    @property
    def total(self) -> float:
        """Hours of everything."""
        return sum(self.hours.values())


def read_costs(folder: Path) -> Costs:
    """Read them from the provenances in a profile's folder.

    Raises:
        ValueError: if a provenance is damaged.
    """
    hours: dict[tuple[str, str], float] = defaultdict(float)
    devices: dict[str, float] = defaultdict(float)
    for dataset, kind, seconds, device in _list_made(folder):
        hours[dataset, kind] += seconds / 3600
        devices[device] += seconds / 3600
    return Costs(dict(hours), dict(sorted(devices.items(), key=lambda item: -item[1])))


def _list_made(folder: Path) -> Iterator[tuple[str, str, float, str]]:
    for path in sorted(folder.glob("*/*.*.json")):
        if path.name.startswith("."):
            continue  # of an artifact that is being made
        about, made = read_provenance(path), path.with_suffix("")
        kind = "training" if made.suffix == ".keras" else "attacks and other measurements"
        epochs = sum(epoch["seconds"] for epoch in about["measured"].get("history", ()))
        kind = _KINDS.get(about["name"].partition("-")[0], kind)
        yield path.parent.name, kind, max(about["seconds"], epochs), about["device"]
