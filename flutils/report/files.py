"""RESULTS.md, README's headline and the article on disk, and the copies of results they are made from."""

from pathlib import Path
from typing import Any

from flutils.artifacts import find_home, name_run, read_result
from flutils.config import DATASETS, PROFILES, load_profile
from flutils.folders import atomic_path
from flutils.report.article import render_article
from flutils.report.costs import read_costs
from flutils.report.headline import render_headline
from flutils.report.results import render_results
from flutils.results import RESULTS, Report, Trainings
from flutils.results.base import ALL
from flutils.results.trainings import ENOUGH

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
REPORTED = "reported"


def report_results(profile: str, *, seed: int = 0, home: Path | None = None) -> list[Path]:
    """Keep a profile's results for the report, and write RESULTS.md, README's headline and the article anew.

    The results of `paper` ship where they are; those of other profiles are copied to
    ``artifacts/reported/``, for their folders are not tracked by git.

    Args:
        profile: whose results.
        seed: of the run; over five runs a claim holds only if it holds in each.
        home: folder that holds ``artifacts/`` and ``README.md``; see `flutils.artifacts.find_home`.

    Returns:
        The paths written.

    Raises:
        ValueError: if the profile is unknown or has no results, one of them is damaged, or README lacks the
            marks of the headline.
    """
    load_profile(DATASETS[0], profile)
    home = find_home() if home is None else Path(home)
    split_readme(home / "README.md")  # before anything is written
    names = {f"{kind.NAME}.json" for kind in RESULTS} | {"runtime.json"}
    run = name_run(profile, seed)
    found = [path for path in (home / "artifacts" / run).glob("*/*.json") if path.name in names]
    if not found:
        raise ValueError(
            f"{run} has no results in {home}; run `make reproduce PROFILE={profile} SEED={seed}`"
        )
    for path in found:
        read_result(path)  # before any is copied
    written = []
    for path in sorted(found) if run != "paper" else ():
        target = _find_kept(home, run) / path.parent.name / path.name
        with atomic_path(target) as writing:
            writing.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        written.append(target)
    texts = render_files(home)
    for path, text in texts.items():
        with atomic_path(path) as writing:
            writing.write_text(text, encoding="utf-8")
    return [*written, *texts]


def render_files(home: Path) -> dict[Path, str]:
    """Return RESULTS.md, README and the article as all results that are kept make them, by path.

    README and the article are of the first profile that has every result; while none has, README is of the
    first, and the article, which needs all, is left out.

    Raises:
        ValueError: if none are kept, or README lacks the marks of the headline.
    """
    kept = read_trainings(home)
    if not kept:
        raise ValueError(f"no results are kept in {home / 'artifacts'}; `make report` keeps them")
    before, _, after = split_readme(home / "README.md")
    # Every artifact is hashed for it, so only where it is said.
    costs = read_costs(home / "artifacts" / "paper") if kept[0].profile == "paper" else None
    complete = find_complete(kept)
    shown = complete or kept[0]
    others = [each for each in kept if each is not shown]
    headline = render_headline(shown, costs if shown.profile == "paper" else None, others)
    texts = {
        home / "RESULTS.md": render_results(kept, read_runtimes(home), costs),
        home / "README.md": f"{before}\n\n{headline}\n\n{after}",
    }
    if complete:
        texts[home / "docs" / "article.md"] = render_article(complete)
    return texts


def find_complete(kept: list[Trainings]) -> Trainings | None:
    """Return the first profile's whose first training lacks no result."""
    return next((trainings for trainings in kept if not len(trainings.first.missing())), None)


def read_trainings(home: Path) -> list[Trainings]:
    """Read the results that are kept, the trainings of each profile that has any, `paper` first."""
    kept = []
    for profile in reversed(PROFILES):
        reports = {}
        for seed in range(ENOUGH):
            folder = _find_kept(home, name_run(profile, seed))
            report = Report.read(RESULTS, profile, DATASETS, seed=seed, folder=folder)
            if any(report.found.values()):
                reports[seed] = report
        if reports:
            kept.append(Trainings(profile, reports))
    return kept


def read_runtimes(home: Path) -> dict[str, dict[str, Any]]:
    """Read, for each profile of which it is kept, how long a run from nothing took."""
    found = {}
    for profile in PROFILES:
        for seed in range(ENOUGH):
            path = _find_kept(home, name_run(profile, seed)) / ALL / "runtime.json"
            if profile not in found and path.exists():
                found[profile] = read_result(path)
    return found


def _find_kept(home: Path, run: str) -> Path:
    """Return the folder of a run's results that are kept: those of `paper` ship where they are."""
    return home / "artifacts" / ("" if run == "paper" else REPORTED) / run


def split_readme(readme: Path) -> tuple[str, str, str]:
    """Split README into what ends with the first mark, the headline, and what starts with the second.

    Raises:
        ValueError: if the file or one of the marks is not there.
    """
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    head, begin, rest = text.partition(BEGIN)
    block, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the lines {BEGIN} and {END} in {readme}; add them where results belong")
    return head + begin, block.strip("\n"), end + tail
