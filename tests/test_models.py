"""The two classifiers."""

import io
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras.layers import BatchNormalization

from flutils import config, models, training


@pytest.fixture(scope="module")
def cnn():
    return models.build_mnist_cnn(seed=0)


@pytest.fixture(scope="module")
def resnet():
    return models.build_resnet(units=1, width=1, weight_decay=2e-4, seed=0)


def images_for(model, count=4, seed=0):
    shape = model.input_shape[1:]
    high = 1 if shape[-1] == 1 else 255
    return np.random.default_rng(seed).uniform(0, high, (count, *shape)).astype(np.float32)


@pytest.mark.parametrize(("name", "shape"), [("cnn", (28, 28, 1)), ("resnet", (32, 32, 3))])
def test_images_go_in_and_logits_come_out(name, shape, request):
    model = request.getfixturevalue(name)
    assert model.input_shape == (None, *shape) and model.output_shape == (None, 10)
    logits = model.predict_on_batch(images_for(model))
    assert logits.shape == (4, 10) and np.isfinite(logits).all()
    assert (logits < 0).any() or (np.abs(logits.sum(1) - 1) > 1e-2).all()
    assert model.layers[-1].activation is keras.activations.linear


def test_mnist_cnn_is_the_one_of_madry_et_al(cnn):
    assert cnn.count_params() == 3_274_634
    kernels = [weight for weight in cnn.get_weights() if weight.ndim > 1]
    assert [kernel.shape for kernel in kernels] == [(5, 5, 1, 32), (5, 5, 32, 64), (3136, 1024), (1024, 10)]
    for kernel in kernels[1:3]:
        assert np.abs(kernel).max() <= 0.2 + 1e-6  # truncated at two deviations of 0.1
        assert kernel.std() == pytest.approx(0.088, abs=0.003)  # as truncation at two deviations leaves it
    assert all((weight == np.float32(0.1)).all() for weight in cnn.get_weights() if weight.ndim == 1)


def test_resnet_of_five_units_has_the_parameters_of_the_non_wide_option():
    recipe = config.replace(config.load_profile("cifar10", "paper").model, units=5)
    model = models.build_model(recipe, seed=0)
    assert model.count_params() == pytest.approx(0.46e6, rel=0.02)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convolutions) == 1 + 3 * 5 * 2
    assert [layer.filters for layer in convolutions] == [16] * 11 + [32] * 10 + [64] * 10
    assert not any(layer.use_bias for layer in convolutions)


def test_resnet_feature_maps_shrink_twice(resnet):
    shapes = [layer.output.shape[1:] for layer in resnet.layers if isinstance(layer, keras.layers.Add)]
    assert shapes == [(32, 32, 16), (16, 16, 32), (8, 8, 64)]
    wide = models.build_resnet(units=1, width=2, weight_decay=0.0, seed=0)
    assert [layer.output.shape[-1] for layer in wide.layers if isinstance(layer, keras.layers.Add)] == [
        32,
        64,
        128,
    ]


def test_leaky_slope_is_a_tenth(resnet):
    slopes = {layer.negative_slope for layer in resnet.layers if isinstance(layer, keras.layers.LeakyReLU)}
    assert slopes == {0.1}


def test_weight_decay_is_half_the_squared_kernels(resnet):
    """As in cifar10_challenge: coefficient times tf.nn.l2_loss of every kernel, none on biases and scales."""
    kernels = [weight for weight in resnet.get_weights() if weight.ndim > 1]
    assert len(kernels) == 8
    want = 2e-4 * sum((kernel.astype(np.float64) ** 2).sum() / 2 for kernel in kernels)
    assert float(sum(resnet.losses)) == pytest.approx(want, rel=1e-4)


def test_standardization_matches_numpy():
    rng = np.random.default_rng(1)
    images = rng.uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)
    images[1] = 77.0  # constant: its deviation is 0, and 1/sqrt(3072) is divided by instead
    images[2] *= 1e-5  # deviation below 1/sqrt(3072)
    found = np.asarray(models.PerImageStandardization()(images))
    exact = images.astype(np.float64)
    mean, deviation = exact.mean((1, 2, 3), keepdims=True), exact.std((1, 2, 3), keepdims=True)
    assert deviation[2].item() < 1 / np.sqrt(3072) < deviation[0].item()
    want = (exact - mean) / np.maximum(deviation, 1 / np.sqrt(3072))
    np.testing.assert_allclose(found, want, atol=2e-3)
    np.testing.assert_allclose(found[0], want[0], atol=1e-5)
    assert np.abs(found[1]).max() < 2e-3 and np.isfinite(found).all()


def test_resnet_does_not_see_brightness_and_contrast(resnet):
    images = images_for(resnet) / 4
    np.testing.assert_allclose(
        resnet.predict_on_batch(images), resnet.predict_on_batch(images * 2 + 30), rtol=1e-3, atol=1e-4
    )


def test_shortcut_pads_channels_on_both_sides():
    features = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype(np.float32)
    padded = np.asarray(models.ZeroPadChannels(9)(features))
    assert padded.shape == (2, 3, 3, 9)
    np.testing.assert_array_equal(padded[..., 2:6], features)
    assert not padded[..., :2].any() and not padded[..., 6:].any()


def build_small(kind, seed):
    if kind == "mnist_cnn":
        return models.build_mnist_cnn(seed=seed)
    return models.build_resnet(units=1, width=1, weight_decay=0.0, seed=seed)


@pytest.mark.parametrize("kind", ["mnist_cnn", "resnet"])
def test_seed_fixes_the_initial_weights(kind):
    keras.utils.set_random_seed(1)
    first = build_small(kind, 4).get_weights()
    keras.utils.set_random_seed(2)
    again, other = build_small(kind, 4).get_weights(), build_small(kind, 5).get_weights()
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.ndim == 1 or (a != c).any()


@pytest.mark.parametrize("kind", ["mnist_cnn", "resnet"])
def test_no_two_layers_start_alike(kind):
    """One seed for all layers would give equally shaped kernels the same numbers."""
    kernels = [weight.ravel()[:100] for weight in build_small(kind, 0).get_weights() if weight.ndim > 1]
    normal = [np.sign(kernel[:50]) for kernel in kernels]
    for i in range(len(normal)):
        for j in range(i):
            assert abs(np.mean(normal[i] * normal[j])) < 0.8


def test_build_model_follows_its_config():
    smoke = config.load_profile("cifar10", "smoke").model
    model = models.build_model(config.replace(smoke, units=2, width=2), seed=0)
    assert sum(isinstance(layer, keras.layers.Add) for layer in model.layers) == 6
    assert model.count_params() > 4 * models.build_model(smoke, seed=0).count_params()
    assert models.build_model(config.load_profile("mnist", "smoke").model, seed=0).count_params() == 3_274_634


@pytest.mark.parametrize("dataset", config.DATASETS)
def test_saved_model_gives_the_same_logits_and_carries_no_optimizer_state(dataset, tmp_path):
    settings = config.load_profile(dataset, "smoke")
    model = models.build_model(settings.model, seed=1)
    training.compile_for_training(model, settings.training, steps=4)
    images = images_for(model, 8)
    model.fit(images, np.arange(8), batch_size=4, verbose=0)  # so that there is a state to leave out
    before = model.predict_on_batch(images)
    models.save_model(model, tmp_path / "model.keras")

    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert "optimizer" not in list(h5py.File(io.BytesIO(archive.read("model.weights.h5"))))
    assert (tmp_path / "model.keras").stat().st_size < 5 * model.count_params() + 200_000
    loaded = models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict_on_batch(images), before, rtol=1e-5, atol=1e-5)
    assert model.optimizer.iterations.numpy() == 2  # saving leaves the model trainable


def test_saving_keeps_the_decay(resnet, tmp_path):
    """A loaded model that is trained on, as in feedback learning, still decays its weights."""
    models.save_model(resnet, tmp_path / "model.keras")
    loaded = models.load_model(tmp_path / "model.keras")
    assert float(sum(loaded.losses)) == pytest.approx(float(sum(resnet.losses)), rel=1e-5)


@pytest.mark.parametrize("momentum", [0.9, 0.99])
def test_fused_batch_normalization_is_that_of_keras(momentum):
    """In training, in inference, in what it keeps, and in its gradients, up to rounding."""
    tf = pytest.importorskip("tensorflow")
    rng = np.random.default_rng(0)
    layers = [kind(momentum=momentum) for kind in (models.FusedBatchNormalization, BatchNormalization)]
    for layer in layers:
        layer.build((None, 5, 6, 3))
        layer.gamma.assign([1.5, -0.5, 2.0])
        layer.beta.assign([0.1, 0.2, -3.0])
    for _ in range(3):
        x = tf.constant(rng.normal(2, 3, (40, 5, 6, 3)).astype(np.float32))
        weight, found = tf.constant(rng.normal(size=x.shape).astype(np.float32)), []
        for layer in layers:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, training=True)
                loss = tf.reduce_sum(weight * y)
            found.append([y, *tape.gradient(loss, [x, *layer.trainable_variables])])
        for fused, plain in zip(*found, strict=True):
            np.testing.assert_allclose(fused, plain, rtol=1e-3, atol=1e-4)
    fused, plain = layers
    np.testing.assert_allclose(fused.moving_mean, plain.moving_mean, rtol=1e-5)
    np.testing.assert_allclose(fused.moving_variance, plain.moving_variance, rtol=1 / (40 * 5 * 6 - 1))
    assert not np.array_equal(fused.moving_variance, plain.moving_variance), "this is not the fused kernel"
    assert np.abs(fused.moving_mean).max() > 0.01
    moving = (fused.moving_mean, fused.moving_variance)
    kept = [keras.ops.convert_to_numpy(value).copy() for value in moving]
    plain.moving_variance.assign(fused.moving_variance)
    np.testing.assert_allclose(fused(x), plain(x), rtol=1e-4, atol=1e-4)
    fused.trainable = False
    np.testing.assert_allclose(fused(x, training=True), fused(x), rtol=1e-6)
    for before, after in zip(kept, moving, strict=True):
        np.testing.assert_array_equal(before, keras.ops.convert_to_numpy(after))


@pytest.mark.parametrize("options", [{"axis": 1}, {"scale": False}, {"center": False}])
def test_what_the_fused_kernel_cannot_do_is_left_to_keras(options):
    pytest.importorskip("tensorflow")
    x = np.random.default_rng(0).normal(2, 3, (8, 4, 5, 3)).astype(np.float32)
    fused, plain = (kind(**options) for kind in (models.FusedBatchNormalization, BatchNormalization))
    np.testing.assert_allclose(fused(x, training=True), plain(x, training=True), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(fused.moving_variance, plain.moving_variance, rtol=1e-6)


def test_resnet_is_normalized_by_the_fused_layer_and_comes_back_so(resnet, tmp_path):
    models.save_model(resnet, tmp_path / "model.keras")
    loaded = models.load_model(tmp_path / "model.keras")
    kinds = [type(layer) for layer in loaded.layers if isinstance(layer, BatchNormalization)]
    assert kinds == [models.FusedBatchNormalization] * 7
    x = images_for(resnet)
    np.testing.assert_array_equal(loaded.predict_on_batch(x), resnet.predict_on_batch(x))
    variables = (
        [v.value for v in each] for each in (resnet.trainable_variables, resnet.non_trainable_variables)
    )
    logits, _ = resnet.stateless_call(*variables, x, training=False)
    np.testing.assert_allclose(logits, resnet.predict_on_batch(x), rtol=1e-4, atol=1e-4)


def test_rounded_weights_are_stored_in_half_the_space_and_come_back_as_they_are(tmp_path):
    model = models.build_mnist_cnn(seed=0)
    models.save_model(model, tmp_path / "full.keras")
    full = models.load_model(tmp_path / "full.keras").get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(full, model.get_weights(), strict=True))
    models.round_weights(model)
    assert max(np.abs(a - b).max() for a, b in zip(full, model.get_weights(), strict=True)) > 0
    for name in ("half.keras", "again.keras"):
        models.save_model(model, tmp_path / name)
    half = models.load_model(tmp_path / "half.keras").get_weights()
    assert all(a.dtype == np.float32 for a in half)
    assert all(np.array_equal(a, b) for a, b in zip(half, model.get_weights(), strict=True))
    sizes = {path.stem: path.stat().st_size for path in tmp_path.glob("*.keras")}
    assert sizes["half"] < 2 * model.count_params() < sizes["full"]
    assert (tmp_path / "half.keras").read_bytes() == (tmp_path / "again.keras").read_bytes()


@pytest.mark.parametrize("weight", [7e4, np.nan, np.inf])
def test_weights_that_a_float16_does_not_hold_are_refused(weight):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[1.0], [weight]], np.float32)])
    with pytest.raises(ValueError, match="range of a float16"):
        models.round_weights(model)
