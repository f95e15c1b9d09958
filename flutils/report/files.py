"""RESULTS.md and README's headline on disk, and the copies of results that they are made from."""

from pathlib import Path

from flutils.artifacts import atomic_path, find_home, name_run, read_result
from flutils.config import DATASETS, PROFILES, load_profile
from flutils.report.markdown import render_headline, render_results
from flutils.results import RESULTS, Report

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
REPORTED = "reported"


def report_results(profile: str, *, seed: int = 0, home: Path | None = None) -> list[Path]:
    """Keep a profile's results for the report, and write RESULTS.md and README's headline anew.

    The results of `paper` ship where they are; those of other profiles are copied to
    ``artifacts/reported/``, for their folders are not tracked by git.

    Args:
        profile: whose results.
        seed: of the run; notebook 13 compares those that are kept.
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
        target = home / "artifacts" / REPORTED / run / path.parent.name / path.name
        with atomic_path(target) as writing:
            writing.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        written.append(target)
    return [*written, *rewrite_files(home)]


def rewrite_files(home: Path) -> list[Path]:
    """Write RESULTS.md and README's headline from all results that are kept; return their paths.

    Raises:
        ValueError: if none are kept, or README lacks the marks of the headline.
    """
    reports = read_reports(home)
    if not reports:
        raise ValueError(f"no results are kept in {home / 'artifacts'}; `make report` keeps them")
    readme, results = home / "README.md", home / "RESULTS.md"
    before, _, after = split_readme(readme)
    headline = (
        render_headline(reports[0]) if reports else "No results are kept yet; `make report` keeps them."
    )
    for path, text in ((results, render_results(reports)), (readme, f"{before}\n\n{headline}\n\n{after}")):
        with atomic_path(path) as writing:
            writing.write_text(text, encoding="utf-8")
    return [results, readme]


def read_reports(home: Path) -> list[Report]:
    """Read the results that are kept, a report for each profile that has any, `paper` first."""
    reports = []
    for profile in reversed(PROFILES):
        place = home / "artifacts" if profile == "paper" else home / "artifacts" / REPORTED
        report = Report.read(RESULTS, profile, DATASETS, folder=place / profile)
        if any(report.found.values()):
            reports.append(report)
    return reports


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
