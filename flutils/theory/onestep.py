"""Theorem 1 on small fully connected networks: one step of gradient descent on one example, in NumPy.

Many networks are handled at once: every array has the draws as its first axis.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from flutils.randomness import stream

ACTIVATIONS = ("tanh", "relu")
UPDATES = ("all layers", "last layer")
Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class Networks:
    """n independent classifiers f(x, θ) of the same shape, with σ after every hidden layer.

    Attributes:
        weights: of each layer, (n, inputs, outputs) float64; the last has one output.
        biases: of each layer, (n, outputs) float64.
        activation: σ, one of `ACTIVATIONS`.
    """

    weights: Arrays
    biases: Arrays
    activation: str

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Return f at one point a network: (n, inputs) to (n,)."""
        return self.list_layers(x)[-1][:, 0]

    def list_layers(self, x: np.ndarray) -> list[np.ndarray]:
        """Return the input of every layer, and f last, each (n, units)."""
        outputs = [x]
        for weight, bias in zip(self.weights, self.biases, strict=True):
            before = np.einsum("ni,nio->no", outputs[-1], weight) + bias
            is_last = len(outputs) == len(self.weights)
            outputs.append(before if is_last else activate(before, self.activation))
        return outputs

    def differentiate(self, x: np.ndarray) -> tuple[Arrays, Arrays]:
        """Return ∂f/∂W and ∂f/∂b of every layer at one point a network, by backpropagation."""
        layers = self.list_layers(x)
        weights, biases, back = [], [], np.ones((len(x), 1))
        for i in reversed(range(len(self.weights))):
            weights.append(np.einsum("ni,no->nio", layers[i], back))
            biases.append(back)
            # σ' follows from σ: 1 − σ² for tanh, 1 where it is positive for ReLU.
            slope = 1 - layers[i] ** 2 if self.activation == "tanh" else (layers[i] > 0).astype(float)
            back = np.einsum("no,nio->ni", back, self.weights[i]) * slope
        return tuple(weights[::-1]), tuple(biases[::-1])

    def step(self, x: np.ndarray, rate: float, *, update: str = "all layers") -> "Networks":
        """Return the networks after one step of gradient descent on one example of class A each.

        Args:
            x: (n, inputs) examples x_e.
            rate: learning rate α.
            update: ``"all layers"``, or ``"last layer"``, which is what Eq. 10 differentiates.

        Raises:
            ValueError: if `update` is unknown.

        Source: paper Eq. 7 with the derivative of Eq. 6 corrected; see `error_signal`.
        """
        if update not in UPDATES:
            raise ValueError(f"update must be one of {', '.join(UPDATES)}, got {update!r}")
        delta = rate * error_signal(self.apply(x), self.activation)
        first = 0 if update == "all layers" else len(self.weights) - 1
        weights, biases = (
            values[:first]
            + tuple(
                v - delta.reshape(-1, *[1] * (v.ndim - 1)) * s
                for v, s in zip(values[first:], slope[first:], strict=True)
            )
            for values, slope in zip((self.weights, self.biases), self.differentiate(x), strict=True)
        )
        return Networks(weights, biases, self.activation)


def activate(values: np.ndarray, activation: str) -> np.ndarray:
    """Return σ of `values`, σ being one of `ACTIVATIONS`."""
    found: np.ndarray = np.tanh(values) if activation == "tanh" else np.maximum(values, 0.0)
    return found


def error_signal(f: np.ndarray, activation: str) -> np.ndarray:
    """Return δ = ∂L/∂f of Eq. 6 for class A, y = −1, reading f ⊙ σ as σ(f): (1 + σ(f)) σ'(f).

    The printed δ lacks the first factor.
    """
    slope: np.ndarray = 1 - np.tanh(f) ** 2 if activation == "tanh" else (f > 0).astype(float)
    delta: np.ndarray = (1 + activate(f, activation)) * slope
    return delta


def draw_misclassified(
    *, hidden: tuple[int, ...], inputs: int, draws: int, activation: str, seed: int
) -> tuple[Networks, np.ndarray]:
    """Draw networks and for each an example that it puts on class B's side, f(x_e) > 0.

    Weights are normal with variance 1 / inputs of their layer (2 / inputs for ReLU), biases normal with
    deviation 0.1, examples uniform in [0, 1]. Where f is negative, the last layer's sign is turned.

    Args:
        hidden: units of each hidden layer; empty for a linear classifier.
        inputs: dimension of x.
        draws: number n of networks.
        activation: σ, one of `ACTIVATIONS`.
        seed: the run's seed.

    Returns:
        The networks, and (n, inputs) examples.

    Raises:
        ValueError: if `activation` is unknown.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    rng = stream(seed, f"theory/networks/{hidden}/{inputs}/{activation}")
    units = (inputs, *hidden, 1)
    gain = 1.0 if activation == "tanh" else 2.0
    weights = [rng.standard_normal((draws, a, b)) * np.sqrt(gain / a) for a, b in itertools.pairwise(units)]
    biases = [0.1 * rng.standard_normal((draws, b)) for b in units[1:]]
    x = rng.uniform(size=(draws, inputs))
    turn = np.sign(Networks(tuple(weights), tuple(biases), activation).apply(x))
    weights[-1] *= turn[:, None, None]
    biases[-1] *= turn[:, None]
    return Networks(tuple(weights), tuple(biases), activation), x
