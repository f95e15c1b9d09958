"""Projected gradient ascent on the loss, as part of a compiled training step."""

from collections.abc import Callable, Sequence
from typing import Any

from flutils.backend import keras

Call = Callable[[Any], Any]
Perturb = Callable[[Call, Any, Any, Any], Any]


def build_perturbation(
    epsilon: float,
    stages: Sequence[tuple[int, int, float]],
    *,
    bounds: tuple[float, float],
    seed: int,
    ramp: int = 0,
    noise: float = 1.0,
    project: bool = True,
) -> Perturb:
    """Build the PGD of a recipe for the running backend, TensorFlow or JAX.

    Args:
        epsilon: l∞ radius, pixel values.
        stages: the draw from which on each holds, in order and from 0; its number of steps, each along the
            sign of the gradient; and the length of a step, pixel values.
        bounds: lowest and highest pixel value; every point stays within.
        seed: of the random starts.
        ramp: number of draws over which radius and step size grow linearly from 0.
        noise: half width of the uniform random start, in radii.
        project: whether points are kept within the radius.

    Returns:
        A function of (call, images, labels, draw): `call` maps images to logits, and `draw` is a number
        that selects the random start, such as that of the training step.

    Raises:
        ValueError: if a length or a number of steps is not positive, the stages are not in order from 0, or
            the backend is another one.

    Source: Madry et al. (ICLR 2018); with one step of 1.25 radii Wong, Rice, Kolter (ICLR 2020); with one
        step of a radius, a start within two and no projection de Jorge et al. (NeurIPS 2022).
    """
    starts = [start for start, _, _ in stages]
    if not epsilon > 0 or not all(steps > 0 and size > 0 for _, steps, size in stages):
        raise ValueError(
            "expected a positive radius, and stages of positive numbers and lengths of steps, got"
            f" {epsilon!r} and {list(stages)!r}"
        )
    if starts[:1] != [0] or starts != sorted(starts):
        raise ValueError(f"expected stages in order, the first from draw 0, got starts {starts!r}")
    builders = {"tensorflow": _build_tensorflow, "jax": _build_jax}
    backend = keras.backend.backend()
    if backend not in builders:
        raise ValueError(f"adversarial training runs on {' and '.join(builders)}, not on {backend}")
    start, ascend = builders[backend](seed)
    ops = keras.ops

    def perturb(call: Call, images: Any, labels: Any, draw: Any) -> Any:
        share = ops.minimum((ops.cast(draw, "float32") + 1.0) / max(ramp, 1), 1.0)
        low, high = bounds
        if project:
            low = ops.maximum(images - share * epsilon, low)
            high = ops.minimum(images + share * epsilon, high)

        def keep(points: Any) -> Any:
            return ops.minimum(ops.maximum(points, low), high)

        _, steps, size = stages[0]
        for first, later_steps, later_size in stages[1:]:
            steps = ops.where(draw >= first, later_steps, steps)
            size = ops.where(draw >= first, later_size, size)
        begun = keep(images + share * noise * epsilon * start(images, draw))
        return ascend(call, begun, ops.reshape(labels, (-1,)), steps, share * size, keep)

    return perturb


def perturb_training_batches(model: keras.Model, perturb: Perturb) -> None:
    """Make every training step of a compiled model perturb its batch first."""
    plain, iterations = model.train_step, model.optimizer.iterations
    unpack = keras.utils.unpack_x_y_sample_weight

    def step_tensorflow(data: Any) -> Any:
        x, y, _ = unpack(data)
        draw = keras.ops.cast(iterations, "int32")
        return plain((perturb(lambda points: model(points, training=False), x, y, draw), y))

    def step_jax(state: Any, data: Any) -> Any:
        x, y, _ = unpack(data)
        trainable, other, optimizer = state[:3]
        draw = optimizer[[v is iterations for v in model.optimizer.variables].index(True)]

        def call(points: Any) -> Any:
            return model.stateless_call(trainable, other, points, training=False)[0]

        return plain(state, (perturb(call, x, y, draw), y))

    model.train_step = step_jax if keras.backend.backend() == "jax" else step_tensorflow


def compile_attacked(model: keras.Model, perturb: Perturb) -> Callable[..., Any]:
    """Compile perturbing a batch and evaluating the model on it, with the weights it has at each call.

    Args:
        model: a Keras model from images to logits.
        perturb: what `build_perturbation` returned.

    Returns:
        A function of (images, labels, draw) that returns logits.
    """
    if keras.backend.backend() == "jax":
        import jax

        @jax.jit
        def attacked(trainable: Any, other: Any, images: Any, labels: Any, draw: Any) -> Any:
            def call(points: Any) -> Any:
                return model.stateless_call(trainable, other, points, training=False)[0]

            return call(perturb(call, images, labels, draw))

        def attack(images: Any, labels: Any, draw: Any) -> Any:
            # Passed on each time: what a compiled function closes over stays as it was when it was traced.
            trainable, other = model.trainable_variables, model.non_trainable_variables
            return attacked([v.value for v in trainable], [v.value for v in other], images, labels, draw)

        return attack
    import tensorflow as tf

    def classify(images: Any, labels: Any, draw: Any) -> Any:
        def call(points: Any) -> Any:
            return model(points, training=False)

        return call(perturb(call, images, labels, draw))

    # XLA makes convolutions on a CPU slower; see `compile_for_training`.
    compiled = tf.function(classify, jit_compile=False)
    return lambda images, labels, draw: compiled(
        tf.constant(images), tf.constant(labels, tf.int32), tf.constant(draw, tf.int32)
    )


def _build_tensorflow(seed: int) -> tuple[Any, Any]:
    import tensorflow as tf

    def start(images: Any, draw: Any) -> Any:
        key = tf.stack([tf.constant(seed, tf.int32), draw])
        return tf.random.stateless_uniform(tf.shape(images), key, -1.0, 1.0)

    def ascend(call: Call, points: Any, labels: Any, steps: Any, step_size: Any, keep: Call) -> Any:
        def step(points: Any) -> tuple[Any]:
            with tf.GradientTape() as tape:
                tape.watch(points)
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, call(points))
            gradient = tape.gradient(loss, points)
            return (keep(points + step_size * tf.sign(gradient)),)

        if isinstance(steps, int) and steps == 1:
            return tf.stop_gradient(step(points)[0])
        (points,) = tf.while_loop(lambda _: True, step, (points,), maximum_iterations=steps)
        return tf.stop_gradient(points)

    return start, ascend


def _build_jax(seed: int) -> tuple[Any, Any]:
    import jax

    def start(images: Any, draw: Any) -> Any:
        key = jax.random.fold_in(jax.random.key(seed), draw)
        return jax.random.uniform(key, images.shape, minval=-1.0, maxval=1.0)

    def ascend(call: Call, points: Any, labels: Any, steps: Any, step_size: Any, keep: Call) -> Any:
        def loss(points: Any) -> Any:
            log_probability = jax.nn.log_softmax(call(points))
            return -jax.numpy.take_along_axis(log_probability, labels.reshape(-1, 1), axis=1).sum()

        def step(_: int, points: Any) -> Any:
            return keep(points + step_size * jax.numpy.sign(jax.grad(loss)(points)))

        return jax.lax.stop_gradient(jax.lax.fori_loop(0, steps, step, points))

    return start, ascend
