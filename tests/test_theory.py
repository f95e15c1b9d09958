"""Lemma 1 and Theorem 1: what is computed agrees with finite differences and with known answers."""

import numpy as np
import pytest

from flutils import margins, theory
from flutils.theory.onestep import ACTIVATIONS, Networks

STEP = 1e-6


@pytest.mark.parametrize("dimension", [2, 30])
def test_crossings_have_their_known_lengths(dimension):
    known = {}
    for surface in theory.SURFACES:
        found = theory.draw_crossings(surface, dimension=dimension, draws=400, seed=3)
        first, second = found.first_two.T
        with np.errstate(invalid="ignore"):
            size = first**2 + second**2
            root = np.sqrt(16 * first**2 - 7 * size)
        known["plane"] = np.where(first > 0, 1 / first, np.inf)
        known["cylinder of class B"] = np.where((first > 0) & (root >= 0), (4 * first - root) / size, np.inf)
        known["slab of class A"] = np.where(first > 0, 1 / first, -1.5 / first)
        expected = known[surface]
        safe = np.abs(expected - 50) > 0.1
        late = (found.crossing - expected)[found.crosses]
        assert found.crosses.sum() > 50
        # A ray may leave a rounded side within a step; a grid misses it, as in any search.
        assert (found.crosses == (expected <= 50))[safe].mean() > 0.98
        assert late.min() > -1e-6 and late.max() <= 0.05 + 1e-6
        assert found.cosine == pytest.approx(first, abs=1e-6)


def test_lemma_1_holds_on_plane_and_cylinder_and_fails_on_the_slab():
    for surface in theory.SURFACES:
        found = theory.draw_crossings(surface, dimension=5, draws=2000, seed=0)
        held = found.positive == found.crosses.sum()
        assert held == (surface != "slab of class A"), surface


def test_unknown_surface_is_refused():
    with pytest.raises(ValueError, match="surface must be one of"):
        theory.draw_crossings("torus", dimension=3, draws=5, seed=0)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_backpropagation_agrees_with_finite_differences(activation):
    networks, x = theory.draw_misclassified(hidden=(6, 5), inputs=4, draws=9, activation=activation, seed=1)
    f = networks.apply(x)
    assert (f > 0).all()
    weights, biases = networks.differentiate(x)
    for layer in range(3):
        moved = [w.copy() for w in networks.weights]
        moved[layer][:, 1, 0] += STEP
        slope = (Networks(tuple(moved), networks.biases, activation).apply(x) - f) / STEP
        assert slope == pytest.approx(weights[layer][:, 1, 0], abs=1e-4)
        moved = [b.copy() for b in networks.biases]
        moved[layer][:, 0] += STEP
        slope = (Networks(networks.weights, tuple(moved), activation).apply(x) - f) / STEP
        assert slope == pytest.approx(biases[layer][:, 0], abs=1e-4)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_error_signal_is_the_derivative_of_the_loss(activation):
    f = np.linspace(0.05, 3, 40)
    ahead, behind = (0.5 * (1 + theory.activate(f + s, activation)) ** 2 for s in (STEP, -STEP))  # Eq. 6
    assert theory.error_signal(f, activation) == pytest.approx((ahead - behind) / (2 * STEP), abs=1e-6)


def test_linear_step_is_equation_9_and_last_layer_step_equation_10():
    for hidden in ((), (7,)):
        networks, x = theory.draw_misclassified(hidden=hidden, inputs=4, draws=20, activation="tanh", seed=2)
        delta = theory.error_signal(networks.apply(x), "tanh")
        last = networks.list_layers(x)[-2]
        change = networks.step(x, 0.3, update="last layer").apply(x) - networks.apply(x)
        assert change == pytest.approx(-0.3 * delta * ((last**2).sum(axis=1) + 1))


def test_steps_leave_what_they_are_not_to_change():
    networks, x = theory.draw_misclassified(hidden=(3,), inputs=2, draws=4, activation="tanh", seed=0)
    last = networks.step(x, 0.1, update="last layer")
    full = networks.step(x, 0.1)
    assert np.array_equal(last.weights[0], networks.weights[0])
    assert not np.array_equal(full.weights[0], networks.weights[0])
    assert np.array_equal(full.weights[1], last.weights[1])
    with pytest.raises(ValueError, match="update must be one of"):
        networks.step(x, 0.1, update="first layer")


def test_plane_samples_keep_their_distance_and_classes():
    x, y = theory.build_plane_samples(25, gap=0.1, seed=4)
    assert x.shape == (50, 1, 8, 1) and np.bincount(y).tolist() == [25, 25]
    assert not x[:, :, 2:].any()
    for shift in (-0.099, 0.099):
        moved = x + theory.build_images(np.array([[0, shift]]))
        assert np.array_equal(theory.find_class(moved), y)


def line(points):
    """Return logits whose boundary is the horizontal line at 0.5, class 1 above."""
    height = np.asarray(points)[:, 0, 1, 0]
    return np.stack([0.5 - height, height - 0.5], axis=1) + 10


def search_plane(x, y, count=6):
    star = theory.build_star(count, seed=0)
    options = {"step": 0.01, "search_range": 0.5, "bounds": (0, 1), "both_signs": True}
    return margins.search(line, x, y, star, unit="l2", clip=False, **options), star


def test_a_star_has_unit_length_and_even_rays():
    star = theory.find_points(theory.build_star(6, seed=0)).astype(float)
    assert np.linalg.norm(star, axis=1) == pytest.approx(np.ones(6), abs=1e-6)
    both = np.concatenate([star, -star])
    angle = np.sort(np.arctan2(both[:, 1], both[:, 0]))
    assert np.diff(angle) == pytest.approx(np.full(11, 2 * np.pi / 12), abs=1e-5)
    with pytest.raises(ValueError, match="count must be"):
        theory.build_star(9, seed=0)


def test_the_plane_can_be_searched():
    x, y = theory.build_plane_samples(5, gap=0.05, seed=0)
    table, star = search_plane(x, y)
    right = line(x).argmax(axis=1) == y
    up = (star[table.direction] * table.sign[:, None, None, None])[:, 0, 1, 0]
    expected = (0.5 - x[:, 0, 1, 0][right])[:, None] / up
    found = table.margin[right]
    assert right.any()
    assert np.nanmax(np.abs(found - expected)) < 0.0101
    assert (np.isnan(found) == ((expected < 0) | (expected > 0.5))).mean() > 0.97  # the grid's last step


def test_cosines_of_a_known_line():
    x, y = theory.build_plane_samples(5, gap=0.05, seed=0)
    table, directions = search_plane(x, y)
    gradients = np.zeros((10, 2, 1, 8, 1), np.float32)
    gradients[:, 0, 0, 1, 0], gradients[:, 1, 0, 1, 0] = -1, 1
    towards = np.repeat((1 - y)[:, None], table.num_rays, axis=1)
    cosine = theory.measure_cosines(gradients, table, x, directions, towards)
    up = (directions[table.direction] * table.sign[:, None, None, None])[:, 0, 1, 0]
    assert cosine == pytest.approx(np.where(y == 0, 1, -1)[:, None] * up, abs=1e-6)
    assert (cosine[table.crossing > 0] > 0).all()
    walked = theory.measure_cosines(gradients, table, x, directions, towards, walked=True)
    inside = (table.crossing > 0) & (np.abs(x[:, 0, 0, 0] - 0.5) < 0.2)[:, None] & (table.margin < 0.2)
    assert inside.any() and walked[inside] == pytest.approx(cosine[inside], abs=1e-4)
    with pytest.raises(ValueError, match="another class"):
        theory.measure_cosines(gradients, table, x, directions, 1 - towards)
