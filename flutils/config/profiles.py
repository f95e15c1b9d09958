"""The three profiles of each dataset; between them only fields marked as a size differ."""

from flutils.config.settings import ModelConfig, RunConfig, SearchConfig, TrainingConfig, replace

PROFILES = ("smoke", "quick", "paper")
DATASETS = ("mnist", "cifar10")

_PAPER = {
    "mnist": RunConfig(
        dataset="mnist",
        profile="paper",
        model=ModelConfig(architecture="mnist_cnn", units=0, width=1, weight_decay=0.0),
        training=TrainingConfig(
            optimizer="adam",
            momentum=0.0,
            learning_rate=1e-3,
            warmup=0.25,
            epochs=20,
            batch_size=128,
            flip=False,
            pad=0,
            train_size=None,
            test_size=None,
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
    ),
    "cifar10": RunConfig(
        dataset="cifar10",
        profile="paper",
        model=ModelConfig(architecture="resnet", units=5, width=1, weight_decay=2e-4),
        training=TrainingConfig(
            optimizer="sgd",
            momentum=0.9,
            learning_rate=0.2,
            warmup=0.25,
            epochs=80,
            batch_size=128,
            flip=True,
            pad=2,
            train_size=None,
            test_size=None,
        ),
        search=SearchConfig(
            num_samples=1500,
            sampling="stratified",
            num_directions=1000,
            both_signs=False,
            step=2.0,
            search_range=127.5,
            unit="rms",
            clip=True,
            reference="label",
        ),
    ),
}

_SIZES: dict[str, dict[str, dict[str, dict[str, int]]]] = {
    "smoke": {
        "mnist": {
            "training": {"epochs": 1, "train_size": 6000, "test_size": 1000},
            "search": {"num_samples": 20, "num_directions": 20},
        },
        "cifar10": {
            "model": {"units": 1},
            "training": {"epochs": 1, "train_size": 5000, "test_size": 1000},
            "search": {"num_samples": 20, "num_directions": 20},
        },
    },
    "quick": {
        "mnist": {"training": {"epochs": 2}, "search": {"num_samples": 200, "num_directions": 100}},
        "cifar10": {
            "model": {"units": 1},
            "training": {"epochs": 5},
            "search": {"num_samples": 200, "num_directions": 100},
        },
    },
    "paper": {"mnist": {}, "cifar10": {}},
}


def load_profile(dataset: str, profile: str) -> RunConfig:
    """Return the settings of one dataset at one profile.

    Args:
        dataset: ``"mnist"`` or ``"cifar10"``.
        profile: ``"smoke"`` (minutes), ``"quick"`` (live on two cores) or ``"paper"`` (the paper's sizes).

    Returns:
        The frozen settings.

    Raises:
        ValueError: if there is no such dataset or profile.
    """
    for what, value, choices in (("dataset", dataset, DATASETS), ("profile", profile, PROFILES)):
        if value not in choices:
            raise ValueError(f"unknown {what} {value!r}: choose one of {', '.join(choices)}")
    return replace(_PAPER[dataset], profile=profile, **_SIZES[profile][dataset])


def choose_datasets(name: str) -> tuple[str, ...]:
    """Return both datasets for ``"all"``, else the one named.

    Raises:
        ValueError: if there is no such dataset.
    """
    if name != "all" and name not in DATASETS:
        raise ValueError(f"unknown dataset {name!r}: choose one of {', '.join(DATASETS)}, all")
    return DATASETS if name == "all" else (name,)
