"""The three profiles of each dataset; between them only fields marked as a size differ."""

from collections.abc import Mapping
from typing import Any

from flutils.config.settings import (
    AdversarialConfig,
    AttackConfig,
    ComparisonConfig,
    FeedbackConfig,
    ModelConfig,
    RunConfig,
    SearchConfig,
    Stage,
    TrainingConfig,
)
from flutils.config.sizes import SIZES
from flutils.config.values import replace

PROFILES = ("smoke", "quick", "paper")
DATASETS = ("mnist", "cifar10")

_MNIST = RunConfig(
    dataset="mnist",
    profile="paper",
    model=ModelConfig(architecture="mnist_cnn", units=0, width=1, weight_decay=0.0),
    training=TrainingConfig(
        optimizer="adam",
        momentum=0.0,
        learning_rate=1e-3,
        warmup=0.25,
        epochs=12,
        batch_size=128,
        flip=False,
        pad=0,
        train_size=None,
        test_size=None,
    ),
    adversarial=AdversarialConfig(
        epsilon=0.3,
        stages=(
            Stage(start=0.0, steps=5, step_size=0.12),
            Stage(start=0.25, steps=10, step_size=0.06),
            Stage(start=0.75, steps=20, step_size=0.03),
        ),
        noise=1.0,
        project=True,
        ramp=0.25,
        learning_rate=1e-3,
        warmup=0.4,
        epochs=20,
        check_images=1000,
        check_steps=100,
    ),
    search=SearchConfig(
        num_samples=1500,
        sampling="stratified",
        num_directions=784,
        both_signs=True,
        step=0.02,
        search_range=0.5,
        unit="rms",
        clip=True,
        reference="label",
    ),
    comparison=ComparisonConfig(
        samples_controls=500,
        samples_held_out=500,
        directions_held_out=200,
        doses=(0.25, 0.5, 2.0),
        doses_equal=(1.0,),
    ),
    feedback=FeedbackConfig(
        samples_high=20,
        samples_medium=100,
        samples_low=150,
        rays_per_sample=40,
        strength_min=1.5,
        strength_max=2.0,
        learning_rate=1e-3,
        epochs=4,
    ),
    attacks=AttackConfig(
        num_images=None,
        num_images_iterative=2000,
        num_images_slow=500,
        num_images_curve=None,
        num_images_checks=1000,
        calibration_images=5000,
        calibration_images_iterative=1000,
        steps=40,
        cw_steps=200,
        cw_searches=9,
        cw_step_size=0.2,
        cw_constant=1.0,
        deepfool_steps=50,
        deepfool_candidates=10,
        square_queries=5000,
        standard_linf=0.3,
        curve_max=0.5,
        curve_points=26,
        curve_fine_max=0.0,
        curve_fine_points=9,
    ),
)
_CIFAR10 = replace(
    _MNIST,
    dataset="cifar10",
    model={"architecture": "resnet", "units": 3, "weight_decay": 5e-4},
    training={
        "optimizer": "sgd",
        "momentum": 0.9,
        "learning_rate": 0.2,
        "epochs": 46,
        "flip": True,
        "pad": 4,
    },
    adversarial={
        "epsilon": 8.0,
        "stages": (Stage(start=0.0, steps=1, step_size=8.0),),
        "noise": 2.0,
        "project": False,
        "learning_rate": 0.2,
        "epochs": 100,
    },
    search={"num_directions": 1000, "both_signs": False, "step": 2.0, "search_range": 127.5},
    feedback={"learning_rate": 0.01, "epochs": 8},
    attacks={
        "steps": 20,
        "cw_steps": 100,
        "cw_step_size": 0.005,
        "cw_constant": 0.03,
        "standard_linf": 8.0,
        "curve_fine_max": 16 / 255,
    },
)
_PAPER: dict[str, RunConfig] = {"mnist": _MNIST, "cifar10": _CIFAR10}


def load_profile(dataset: str, profile: str) -> RunConfig:
    """Return the settings of one dataset at one profile.

    Args:
        dataset: ``"mnist"``, ``"cifar10"``, or one that was registered.
        profile: ``"smoke"`` (minutes), ``"quick"`` (live on two cores) or ``"paper"`` (the paper's sizes).

    Returns:
        The frozen settings.

    Raises:
        ValueError: if there is no such dataset or profile.
    """
    for what, value, choices in (("dataset", dataset, tuple(_PAPER)), ("profile", profile, PROFILES)):
        if value not in choices:
            raise ValueError(f"unknown {what} {value!r}: choose one of {', '.join(choices)}")
    return replace(_PAPER[dataset], profile=profile, **SIZES[profile].get(dataset, {}))


def register(settings: RunConfig, sizes: Mapping[str, Mapping[str, Any]] | None = None) -> None:
    """Make the settings of a dataset of one's own known; see also `flutils.data.register`.

    Args:
        settings: those of its ``"paper"`` profile; `dataset` is its name.
        sizes: profile -> what it changes, as `replace` takes it; a profile without sizes changes nothing.

    Raises:
        ValueError: if it has the name of one of the paper's datasets, or the sizes do not fit.
    """
    name, changes = settings.dataset, dict(sizes or {})
    if name in DATASETS:
        raise ValueError(f"{name!r} is a dataset of the paper; give yours another name, or use replace")
    if unknown := set(changes) - set(PROFILES):
        raise ValueError(f"unknown profile {sorted(unknown)}: choose of {', '.join(PROFILES)}")
    for profile, change in changes.items():
        replace(settings, profile=profile, **change)
    for profile in PROFILES:  # all of them, for it may have been registered before with other sizes
        SIZES[profile][name] = dict(changes.get(profile, {}))
    _PAPER[name] = settings


def choose_datasets(name: str) -> tuple[str, ...]:
    """Return the paper's two datasets for ``"all"``, else the one named.

    Raises:
        ValueError: if there is no such dataset.
    """
    if name != "all" and name not in _PAPER:
        raise ValueError(f"unknown dataset {name!r}: choose one of {', '.join(_PAPER)}, all")
    return DATASETS if name == "all" else (name,)
