"""Figures of the theory draw what they are given and refuse what does not fit."""

import numpy as np
import pytest

from flutils import plots

PLACE = np.linspace(0, 1, 20)
F = np.subtract.outer(PLACE, PLACE)


def test_boundaries_has_a_panel_each_and_dashes_the_first_boundary():
    none = np.empty((0, 2))
    first = plots.PlanePanel("before", F, none, np.empty(0), none)
    second = plots.PlanePanel("after", F + 0.2, np.array([[0.4, 0.6]]), np.array([0]), np.array([[0.4, 0.2]]))
    figure = plots.plot_boundaries(PLACE, [first, second], samples=[[0.2, 0.1], [0.1, 0.8]], classes=[0, 1])
    assert [axis.get_title() for axis in figure.axes] == ["before", "after"]
    assert len(figure.axes[1].lines) == 1  # from the sample to the example
    assert len(figure.axes[1].collections) > len(figure.axes[0].collections)


def test_scenario_says_the_cosine_and_marks_three_points():
    figure = plots.plot_scenario(
        PLACE, F, F + 0.1, start=(0.6, 0.3), gradient=(0, 1), direction=(0.6, 0.8), crossing=0.2,
        example=0.4, reach=0.4,
    )  # fmt: skip
    axis = figure.axes[0]
    assert "0.80" in axis.get_title()
    points = [line.get_xydata()[0] for line in axis.lines if line.get_marker() != "None"]
    assert np.array(points) == pytest.approx(np.array([[0.6, 0.3], [0.72, 0.46], [0.84, 0.62]]))


def test_cosines_shows_the_shares_in_percent():
    rows = {
        "mnist": ([-0.2, 0.0, 0.2], [3.0, 2.0], [5.0, 0.0], [0.1, 0.3], [0.9, 0.6], [0.8, 0.5], [0.95, 0.7])
    }
    shares = plots.plot_cosines(rows).axes[1]
    drawn = [line.get_ydata() for line in shares.lines if len(line.get_ydata()) == 2]
    assert any(np.allclose(values, [90, 60]) for values in drawn)
    with pytest.raises(ValueError, match="fractions"):
        plots.plot_cosines({"mnist": (*rows["mnist"][:4], [90, 60], [80, 50], [95, 70])})


def test_steps_draws_every_curve_and_the_claim():
    rates, panels = [0.1, 1, 10], {"one": {"a": [1, 1, 0.5], "b": [0, 0.5, 1]}}
    axis = plots.plot_steps(rates, panels, ylabels=["networks (%)"], claimed=1.0).axes[0]
    assert [line.get_label() for line in axis.lines] == ["a", "b", "Theorem 1"]
    assert axis.lines[0].get_ydata() == pytest.approx([100, 100, 50])
    with pytest.raises(ValueError, match="shape"):
        plots.plot_steps(rates[:2], panels, ylabels=["networks (%)"], claimed=1.0)
