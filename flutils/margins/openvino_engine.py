"""A Keras model compiled by OpenVINO for this machine's processor."""

import contextlib
import io
import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from flutils.folders import scratch_folder


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
        compiled = core.compile_model(network, "CPU", settings)
    request = compiled.create_infer_request()

    def evaluate(points: np.ndarray) -> np.ndarray:
        request.infer([np.ascontiguousarray(points, np.float32)], share_inputs=True)
        logits: np.ndarray = request.get_output_tensor(0).data.copy()
        return logits

    return evaluate


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
