"""Figures: what is drawn equals what was given, axes say what they show, nothing is left open or saved."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from flutils import claims, paper, plots
from flutils.plots.claims import VERDICT_MARKS
from flutils.plots.style import EMPTY_COLOR, LEVEL_COLORS, MODEL_STYLES, find_style

ORI, ADV, FL, REDUCED = paper.MODELS
NAMES = list(paper.CLASS_NAMES[paper.CIFAR10])
LEVELS = paper.TABLE_4_LEVELS[paper.CIFAR10]
TABLE_4 = {model: np.array(row.numbers) for model, row in paper.TABLE_4[paper.CIFAR10].items()}
STRENGTHS = [0.0, 0.1, 0.3]
CURVES = {ORI: [0.99, 0.5, 0.1], FL: [0.98, 0.8, 0.4]}


def make_rng():
    return np.random.default_rng(3)


def make_matrix(scale=0.5):
    matrix = make_rng().uniform(0, scale, (10, 10))
    matrix[2, 5] = np.nan
    np.fill_diagonal(matrix, np.nan)
    return matrix


def make_images(*count, low=0.0, high=1.0):
    return make_rng().uniform(low, high, (*count, 6, 6, 1))


def plot_matrices(matrices, **options):
    given = {"class_names": NAMES, "search_range": 0.5, "unit": "pixel value", "title": "MNIST"} | options
    return plots.plot_mean_margin_matrices(matrices, **given)


def plot_curves(strengths=STRENGTHS, curves=CURVES, intervals=None):
    ends = {model: [[0, 1]] * len(strengths) for model in curves} | (intervals or {})
    panel = plots.CurvePanel(strengths, curves, ends, "fraction of the pixel range")
    return plots.plot_accuracy_curves({"MNIST": panel}, chance=0.1)


def plot_attacks(ours, printed, intervals=None):
    labels = {attack: f"{attack}, ε 0.2" for attack in ours}
    ends = intervals or {attack: {} for attack in ours}
    return plots.plot_attack_accuracy(ours, printed, intervals=ends, row_labels=labels, chance=0.1)


def plot_levels(ours, printed):
    return plots.plot_robustness_levels(ours, printed, largest=45, title="MNIST")


def plot_doses(shares):
    ends = {model: [[value, value - 1, value + 1] for value in share] for model, share in shares.items()}
    return plots.plot_dose(shares, {"gain (pixel values)": ends})


def plot_rows(*rows, **labels):
    keys = ("id", "about", "dataset", "printed", "verdict")
    labels = {row[0]: row[0] for row in rows} | labels
    return plots.plot_claims([dict(zip(keys, row, strict=True)) for row in rows], labels=labels)


FIGURES = {
    "history": lambda: plots.plot_history([{"loss": 1.0, "accuracy": 0.5}] * 2, test_accuracy=0.6),
    "proportions": lambda: plots.plot_adjacent_proportions(
        {"0": 2.0, "N/A": 98.0}, {"0": 1.0, "N/A": 99.0}, title="MNIST"
    ),
    "curves": plot_curves,
    "matrices": lambda: plot_matrices({ORI: make_matrix(), FL: make_matrix()}),
    "classes": lambda: plots.plot_class_robustness(TABLE_4, TABLE_4, class_names=NAMES, levels=LEVELS),
    "attacks": lambda: plot_attacks({"FGSM": {ORI: 0.5}}, {"FGSM": {ORI: 0.4}}),
    "centers": lambda: plots.plot_center_images(
        {ORI: make_images(10)}, {ORI: np.arange(10.0)}, class_names=NAMES, bounds=(0, 1)
    ),
    "examples": lambda: plots.plot_examples(
        make_images(2),
        make_images(2, 3),
        sample_titles=["a", "b"],
        example_titles=[["c"] * 3] * 2,
        bounds=(0, 1),
    ),
    "selection": lambda: plots.plot_selection(range(10), levels=LEVELS, R_i=TABLE_4[ORI], class_names=NAMES),
    "before": lambda: plots.plot_before_after(
        {ORI: [0.1, np.nan], FL: [0.2, 0.3]}, search_range=0.5, unit="px", title="MNIST"
    ),
    "dose": lambda: plot_doses({ORI: [0, 10], FL: [0, 5]}),
    "levels": lambda: plot_levels({ORI: 36.0}, {ORI: 36.15}),
    "loss": lambda: plots.plot_loss_by_iteration({ORI: [1.0, 2.0]}, xlabel="step", ylabel="loss"),
    "claims": lambda: plot_rows(("most-robust", "Table I", "mnist", "holds", "fails")),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_returned_closed_and_changes_no_settings(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = dict(mpl.rcParams)
    figure = FIGURES[name]()
    assert isinstance(figure, Figure)
    assert not plt.get_fignums()
    assert dict(mpl.rcParams) == before
    assert not list(tmp_path.iterdir()), "a plot saves nothing"


@pytest.mark.parametrize("name", [name for name in FIGURES if name not in {"centers", "examples", "claims"}])
def test_axes_are_labelled(name):
    figure = FIGURES[name]()
    shared = [axis for axis in figure.axes if axis.get_xticklabels() and axis.get_xlabel()]
    # The vertical axis always says what it is; the horizontal one where its ticks do not name the places.
    assert all(axis.get_ylabel() or name == "attacks" for axis in figure.axes)
    assert shared or name in {"levels", "proportions"}


def test_nothing_is_left_open_after_an_error():
    with pytest.raises(ValueError, match="fractions"):
        plot_curves(curves={ORI: [50.0, 40.0, 30.0]})
    assert not plt.get_fignums()


def test_an_unknown_model_is_refused():
    with pytest.raises(ValueError, match="a model must be one of"):
        find_style("Madry")


def test_models_and_levels_cannot_be_confused():
    styles = MODEL_STYLES
    assert tuple(styles) == (*paper.MODELS, claims.CONTROL, claims.NOISE)
    for field in ("color", "line", "marker"):
        assert len({getattr(style, field) for style in styles.values()}) == len(styles)
    assert not {"s", "v", "^"} & {style.marker for style in styles.values()}, "the marks of the levels"
    # Level colours differ in grey too.
    lightness = sorted(np.dot(mpl.colors.to_rgb(c), [0.3, 0.6, 0.1]) for c in LEVEL_COLORS.values())
    assert np.all(np.diff(lightness) > 0.15)


def test_accuracy_curves_draw_the_data_and_the_bands():
    figure = plot_curves(intervals={FL: [[0.9, 1.0], [0.7, 0.9], [0.3, 0.5]]})
    (axis,) = figure.axes
    lines = {line.get_label(): line for line in axis.get_lines()}
    for model, curve in CURVES.items():
        np.testing.assert_allclose(lines[model].get_xdata(), STRENGTHS)
        np.testing.assert_allclose(lines[model].get_ydata(), 100 * np.array(curve))
        assert lines[model].get_color() == MODEL_STYLES[model].color
    _, band = axis.collections
    corners = band.get_paths()[0].vertices
    assert {(0.1, 70.0), (0.1, 90.0)} <= {tuple(corner) for corner in corners.round(6)}
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == [ORI, FL, "95 % Wilson interval", "chance: 10%"]
    assert axis.get_ylim()[0] == 0 and axis.get_title(loc="left") == "MNIST"
    assert "fraction of the pixel range" in axis.get_xlabel()


def test_matrices_share_one_scale_and_show_empty_cells():
    matrix = make_matrix()
    figure = plot_matrices({FL: matrix, ORI: matrix})
    panels = [axis for axis in figure.axes if axis.images]
    assert [axis.get_title(loc="left") for axis in panels] == ["MNIST, Ori.", "MNIST, F.L."]
    assert len(figure.axes) == 3, "one colour bar"
    for axis in panels:
        (image,) = axis.images
        assert image.get_clim() == (0, 0.5)
        np.testing.assert_array_equal(image.get_array().filled(np.nan), matrix)
        drawn = image.to_rgba(image.get_array())
        assert to_hex(drawn[2, 5]) == EMPTY_COLOR
        assert sum(bool(patch.get_hatch()) for patch in axis.patches) == 10
        written = {text.get_position(): text.get_text() for text in axis.texts}
        assert len(written) == 90
        assert written[(5, 2)] == "–"  # x is the adjacent class, y the origin class
        assert written[(0, 1)] == f"{matrix[1, 0]:.2f}"
        assert (axis.get_xlabel(), axis.get_ylabel()) == ("adjacent class", "origin class")
        assert axis.get_ylim()[0] > axis.get_ylim()[1], "the first origin class is on top"


def test_matrices_of_many_classes_have_no_numbers():
    matrix = np.full((20, 20), 0.2)
    np.fill_diagonal(matrix, np.nan)
    figure = plot_matrices({ORI: matrix, FL: matrix}, class_names=[str(i) for i in range(20)])
    assert not figure.axes[0].texts


def dots_of(axis, model, *, hollow):
    """Return the heights of a model's dots."""
    style = MODEL_STYLES[model]
    (line,) = [
        line
        for line in axis.get_lines()
        if line.get_marker() == style.marker and (line.get_markerfacecolor() == "white") == hollow
    ]
    return np.asarray(line.get_ydata())


def test_class_robustness_draws_ours_filled_and_the_papers_hollow():
    ours = {model: 2 * row for model, row in TABLE_4.items()}
    figure = plots.plot_class_robustness(ours, TABLE_4, class_names=NAMES, levels=LEVELS)
    (axis,) = figure.axes
    assert axis.get_yscale() == "log"
    for model in paper.MODELS:
        np.testing.assert_allclose(dots_of(axis, model, hollow=False), ours[model])
        np.testing.assert_allclose(dots_of(axis, model, hollow=True), TABLE_4[model])
    labels = [label.get_text() for label in axis.get_xticklabels()]
    assert labels[0] == "Airplane △" and labels[2] == "Bird ▽" and labels[3] == "Cat □"


def test_class_robustness_keeps_values_that_a_log_axis_cannot_hold_visible():
    values = np.array([0.01, np.inf, 0.0, np.nan, 5.0, 1, 1, 1, 1, 1])
    figure = plots.plot_class_robustness({ORI: values}, class_names=NAMES, levels=LEVELS)
    (axis,) = figure.axes
    dots = dots_of(axis, ORI, hollow=False)
    ticks = dict(zip((t.get_text() for t in axis.get_yticklabels()), axis.get_yticks().tolist(), strict=True))
    assert dots[[0, 4]].tolist() == [0.01, 5.0]
    assert (dots[1], dots[2], dots[3]) == (ticks["∞"], ticks["0"], ticks["0/0"])
    bottom, top = axis.get_ylim()
    assert bottom < ticks["0/0"] < ticks["0"] < 0.01 and 10 < ticks["∞"] < top
    plain = plots.plot_class_robustness({ORI: np.ones(10)}, class_names=NAMES, levels=LEVELS)
    assert not {"∞", "0", "0/0"} & {tick.get_text() for tick in plain.axes[0].get_yticklabels()}


def test_class_robustness_draws_intervals_up_to_infinity():
    spans = np.array([[0.5, 2.0], [1.0, np.inf], [0.2, np.nan], *[[0.9, 1.1]] * 7])
    figure = plots.plot_class_robustness(
        {ORI: np.ones(10)}, intervals={ORI: spans}, class_names=NAMES, levels=LEVELS
    )
    (axis,) = figure.axes
    (drawn,) = [lines for lines in axis.collections if lines.get_alpha() == 0.55]
    ends = np.array([segment[:, 1] for segment in drawn.get_segments()])
    ticks = dict(zip((t.get_text() for t in axis.get_yticklabels()), axis.get_yticks().tolist(), strict=True))
    np.testing.assert_allclose(ends[:2], [[0.5, 2.0], [1.0, ticks["∞"]]])
    assert len(ends) == 9 and "0/0" not in ticks


def test_attack_accuracy_draws_each_dot_in_the_row_of_its_attack():
    ours = {"FGSM": {ORI: 0.4, FL: 0.7, REDUCED: 0.6}, "PGD": {ORI: 0.1, FL: 0.5, REDUCED: 0.45}}
    printed = {attack: dict(list(row.items())[:2]) for attack, row in ours.items()}
    figure = plot_attacks(ours, printed, {"FGSM": {}, "PGD": {FL: (0.48, 0.52)}})
    (axis,) = figure.axes
    filled, hollow, spans = [], [], []
    for line in axis.get_lines():
        x, y = np.atleast_1d(line.get_xdata()), np.atleast_1d(line.get_ydata())
        if line.get_marker() not in ("None", None, ""):
            (hollow if line.get_markerfacecolor() == "white" else filled).append((x[0], round(y[0])))
        elif line.get_alpha():
            spans.append(tuple(x))
    expected = [(100 * value, row) for row, values in enumerate(ours.values()) for value in values.values()]
    np.testing.assert_allclose(sorted(filled), sorted(expected))
    assert len(hollow) == 4, "the paper prints no Reduced F.L."
    assert spans == [(48.0, 52.0)]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["FGSM, ε 0.2", "PGD, ε 0.2"]
    assert axis.get_ylim()[0] > axis.get_ylim()[1], "the first attack is on top"
    assert axis.get_xlim()[0] <= 0 and axis.get_xlim()[1] >= 100


@pytest.mark.parametrize(
    ("ours", "printed", "match"),
    [
        ({"FGSM": {ORI: 50.5}}, {"FGSM": {}}, "divide percentages"),
        ({"FGSM": {ORI: 0.5}}, {"FGSM": {ORI: 50.5}}, "divide percentages"),
        ({"FGSM": {"x": 0.5}}, {"FGSM": {}}, "a model must be one of"),
    ],
)
def test_attack_accuracy_refuses(ours, printed, match):
    with pytest.raises(ValueError, match=match):
        plot_attacks(ours, printed)


def test_center_images_show_pixels_and_margins():
    images = make_images(10, low=0, high=255)
    margins = {ORI: np.linspace(10, 200, 10), FL: np.full(10, 0.25)}
    figure = plots.plot_center_images({FL: images, ORI: images}, margins, class_names=NAMES, bounds=(0, 255))
    first, second = figure.axes[:10], figure.axes[10:]
    assert [axis.get_title() for axis in first] == NAMES
    assert first[0].get_ylabel() == ORI and second[0].get_ylabel() == FL, "in the paper's order"
    np.testing.assert_allclose(first[4].images[0].get_array() * 255, images[4, ..., 0])
    assert first[4].images[0].get_clim() == (0, 1), "one grey scale for all"
    assert first[9].get_xlabel() == "200.0" and second[9].get_xlabel() == "0.250"
    assert "pixel values" in figure.get_supxlabel()


def test_examples_stand_beside_their_sample():
    samples, examples = make_images(2), make_images(2, 3)
    titles = [["a", "b", "c"], ["d", "e", "f"]]
    figure = plots.plot_examples(
        samples, examples, sample_titles=["3", "7"], example_titles=titles, bounds=(0, 1)
    )
    rows = np.array(figure.axes).reshape(2, 5)
    for row in range(2):
        np.testing.assert_allclose(rows[row, 0].images[0].get_array(), samples[row, ..., 0])
        assert [axis.get_xlabel() for axis in rows[row, 2:]] == titles[row]
    np.testing.assert_allclose(rows[1, 3].images[0].get_array(), examples[1, 1, ..., 0])
    assert rows[1, 0].get_xlabel() == "7"


@pytest.mark.parametrize(
    ("samples", "examples", "titles", "match"),
    [
        (make_images(1), make_images(2, 3), [["a"] * 3] * 2, "shape"),
        (make_images(2), make_images(2, 0), [[]] * 2, "empty"),
        (make_images(2), make_images(2, 3), [["a"] * 2] * 2, "titles"),
        (make_images(2), make_images(2, 3, high=2), [["a"] * 3] * 2, "bounds"),
    ],
)
def test_examples_refuse(samples, examples, titles, match):
    with pytest.raises(ValueError, match=match):
        plots.plot_examples(samples, examples, sample_titles=["a"] * 2, example_titles=titles, bounds=(0, 1))


def test_selection_draws_counts_in_the_colour_of_their_level():
    counts = [{"low": 150, "medium": 100, "high": 20}[level] for level in LEVELS]
    figure = plots.plot_selection(counts, levels=LEVELS, R_i=TABLE_4[ORI], class_names=NAMES)
    above, below = figure.axes
    bars = below.containers[0]
    assert [bar.get_height() for bar in bars] == counts
    assert [to_hex(bar.get_facecolor()) for bar in bars] == [LEVEL_COLORS[level] for level in LEVELS]
    (dots,) = [line for line in above.get_lines() if line.get_marker() == "o"]
    np.testing.assert_allclose(dots.get_ydata(), TABLE_4[ORI])
    assert above.get_yscale() == "log" and above.get_xlim() == below.get_xlim()


def test_before_after_draws_the_share_of_crossings_and_the_rest_at_the_edge():
    before, after = np.array([0.1, 0.1, 0.3, np.nan]), np.array([0.0, np.nan, np.nan, np.nan])
    figure = plots.plot_before_after(
        {FL: after, ORI: before}, search_range=0.5, unit="pixel value", title="MNIST"
    )
    (axis,) = figure.axes
    lines = {line.get_label(): line for line in axis.get_lines()}
    np.testing.assert_allclose(lines[ORI].get_xdata(), [0, 0.1, 0.3, 0.5])
    np.testing.assert_allclose(lines[ORI].get_ydata(), [0, 50, 75, 75])
    np.testing.assert_allclose(lines[FL].get_ydata(), [0, 25, 25])
    rest = [(bar.get_y(), bar.get_height()) for container in axis.containers for bar in container]
    np.testing.assert_allclose(rest, [(75, 25), (25, 75)])
    assert min(bar.get_x() for container in axis.containers for bar in container) > 0.5
    texts = [text.get_text() for text in axis.get_legend().get_texts()]
    assert texts == ["Ori.: N/A 25.0%", "F.L.: N/A 75.0%"]
    assert axis.get_xticklabels()[-1].get_text() == "N/A"


def test_robustness_levels_start_at_zero_beside_the_papers():
    printed = {model: float(R) for model, R in paper.ROBUSTNESS[paper.MNIST].items()}
    ours = {model: 0.9 * R for model, R in printed.items()}
    (axis,) = plot_levels(ours, printed).axes
    bars = [bar for container in axis.containers for bar in container]
    heights = {True: [], False: []}
    for bar in bars:
        heights[to_hex(bar.get_facecolor()) == "#ffffff"].append(bar.get_height())
    np.testing.assert_allclose(heights[True], list(printed.values()))
    np.testing.assert_allclose(heights[False], list(ours.values()))
    assert axis.get_ylim()[0] == 0 and axis.get_ylim()[1] > 45
    assert "45" in axis.texts[-1].get_text()


def test_doses_draw_lines_and_bars_from_the_model_before():
    shares = {FL: [0, 19.0, 76.0], REDUCED: [0, 70.0, 100.0]}
    gains = {FL: [[0, 0, 0], [1, 0.5, 1.5], [3, 2, 4]], REDUCED: [[0, 0, 0], [2, np.nan, np.nan], [1, 0, 2]]}
    accuracy = {model: [[99, 98, 100]] * 3 for model in shares}
    figure = plots.plot_dose(shares, {"gain": gains, "accuracy (%)": accuracy})
    first, second = figure.axes
    assert (first.get_ylabel(), second.get_ylabel()) == ("gain", "accuracy (%)")
    curves = [line for line in first.get_lines() if line.get_marker() in "DP"]
    for line, model in zip(curves, (FL, REDUCED), strict=True):
        np.testing.assert_allclose(
            line.get_xdata(), shares[model], atol=1
        )  # the second a little to the right
        np.testing.assert_allclose(line.get_ydata(), np.array(gains[model])[:, 0])
        assert to_hex(line.get_color()) == MODEL_STYLES[model].color
    bars, others = (each.get_segments() for each in first.collections)
    np.testing.assert_allclose(bars, [[(0, 0), (0, 0)], [(19, 0.5), (19, 1.5)], [(76, 2), (76, 4)]])
    assert len(others) == 3 and not others[1].size  # a missing interval has no bar
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [FL, REDUCED, "before retraining"]


def test_loss_starts_before_the_first_iteration():
    losses = {FL: [0.2, 1.0, 3.0], ORI: [0.1, 5.0, 9.0]}
    (axis,) = plots.plot_loss_by_iteration(losses, xlabel="PGD iteration", ylabel="loss").axes
    assert [line.get_label() for line in axis.get_lines()] == [ORI, FL]
    for line in axis.get_lines():
        np.testing.assert_allclose(line.get_xdata(), [0, 1, 2])
        np.testing.assert_allclose(line.get_ydata(), losses[line.get_label()])
    assert axis.get_yscale() == "log" and axis.get_xlabel() == "PGD iteration"


def test_claims_stand_in_their_row_and_column():
    figure = plot_rows(
        ("a", "Table I", "mnist", "holds", "fails"),
        ("b", "Table II", "cifar10", "not decided", None),
        ("c", "Table I", "cifar10", "cannot tell", "holds"),
        c="third",
    )
    axis = figure.axes[0]
    rows = [label.get_text() for label in axis.get_yticklabels()]
    assert rows == ["a", "third", "b"], "grouped by what they are about"
    places = axis.get_xticks()
    symbols = {text.get_position(): text.get_text() for text in axis.texts}
    marks = {verdict: mark[1] for verdict, mark in VERDICT_MARKS.items()}
    expected = {
        (places[0], 0): "holds",
        (places[1], 0): "fails",
        (places[2], 1): "cannot tell",
        (places[3], 1): "holds",
        (places[2], 2): "not decided",
    }
    assert {place: symbols[place] for place in expected} == {p: marks[v] for p, v in expected.items()}
    assert set(symbols.values()) - set(marks.values()) == {"Table I", "Table II"}
    assert len(symbols) == len(expected) + 2
    assert [label.get_text() for label in axis.get_xticklabels()] == ["paper", "ours"] * 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(marks)


def test_verdicts_are_those_of_claims_and_read_in_grey():
    assert {claims.HOLDS, claims.FAILS, claims.CANNOT_TELL} < VERDICT_MARKS.keys()
    assert len({symbol for _, symbol, _ in VERDICT_MARKS.values()}) == 4
    grey = sorted(np.dot(mpl.colors.to_rgb(face), [0.3, 0.6, 0.1]) for face, _, _ in VERDICT_MARKS.values())
    assert np.all(np.diff(grey) > 0.05)
