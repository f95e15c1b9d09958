"""What docs/protocol.md says of the settings is what they are at the paper's size."""

import importlib
import json

import pytest
from conftest import ROOT

from flutils.claims import CONFIDENCE, RESAMPLES
from flutils.config import load_profile

TEXT = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
MNIST, CIFAR10 = (load_profile(name, "paper") for name in ("mnist", "cifar10"))
BOTH = (MNIST, CIFAR10)
STEPS = [stage.steps for stage in MNIST.adversarial.stages]
SAYS = {
    "**Directions have RMS 1**": all(each.search.unit == "rms" for each in BOTH),
    "**Points are clipped**": all(each.search.clip for each in BOTH),
    "**Both signs** of each direction are searched on MNIST, as §V says; for CIFAR-10 it names none": (
        MNIST.search.both_signs and not CIFAR10.search.both_signs
    ),
    f"**Samples are stratified**: {MNIST.search.num_samples // 10} of each class": all(
        each.search.sampling == "stratified" and each.search.num_samples == MNIST.search.num_samples
        for each in BOTH
    ),
    f"the CIFAR-10 model is a ResNet-{6 * CIFAR10.model.units + 2}": CIFAR10.model.architecture == "resnet",
    "on MNIST {} at first, then {}, in the end {}, on CIFAR-10".format(*STEPS): sorted(STEPS) == STEPS,
    f"by N-FGSM (de Jorge et al. 2022), in {CIFAR10.adversarial.epochs} epochs": (
        not CIFAR10.adversarial.project and CIFAR10.adversarial.noise > 1
    ),
    f"**Held-out margins** of {MNIST.comparison.samples_held_out} test images": (
        MNIST.comparison.samples_held_out == CIFAR10.comparison.samples_held_out
    ),
    "retrained with {:g}, {:g} and {:g} times its rays per sample".format(*MNIST.comparison.doses): (
        CIFAR10.comparison.doses == MNIST.comparison.doses
        and all(each.comparison.doses_equal == (1.0,) for each in BOTH)
    ),
    f"evaluated on {RESAMPLES:,} resamples": True,
    f"*holds* if true in at least {CONFIDENCE:.1%}".replace("%", " %"): True,
}


@pytest.mark.parametrize("settings", BOTH, ids=lambda each: each.dataset)
def test_the_retraining_is_what_the_sweep_chose_by_its_rule(settings, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    retraining = importlib.import_module("retraining")
    path = ROOT / "benchmarks" / "results" / "retraining.json"
    found = json.loads(path.read_text(encoding="utf-8"))[settings.dataset]
    rate = retraining.choose_rate(found["runs"])
    chosen = rate, retraining.choose_epochs(found["runs"], rate)
    assert chosen == (found["rate"], found["epochs"])
    assert chosen == (settings.feedback.learning_rate, settings.feedback.epochs)
    if settings is CIFAR10:
        losses = {run["epochs"]: run["loss"] for run in found["runs"] if run["rate"] == rate}
        assert f"it fell from {losses[4]:.3f} to {losses[8]:.3f}" in TEXT


@pytest.mark.parametrize("words", SAYS, ids=lambda words: words.split("**")[-2 if "**" in words else 0][:20])
def test_the_protocol_says_what_the_settings_are(words):
    assert words in TEXT
    assert SAYS[words]
