"""What is chosen and what follows from it: a ray, a reading of it, slices. No widgets, no figures."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from flutils import margins, paper
from flutils.arguments import require
from flutils.explorer import ray
from flutils.explorer.material import Material
from flutils.explorer.slice import Slice, classify_plane
from flutils.margins.rays import NOT_FOUND

SLICED = (paper.ORI, paper.FL)
SLICE_POINTS = 25  # along a side; 31 took CIFAR-10's two models most of a second on two cores
_KEPT = 64  # rays, slices and gradients each


@dataclass(frozen=True)
class Choice:
    """A sample of a dataset, a model, and a direction from the sample.

    Attributes:
        dataset: its name.
        model: the paper's name of the model.
        sample: row of the searched samples.
        kind: of the direction, one of `flutils.explorer.KINDS`.
        number: of the random direction, if it is one.
        sign: +1 along the direction, -1 against it.
        target: class that the direction goes towards, if it goes towards one.
        second: number of the random direction that spans slices together with the ray.
    """

    dataset: str
    model: str
    sample: int = 0
    kind: str = ray.RANDOM
    number: int = 0
    sign: int = 1
    target: int = 0
    second: int = 1


@dataclass(frozen=True)
class Reading:
    """What a ray says.

    Attributes:
        origin: true class of the sample.
        predicted: predicted class at each grid step.
        crossing: first grid step whose class is not the origin, None without one.
        margin: length at `crossing`, None without one.
        adjacent: class found there, None without one.
        stretches: (grid step, class) where the predicted class changes, the first at step 0.
    """

    origin: int
    predicted: tuple[int, ...]
    crossing: int | None
    margin: float | None
    adjacent: int | None
    stretches: tuple[tuple[int, int], ...]


class Explorer:
    """What each choice shows; evaluations are kept, so that going back costs nothing.

    Args:
        materials: dataset -> its material; at least one, each with at least one model.
        slice_points: grid points along each side of a slice, odd.

    Raises:
        ValueError: if there is no dataset.
    """

    def __init__(self, materials: Mapping[str, Material], *, slice_points: int = SLICE_POINTS) -> None:
        require(len(materials) > 0, "there is nothing to explore; pass the material of at least one dataset")
        self.materials, self.slice_points = materials, slice_points
        # Of each explorer its own, so that what it keeps goes with it.
        self._traces = lru_cache(_KEPT)(self._trace)
        self._slices = lru_cache(_KEPT)(self._slice)
        self._gradients = lru_cache(_KEPT)(self._measure_gradient)

    def start(self, dataset: str) -> Choice:
        """Return a choice to begin with: the smallest margin of the first sample with one, under Ori.

        Without Ori.'s margin table it is the first sample and the first random direction.
        """
        material = self.materials[dataset]
        choice = Choice(dataset, material.models[0])
        if choice.model not in material.tables:
            return choice
        table = material.tables[choice.model]
        # A misclassified sample is at the boundary already: nothing would flip.
        steps = np.where(table.crossing > 0, table.crossing, np.iinfo(np.int16).max)
        correct = (table.crossing > 0).any(axis=1) & (table.crossing != 0).all(axis=1)
        if not correct.any():
            return choice
        sample = int(correct.argmax())
        found = int(steps[sample].argmin())
        return replace(choice, sample=sample, number=int(table.direction[found]), sign=int(table.sign[found]))

    def build_direction(self, choice: Choice) -> np.ndarray:
        """Return the (H, W, C) float32 direction of a choice, its sign included.

        Raises:
            ValueError: if the choice names no direction, or one of length 0.
        """
        material = self._check(choice)
        image, unit = material.x[choice.sample], material.unit
        if choice.kind == ray.RANDOM:
            direction = material.directions[choice.number]
        elif choice.kind == ray.MEAN:
            direction = ray.build_mean(image, material.x, material.y, choice.target, unit=unit)
        elif choice.kind == ray.NEAREST:
            direction = ray.build_nearest(image, material.x, material.y, choice.target, unit=unit)
        else:
            gradient = self._gradients(choice.dataset, choice.model, choice.sample)
            direction = ray.build_descent(gradient, unit=unit)
        signed: np.ndarray = direction * np.float32(choice.sign)
        return signed

    def trace(self, choice: Choice) -> margins.RayTrace:
        """Return images and logits at every grid step of the ray of a choice: one ray, q = 1."""
        self._check(choice)
        return self._traces(replace(choice, second=0))  # which a ray does not depend on

    def read(self, choice: Choice) -> Reading:
        """Return what the ray of a choice says: its margin, adjacent class and changes of class."""
        material, predicted = self._check(choice), self.trace(choice).logits[0].argmax(axis=1)
        origin = int(material.y[choice.sample])
        differs = np.flatnonzero(predicted != origin)
        changes = [0, *(np.flatnonzero(np.diff(predicted)) + 1)]
        crossing = int(differs[0]) if differs.size else None
        return Reading(
            origin=origin,
            predicted=tuple(predicted.tolist()),
            crossing=crossing,
            margin=None if crossing is None else float(material.lengths[crossing]),
            adjacent=None if crossing is None else int(predicted[crossing]),
            stretches=tuple((int(step), int(predicted[step])) for step in changes),
        )

    def compare_table(self, choice: Choice) -> bool | None:
        """Say whether a ray agrees with its margin table, or None if there is no such ray in one."""
        material, reading = self._check(choice), self.read(choice)
        if choice.kind != ray.RANDOM or choice.model not in material.tables:
            return None
        table = material.tables[choice.model]
        column = np.flatnonzero((table.direction == choice.number) & (table.sign == choice.sign))
        if not column.size:
            return None
        found = table.crossing[choice.sample, column[0]], table.adjacent[choice.sample, column[0]]
        missing = NOT_FOUND
        return found == tuple(missing if v is None else v for v in (reading.crossing, reading.adjacent))

    def slices(self, choice: Choice) -> dict[str, Slice]:
        """Return the plane of the ray and a second direction, by model: Ori., F.L. and the chosen one."""
        material = self._check(choice)
        shown = [model for model in material.models if model in (*SLICED, choice.model)]
        # Only the direction of a gradient depends on the chosen model.
        plane = choice if choice.kind == ray.GRADIENT else replace(choice, model=material.models[0])
        return {model: self._slices(plane, model) for model in shown}

    def find_second(self, choice: Choice) -> int:
        """Return the number of the second direction: the one chosen, or the next if the ray has that one."""
        count = len(self._check(choice).directions)
        same = choice.kind == ray.RANDOM and choice.second == choice.number
        return (choice.second + same) % count

    def _measure_gradient(self, dataset: str, model: str, sample: int) -> np.ndarray:
        material = self.materials[dataset]
        return material.networks[model].gap_gradient(material.x[sample], int(material.y[sample]))

    def _trace(self, choice: Choice) -> margins.RayTrace:
        material = self.materials[choice.dataset]
        return margins.trace(
            material.networks[choice.model],
            material.x[choice.sample][None],
            self.build_direction(choice)[None],
            step=material.step,
            search_range=material.search_range,
            bounds=material.bounds,
            clip=material.clip,
        )

    def _slice(self, choice: Choice, model: str) -> Slice:
        material, across = self.materials[choice.dataset], self.build_direction(choice)
        second = material.directions[self.find_second(choice)]
        return classify_plane(
            material.networks[model],
            material.x[choice.sample],
            across,
            ray.build_orthogonal(second, across, unit=material.unit),
            reach=float(material.lengths[-1]),
            points=self.slice_points,
            bounds=material.bounds if material.clip else None,
        )

    def _check(self, choice: Choice) -> Material:
        """Return the material of a choice once everything in the choice is there."""
        names, kinds = ", ".join(self.materials), ", ".join(ray.KINDS)
        require(choice.dataset in self.materials, f"no dataset {choice.dataset!r}; choose one of {names}")
        material = self.materials[choice.dataset]
        models, sizes = ", ".join(material.models), (len(material.x), len(material.directions))
        require(choice.model in material.models, f"no model {choice.model!r}; choose one of {models}")
        require(choice.kind in ray.KINDS, f"no kind of direction {choice.kind!r}; choose one of {kinds}")
        require(choice.sign in (1, -1), f"sign must be 1 or -1, got {choice.sign!r}")
        for what, value, size in (
            ("sample", choice.sample, sizes[0]),
            ("number", choice.number, sizes[1]),
            ("second", choice.second, sizes[1]),
            ("target", choice.target, len(material.class_names)),
        ):
            require(0 <= value < size, f"{what} must be 0 to {size - 1}, got {value}")
        return material
