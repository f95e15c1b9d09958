"""The result of the search: what is shown of a margin table is in it, and reads back alike."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from flutils.margins import MarginTable, SearchCost, SearchSettings
from flutils.results import Margins
from flutils.results.margins import ClassMargins, choose_rays

SETTINGS = SearchSettings(0.1, 0.5, (0.0, 1.0), False, True, "label", "rms", "sweep", 3)


def make_table(crossing, origin):
    """Return a table of these grid steps, whose rays end in the next class."""
    crossing = np.array(crossing, np.int16)
    origin = np.array(origin)
    adjacent = np.where(crossing < 0, -1, (origin[:, None] + 1) % 3).astype(np.int16)
    rays = crossing.shape[1]
    return MarginTable(
        crossing,
        adjacent,
        origin,
        np.arange(rays, dtype=np.int32),
        np.ones(rays, np.int8),
        SETTINGS,
        SearchCost(1, 0, 1.0, "none"),
    )


def test_classes_are_summarized_with_no_crossing_as_the_search_range():
    found = ClassMargins.read(make_table([[0, 0], [2, -1]], [0, 1]))
    assert (found.samples, found.misclassified, found.not_found) == (2, 1, 0.25)
    assert found.mean == pytest.approx((0 + 0 + 0.2 + 0.5) / 4) and found.median == 0
    assert np.isnan(ClassMargins.read(make_table([[-1, -1]], [0])).median)


@pytest.mark.parametrize(
    ("crossing", "chosen"),
    [
        ([[3, 1, -1], [0, 0, 0], [5, 2, 4]], [(0, 1), (0, 0), (0, 2)]),  # shortest, median, never
        ([[-1, -1], [-1, -1]], [(1, 0)]),
        ([[0, 0], [0, 0]], [(0, 0)]),
        ([[2]], [(0, 0)]),
    ],
)
def test_rays_to_show_are_chosen_from_what_there_is(crossing, chosen):
    sample, ray = choose_rays(make_table(crossing, range(len(crossing))))
    assert list(zip(sample.tolist(), ray.tolist(), strict=True)) == chosen


@pytest.mark.slow
def test_the_result_is_that_of_the_table_and_reads_back_alike(run):
    found, table = Margins.compute(run), run.searches.margins(run.models.ori())
    assert found.rays_by_step.sum() == (table.crossing >= 0).sum()
    assert list(found.by_class().index) == ["all classes", *run.class_names]
    assert list(found.frame().index) == ["ours"] and "paper, Table I" not in found.units().index
    for k, (row, ray) in enumerate(zip(found.rays.sample, found.rays.ray, strict=True)):
        differs = found.rays.logits[k].argmax(axis=1) != found.rays.origin[k]
        assert table.crossing[row, ray] == (differs.argmax() if differs.any() else -1)
    found.save(run.store)
    again = Margins.load(run.store)
    assert again.rays.images.dtype == np.uint8 and np.array_equal(again.rays.images, found.rays.images)
    for name in ("frame", "by_class", "units", "directions", "costs"):
        pd.testing.assert_frame_equal(getattr(again, name)(), getattr(found, name)())
    assert {name: each.caption for name, each in again.drawings().items()} == {
        name: each.caption for name, each in found.drawings().items()
    }
    mnist = dataclasses.replace(found, dataset="mnist")
    assert mnist.frame().loc["paper"].tolist() == [1500, 1568, 0.02, 0.5, 78.95]
