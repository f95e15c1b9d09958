"""What the search learns from its pilot, and how it predicts the gaps that it does not look at."""

import numpy as np
import pytest

from flutils.margins.certificate import Certificate
from flutils.margins.rays import Rays
from flutils.margins.search import plan_pilot

IMAGES, RAYS, STEPS = 30, 20, 24


@pytest.fixture(scope="module")
def gaps():
    """Gaps (images, rays, steps + 1) of smooth curves: images differ, and rays of one image differ less."""
    rng, along = np.random.default_rng(0), np.linspace(0, 1, STEPS + 1)
    waves = np.stack([along, along**2, np.sin(3 * along), np.cos(5 * along) - 1])
    image = rng.normal([-4, 0, 0, 0], [2, 1, 1, 0.5], (IMAGES, 1, 4))
    ray = rng.normal(0, [0.5, 0.5, 0.5, 0.2], (IMAGES, RAYS, 4))
    return (rng.uniform(1, 4, (IMAGES, 1, 1)) + (image + ray) @ waves).astype(np.float32)


class Recorded:
    """Stands for an Observer: looks recorded gaps up, and counts."""

    def __init__(self, gaps):
        image = np.repeat(np.arange(len(gaps)), gaps.shape[1])
        self.gaps, self.evaluations = gaps.reshape(len(image), -1), 0
        self.rays = Rays(image, image, image, image, self.gaps[:, 0])

    def __call__(self, ray, step):
        self.evaluations += len(ray)
        gap = self.gaps[ray, step]
        return np.where(gap < 0, step, 0).astype(np.int16), gap

    def on_done(self, count):
        pass


def learn(gaps, images=IMAGES, rays=3, **options):
    return Certificate.learn(gaps[:images, :rays], np.arange(images), **options)


def test_prediction_is_that_of_the_conditional_t_distribution(gaps):
    learnt = learn(gaps, images=20)
    looks = np.array([[5, 24, 12], [3, 9, 20]], np.int16)
    for image, unseen in ((4, 0), (25, 1)):
        seen = np.take_along_axis(gaps[image, 10:12], looks.astype(np.int64), axis=1)
        mean, error = learnt._predict(np.full(2, image), gaps[image, :2, 0], looks, seen)
        centre = learnt.line[0] + gaps[image, 0, 0] * learnt.line[1]
        if not unseen:
            centre += learnt.shift[image]
        for row in range(2):
            covariance, at = learnt.covariance[unseen].astype(np.float64), looks[row]
            weight = np.linalg.solve(covariance[np.ix_(at, at)], covariance[at]).T
            off = seen[row] - centre[at]
            expected = centre + weight @ off
            left = covariance.diagonal() - (weight * covariance[:, at]).sum(axis=1)
            left *= (4 + off @ np.linalg.solve(covariance[np.ix_(at, at)], off)) / (4 + 3)
            np.testing.assert_allclose(mean[row], expected, atol=5e-3)
            np.testing.assert_allclose(error[row] ** 2, left, atol=1e-4 * covariance.diagonal().max())


@pytest.mark.parametrize(("rays", "images", "observed"), [(RAYS, IMAGES, 3), (RAYS, 10, 4), (1, 20, 1)])
def test_search_finds_what_the_curves_do(gaps, rays, images, observed):
    gaps = gaps[:, :rays]
    below = gaps.reshape(-1, STEPS + 1) < 0
    truth = np.where(below.any(axis=1), below.argmax(axis=1), -1)
    assert len(np.unique(truth)) > 10 and (truth < 0).any()
    observe = Recorded(gaps)
    crossing, adjacent = learn(gaps, images, observed).search(observe, np.arange(IMAGES))
    np.testing.assert_array_equal(crossing, truth)
    np.testing.assert_array_equal(adjacent, truth)
    assert observe.evaluations < 5 * len(truth)


def test_images_are_told_apart_in_any_order(gaps):
    """A block has images of its own numbering."""
    learnt, costs = learn(gaps), []
    for samples in (np.arange(IMAGES), np.arange(IMAGES)[::-1]):
        observe = Recorded(gaps[samples])
        learnt.search(observe, samples)
        costs.append(observe.evaluations)
    assert costs[0] == costs[1]


def test_rays_unlike_those_of_the_pilot_are_looked_at_step_by_step(gaps, monkeypatch):
    monkeypatch.setattr("flutils.margins.certificate._MOST_LOOKS", 3)
    odd = gaps.copy()
    odd[:, :, 1:] = np.random.default_rng(1).normal(3, 2, odd[:, :, 1:].shape)
    below = odd.reshape(-1, STEPS + 1) < 0
    crossing, _ = learn(odd, safety=100.0).search(Recorded(odd), np.arange(IMAGES))
    np.testing.assert_array_equal(crossing, np.where(below.any(axis=1), below.argmax(axis=1), -1))


def test_rays_of_the_same_image_save_looks(gaps):
    costs = []
    for images in (10, IMAGES):
        observe = Recorded(gaps)
        learn(gaps, images).search(observe, np.arange(IMAGES))
        costs.append(observe.evaluations)
    assert costs[1] < 0.9 * costs[0]


def test_pilot_without_differences_is_enough_to_search():
    same = np.broadcast_to(np.linspace(1, -1, STEPS + 1, dtype=np.float32), (3, 5, STEPS + 1))
    crossing, _ = learn(same, images=3).search(Recorded(same), np.arange(3))
    assert (crossing == STEPS // 2 + 1).all()


@pytest.mark.parametrize(
    ("samples", "rays", "expected"),
    [
        (1_500, 1_000, (1_500, 2)),
        (200, 100, (200, 2)),
        (10_000, 20, (2_000, 2)),
        (40, 100, (40, 5)),
        (4_000, 1, (100, 1)),
    ],
)
def test_pilot_is_a_small_part_of_the_rays(samples, rays, expected):
    assert plan_pilot(samples, rays) == expected
