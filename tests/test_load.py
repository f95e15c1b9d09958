"""Large arrays and long searches take bounded memory."""

import os
import subprocess
import sys
import textwrap
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from flutils import directions, margins
from flutils.arguments import take_images
from flutils.arguments.arrays import release_pages

ROOT = Path(__file__).parents[1]
SHAPE = (32, 32, 3)
GRID = {"step": 20.0, "search_range": 60.0, "bounds": (0, 255), "audit_rate": 0.0}
MIB = 2**20


def two_halves(points):
    """Tell bright upper halves from bright lower ones."""
    halves = points.reshape(len(points), 2, -1).mean(axis=2)
    return halves - halves[:, ::-1]


def map_images(path, count, mode="r"):
    """Return images mapped from a file that is mostly holes: every 50th is random, the others are black."""
    stored = np.lib.format.open_memmap(path, "w+", np.uint8, (count, *SHAPE))
    rng = np.random.default_rng(0)
    stored[::50] = rng.integers(0, 256, (len(stored[::50]), *SHAPE), np.uint8)
    stored.flush()
    del stored
    return np.load(path, mmap_mode=mode)


def measure_mapped(path):
    """Return how many bytes of a mapped file this process has in memory."""
    lines = Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.endswith(str(path)))
    return next(int(line.split()[1]) * 1024 for line in lines[start:] if line.startswith("Rss:"))


def test_few_rays_of_many_images_are_searched_in_parts(tmp_path):
    """A block of the usual size would be all of these images."""
    x = map_images(tmp_path / "x.npy", 20_000)
    whole = x.size * 4
    y = two_halves(np.asarray(x, np.float32)).argmax(axis=1)
    ray = directions.random_orthogonal(1, shape=SHAPE, seed=0)
    tracemalloc.start()
    table = margins.search(two_halves, x, y, ray, strategy="sweep", **GRID)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert whole > 230 * MIB
    assert peak < 120 * MIB, f"{peak / MIB:.0f} MiB"
    assert measure_mapped(tmp_path / "x.npy") < 30 * MIB
    rows = np.arange(0, 20_000, 25)
    few = margins.search(two_halves, np.asarray(x[rows]), y[rows], ray, strategy="sweep", **GRID)
    np.testing.assert_array_equal(few.crossing, table.crossing[rows])
    np.testing.assert_array_equal(few.adjacent, table.adjacent[rows])


def test_logits_of_all_samples_are_not_kept():
    """Of many classes they would take more than the images do."""
    x = np.random.default_rng(0).random((5_000, 4, 4, 1), np.float32)
    weights = np.random.default_rng(1).normal(size=(16, 2_000)).astype(np.float32)

    def model(points):
        return points.reshape(len(points), -1) @ weights

    y = np.concatenate([model(x[i : i + 100]).argmax(axis=1) for i in range(0, 5_000, 100)])
    ray = directions.random_orthogonal(1, shape=(4, 4, 1), seed=0)
    tracemalloc.start()
    table = margins.search(model, x, y, ray, step=0.5, search_range=0.5, bounds=(0, 1), batch_size=100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert table.settings.num_classes == 2_000 and table.misclassified_rate == 0
    assert peak < 5_000 * 2_000 * 4 / 2, f"{peak / MIB:.0f} MiB"


@pytest.mark.parametrize("view", [lambda x: x, np.asarray, lambda x: np.moveaxis(x, 3, 1)[::-2]])
def test_what_was_read_of_a_mapped_file_is_let_go(view, tmp_path):
    x = view(map_images(tmp_path / "x.npy", 5_000))
    total = int(x.sum(dtype=np.int64))
    assert measure_mapped(tmp_path / "x.npy") > 10 * MIB
    release_pages(x[:-10])
    assert measure_mapped(tmp_path / "x.npy") < MIB
    assert int(x.sum(dtype=np.int64)) == total


@pytest.mark.parametrize("mode", ["c", "r+"])
def test_changes_of_a_mapped_array_are_kept(mode, tmp_path):
    x = map_images(tmp_path / "x.npy", 100, mode)
    x[3] = 77
    assert (take_images(x, np.arange(3, 6), (0, 255))[0] == 77).all()
    release_pages(x)
    assert (x[3] == 77).all() and not x[4].any()
    assert np.load(tmp_path / "x.npy")[3].max() == (77 if mode == "r+" else 0)


def run_alone(script, *arguments):
    """Run a script in a process of its own; return the numbers that it prints, its peak of memory last."""
    # Not getrusage's peak, which begins with that of the process that started this one.
    text = textwrap.dedent(script) + textwrap.dedent("""
        from pathlib import Path
        lines = Path("/proc/self/status").read_text().splitlines()
        print(next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")))
    """)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}"}
    command = [sys.executable, "-c", text, *map(str, arguments)]
    run = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return [float(number) for number in run.stdout.split()]


MILLION = """
    import sys
    import numpy as np
    from flutils import directions, margins
    from test_load import GRID, SHAPE, two_halves
    x, y = np.load(sys.argv[1], mmap_mode="r"), np.load(sys.argv[2])
    ray = directions.random_orthogonal(1, shape=SHAPE, seed=0)
    table = margins.search(two_halves, x, y, ray, **GRID)
    assert table.num_samples == len(x) and table.misclassified_rate == 0 and table.not_found_rate < 1
    print(table.cost.seconds)
"""


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_million_mapped_images_take_bounded_memory(tmp_path, say):
    """The file has 2.9 GiB, and its images as float32 would have 11.4."""
    peaks = []
    for count in (10_000, 1_000_000):
        x, y = map_images(tmp_path / "x.npy", count), np.zeros(count, np.int64)
        y[::50] = [two_halves(image[None]).argmax() for image in x[::50]]
        np.save(tmp_path / "y.npy", y)
        seconds, peak = run_alone(MILLION, tmp_path / "x.npy", tmp_path / "y.npy")
        say(f"{count:,} images of {x.nbytes / MIB:,.0f} MiB: {seconds:.0f} s, peak {peak / MIB:,.0f} MiB")
        peaks.append(peak)
    assert peaks[1] < 512 * MIB
    # A block is full with 10,000 already; the others add bytes for a sample and for a ray.
    assert peaks[1] - peaks[0] < 250 * MIB


PAPER = """
    import sys
    import numpy as np
    from flutils import data, directions, margins, models
    from flutils.backend import keras
    network, count = sys.argv[1], int(sys.argv[2])
    ds = data.load("mnist")
    x, y = ds.x_train[:count], ds.y_train[:count]
    if network == "cnn":
        model = models.build_mnist_cnn(seed=0)
    else:
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    rays = directions.random_orthogonal(784, shape=(28, 28, 1), seed=0)
    grid = dict(step=0.02, search_range=0.5, bounds=(0, 1), both_signs=True, reference="prediction")
    table = margins.search(model, x, y, rays, **grid)
    assert table.margin.shape == (count, 1_568) and table.settings.strategy == "predict"
    print(table.cost.seconds)
"""


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_search_of_the_papers_size_stays_under_a_gibibyte_and_a_half(tmp_path, say):
    """The CNN in three blocks, and a model that costs nothing in all of them: what grows is not the CNN's."""
    blocks = {}
    for network, count in (("cnn", 123), ("linear", 123), ("linear", 1_500)):
        seconds, peak = run_alone(PAPER, network, count)
        blocks[network, count] = peak
        say(f"{network}, {count:,} samples of 1,568 rays: {seconds:.0f} s, peak {peak / MIB:,.0f} MiB")
    grows = blocks["linear", 1_500] - blocks["linear", 123]
    assert blocks["cnn", 123] + grows < 1.5 * 2**30
    # 2.2 million more rays: 20 bytes of each, the margins included.
    assert grows < 150 * MIB
