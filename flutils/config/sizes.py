"""What the smaller profiles change of the paper's sizes; only fields marked as a size may differ."""

from typing import Any

from flutils.config.settings import Stage

_SMOKE: dict[str, dict[str, Any]] = {
    "training": {"epochs": 1, "test_size": 1000},
    "adversarial": {"epochs": 1, "check_images": 100, "check_steps": 5},
    "search": {"num_samples": 20, "num_directions": 20},
    "comparison": {
        "samples_controls": 10,
        "samples_held_out": 20,
        "directions_held_out": 4,
        "doses": (),
        "doses_equal": (1.0,),
    },
    "feedback": {
        "samples_high": 1,
        "samples_medium": 1,
        "samples_low": 2,
        "rays_per_sample": 10,
        "epochs": 1,
    },
    "attacks": {
        "num_images": 100,
        "num_images_iterative": 50,
        "num_images_slow": 20,
        "num_images_curve": 50,
        "num_images_checks": 20,
        "calibration_images": 50,
        "calibration_images_iterative": 50,
        "steps": 3,
        "cw_steps": 5,
        "cw_searches": 2,
        "deepfool_steps": 5,
        "deepfool_candidates": 3,
        "square_queries": 20,
        "curve_points": 3,
        "curve_fine_points": 2,
    },
}
_QUICK: dict[str, dict[str, Any]] = {
    "adversarial": {"check_images": 500, "check_steps": 20},
    "search": {"num_samples": 200, "num_directions": 100},
    "comparison": {
        "samples_controls": 200,
        "samples_held_out": 200,
        "directions_held_out": 50,
        "doses": (0.25,),
        "doses_equal": (1.0,),
    },
    "feedback": {"samples_high": 3, "samples_medium": 13, "samples_low": 20, "epochs": 1},
    "attacks": {
        "num_images_iterative": 500,
        "num_images_slow": 100,
        "num_images_curve": 1000,
        "num_images_checks": 100,
        "calibration_images": 1000,
        "calibration_images_iterative": 250,
        "steps": 10,
        "cw_steps": 50,
        "cw_searches": 3,
        "deepfool_candidates": 3,
        "square_queries": 200,
        "curve_points": 11,
        "curve_fine_points": 5,
    },
}
_SMALL_RESNET = {"units": 1, "weight_decay": 2e-4}


def _add(common: dict[str, dict[str, Any]], **own: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the sizes of both datasets with those of one."""
    return {part: common.get(part, {}) | own.get(part, {}) for part in (*own, *common)}


SIZES: dict[str, dict[str, dict[str, dict[str, Any]]]] = {
    "smoke": {
        "mnist": _add(
            _SMOKE,
            training={"train_size": 6000},
            adversarial={"stages": (Stage(start=0.0, steps=1, step_size=0.375),)},
            feedback={"learning_rate": 1e-4},
        ),
        "cifar10": _add(
            _SMOKE,
            model=_SMALL_RESNET,
            training={"pad": 2, "train_size": 5000},
            feedback={"learning_rate": 0.02},
        ),
    },
    "quick": {
        "mnist": _add(
            _QUICK,
            training={"epochs": 2},
            adversarial={
                "stages": (Stage(start=0.0, steps=3, step_size=0.15),),
                "ramp": 0.35,
                "epochs": 3,
            },
            feedback={"learning_rate": 1e-4},
        ),
        "cifar10": _add(
            _QUICK,
            model=_SMALL_RESNET,
            training={"epochs": 5, "pad": 2},
            adversarial={"epochs": 4},
            feedback={"learning_rate": 0.02},
        ),
    },
    "paper": {"mnist": {}, "cifar10": {}},
}
