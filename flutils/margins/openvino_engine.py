"""A Keras model compiled by OpenVINO for this machine's processor."""

import contextlib
import hashlib
import io
import logging
import sys
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from flutils.folders import scratch_folder

# Model -> the weights and batch it was last compiled for, and what came out: a second search need not wait.
_COMPILED: WeakKeyDictionary[Any, tuple[bytes, Any]] = WeakKeyDictionary()


def compile_openvino(model: Any, shape: tuple[int, ...]) -> Callable[[np.ndarray], np.ndarray]:
    """Compile a Keras model for batches of one shape, in float32 and for low latency.

    Args:
        model: a Keras model from images to logits.
        shape: (b, H, W, C) of every batch.

    Returns:
        A function from a float32 array of that shape to (b, classes) logits.

    Raises:
        Exception: whatever Keras or OpenVINO raises for a model that they cannot export or compile.
    """
    digest = hashlib.sha256(repr(shape).encode())
    for weights in model.get_weights():
        digest.update(np.ascontiguousarray(weights).data)
    made_for, compiled = _COMPILED.get(model, (b"", None))
    if made_for != digest.digest():
        compiled = _compile(model, shape)
        _COMPILED[model] = digest.digest(), compiled
    request = compiled.create_infer_request()

    def evaluate(points: np.ndarray) -> np.ndarray:
        request.infer([np.ascontiguousarray(points, np.float32)], share_inputs=True)
        logits: np.ndarray = request.get_output_tensor(0).data.copy()
        return logits

    return evaluate


def _compile(model: Any, shape: tuple[int, ...]) -> Any:
    """Export a model, and compile what OpenVINO reads."""
    # It would tell Intel of each conversion, from processes forked off this one; it has a silent stand-in.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    with scratch_folder() as folder:
        target = folder / "model.xml"
        # The export prints where it writes, which is of no use: the file is gone at the end of this block.
        with contextlib.redirect_stdout(io.StringIO()), _quiet("tensorflow"):
            model.export(str(target), format="openvino", verbose=False)
        core = openvino.Core()
        network = core.read_model(target)
        network.reshape(list(shape))
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        return core.compile_model(network, "CPU", settings)


@contextlib.contextmanager
def _quiet(name: str) -> Any:
    """Silence a logger's notes below errors for a while."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
