"""The keys of artifacts: what is computed once must be found again by every later version."""

import pytest

from flutils.artifacts import Artifact
from flutils.artifacts.files import hash_inputs
from flutils.experiment import Classifier, Experiment

# Of recipes whose model is a stand-in with a checksum of nines; a change here makes every computed model or
# table of that kind useless, so change a line only together with what it means.
KEYS = {
    "mnist": {
        "ori": "b9f3ca7eeb56",
        "adv": "240e1b0c4123",
        "fl": "2dc7d80e3436",
        "reduced-fl": "1033d4bcade5",
        "control": "0e891f18b51e",
        "noise": "0d2a9d141426",
        "fl-again": "8e96dabf4fa0",
        "margins": "828f1ac3e3eb",
        "margins-l2": "00d78b09d565",
        "margins-few": "63e66dae16f3",
        "margins-held-out": "a71b085228a3",
        "crossing": "12a383d03693",
        "dose-fl": "45a44a0ef7ab",
        "dose-reduced-fl": "5669602c319a",
    },
    "cifar10": {
        "ori": "cbfab1f59ca9",
        "adv": "dbb5a109dfe7",
        "fl": "d6741472b7e8",
        "reduced-fl": "d8bf05c823f4",
        "control": "37f321340332",
        "noise": "5e28bfec8d8a",
        "fl-again": "620e78885de7",
        "margins": "d94e127cebca",
        "margins-l2": "1abf0a238911",
        "margins-few": "a8dfdadf462c",
        "margins-held-out": "f6fe60ed3ce4",
        "crossing": "1c10add4d506",
        "dose-fl": "60aa73abccfd",
        "dose-reduced-fl": "52b84d071991",
    },
}


def stand_in(name, tmp_path):
    return Classifier(name, Artifact(tmp_path / f"{name}.keras", {"sha256": "9" * 64, "measured": {}}))


def list_keys(dataset, tmp_path):
    run = Experiment(dataset, "smoke", 0, home=tmp_path)
    ori, fl = stand_in("ori", tmp_path), stand_in("fl", tmp_path)
    models, searches = run.models, run.searches
    recipes = {
        "ori": models.ori_recipe(),
        "adv": models.adv_recipe(),
        "fl": models.retrained_recipe(ori, "fl", False),
        "reduced-fl": models.retrained_recipe(ori, "reduced-fl", True),
        "control": models.control_recipe(ori, "control"),
        "noise": models.control_recipe(ori, "noise"),
        "fl-again": run.doses.again_recipe(ori, fl),
        "margins": searches.recipe(ori),
        "margins-l2": searches.recipe(ori, unit="l2"),
        "margins-few": searches.few_recipe(stand_in("control", tmp_path)),
        "margins-held-out": searches.held_out_recipe(ori),
    }
    keys = {name: hash_inputs(recipe.inputs)[:12] for name, recipe in recipes.items()}
    keys |= {
        f"dose-{'reduced-' * equal}fl": hash_inputs(run.doses.recipe(ori, 0.25, equal).inputs)[:12]
        for equal in (False, True)
    }
    crossing = {"step": "measure_crossing", **run.feedback.inputs(ori, False)}
    return {**keys, "crossing": hash_inputs(crossing)[:12]}


@pytest.mark.parametrize("dataset", list(KEYS))
def test_keys_stay(dataset, tmp_path):
    assert list_keys(dataset, tmp_path) == KEYS[dataset]
