"""The benchmarks' arithmetic, and README's tables made from their results."""

import importlib
import sys
from pathlib import Path

import pytest

from flutils import models

ROOT = Path(__file__).parents[1]


@pytest.fixture
def benchmark(monkeypatch):
    """Import a script of the benchmarks, which stand beside the package, not in it."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield importlib.import_module
    for name in ("report", "subjects"):
        sys.modules.pop(name, None)


def test_readme_shows_what_the_benchmarks_wrote(benchmark):
    report = benchmark("report")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "MNIST CNN" in report.render() and "ResNet-20" in report.render()
    assert report.rewrite(text) == text, "README and benchmarks/results differ: run `make bench`"


def test_readme_without_marks_is_refused(benchmark):
    report = benchmark("report")
    with pytest.raises(ValueError, match=r"README\.md has no benchmark marks"):
        report.rewrite("no marks here")


def test_operations_of_the_mnist_cnn_are_counted_by_hand(benchmark):
    multiply_adds = 28 * 28 * 25 * 32 + 14 * 14 * 25 * 32 * 64 + 7 * 7 * 64 * 1024 + 1024 * 10
    assert benchmark("subjects").count_flops(models.build_mnist_cnn(seed=0)) == 2 * multiply_adds
