"""A trained model as the explorer asks it: logits of any number of images, and the gradient of its gap."""

from typing import Any, Protocol

import numpy as np

BATCH_SIZE = 64  # holds CIFAR-10's whole ray


class Network(Protocol):
    """Maps (b, H, W, C) images to (b, classes) logits, and knows the gradient of a gap."""

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return the logits of images."""

    def gap_gradient(self, image: np.ndarray, origin: int) -> np.ndarray:
        """Return (H, W, C), the gradient of the origin class's logit minus the largest other one."""


class KerasNetwork:
    """A Keras model that stays compiled: every call is a row of full batches of one size.

    Args:
        model: from images to logits.
        batch_size: images a batch.
    """

    def __init__(self, model: Any, *, batch_size: int = BATCH_SIZE) -> None:
        self.model, self.batch_size = model, batch_size

    def __call__(self, images: np.ndarray) -> np.ndarray:
        size, answers = self.batch_size, []
        for start in range(0, len(images), size):
            part = images[start : start + size]
            # The last batch repeats its last image: one shape means one trace.
            padded = part if len(part) == size else part[np.arange(size).clip(max=len(part) - 1)]
            answers.append(np.asarray(self.model.predict_on_batch(padded))[: len(part)])
        return np.concatenate(answers)

    def gap_gradient(self, image: np.ndarray, origin: int) -> np.ndarray:
        """Return the gradient of the gap at an image.

        The gradients of the cross-entropies with two labels differ by that of the two logits, because the
        softmax terms are the same, so the steps that attacks compile serve here too.

        Args:
            image: (H, W, C) float32, pixel values.
            origin: class whose logit the gap starts from.

        Returns:
            (H, W, C), logits per unit of pixel value.

        Raises:
            ValueError: if Keras does not run on TensorFlow.
        """
        from flutils.attacks.steps import as_tensor, compile_steps

        others = self(image[None])[0]
        others[origin] = -np.inf
        labels = as_tensor(np.array([others.argmax(), origin]))
        towards, away = np.asarray(
            compile_steps(self.model).gradient(as_tensor(np.stack([image] * 2)), labels)
        )
        gradient: np.ndarray = towards - away
        return gradient
