"""The explorer's controls and how they are wired; what they show comes from the state."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets

from flutils.explorer import ray
from flutils.explorer.screen import Screen
from flutils.explorer.state import Choice, Explorer
from flutils.explorer.words import describe_ray
from flutils.plots import TITLES

_WIDE: Any = {"description_width": "120px"}


class ExplorerBox(widgets.VBox):
    """The explorer as a widget; its controls are attributes.

    Args:
        explorer: what there is to explore.

    Attributes:
        explorer: the same.
        choice: what is chosen now.
    """

    def __init__(self, explorer: Explorer) -> None:
        self.explorer, self._screen = explorer, Screen(explorer)
        self._quiet = False
        self.dataset = _choose("dataset", [(TITLES.get(name, name), name) for name in explorer.materials])
        self.model = _choose("model")
        self.origin = _choose("class")
        self.sample = _slide("sample of class")
        self.kind = _choose("direction", ray.KINDS)
        self.number = _slide("number")
        self.sign = _choose("sign", [("+ along it", 1), ("− against it", -1)])
        self.target = _choose("towards class")
        self.second = _slide("second direction")
        self.length = _slide("length", continuous=True)
        self.length.readout = False
        self.probabilities = widgets.Checkbox(description="class probabilities", indent=False)
        self.center = widgets.Button(
            description="find class-center image",
            tooltip="jump to the sample of this class with the largest mean margin",
        )
        self.status, self.note = widgets.HTML(), widgets.HTML()
        self.ray_image, self.slice_image = (widgets.Image(format="png") for _ in range(2))
        super().__init__(
            [
                widgets.HBox(
                    [
                        widgets.VBox([self.dataset, self.model, self.origin, self.sample, self.center]),
                        widgets.VBox([self.kind, self.number, self.target, self.sign, self.second]),
                    ]
                ),
                widgets.HBox([self.length, self.probabilities]),
                self.status,
                self.note,
                self.ray_image,
                self.slice_image,
            ]
        )
        self.length.layout.width = "70%"
        self.center.layout = {"width": "auto", "margin": "2px 2px 2px 128px"}
        self._wire()
        with self._together():
            self.dataset.value = next(iter(explorer.materials))
            self._fill()
            self.show(explorer.start(self.dataset.value))

    @property
    def choice(self) -> Choice:
        """What is chosen now."""
        rows = self._material.rows_of(self.origin.value)
        return Choice(
            dataset=self.dataset.value,
            model=self.model.value,
            sample=int(rows[self.sample.value]),
            kind=self.kind.value,
            number=self.number.value,
            sign=self.sign.value,
            target=self.target.value,
            second=self.second.value,
        )

    def show(self, choice: Choice, step: int = 0) -> None:
        """Set every control to a choice and draw it once.

        Args:
            choice: what to show.
            step: grid step of the length.

        Raises:
            ValueError: if the choice names something that is not there.
        """
        with self._together():
            if choice.dataset != self.dataset.value:
                self.dataset.value = choice.dataset
                self._fill()
            self.model.value = choice.model
            self._show_sample(choice.sample)
            self.kind.value, self.sign.value, self.target.value = choice.kind, choice.sign, choice.target
            self.number.value, self.second.value, self.length.value = choice.number, choice.second, step

    @property
    def _material(self) -> Any:
        return self.explorer.materials[self.dataset.value]

    def _wire(self) -> None:
        self.dataset.observe(self._change_dataset, "value")
        self.origin.observe(self._change_class, "value")
        self.kind.observe(self._change_kind, "value")
        for control in (self.model, self.sample, self.number, self.sign, self.target, self.second):
            control.observe(self._draw, "value")
        for control in (self.length, self.probabilities):
            control.observe(self._draw, "value")
        self.center.on_click(self._jump)

    def _fill(self) -> None:
        """Set what can be chosen to what the dataset has."""
        material = self._material
        classes = [(name, index) for index, name in enumerate(material.class_names)]
        self.model.options = material.models
        self.origin.options = [pair for pair in classes if material.rows_of(pair[1]).size]
        self.target.options = classes
        self.number.max = self.second.max = len(material.directions) - 1
        self.length.max = material.num_steps

    def _show_sample(self, row: int) -> None:
        """Set class and sample to a row of the searched samples."""
        self.origin.value = int(self._material.y[row])
        rows = self._material.rows_of(self.origin.value)
        self.sample.max = len(rows) - 1
        self.sample.value = int((rows == row).argmax())

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Change several controls and draw once, at the end."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before
        self._draw()

    def _change_dataset(self, change: Any = None) -> None:
        if self._quiet:
            return
        self.status.value = f"loading {self.dataset.label} …"
        with self._together():
            self._fill()
            self.show(self.explorer.start(self.dataset.value))

    def _change_class(self, change: Any) -> None:
        if not self._quiet:
            with self._together():
                self.sample.max = len(self._material.rows_of(self.origin.value)) - 1
                self.sample.value = 0

    def _change_kind(self, change: Any) -> None:
        # A minus that was meant for a random direction would lead away from a class.
        if not self._quiet:
            with self._together():
                self.sign.value = 1

    def _jump(self, button: Any) -> None:
        """Go to the class-center image of the chosen class, from its first grid step."""
        try:
            row = self._material.find_center(self.model.value, self.origin.value)
        except LookupError as error:
            self.note.value = f"<i>{error}</i>"
            return
        with self._together():
            self._show_sample(row)
            self.length.value = 0
        self.note.value = f"<i>class-center image of class {self.origin.label} under {self.model.value}</i>"

    def _draw(self, change: Any = None) -> None:
        """Draw what is chosen; evaluations that are kept are not repeated."""
        if self._quiet:
            return
        self.note.value = ""
        self.number.layout.display = "" if self.kind.value == ray.RANDOM else "none"
        self.target.layout.display = "" if self.kind.value in (ray.MEAN, ray.NEAREST) else "none"
        choice, step = self.choice, self.length.value
        try:
            self.status.value = describe_ray(self.explorer, choice, step)
            probabilities = self.probabilities.value
            self.ray_image.value = self._screen.render_ray(choice, step, probabilities=probabilities)
            self.slice_image.value = self._screen.render_slices(choice, step)
        except ValueError as error:
            # Without this the message would end in a log that nobody reads, under figures of the last choice.
            self.status.value = f"<b>cannot show this:</b> {error}"
            self.ray_image.value = self.slice_image.value = b""


def build_widget(explorer: Explorer) -> ExplorerBox:
    """Return the explorer as a widget for JupyterLab."""
    return ExplorerBox(explorer)


def _choose(description: str, options: Sequence[Any] = ()) -> widgets.Dropdown:
    return widgets.Dropdown(options=options, description=description, style=_WIDE)


def _slide(description: str, *, continuous: bool = False) -> widgets.IntSlider:
    return widgets.IntSlider(0, 0, 0, description=description, style=_WIDE, continuous_update=continuous)
