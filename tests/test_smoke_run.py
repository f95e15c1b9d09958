"""One smoke run of the whole pipeline, and what it leaves: a second run, and the explorer."""

import json

import pytest
from conftest import ROOT, run_flutils
from lab import check_explorer, open_browser, read_page

from flutils import explorer
from flutils.reproduce import find_notebooks


@pytest.fixture(scope="module")
def smoke_run(tmp_path_factory):
    """Run the whole pipeline at profile smoke for both datasets, once; return its home and what it said."""
    home = tmp_path_factory.mktemp("smoke")
    return home, run_flutils("reproduce", "--profile", "smoke", home=home)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_smoke_pipeline(smoke_run):
    home, done = smoke_run
    assert done.returncode == 0, done.stdout + done.stderr
    names = [item.name for item in find_notebooks(ROOT / "notebooks")]
    lines = [line for line in done.stdout.splitlines() if line.startswith(tuple(names))]
    assert "computed: ori (" in lines[0]
    assert "figures and tables written" in done.stdout
    assert json.loads((home / "artifacts/smoke/all/runtime.json").read_text())["values"]["from_nothing"]
    assert "Traceback" not in done.stderr
    assert "oneDNN" not in done.stderr
    assert not list(home.rglob(".writing-*"))
    assert not [path for path in home.rglob("scratch/*") if path.is_dir()]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_second_run_says_that_it_made_nothing(smoke_run):
    home, _ = smoke_run
    chosen = ("--profile", "smoke", "--dataset", "cifar10", "--notebook", "03")
    done = run_flutils("reproduce", *chosen, home=home)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if "computed:" in line]
    assert len(lines) == 1 and lines[0].endswith("computed: nothing"), lines
    dry = run_flutils("reproduce", "--profile", "smoke", "--dry-run", home=home)
    assert "cached" in dry.stdout
    assert not [
        line for line in dry.stdout.splitlines() if line.endswith(" to make") and "cached" not in line
    ]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_stored_models_agree_with_their_tables(smoke_run):
    home, _ = smoke_run
    state = explorer.load_state("smoke", 0, home=home)
    for dataset, material in state.materials.items():
        assert material.models == ["Ori.", "Adv.", "F.L.", "Reduced F.L."]
        for model in material.models:
            choice = explorer.Choice(dataset, model, sample=3, number=2)
            assert state.compare_table(choice) is True
            state.build_direction(explorer.Choice(dataset, model, kind=explorer.GRADIENT))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_teacher_moves_a_sample_along_a_ray(smoke_run, tmp_path):
    home, _ = smoke_run
    with open_browser() as browser:
        check_explorer(browser, home, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_explorer_is_a_page_of_its_own(smoke_run, tmp_path):
    home, _ = smoke_run
    page = read_page(home, tmp_path)
    assert '"application/vnd.jupyter.widget-view+json"' in page
    assert "ExplorerBox(" in page
    assert "the walk agrees with the margin table" in page
    assert "Traceback" not in page
