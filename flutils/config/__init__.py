"""Every setting of a run, where it comes from, and the three profiles."""

from flutils.config.profiles import DATASETS, PROFILES, choose_datasets, load_profile, register
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
from flutils.config.values import check_config, describe, replace

__all__ = [
    "DATASETS",
    "PROFILES",
    "AdversarialConfig",
    "AttackConfig",
    "ComparisonConfig",
    "FeedbackConfig",
    "ModelConfig",
    "RunConfig",
    "SearchConfig",
    "Stage",
    "TrainingConfig",
    "check_config",
    "choose_datasets",
    "describe",
    "load_profile",
    "register",
    "replace",
]
