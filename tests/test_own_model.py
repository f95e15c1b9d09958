"""Notebook 14 and README's few lines: run as printed, and every number against the slow way."""

import contextlib
import inspect
import io
import itertools
import re
import shutil
import textwrap
import types

import numpy as np
import pytest
from conftest import ROOT
from test_committed_notebooks import run_nbval
from test_notebooks import PATHS, code_cells, read

from flutils import margins
from flutils.reproduce.notebooks import OWN_MODEL

README = (ROOT / "README.md").read_text(encoding="utf-8")
(PATH,) = [path for path in PATHS if path.name.startswith(OWN_MODEL)]
NOTEBOOK = read(PATH)


@pytest.fixture(scope="module")
def own():
    """The names of the notebook after its cells ran in order, and what they printed."""
    names = {}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        for cell in code_cells(NOTEBOOK):
            exec(cell.source, names)
    return types.SimpleNamespace(**names, printed=out.getvalue())


@pytest.mark.slow
def test_the_notebook_gives_what_it_shows(tmp_path):
    shutil.copy(PATH, tmp_path)
    done = run_nbval(tmp_path, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(code_cells(NOTEBOOK))} passed" in done.stdout
    assert not [
        path for path in tmp_path.iterdir() if path.is_dir() and path.name in ("artifacts", "figures")
    ]


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


def test_the_model_learns_and_only_its_copy_is_retrained(own):
    for was, now in zip(own.weights, own.model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)
    assert own.learned.model is not own.model and own.retrained.model is own.copy is not own.model
    for retrained in (own.learned.model, own.copy):
        assert not np.allclose(retrained.get_weights()[0], own.weights[0])
    assert len(own.retrained.history) == own.plan.epochs
    before, after = own.compared.loc["test accuracy"]
    for model, accuracy in ((own.model, before), (own.copy, after)):
        predicted = model.predict_on_batch(own.test[0]).argmax(axis=1)
        assert accuracy == pytest.approx((predicted == own.test[1]).mean(), abs=5.1e-4)
    assert own.learned.accuracy[0] == pytest.approx(before, abs=5.1e-4)
    assert before > 0.85
    assert after > before - 0.1


def test_tables_are_of_the_same_rays_before_and_after(own):
    for field in ("origin", "direction", "sign"):
        np.testing.assert_array_equal(getattr(own.before, field), getattr(own.after, field))
    np.testing.assert_array_equal(own.before.origin, own.y[:500])
    assert own.before.settings == own.after.settings
    assert own.before.margin.shape == (500, 128)
    assert str(own.before.to_frame().shape) in own.printed
    sample, ray = draw_rays(own.before)
    for model, table in ((own.model, own.before), (own.copy, own.after)):
        margin, adjacent = sweep(model.predict_on_batch, own, table, sample, ray)
        # A point whose two largest logits tie to rounding may fall on either side, and a fast search may err.
        same = np.isclose(table.margin[sample, ray], margin, equal_nan=True)
        assert np.count_nonzero(~same) <= 2
        np.testing.assert_array_equal(table.adjacent[sample, ray][same], adjacent[same])


def test_examples_are_where_they_should_be_and_cross_as_reported(own):
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
    crosses = own.model.predict(made.images, verbose=0).argmax(axis=1) != own.y[made.sample]
    assert own.crossing.crossing_rate == pytest.approx(crosses.mean(), abs=1.5 / len(made))
    assert crosses.mean() > 0.9
    drawn = made.sample[own.places]
    assert drawn.shape == (3, 5) and (drawn == made.sample[own.first][:, None]).all()


def test_numbers_before_and_after_are_those_of_the_tables(own):
    crossed = ~np.isnan(own.before.margin) & ~np.isnan(own.after.margin)
    for name, table in (("before", own.before), ("after", own.after)):
        cells = {
            (i, j): table.margin[(own.y[:500] == i)[:, None] & (table.adjacent == j)].astype(float)
            for i, j in itertools.permutations(range(10), 2)
        }
        into, out = np.zeros(10), np.zeros(10)
        for (i, j), cell in cells.items():
            out[i] += cell.sum()
            into[j] += cell.sum()
        expected = {
            "N/A rate": np.isnan(table.margin).mean(),
            "mean margin, N/A as 0.5": np.where(np.isnan(table.margin), 0.5, table.margin).mean(),
            "mean margin, crossing in both": table.margin[crossed].mean(),
            "R": sum(cell.mean() if cell.size else 0.5 for cell in cells.values()),
        }
        got = own.compared[name].drop("test accuracy")
        np.testing.assert_allclose(got, [expected[row] for row in got.index], atol=5.1e-4)
        np.testing.assert_allclose(own.ratios.loc[f"R_i {name}"], into / out, atol=5.1e-3)
    ends = [(own.before.adjacent == k).mean() for k in (*range(10), -1)]
    np.testing.assert_allclose(own.shares.loc["rays (%)"], np.multiply(ends, 100), atol=0.051)
    assert not np.array_equal(own.before.crossing, own.after.crossing)


def test_a_function_that_is_no_keras_model_is_searched(own):
    def logits(images):
        return images.reshape(len(images), -1) @ own.linear.coef_.T + own.linear.intercept_

    assert own.other.cost.engine == "callable"
    sample, ray = draw_rays(own.other)
    margin, adjacent = sweep(logits, own, own.other, sample, ray)
    same = np.isclose(own.other.margin[sample, ray], margin, equal_nan=True)
    assert np.count_nonzero(~same) <= 2
    np.testing.assert_array_equal(own.other.adjacent[sample, ray][same], adjacent[same])
    assert 0 < own.other.not_found_rate < 1
    with pytest.raises(ValueError, match="probabilities"):
        margins.search(
            lambda images: own.linear.predict_proba(images.reshape(len(images), -1)),
            own.x[:500],
            own.y[:500],
            own.rays,
            **own.grid,
        )


class Tensor:
    """Stands for a tensor of PyTorch in the lines that the notebook prints."""

    def __init__(self, values):
        self.values = values

    def permute(self, *axes):
        return Tensor(self.values.transpose(axes))

    def detach(self):
        return self

    def numpy(self):
        return self.values


class Net:
    """Stands for a module of PyTorch: linear, of images with their channels first."""

    def __init__(self, weights):
        self.weights, self.training = weights, True

    def eval(self):
        self.training = False

    def __call__(self, images):
        assert not self.training and images.values.shape[1:] == (1, 8, 8)
        return Tensor(images.values.reshape(len(images.values), -1) @ self.weights)


@pytest.mark.parametrize("kind", ["NumPy in its place", "PyTorch"])
def test_the_lines_for_pytorch_search_a_model_of_it(own, kind):
    texts = [cell.source for cell in NOTEBOOK.cells if cell.cell_type == "markdown"]
    (block,) = re.findall(r"```python\n(.*?)```", "\n".join(texts), flags=re.S)
    weights = own.linear.coef_.T.astype(np.float32)
    if kind == "PyTorch":
        torch = pytest.importorskip("torch", reason="PyTorch is not installed: `pip install torch` runs this")
        linear = torch.nn.Linear(64, 10, bias=False)
        linear.weight.data = torch.from_numpy(weights.T.copy())
        net = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Flatten(), linear)
    else:
        torch, net = types.SimpleNamespace(from_numpy=Tensor), Net(weights)
    names = {**vars(own), "torch": torch, "net": net}
    exec(block, names)
    same = margins.search(
        lambda points: points.reshape(len(points), -1) @ weights,
        own.x[:500],
        own.y[:500],
        own.rays,
        **own.grid,
    )
    assert (names["table"].crossing != same.crossing).sum() <= 2  # where two logits tie to rounding
    assert 0 < names["table"].not_found_rate < 1


def test_help_of_the_search_holds_an_example_that_runs(own):
    example = inspect.getdoc(margins.search).partition("Example:\n")[2].partition("\nArgs:")[0]
    reader = {name: getattr(own, name) for name in ("model", "directions", "margins")}
    reader |= {"x": own.x[:20], "y": own.y[:20]}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(textwrap.dedent(example).replace("(100,", "(64,"), reader)  # the digits have 64 pixels
    assert reader["table"].margin.shape == (20, 128)
    assert "samples: 20" in out.getvalue()


@pytest.mark.slow
def test_the_few_lines_of_readme_run_as_printed(own, capsys):
    (block,) = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    names = {"model": own.model, "x": own.x[:300], "y": own.y[:300]}
    exec(block, names)
    assert "margin" in capsys.readouterr().out
    assert all(np.array_equal(a, b) for a, b in zip(own.weights, own.model.get_weights(), strict=True))
    assert names["learned"].model is not own.model
