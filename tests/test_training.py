"""Training: batches, learning rate, and going on after a kill."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from flutils import config, training
from flutils.training import Batches, OneCycle, loop, train_natural

SHAPE = (8, 8, 1)
NUM_IMAGES, BATCH, EPOCHS = 32, 8, 3
RECIPE = config.replace(
    config.load_profile("cifar10", "smoke").training,
    epochs=EPOCHS,
    batch_size=BATCH,
    learning_rate=0.05,
    flip=False,
    pad=0,
)


def numbered_images(count=NUM_IMAGES):
    """Constant images, each of its own gray, and a class for each: image and class give its number."""
    x = np.tile(np.arange(1, count + 1, dtype=np.float32).reshape(-1, 1, 1, 1), (1, *SHAPE))
    return x, np.arange(count)


def random_images(count=NUM_IMAGES, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.1, 1, (count, *SHAPE)).astype(np.float32)
    y = np.arange(count) % classes
    x[y == 1, :4] += 1
    return x, y


def epoch_of(batches):
    return [batches[i] for i in range(len(batches))]


# --- batches ---------------------------------------------------------------------------------------------


def test_each_epoch_is_a_permutation():
    x, y = numbered_images()
    batches = Batches(x, y, RECIPE, seed=0)
    orders = []
    for epoch in range(3):
        batches.start(epoch)
        images, labels = map(np.concatenate, zip(*epoch_of(batches), strict=True))
        np.testing.assert_array_equal(images[:, 0, 0, 0], labels + 1)
        assert sorted(labels) == list(range(NUM_IMAGES))
        orders.append(labels.tolist())
    assert orders[0] != orders[1] != orders[2] != orders[0] != list(range(NUM_IMAGES))


def test_an_incomplete_last_batch_is_left_out():
    x, y = numbered_images(21)
    batches = Batches(x, y, RECIPE, seed=0)
    assert [len(labels) for _, labels in epoch_of(batches)] == [8, 8]
    seen = np.concatenate([labels for _, labels in epoch_of(batches)])
    assert len(set(seen)) == 16


def test_fewer_images_than_a_batch_make_one_batch():
    x, y = numbered_images(5)
    batches = Batches(x, y, RECIPE, seed=0)
    assert len(batches) == 1 and sorted(batches[0][1]) == [0, 1, 2, 3, 4]


def test_order_depends_on_seed_and_epoch_only():
    x, y = numbered_images()
    walked = Batches(x, y, RECIPE, seed=1)
    for epoch in range(4):
        walked.start(epoch)
    jumped = Batches(x, y, RECIPE, seed=1, epoch=3)
    np.testing.assert_array_equal(jumped[3][1], walked[3][1])  # in any order of access
    np.testing.assert_array_equal(jumped[0][1], walked[0][1])
    assert not np.array_equal(Batches(x, y, RECIPE, seed=2, epoch=3)[0][1], walked[0][1])


@pytest.mark.parametrize("change", [{"pad": 2}, {"flip": True}, {"pad": 2, "flip": True}])
def test_augmented_images_keep_their_labels(change):
    x, y = numbered_images()
    batches = Batches(x, y, config.replace(RECIPE, **change), seed=0)
    for epoch in range(2):
        batches.start(epoch)
        for images, labels in epoch_of(batches):
            assert images.shape == (BATCH, *SHAPE) and images.dtype == np.float32
            np.testing.assert_array_equal(images[:, 4, 4, 0], labels + 1)


def test_crops_are_shifted_copies_with_zeros_shifted_in():
    x, _ = random_images()
    padded = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    batches = Batches(x, np.arange(NUM_IMAGES), config.replace(RECIPE, pad=2), seed=0)
    shifts = []
    for images, numbers in epoch_of(batches):
        for image, number in zip(images, numbers, strict=True):
            places = [
                (top, left)
                for top in range(5)
                for left in range(5)
                if np.array_equal(padded[number, top : top + 8, left : left + 8], image)
            ]
            assert len(places) == 1
            shifts += places
    assert {top for top, _ in shifts} == {left for _, left in shifts} == set(range(5))
    assert len(set(shifts)) > 10


def test_crops_differ_between_epochs():
    x, _ = random_images()
    batches = Batches(x, np.arange(NUM_IMAGES), config.replace(RECIPE, pad=2), seed=0)
    first = {
        number: image for images, ids in epoch_of(batches) for image, number in zip(images, ids, strict=True)
    }
    batches.start(1)
    second = {
        number: image for images, ids in epoch_of(batches) for image, number in zip(images, ids, strict=True)
    }
    assert sum(np.array_equal(first[number], second[number]) for number in first) < NUM_IMAGES / 3


def test_every_image_is_mirrored_every_other_epoch():
    x, _ = random_images()
    batches = Batches(x, np.arange(NUM_IMAGES), config.replace(RECIPE, flip=True), seed=0)
    mirrored = np.zeros((4, NUM_IMAGES), bool)
    for epoch in range(4):
        batches.start(epoch)
        for images, numbers in epoch_of(batches):
            for image, number in zip(images, numbers, strict=True):
                mirrored[epoch, number] = np.array_equal(image, x[number, :, ::-1])
                assert mirrored[epoch, number] or np.array_equal(image, x[number])
    assert 0.25 < mirrored[0].mean() < 0.75
    np.testing.assert_array_equal(mirrored[1], ~mirrored[0])
    np.testing.assert_array_equal(mirrored[2], mirrored[0])
    np.testing.assert_array_equal(mirrored[3], mirrored[1])


def test_read_only_images_stay_as_they_are():
    x, y = random_images()
    before = x.copy()
    x.setflags(write=False)
    batches = Batches(x, y, config.replace(RECIPE, flip=True, pad=2), seed=0)
    assert epoch_of(batches)
    np.testing.assert_array_equal(x, before)


# --- learning rate ---------------------------------------------------------------------------------------


def test_one_cycle_rises_and_falls_linearly():
    rate = OneCycle(peak=0.4, total_steps=100, warmup=0.25)
    found = [float(rate(step)) for step in (0, 5, 25, 50, 100, 120)]
    np.testing.assert_allclose(found, [0, 0.08, 0.4, 0.4 * 50 / 75, 0, 0], atol=1e-7)
    assert max(float(rate(step)) for step in range(101)) == pytest.approx(0.4)


def test_one_cycle_survives_serialization():
    rate = OneCycle(peak=0.4, total_steps=100, warmup=0.25)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(rate))
    assert isinstance(again, OneCycle)
    assert [float(again(step)) for step in range(0, 101, 9)] == [
        float(rate(step)) for step in range(0, 101, 9)
    ]
    optimizer = keras.optimizers.get(keras.optimizers.serialize(keras.optimizers.SGD(rate)))
    assert float(optimizer.learning_rate) == 0.0


@pytest.mark.parametrize(("name", "kind"), [("adam", keras.optimizers.Adam), ("sgd", keras.optimizers.SGD)])
def test_recipe_chooses_the_optimizer(name, kind):
    model = tiny_model()
    training.compile_for_training(model, config.replace(RECIPE, optimizer=name, momentum=0.8), steps=10)
    assert type(model.optimizer) is kind
    if name == "sgd":
        assert model.optimizer.momentum == 0.8
    assert model.loss.get_config()["from_logits"]


def test_accuracy_counts_every_image_once():
    model = keras.Sequential([keras.Input((1, 1, 3)), keras.layers.Flatten()])
    x = np.eye(3, dtype=np.float32)[np.arange(11) % 3].reshape(11, 1, 1, 3)
    y = np.arange(11) % 3
    y[[0, 10]] = (y[[0, 10]] + 1) % 3
    for batch_size in (1, 4, 11, 500):
        assert training.measure_accuracy(model, x, y, batch_size=batch_size) == pytest.approx(9 / 11)


# --- training --------------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable(package="tests")
class Recorder(keras.layers.Layer):
    """Notes the number of each image that really reaches the model in training; can end the process."""

    seen: list = []  # noqa: RUF012 - shared on purpose: a resumed training makes a new layer
    stop_at, stop = None, None

    def call(self, inputs, training=False):
        if training and hasattr(inputs, "numpy"):
            Recorder.seen.append(np.rint(inputs.numpy()[:, 0, 0, 0]).astype(int) - 1)
            if len(Recorder.seen) == Recorder.stop_at:
                Recorder.stop()
        return inputs / NUM_IMAGES


def tiny_model(seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            Recorder(),
            keras.layers.Conv2D(4, 3, strides=2),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.LeakyReLU(),
            keras.layers.Flatten(),
            keras.layers.Dense(4),
        ]
    )


class Run:
    """One training of the tiny model, run eagerly so that every batch and learning rate can be noted."""

    def __init__(self, checkpoints, *, stop_at=None, stop=None, seed=3):
        self.seen, self.steps, self.history = [], [], None
        Recorder.seen, Recorder.stop_at, Recorder.stop = self.seen, stop_at, stop
        x, y = numbered_images()
        compile_plainly, rate_of = loop.compile_for_training, OneCycle.__call__

        def compile_eagerly(model, recipe, *, steps):
            compile_plainly(model, recipe, steps=steps)
            model.run_eagerly = True
            model._compile_config.config["run_eagerly"] = True  # so that a resumed model is eager, too

        def noted_rate(rate, step):
            if hasattr(step, "numpy") and (not self.steps or self.steps[-1][0] != int(step)):
                self.steps.append((int(step), float(rate_of(rate, step))))
            return rate_of(rate, step)

        loop.compile_for_training, OneCycle.__call__ = compile_eagerly, noted_rate
        try:
            trained = train_natural(tiny_model(), x, y % 4, RECIPE, seed=seed, checkpoints=checkpoints)
            self.history, self.weights = trained.history, trained.model.get_weights()
        finally:
            loop.compile_for_training, OneCycle.__call__ = compile_plainly, rate_of
            Recorder.stop_at = None

    @property
    def rates(self):
        return dict(self.steps)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("whole"))


PER_EPOCH = NUM_IMAGES // BATCH
KILLED_AT = PER_EPOCH * 2 + 2  # in the third epoch


def assert_continues(resumed, whole, *, epoch):
    """The same batches and rates from `epoch` on, and the same end."""
    np.testing.assert_array_equal(resumed.seen, whole.seen[epoch * PER_EPOCH :])
    first = epoch * PER_EPOCH
    for step in range(first, EPOCHS * PER_EPOCH):
        assert resumed.rates[step] == pytest.approx(whole.rates[step], rel=1e-6)
    assert min(resumed.rates) >= first
    assert [entry["loss"] for entry in resumed.history] == pytest.approx(
        [entry["loss"] for entry in whole.history], rel=1e-3
    )
    for a, b in zip(resumed.weights, whole.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_the_model_sees_each_epoch_in_the_order_of_its_batches(uninterrupted):
    """Keras prefetches and peeks; what reaches the model must still be each epoch's own order."""
    x, y = numbered_images()
    # Keras ends an epoch before the first one, so that training may see epochs 1, 2, 3 instead of 0, 1, 2.
    first = int(not np.array_equal(uninterrupted.seen[0], Batches(x, y, RECIPE, seed=3)[0][1]))
    want = []
    for epoch in range(first, first + EPOCHS):
        want += [labels for _, labels in epoch_of(Batches(x, y, RECIPE, seed=3, epoch=epoch))]
    np.testing.assert_array_equal(uninterrupted.seen, want)
    assert [step for step, _ in uninterrupted.steps][: EPOCHS * PER_EPOCH] == list(range(EPOCHS * PER_EPOCH))
    assert len(uninterrupted.history) == EPOCHS
    assert uninterrupted.history[-1]["loss"] < uninterrupted.history[0]["loss"]


def test_training_without_checkpoints_is_the_same_training(uninterrupted):
    assert_continues(Run(None), uninterrupted, epoch=0)


@pytest.mark.slow
def test_training_killed_in_an_epoch_goes_on_from_the_last_one(uninterrupted, tmp_path):
    script = (
        "import os, signal, sys, pathlib\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from test_training import KILLED_AT, Run\n"
        "end = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Run(pathlib.Path(sys.argv[2]), stop_at=KILLED_AT, stop=end)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(Path(__file__).parent), str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    assert sorted(path.name for path in tmp_path.glob("epoch-*.keras")) == [
        "epoch-0001.keras",
        "epoch-0002.keras",
    ]
    assert_continues(Run(tmp_path), uninterrupted, epoch=2)


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("stop_at", [1, PER_EPOCH + 1, EPOCHS * PER_EPOCH])
def test_training_interrupted_anywhere_goes_on(uninterrupted, tmp_path, stop_at):
    with pytest.raises(KeyboardInterrupt):
        Run(tmp_path, stop_at=stop_at, stop=interrupt)
    assert_continues(Run(tmp_path), uninterrupted, epoch=(stop_at - 1) // PER_EPOCH)


def test_training_interrupted_twice_goes_on(uninterrupted, tmp_path):
    for stop_at in (PER_EPOCH + 2, 2):  # in the second epoch, both times
        with pytest.raises(KeyboardInterrupt):
            Run(tmp_path, stop_at=stop_at, stop=interrupt)
    assert_continues(Run(tmp_path), uninterrupted, epoch=1)


def test_killed_while_a_checkpoint_was_written_goes_on_from_the_one_before(uninterrupted, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        Run(tmp_path, stop_at=KILLED_AT, stop=interrupt)
    (tmp_path / "epoch-0003.json").write_text(json.dumps([{"loss": 0}] * 3), encoding="utf-8")
    (tmp_path / "writing.keras").write_bytes((tmp_path / "epoch-0002.keras").read_bytes()[:500])
    assert_continues(Run(tmp_path), uninterrupted, epoch=2)


def truncate(path):
    path.write_bytes(path.read_bytes()[:1000])


def flip_bytes(path):
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(byte ^ 0xFF for byte in content[middle : middle + 200])
    path.write_bytes(content)


def spoil_history(path):
    path.with_suffix(".json").write_text("[{", encoding="utf-8")


@pytest.mark.parametrize("damage", [truncate, flip_bytes, spoil_history])
def test_damaged_newest_checkpoint_falls_back_with_a_warning(uninterrupted, tmp_path, damage):
    with pytest.raises(KeyboardInterrupt):
        Run(tmp_path, stop_at=KILLED_AT, stop=interrupt)
    damage(tmp_path / "epoch-0002.keras")
    with pytest.warns(UserWarning, match=r"checkpoint epoch-0002\.keras cannot be read.*older one"):
        resumed = Run(tmp_path)
    assert_continues(resumed, uninterrupted, epoch=1)


def test_no_readable_checkpoint_means_starting_over(uninterrupted, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        Run(tmp_path, stop_at=PER_EPOCH + 1, stop=interrupt)
    (tmp_path / "epoch-0001.keras").write_bytes(b"no model")
    with pytest.warns(UserWarning, match=r"epoch-0001\.keras"):
        resumed = Run(tmp_path)
    assert_continues(resumed, uninterrupted, epoch=0)


def test_a_finished_training_is_not_trained_again(uninterrupted, tmp_path):
    Run(tmp_path)
    again = Run(tmp_path)
    assert again.seen == [] and len(again.history) == EPOCHS
    for a, b in zip(again.weights, uninterrupted.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_only_the_newest_checkpoints_are_kept(tmp_path):
    Run(tmp_path)
    assert len(list(tmp_path.glob("*.keras"))) <= 2
    assert {path.suffix for path in tmp_path.iterdir()} == {".keras", ".json"}


def test_seed_matters_for_the_order(uninterrupted):
    other = Run(None, seed=4)
    assert not np.array_equal(other.seen[0], uninterrupted.seen[0])


def test_a_compiled_training_learns():
    """As notebooks run it, not eagerly: two kinds of images are told apart after a few epochs."""
    x, y = random_images(160)
    recipe = config.replace(RECIPE, epochs=6, learning_rate=0.5)
    trained = train_natural(tiny_model(), x, y, recipe, seed=0)
    assert training.measure_accuracy(trained.model, x, y) > 0.95
    assert [set(entry) for entry in trained.history] == [{"loss", "accuracy", "seconds"}] * 6
    assert all(type(value) is float for entry in trained.history for value in entry.values())
    assert trained.history[-1]["accuracy"] > 0.9


@pytest.mark.parametrize(
    ("count_x", "count_y", "message"),
    [
        (5, 4, r"\(5,\), one class for each image of x, got \(4,\)"),
        (4, 5, r"got \(5,\)"),
        (0, 0, "one image"),
    ],
)
def test_images_without_labels_are_refused(count_x, count_y, message):
    x, y = random_images()
    with pytest.raises(ValueError, match=message):
        train_natural(tiny_model(), x[:count_x], y[:count_y], RECIPE, seed=0)
