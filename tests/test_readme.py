"""The own-model snippets run as printed, and what README and the pages list and link is there."""

import contextlib
import inspect
import io
import itertools
import re
import textwrap
import types
from pathlib import Path

import keras
import numpy as np
import pytest

from flutils import attacks, directions, feedback, margins, robustness, training
from flutils.config import PROFILES
from flutils.reproduce.notebooks import list_paths

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OWN_MODEL = (ROOT / "docs" / "own_model.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROSE = re.sub(r"<!-- (\w+):begin -->.*?<!-- \1:end -->", "", README, flags=re.S)


@pytest.fixture(scope="module")
def own():
    """The page's blocks run as printed: their names, what each printed, and weights after each."""
    names, printed, weights = {}, [], []
    for block in re.findall(r"```python\n(.*?)```", OWN_MODEL, flags=re.S):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(block, names)
        printed.append(out.getvalue())
        weights.append(names["model"].get_weights())
    return types.SimpleNamespace(**names, printed=printed, weights=weights)


@pytest.fixture(scope="module")
def original(own):
    """The model of the example as it was before retraining."""
    twin = keras.models.clone_model(own.model)
    twin.set_weights(own.weights[0])
    return twin


def sweep(evaluate, own, table, sample, ray):
    """Return the first differing grid length and its class on single rays, point by point; NaN and -1."""
    offset = (own.rays[table.direction] * table.sign[:, None, None, None])[ray]
    lengths = (np.arange(26) * 0.02).astype(np.float32)
    points = np.clip(own.x[sample] + lengths[:, None, None, None, None] * offset, 0, 1)
    flat = points.reshape(-1, *own.x.shape[1:]).astype(np.float32)
    predicted = np.asarray(evaluate(flat)).argmax(axis=1).reshape(26, len(sample))
    differs = predicted != own.y[sample]
    first, found = differs.argmax(axis=0), differs.any(axis=0)
    margin = np.where(found, lengths[first], np.nan)
    return margin, np.where(found, predicted[first, np.arange(len(sample))], -1)


def draw_rays(table, count=300):
    rng = np.random.default_rng(1)
    return rng.integers(table.num_samples, size=count), rng.integers(table.num_rays, size=count)


def test_own_model_learns_and_only_retraining_changes_it(own, original):
    data, searched, made, retrained, other = (np.concatenate([w.ravel() for w in ws]) for ws in own.weights)
    np.testing.assert_array_equal(data, searched)
    np.testing.assert_array_equal(data, made)
    assert not np.allclose(data, retrained)
    np.testing.assert_array_equal(retrained, other)
    assert own.retrained.model is own.model
    assert len(own.retrained.history) == own.plan.epochs
    before, after = (float(a) for a in re.findall(r"test accuracy \w+: (\S+)", own.printed[3]))
    for model, accuracy in ((original, before), (own.model, after)):
        predicted = model.predict_on_batch(own.x_test).argmax(axis=1)
        assert accuracy == pytest.approx((predicted == own.y_test).mean(), abs=1e-9)
    assert before > 0.85
    assert after > before - 0.1


def test_own_tables_are_of_the_same_rays_before_and_after(own, original):
    for field in ("origin", "direction", "sign"):
        np.testing.assert_array_equal(getattr(own.before, field), getattr(own.after, field))
    np.testing.assert_array_equal(own.before.origin, own.y[:500])
    assert own.before.settings == own.after.settings
    assert own.before.margin.shape == (500, 128)
    assert repr(own.before) in own.printed[1]
    sample, ray = draw_rays(own.before)
    for model, table in ((original, own.before), (own.model, own.after)):
        margin, adjacent = sweep(model.predict_on_batch, own, table, sample, ray)
        # A point whose two largest logits tie to rounding may fall on either side, and a fast search may err.
        same = np.isclose(table.margin[sample, ray], margin, equal_nan=True)
        assert np.count_nonzero(~same) <= 2
        np.testing.assert_array_equal(table.adjacent[sample, ray][same], adjacent[same])


def test_own_examples_are_where_they_should_be_and_cross_as_reported(own, original):
    made, (low, high) = own.examples, own.before.settings.bounds
    assert made.images.min() >= low and made.images.max() <= high
    np.testing.assert_array_equal(made.labels, own.y[made.sample])
    assert made.counts.tolist() == [
        np.minimum((own.before.adjacent[rows] >= 0).sum(axis=1), 10).sum()
        for rows in ([row for row in own.chosen.rows if own.y[row] == k] for k in range(10))
    ]
    far = (made.margin * made.strength * own.before.sign[made.ray])[:, None, None, None]
    expected = np.clip(own.x[made.sample] + far * own.rays[own.before.direction[made.ray]], low, high)
    np.testing.assert_allclose(made.images, expected, atol=1e-6)
    crosses = original.predict(made.images, verbose=0).argmax(axis=1) != own.y[made.sample]
    assert own.crossing.crossing_rate == pytest.approx(crosses.mean(), abs=1.5 / len(made))
    assert crosses.mean() > 0.9
    assert all(repr(part) in own.printed[2] for part in (own.chosen, made, own.crossing))


def test_own_numbers_before_and_after_are_those_of_the_tables(own):
    number = r"nan|inf|\d[\d.]*(?:e[+-]\d+)?"
    for name, table in (("before", own.before), ("after", own.after)):
        lines = own.printed[3].partition(f"\n{name}: ")[2].partition("\nafter: ")[0]
        got = [float(value) for value in re.findall(number, lines.replace("(N/A)", ""))]
        crossed = ~np.isnan(own.before.margin) & ~np.isnan(own.after.margin)
        cells = {
            (i, j): table.margin[(own.y[:500] == i)[:, None] & (table.adjacent == j)].astype(float)
            for i, j in itertools.permutations(range(10), 2)
        }
        into, out = np.zeros(10), np.zeros(10)
        for (i, j), cell in cells.items():
            out[i] += cell.sum()
            into[j] += cell.sum()
        expected = [
            np.where(np.isnan(table.margin), 0.5, table.margin).mean(),
            np.isnan(table.margin).mean(),
            sum(cell.mean() if cell.size else 0.5 for cell in cells.values()),
            table.margin[crossed].mean(),
            *(into / out),
        ]
        decimals = np.array([3, 3, 2, 3, *[2] * 10])
        np.testing.assert_array_less(np.abs(np.subtract(got, expected)), 0.51 * 10.0**-decimals, err_msg=name)
    assert not np.array_equal(own.before.crossing, own.after.crossing)


def test_a_function_that_is_no_keras_model_is_searched_as_printed(own):
    table = margins.search(own.logits, own.x[:500], own.y[:500], own.rays, **own.grid)
    assert table.cost.engine == "callable"
    # All but the seconds that it took.
    assert repr(table).partition("; engine")[0] == own.printed[4].partition("; engine")[0]
    sample, ray = draw_rays(table)
    margin, adjacent = sweep(own.logits, own, table, sample, ray)
    same = np.isclose(table.margin[sample, ray], margin, equal_nan=True)
    assert np.count_nonzero(~same) <= 2
    np.testing.assert_array_equal(table.adjacent[sample, ray][same], adjacent[same])
    assert 0 < table.not_found_rate < 1
    with pytest.raises(ValueError, match="probabilities"):
        margins.search(
            lambda images: own.linear.predict_proba(images.reshape(len(images), -1)),
            own.x[:500],
            own.y[:500],
            own.rays,
            **own.grid,
        )


def test_help_of_the_search_holds_an_example_that_runs(own):
    example = inspect.getdoc(margins.search).partition("Example:\n")[2].partition("\nArgs:")[0]
    reader = {name: getattr(own, name) for name in ("model", "directions", "margins")}
    reader |= {"x": own.x[:20], "y": own.y[:20]}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(textwrap.dedent(example).replace("(100,", "(64,"), reader)  # the digits have 64 pixels
    assert reader["table"].margin.shape == (20, 128)
    assert "samples: 20" in out.getvalue()


def list_described(text):
    """List the arguments that a docstring describes."""
    return re.findall(r"^    \*{0,2}(\w+): ", text.partition("Args:\n")[2].partition("\n\n")[0], re.M)


@pytest.mark.parametrize("name", attacks.ATTACKS)
def test_help_describes_the_settings_of_an_attack(name):
    function = attacks.ATTACKS[name].function
    text = inspect.getdoc(function)
    assert list_described(text) == list(inspect.signature(function).parameters)
    assert "\nReturns:\n" in text


@pytest.mark.parametrize(
    "function",
    [
        margins.search,
        margins.trace,
        directions.random_orthogonal,
        *(getattr(robustness, name) for name in robustness.__all__ if name.islower()),
        feedback.choose_samples,
        feedback.make_examples,
        feedback.measure_crossing,
        training.train_natural,
        training.train_feedback,
        attacks.run,
        attacks.calibrate,
    ],
    ids=lambda function: function.__name__,
)
def test_help_describes_every_argument_the_result_and_the_errors(function):
    text = inspect.getdoc(function)
    assert list_described(text) == list(inspect.signature(function).parameters)
    assert "\nReturns:\n" in text and "\nRaises:\n" in text


def test_notebook_table_lists_every_notebook():
    rows = re.findall(r"^\| (\d\d) \| \[.+?\]\(notebooks/(.+?)\) \|", PROSE, flags=re.M)
    assert [name for _, name in rows] == [path.name for path in list_paths(ROOT / "notebooks")]
    assert all(name.startswith(number) for number, name in rows)


@pytest.mark.slow
def test_the_few_lines_of_readme_run_as_printed(own, original, capsys):
    (block,) = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    before = original.get_weights()
    names = {"model": original, "x": own.x[:300], "y": own.y[:300]}
    exec(block, names)
    assert "margin" in capsys.readouterr().out
    assert all(np.array_equal(a, b) for a, b in zip(before, original.get_weights(), strict=True))
    assert names["learned"].model is not original


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if "://" not in link and not (page.parent / link).exists()]


def test_readme_is_a_page_or_two():
    assert len(README.splitlines()) <= 200


def test_prose_names_every_profile_and_no_measured_accuracy():
    assert [name for name in PROFILES if f"| `{name}` |" not in PROSE] == []
    # 97.5 % and 2.5 % are the rule of the verdicts.
    assert set(re.findall(r"\d+(?:\.\d+)? ?%", PROSE)) <= {"97.5 %", "2.5 %"}
