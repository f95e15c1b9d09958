"""Settings: their sources, their checks, and what profiles may change."""

import dataclasses
import json
import re

import pytest

from flutils import config
from flutils.config import (
    ModelConfig,
    RunConfig,
    SearchConfig,
    TrainingConfig,
    describe,
    load_profile,
    profiles,
    replace,
)

CONFIGS = (RunConfig, ModelConfig, TrainingConfig, SearchConfig)
EVERY_RUN = [(dataset, profile) for dataset in config.DATASETS for profile in config.PROFILES]


def leaves(kind, path=()):
    """Yield (path, field) of every setting, nested ones included."""
    for entry in dataclasses.fields(kind):
        if dataclasses.is_dataclass(entry.type):
            yield from leaves(entry.type, (*path, entry.name))
        else:
            yield (*path, entry.name), entry


def look_up(settings, path):
    for name in path:
        settings = getattr(settings, name)
    return settings


def test_leaves_are_found():
    assert len(list(leaves(RunConfig))) >= 20


@pytest.mark.parametrize("kind", CONFIGS)
def test_every_field_has_a_source(kind):
    for entry in dataclasses.fields(kind):
        source = entry.metadata["source"]
        assert re.match(r"§[IVX]+(-[A-Z])?\b|Algorithm 1\b|choice: \S", source), f"{entry.name}: {source}"


@pytest.mark.parametrize("dataset", config.DATASETS)
@pytest.mark.parametrize("profile", config.PROFILES)
def test_profiles_differ_in_sizes_only(dataset, profile):
    base, other = load_profile(dataset, "paper"), load_profile(dataset, profile)
    for path, entry in leaves(RunConfig):
        if look_up(base, path) != look_up(other, path):
            assert entry.metadata["size"], f"{'.'.join(path)} differs at {profile} but is no size"


@pytest.mark.parametrize("dataset", config.DATASETS)
def test_smaller_profiles_are_smaller(dataset):
    smoke, quick, paper = (load_profile(dataset, profile) for profile in config.PROFILES)
    assert smoke.search.num_samples < quick.search.num_samples < paper.search.num_samples
    assert smoke.search.num_directions < quick.search.num_directions < paper.search.num_directions
    assert smoke.training.epochs <= quick.training.epochs < paper.training.epochs


def test_paper_profile_has_the_papers_numbers():
    mnist, cifar = load_profile("mnist", "paper").search, load_profile("cifar10", "paper").search
    assert (mnist.num_samples, mnist.num_directions, mnist.both_signs) == (1500, 784, True)
    assert (mnist.step, mnist.search_range) == (0.02, 0.5)
    assert (cifar.num_samples, cifar.num_directions, cifar.both_signs) == (1500, 1000, False)
    assert (cifar.step, cifar.search_range) == (2.0, 127.5)
    for search in (mnist, cifar):
        assert (search.unit, search.clip, search.reference, search.sampling) == (
            "rms",
            True,
            "label",
            "stratified",
        )
    model = load_profile("cifar10", "paper").model
    assert (model.units, model.width) == (3, 1)


@pytest.mark.parametrize(("dataset", "profile"), EVERY_RUN)
def test_shipped_values_are_of_their_declared_types(dataset, profile):
    """`replace` checks types; here it must accept what the profiles hold."""
    settings = load_profile(dataset, profile)
    for path, _ in leaves(RunConfig):
        part = look_up(settings, path[:-1])
        assert replace(part, **{path[-1]: look_up(settings, path)}) == part
    assert (settings.dataset, settings.profile) == (dataset, profile)


def test_configs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_profile("mnist", "smoke").search.step = 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mnst", "smoke"), r"unknown dataset 'mnst'.*mnist, cifar10"),
        (("mnist", "fast"), r"unknown profile 'fast'.*smoke, quick, paper"),
        (("mnist", None), "unknown profile None"),
    ],
)
def test_unknown_dataset_or_profile_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        load_profile(*arguments)


def test_replace_changes_a_copy():
    settings = load_profile("mnist", "smoke")
    changed = replace(settings, search={"step": 0.05, "clip": False}, training={"train_size": None})
    assert (changed.search.step, changed.search.clip, changed.training.train_size) == (0.05, False, None)
    assert changed.search.num_samples == settings.search.num_samples
    assert settings == load_profile("mnist", "smoke") != changed


def test_replace_takes_a_whole_nested_config():
    settings = load_profile("mnist", "smoke")
    search = replace(settings.search, step=0.1)
    assert replace(settings, search=search).search is search


REFUSED = {
    "unknown key": ({"serach": {}}, r"RunConfig has no setting 'serach'.*search"),
    "unknown nested key": ({"search": {"stepp": 0.1}}, r"SearchConfig has no setting 'stepp'.*step"),
    "text for a number": ({"search": {"step": "0.1"}}, r"SearchConfig\.step must be float, got '0\.1'"),
    "float for an integer": ({"training": {"epochs": 2.0}}, r"TrainingConfig\.epochs must be int, got 2\.0"),
    "bool for an integer": ({"training": {"epochs": True}}, r"epochs must be int, got True"),
    "bool for a float": ({"search": {"step": True}}, r"step must be float, got True"),
    "bool for an optional integer": ({"training": {"train_size": False}}, r"train_size must be .*got False"),
    "integer for a bool": ({"search": {"clip": 1}}, r"clip must be bool, got 1"),
    "None for an integer": ({"training": {"epochs": None}}, r"epochs must be int, got None"),
    "value that is no choice": ({"search": {"unit": "linf"}}, r"unit must be one of 'rms', 'l2', got 'linf'"),
    "list for a choice": ({"search": {"unit": ["rms"]}}, r"unit must be one of"),
    "number for a nested config": ({"search": 3}, r"RunConfig\.search must be SearchConfig, got 3"),
    "another nested config": ({"search": load_profile("mnist", "smoke").model}, r"must be SearchConfig"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_change_is_refused(case):
    changes, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        replace(load_profile("mnist", "smoke"), **changes)


def test_integer_is_taken_for_a_float():
    assert replace(load_profile("cifar10", "smoke"), search={"step": 4}).search.step == 4


@pytest.mark.parametrize("value", [{"step": 1}, None, RunConfig])
def test_what_is_no_config_is_refused(value):
    with pytest.raises(ValueError, match="expected a config"):
        describe(value)
    with pytest.raises(ValueError, match="expected a config"):
        replace(value, step=1)


def test_describe_lists_every_setting_with_its_value_and_source():
    settings = load_profile("cifar10", "quick")
    rows = describe(settings)
    assert [name for name, _, _ in rows] == [".".join(path) for path, _ in leaves(RunConfig)]
    for name, value, source in rows:
        assert value == look_up(settings, name.split("."))
        assert source
    assert ("search.step", 2.0, "§V: 0.02 on MNIST, 2.0 on CIFAR-10") in rows


@pytest.mark.parametrize(("dataset", "profile"), EVERY_RUN)
def test_settings_are_json_values(dataset, profile):
    """They go into the keys of artifacts."""
    values = dataclasses.asdict(load_profile(dataset, profile))
    for part, name in (("adversarial", "stages"), ("comparison", "doses"), ("comparison", "doses_equal")):
        values[part][name] = list(values[part][name])  # JSON has lists for tuples
    assert json.loads(json.dumps(values, allow_nan=False)) == values


@pytest.fixture
def own(monkeypatch):
    """Settings of a dataset that is forgotten afterwards."""
    monkeypatch.setattr(profiles, "_PAPER", dict(profiles._PAPER))
    monkeypatch.setattr(profiles, "SIZES", {name: dict(sizes) for name, sizes in profiles.SIZES.items()})
    return replace(load_profile("mnist", "paper"), dataset="own")


def test_a_dataset_that_is_registered_anew_has_its_new_sizes_alone(own):
    config.register(own, {"smoke": {"training": {"epochs": 2}}, "quick": {"training": {"epochs": 3}}})
    config.register(own, {"quick": {"training": {"epochs": 4}}})
    found = [load_profile("own", profile).training.epochs for profile in config.PROFILES]
    assert found == [own.training.epochs, 4, own.training.epochs]


@pytest.mark.parametrize("before", [None, {"smoke": {"training": {"epochs": 2}}}])
def test_a_dataset_whose_sizes_do_not_fit_is_not_registered_at_all(own, before):
    if before:
        config.register(own, before)
    with pytest.raises(ValueError, match="epochs must be int"):
        config.register(own, {"smoke": {"training": {"epochs": 5}}, "quick": {"training": {"epochs": 0.5}}})
    if before:
        assert load_profile("own", "smoke").training.epochs == 2
    assert all(("own" in sizes) == bool(before) for sizes in profiles.SIZES.values())
