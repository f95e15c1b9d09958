"""An attack in progress: checked arguments before it, verification and the result after it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import metadata
from typing import Any

import numpy as np

from flutils import arguments
from flutils.arguments import Bounds
from flutils.attacks.result import AttackResult, Minimum
from flutils.attacks.spec import AttackSpec
from flutils.attacks.steps import as_tensor, compile_steps, forget_steps
from flutils.attacks.verification import verify


class Trial:
    """One attack on one model's samples.

    Batches all have the same size, at most `batch_size`; the last is padded with the last sample. So a
    model is traced once for a number of samples.

    Attributes:
        steps: the model's compiled steps.
        x: (n, H, W, C) float32 samples.
        y: (n,) int64 classes.
        bounds: the pixel range.
        clean_correct: (n,) bool, the model is right on the sample.
        num_classes: how many logits the model gives an image.
    """

    def __init__(self, model: Any, x: np.ndarray, y: np.ndarray, bounds: Bounds, batch_size: int) -> None:
        self._began = time.perf_counter()
        self.bounds = arguments.check_bounds(bounds)
        x = arguments.as_array("x", x)
        arguments.require(
            x.dtype.kind == "f",
            "x must hold floats, because an attack moves pixels by fractions, got "
            f"{x.dtype}; use x.astype('float32'), divided by 255 where bounds are (0, 1)",
        )
        self.x = arguments.check_images(x, self.bounds)
        self.y = arguments.check_labels(y, len(self.x))
        self.batch_size = arguments.check_count("batch_size", batch_size)
        arguments.check_model(model, self.x.shape[1:], keras_only="an attack")
        self.steps = compile_steps(model)
        logits = self._evaluate_samples(model)
        arguments.check_logits(logits, self.y)
        self.num_classes = logits.shape[1]
        self.clean_correct = logits.argmax(axis=1) == self.y

    def _evaluate_samples(self, model: Any) -> np.ndarray:
        """Return the logits of the samples."""
        try:
            logits = self.steps.recall("logits", lambda: self.evaluate(self.x), self.batch_size, self.x)
        except Exception as error:  # of the model's own layers, when they are traced
            forget_steps(model)
            arguments.check_answer(arguments.call_plainly(model, self.x[:1]), 1)
            raise ValueError(
                f"{model.name} cannot be compiled ({type(error).__name__}); to attack it as it is, call "
                "model.compile(run_eagerly=True) first"
            ) from error
        return arguments.check_answer(logits, len(self.x))

    def batches(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of each batch, and the same padded to the common size."""
        parts = -(-len(rows) // self.batch_size)
        size = -(-len(rows) // max(parts, 1))
        for start in range(0, len(rows), max(size, 1)):
            own = rows[start : start + size]
            yield own, np.concatenate([own, np.full(size - len(own), own[-1])])

    def map_batches(
        self, function: Callable[[np.ndarray], Any], rows: np.ndarray | None = None
    ) -> np.ndarray:
        """Apply a function of padded rows to each batch, and return its answers without the padding."""
        chosen = np.arange(len(self.x)) if rows is None else rows
        return np.concatenate(
            [np.asarray(function(padded))[: len(own)] for own, padded in self.batches(chosen)]
        )

    def evaluate(self, images: np.ndarray) -> np.ndarray:
        """Return the logits of images, (n, classes) float32."""
        return self.map_batches(lambda rows: self.steps.logits(as_tensor(images[rows])))

    def find_signs(self) -> np.ndarray:
        """Return the sign of the gradient of each sample's cross-entropy, (n, H, W, C) float16."""

        def find(rows: np.ndarray) -> np.ndarray:
            slopes: np.ndarray = np.asarray(
                self.steps.gradient(as_tensor(self.x[rows]), as_tensor(self.y[rows]))
            )
            signs: np.ndarray = np.sign(slopes).astype(np.float16)
            return signs

        return self.steps.recall("signs", lambda: self.map_batches(find), self.batch_size, self.x, self.y)

    def finish(
        self, images: np.ndarray, spec: AttackSpec, parameters: dict[str, Any], *, budget: float = np.inf
    ) -> AttackResult:
        """Verify the images, restore those the attack failed on, and judge the model on them.

        Args:
            images: (n, H, W, C) what the attack returned.
            spec: the attack.
            parameters: its own arguments; bounds and batch size are added.
            budget: the largest norm that is allowed, pixel values.

        Returns:
            The result.
        """
        verified = verify(self.x, images, bounds=self.bounds, norm=spec.norm, budget=budget)
        logits = self.evaluate(verified.images)
        lost = ~np.isfinite(logits).all(axis=1)
        failed = verified.failed | lost
        success = np.where(failed, ~self.clean_correct, logits.argmax(axis=1) != self.y)
        return AttackResult(
            images=np.where(lost[:, None, None, None], self.x, verified.images),
            success=success,
            failed=failed,
            l2=np.where(lost, 0.0, verified.l2),
            linf=np.where(lost, 0.0, verified.linf),
            clean_correct=self.clean_correct,
            attack=spec.name,
            library=spec.library,
            version=metadata.version(spec.library),
            parameters={**parameters, "bounds": self.bounds, "batch_size": self.batch_size},
            seconds=time.perf_counter() - self._began,
        )

    def finish_minimum(
        self, images: np.ndarray, spec: AttackSpec, parameters: dict[str, Any]
    ) -> AttackResult:
        """Verify what a minimum-norm attack found, and keep its norms for every budget.

        Args:
            images: (n, H, W, C) what the attack returned; rows of misclassified samples are ignored.
            spec: the attack.
            parameters: its own arguments, the budget left out.

        Returns:
            The result without a budget; `AttackResult.within` gives the others.
        """
        images = np.where(self.clean_correct[:, None, None, None], images, self.x)
        result = self.finish(images, spec, parameters)
        found = result.success & ~result.failed
        minimum = Minimum(
            clean=self.x,
            images=result.images,
            l2=np.where(found, result.l2, np.inf),
            linf=np.where(found, result.linf, np.inf),
        )
        return replace(result, minimum=minimum)
