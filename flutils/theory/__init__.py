"""The paper's theory, §III and §IV-C, made computable: a problem in the plane, Lemma 1, Theorem 1."""

from flutils.theory.cosines import measure_cosines
from flutils.theory.gradients import measure_logit_gradients
from flutils.theory.onestep import (
    UPDATES,
    Networks,
    activate,
    draw_misclassified,
    error_signal,
)
from flutils.theory.plane import (
    build_grid,
    build_images,
    build_plane_network,
    build_plane_samples,
    build_star,
    find_class,
    find_points,
    train_plane_network,
)
from flutils.theory.slips import DEEP, DRAWS, READINGS, Slip, measure_slips, read_delta
from flutils.theory.steps import measure_steps, train_one_step
from flutils.theory.surfaces import SURFACES, CrossingDraws, draw_crossings

__all__ = [
    "DEEP",
    "DRAWS",
    "READINGS",
    "SURFACES",
    "UPDATES",
    "CrossingDraws",
    "Networks",
    "Slip",
    "activate",
    "build_grid",
    "build_images",
    "build_plane_network",
    "build_plane_samples",
    "build_star",
    "draw_crossings",
    "draw_misclassified",
    "error_signal",
    "find_class",
    "find_points",
    "measure_cosines",
    "measure_logit_gradients",
    "measure_slips",
    "measure_steps",
    "read_delta",
    "train_one_step",
    "train_plane_network",
]
