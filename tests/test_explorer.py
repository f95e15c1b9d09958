"""The explorer: directions, slices, what a choice shows, and the controls, on models with known answers."""

import ast
import json

import numpy as np
import pytest
from conftest import ROOT

from flutils import directions, explorer, margins, plots
from flutils.explorer import ray
from flutils.explorer.material import Lazy
from flutils.explorer.network import KerasNetwork
from flutils.explorer.screen import Screen
from flutils.explorer.slice import build_plane, classify_plane
from flutils.reproduce.notebooks import read_defaults

SHAPE = (4, 4, 1)
WEIGHTS = np.zeros((16, 3))
WEIGHTS[0, 1] = 1.0  # the first pixel votes for class 1,
WEIGHTS[1, 2] = 2.0  # the second for class 2
OFFSETS = np.array([0.5, 0.0, -0.1])  # and class 0 leads where both are dark
PNG = b"\x89PNG"


class Linear:
    """A linear model that counts the images it is asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, images):
        self.asked.append(len(images))
        return images.reshape(len(images), -1) @ WEIGHTS + OFFSETS

    def gap_gradient(self, image, origin):
        logits = self(image[None])[0]
        logits[origin] = -np.inf
        return (WEIGHTS[:, origin] - WEIGHTS[:, logits.argmax()]).reshape(SHAPE)


def pixel_direction(*pixels):
    """Return the direction of RMS 1 that moves these pixels alike."""
    direction = np.zeros(SHAPE, np.float32)
    direction.reshape(-1)[list(pixels)] = 4 / np.sqrt(len(pixels))
    return direction


def build_material(models=("Ori.", "F.L."), *, searched=True, **changes):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 0.2, (9, *SHAPE)).astype(np.float32)
    y = np.arange(9) % 3
    x[y == 1, 0, 0], x[y == 2, 0, 1] = 0.9, 0.8
    rays = directions.random_orthogonal(16, shape=SHAPE, seed=0)
    networks = {model: Linear() for model in models}
    grid = {"step": 0.01, "search_range": 0.3, "bounds": (0.0, 1.0)}
    table = margins.search(networks[models[0]], x, y, rays, both_signs=True, strategy="sweep", **grid)
    values = {
        "dataset": "mnist", "x": x, "y": y, "class_names": ("zero", "one", "two"), "directions": rays,
        "unit": "rms", "networks": networks, "tables": {models[0]: table} if searched else {}, **grid,
    }  # fmt: skip
    return explorer.Material(**{**values, **changes})


@pytest.fixture
def material():
    return build_material()


@pytest.fixture
def state(material):
    return explorer.Explorer({"mnist": material}, slice_points=11)


@pytest.fixture
def box(state):
    return explorer.build_widget(state)


def rms(direction):
    return np.sqrt((direction.astype(np.float64) ** 2).mean())


def test_towards_the_mean_of_a_class(material):
    image = material.x[0]
    direction = ray.build_mean(image, material.x, material.y, 1, unit="rms")
    difference = material.x[material.y == 1].mean(axis=0) - image
    assert rms(direction) == pytest.approx(1)
    np.testing.assert_allclose(direction, difference / rms(difference), rtol=1e-5)


def test_towards_the_nearest_other_sample(material):
    for target in (0, 1):
        direction = ray.build_nearest(material.x[0], material.x, material.y, target, unit="rms")
        others = [x for x, y in zip(material.x[1:], material.y[1:], strict=True) if y == target]
        nearest = min(others, key=lambda x: np.linalg.norm(x - material.x[0]))
        np.testing.assert_allclose(
            direction * rms(nearest - material.x[0]), nearest - material.x[0], atol=1e-6
        )


def test_descent_goes_against_the_gradient():
    np.testing.assert_allclose(ray.build_descent(-pixel_direction(3), unit="rms"), pixel_direction(3))
    assert np.linalg.norm(ray.build_descent(pixel_direction(3), unit="l2")) == pytest.approx(1)


def test_the_second_direction_is_made_orthogonal():
    first, second = pixel_direction(0), pixel_direction(0, 1)
    found = ray.build_orthogonal(second, first, unit="rms")
    np.testing.assert_allclose(found, pixel_direction(1), atol=1e-6)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda m: ray.build_unit(np.zeros(SHAPE), unit="rms"), "above 0"),
        (lambda m: ray.build_mean(m.x[0], m.x, m.y, 7, unit="rms"), "no sample of class 7"),
        (lambda m: ray.build_nearest(m.x[0], m.x[:1], m.y[:1], 0, unit="rms"), "no other sample"),
        (lambda m: ray.build_orthogonal(m.directions[0], -m.directions[0], unit="rms"), "parallel"),
    ],
)
def test_directions_without_a_length_are_refused(material, build, words):
    with pytest.raises(ValueError, match=words):
        build(material)


def test_a_plane_is_laid_out_row_by_row():
    place = np.array([-0.1, 0.0, 0.1])
    image = np.full(SHAPE, 0.5, np.float32)
    plane = build_plane(image, pixel_direction(0), pixel_direction(1), place, bounds=None)
    plane = plane.reshape(3, 3, 16)
    np.testing.assert_allclose(plane[:, :, 0], np.tile(0.5 + 4 * place, (3, 1)), atol=1e-6)
    np.testing.assert_allclose(plane[:, :, 1], np.tile(0.5 + 4 * place, (3, 1)).T, atol=1e-6)
    assert build_plane(image, pixel_direction(0), pixel_direction(1), [1.0], bounds=(0, 1)).max() == 1


def test_a_slice_of_a_linear_model_has_its_known_regions():
    found = classify_plane(
        Linear(), np.zeros(SHAPE, np.float32), pixel_direction(0), pixel_direction(1), reach=0.25, points=21,
        bounds=(0, 1),
    )  # fmt: skip
    across, up = (np.clip(4 * v, 0, 1) for v in np.meshgrid(found.place, found.place))
    logits = np.stack([np.full_like(across, 0.5), across, 2 * up - 0.1])
    clear = np.sort(logits, axis=0)[-1] - np.sort(logits, axis=0)[-2] > 1e-4  # ties are settled by rounding
    assert clear.mean() > 0.8
    np.testing.assert_array_equal(found.classes[clear], logits.argmax(axis=0)[clear])
    assert set(np.unique(found.classes)) == {0, 1, 2}


@pytest.mark.parametrize("change", [{"points": 4}, {"points": 1}, {"reach": 0.0}])
def test_a_slice_without_its_sample_is_refused(change):
    flat = np.zeros(SHAPE, np.float32)
    with pytest.raises(ValueError, match="must be"):
        classify_plane(Linear(), flat, flat, flat, **{"reach": 1.0, "points": 5, "bounds": None, **change})


def test_the_margin_of_a_linear_model_is_where_its_logits_cross():
    x = np.zeros((3, *SHAPE), np.float32)
    x[1, 0, 0], x[2, 0, 1] = 1, 1
    rays = np.stack([pixel_direction(0), pixel_direction(1)])
    state = explorer.Explorer({"mnist": build_material(x=x, y=np.arange(3), directions=rays, searched=False)})
    choice = explorer.Choice("mnist", "Ori.")
    # 4 lengths of light in pixel 0 against a lead of 0.5 cross at 0.125, which 0.13 is the first step past.
    reading = state.read(choice)
    assert (reading.origin, reading.adjacent, reading.crossing) == (0, 1, 13)
    assert reading.margin == pytest.approx(0.13)
    assert reading.stretches == ((0, 0), (13, 1))
    away = state.read(explorer.Choice("mnist", "Ori.", sign=-1))
    assert (away.margin, away.adjacent, away.stretches) == (None, None, ((0, 0),))


def test_a_class_that_flips_back_is_told():
    class Wave(Linear):
        def __call__(self, images):
            light = images.reshape(len(images), -1)[:, 0]
            return np.stack([np.zeros_like(light), np.sin(light * 20), np.full_like(light, -5)], axis=1)

    x = np.zeros((1, *SHAPE), np.float32)
    changed = build_material(searched=False)
    rays = pixel_direction(0)[None].repeat(2, axis=0)
    wave = explorer.Material(
        **{**vars(changed), "x": x, "y": np.array([0]), "directions": rays, "networks": {"Ori.": Wave()}}
    )
    reading = explorer.Explorer({"mnist": wave}).read(explorer.Choice("mnist", "Ori."))
    assert [c for _, c in reading.stretches][:3] == [0, 1, 0]
    assert reading.crossing == reading.stretches[1][0]


def test_walks_agree_with_the_margin_table(state, material):
    table = material.tables["Ori."]
    for sample in range(0, 9, 2):
        for column in range(0, 32, 5):
            choice = explorer.Choice(
                "mnist", "Ori.", sample, number=int(table.direction[column]), sign=int(table.sign[column])
            )
            assert state.compare_table(choice) is True
    assert state.compare_table(explorer.Choice("mnist", "F.L.")) is None
    material.tables["Ori."].crossing[0, 0] += 1
    first = explorer.Choice("mnist", "Ori.", number=int(table.direction[0]), sign=int(table.sign[0]))
    assert state.compare_table(first) is False


def test_it_starts_on_a_ray_that_crosses(state, material):
    choice = state.start("mnist")
    table = material.tables["Ori."]
    assert state.read(choice).crossing == min(c for c in table.crossing[choice.sample] if c > 0)
    bare = explorer.Explorer({"mnist": build_material(searched=False)})
    assert bare.start("mnist") == explorer.Choice("mnist", "Ori.")


def test_the_gradient_of_a_linear_model(state, material):
    choice = explorer.Choice("mnist", "Ori.", sample=0, kind=explorer.GRADIENT)
    direction = state.build_direction(choice)
    weights = material.networks["Ori."].gap_gradient(material.x[0], 0)
    np.testing.assert_allclose(direction, -weights / rms(weights), rtol=1e-5)


def test_nothing_is_evaluated_twice(state, material):
    choice = explorer.Choice("mnist", "Ori.", kind=explorer.MEAN, target=1)
    state.read(choice), state.slices(choice)
    asked = {model: list(network.asked) for model, network in material.networks.items()}
    state.read(choice), state.slices(choice), state.trace(choice)
    assert {model: network.asked for model, network in material.networks.items()} == asked
    state.slices(explorer.Choice("mnist", "F.L.", kind=explorer.MEAN, target=1))  # the same plane
    assert {model: network.asked for model, network in material.networks.items()} == asked
    assert asked["Ori."][-2:] == [31, 121]  # a ray in one call, a slice in one call


def test_slices_are_of_ori_fl_and_the_chosen_model():
    many = explorer.Explorer(
        {"mnist": build_material(("Ori.", "Adv.", "F.L.", "Reduced F.L."))}, slice_points=5
    )
    assert list(many.slices(explorer.Choice("mnist", "Ori."))) == ["Ori.", "F.L."]
    assert list(many.slices(explorer.Choice("mnist", "Adv."))) == ["Ori.", "Adv.", "F.L."]


def test_the_second_direction_is_never_the_ray(state):
    assert state.find_second(explorer.Choice("mnist", "Ori.", number=1, second=1)) == 2
    assert state.find_second(explorer.Choice("mnist", "Ori.", number=15, second=15)) == 0
    assert state.find_second(explorer.Choice("mnist", "Ori.", kind=explorer.MEAN, number=1)) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dataset": "svhn"}, "no dataset 'svhn'"),
        ({"model": "Adv."}, "no model 'Adv.'; choose one of Ori., F.L."),
        ({"sample": 9}, "sample must be 0 to 8"),
        ({"number": -1}, "number must be"),
        ({"second": 16}, "second must be"),
        ({"target": 3}, "target must be"),
        ({"kind": "up"}, "no kind"),
        ({"sign": 0}, "sign must be"),
    ],
)
def test_what_is_not_there_is_refused(state, change, words):
    with pytest.raises(ValueError, match=words):
        state.read(explorer.Choice(**{"dataset": "mnist", "model": "Ori.", **change}))


def test_class_center_image(material):
    table = material.tables["Ori."]
    mean = np.where(np.isnan(table.margin), 1.0, table.margin).mean(axis=1)
    best = max(material.rows_of(2), key=lambda row: mean[row])
    assert material.find_center("Ori.", 2) == best
    with pytest.raises(LookupError, match="no margin table"):
        material.find_center("F.L.", 2)


def test_lazy_values_are_made_once_and_late():
    made = []
    lazy = Lazy({"a": lambda: made.append("a") or 1, "b": lambda: made.append("b") or 2})
    assert list(lazy) == ["a", "b"]
    assert len(lazy) == 2
    assert made == []
    assert lazy["b"] + lazy["b"] == 4
    assert made == ["b"]


def test_figures(state):
    choice = state.start("mnist")
    picture, curves = explorer.draw_ray(state, choice, 5).axes
    assert picture.get_title() == "at length 0.05\npredicted: zero"
    assert len([line for line in curves.lines if len(line.get_xdata()) == 31]) == 3
    logits = max(line.get_ydata().max() for line in curves.lines[:3])
    shares = explorer.draw_ray(state, choice, 5, probabilities=True).axes[1]
    total = np.sum([line.get_ydata() for line in shares.lines[:3]], axis=0)
    np.testing.assert_allclose(total, 1, rtol=1e-6)
    assert logits != pytest.approx(total[0])
    figure = explorer.draw_slices(state, choice, 5)
    assert [axis.get_title() for axis in figure.axes] == ["Ori.", "F.L."]
    assert len(figure.legends) == 1
    with pytest.raises(ValueError, match="step must be"):
        explorer.draw_ray(state, choice, 31)


def test_a_plot_that_moved_is_the_one_drawn_there(state):
    choice = state.start("mnist")
    moved = Screen(state)
    moved.render_ray(choice, 0), moved.render_slices(choice, 0)
    for step in (4, 30, 0):
        fresh = Screen(state)
        assert moved.render_ray(choice, step) == fresh.render_ray(choice, step)
        assert moved.render_slices(choice, step) == fresh.render_slices(choice, step)
    with pytest.raises(ValueError, match="step must be"):
        moved.render_ray(choice, 31)


def test_only_another_choice_is_drawn_anew(state, monkeypatch):
    drawn = []
    for kind in ("RayPlot", "SlicePlot"):
        plot = getattr(plots, kind)
        monkeypatch.setattr(
            plots, kind, lambda *a, _kind=kind, _plot=plot, **k: drawn.append(_kind) or _plot(*a, **k)
        )
    screen, choice = Screen(state), state.start("mnist")
    for step in range(3):
        screen.render_ray(choice, step), screen.render_slices(choice, step)
    assert drawn == ["RayPlot", "SlicePlot"]
    plain = screen.render_ray(choice, 0)
    assert screen.render_ray(choice, 0, probabilities=True) != plain
    other = explorer.Choice("mnist", "Ori.", sample=4)
    assert screen.render_ray(other, 0) != plain
    screen.render_slices(other, 0)
    assert drawn == ["RayPlot", "SlicePlot", "RayPlot", "RayPlot", "SlicePlot"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"classes": {}}, "classes"),
        ({"classes": {"Ori.": np.zeros((3, 4))}}, "shape"),
        ({"classes": {"Ori.": np.full((3, 3), 3)}}, "classes must be 0 to 2"),
    ],
)
def test_slices_that_do_not_fit_are_refused(change, words):
    values = {"classes": {"Ori.": np.zeros((3, 3))}, "place": [-1, 0, 1], "class_names": "abc"}
    plots.SlicePlot(**values, labels=("a", "b"), unit="c")
    with pytest.raises(ValueError, match=words):
        plots.SlicePlot(**{**values, **change}, labels=("a", "b"), unit="c")


def test_the_box_starts_where_the_state_does(box, state):
    assert box.choice == state.start("mnist")
    assert bytes(box.ray_image.value).startswith(PNG)
    assert bytes(box.slice_image.value).startswith(PNG)
    assert box.length.max == 30


def test_moving_the_length_changes_image_and_words_without_evaluating(box, state, material):
    words, picture = box.status.value, box.ray_image.value
    asked = [list(network.asked) for network in material.networks.values()]
    box.length.value = state.read(box.choice).crossing
    assert box.status.value != words
    assert box.ray_image.value != picture
    assert f"predicts <b>{material.class_names[state.read(box.choice).adjacent]}</b>" in box.status.value
    assert [network.asked for network in material.networks.values()] == asked


@pytest.mark.parametrize(
    ("control", "value"),
    [
        ("model", "F.L."),
        ("sample", 1),
        ("origin", 2),
        ("kind", explorer.GRADIENT),
        ("number", 7),
        ("sign", -1),
    ],
)
def test_each_control_changes_the_choice_and_the_words(box, control, value):
    box.show(explorer.Choice("mnist", "Ori.", sample=0, number=3, sign=1))
    choice, words = box.choice, box.status.value
    getattr(box, control).value = value
    assert box.choice != choice
    assert box.status.value != words


def test_only_controls_that_matter_are_shown(box):
    shown = {}
    for kind in explorer.KINDS:
        box.kind.value = kind
        shown[kind] = [name for name in ("number", "target") if getattr(box, name).layout.display != "none"]
    assert shown == {
        explorer.RANDOM: ["number"],
        explorer.MEAN: ["target"],
        explorer.NEAREST: ["target"],
        explorer.GRADIENT: [],
    }


def test_the_target_class_steers_the_ray(box, state):
    box.show(explorer.Choice("mnist", "Ori.", sample=0, kind=explorer.MEAN, target=1))
    assert state.read(box.choice).adjacent == 1
    box.target.value = 2
    assert state.read(box.choice).adjacent == 2
    assert "mean of class two" in box.status.value


def test_the_button_jumps_to_the_class_center_image(box, material):
    for label, index in (("one", 1), ("two", 2)):
        box.origin.value = index
        box.sample.value = int((material.rows_of(index) != material.find_center("Ori.", index)).argmax())
        box.length.value = 3
        box.center.click()
        assert box.choice.sample == material.find_center("Ori.", index)
        assert box.length.value == 0
        assert f"class-center image of class {label}" in box.note.value
    box.model.value = "F.L."
    before = box.choice
    box.center.click()
    assert box.choice == before
    assert "make reproduce" in box.note.value


def test_a_choice_that_cannot_be_shown_says_why(box, monkeypatch):
    monkeypatch.setattr(Linear, "gap_gradient", lambda self, image, origin: np.zeros(SHAPE))
    box.kind.value = explorer.GRADIENT
    assert "cannot show this" in box.status.value
    assert box.ray_image.value == b""
    box.kind.value = explorer.RANDOM
    assert bytes(box.ray_image.value).startswith(PNG)


def test_another_dataset_brings_its_own_choices():
    smaller = build_material(("Ori.",), dataset="cifar10", class_names=("cat", "dog", "bird"), searched=False)
    both = explorer.Explorer({"mnist": build_material(), "cifar10": smaller}, slice_points=5)
    box = explorer.build_widget(both)
    box.model.value = "F.L."
    box.dataset.value = "cifar10"
    assert box.choice == explorer.Choice("cifar10", "Ori.")
    assert box.origin.label == "cat"
    assert box.model.options == ("Ori.",)
    assert "true class <b>cat</b>" in box.status.value


def test_an_empty_store_says_what_to_run(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"notebook 01.*04.*make reproduce PROFILE=smoke"):
        explorer.load_state("smoke", 0, home=tmp_path)
    assert not list(tmp_path.rglob("*.keras"))
    with pytest.raises(ValueError, match="nothing to explore"):
        explorer.Explorer({})


def test_a_keras_network_pads_batches_and_knows_its_gradient():
    from flutils.backend import keras

    inputs = keras.Input(SHAPE)
    dense = keras.layers.Dense(3)
    model = keras.Model(inputs, dense(keras.layers.Flatten()(inputs)))
    dense.set_weights([WEIGHTS.astype(np.float32), OFFSETS.astype(np.float32)])
    network, linear = KerasNetwork(model, batch_size=4), Linear()
    images = np.random.default_rng(1).uniform(size=(10, *SHAPE)).astype(np.float32)
    np.testing.assert_allclose(network(images), linear(images), atol=1e-5)
    for origin in range(3):
        np.testing.assert_allclose(
            network.gap_gradient(images[0], origin), linear.gap_gradient(images[0], origin), atol=1e-5
        )


def test_the_notebook_shows_figures_before_the_widget():
    cells = json.loads((ROOT / "notebooks" / "00_explorer.ipynb").read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    calls = [
        node.func.attr
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    assert calls.index("draw_ray") < calls.index("draw_slices") < calls.index("build_widget")
    assert not {"train_all", "train_ori", "search_margins"} & set(calls)


def test_the_notebook_opens_on_models_that_ship():
    chosen = read_defaults(ROOT / "notebooks" / "00_explorer.ipynb")
    state = explorer.load_state(chosen["PROFILE"], chosen["SEED"], home=ROOT)
    shipped = {path.parent.name for path in (ROOT / "artifacts" / "paper").glob("*/ori-*.keras")}
    assert shipped and set(state.materials) == shipped
