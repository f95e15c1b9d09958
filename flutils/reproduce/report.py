"""Results that are reported: copies tracked by git, and README's block made from them."""

import json
from pathlib import Path

from flutils.artifacts import atomic_path, find_home
from flutils.config import DATASETS, load_profile
from flutils.reproduce.notebooks import ALL
from flutils.reproduce.render import render_report

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"


def report_results(profile: str, *, home: Path | None = None) -> list[Path]:
    """Copy a profile's results to ``artifacts/reported/`` and rewrite README's block from all reported.

    Args:
        profile: whose results.
        home: folder that holds ``artifacts/`` and ``README.md``; see `flutils.artifacts.find_home`.

    Returns:
        The paths written.

    Raises:
        ValueError: if the profile is unknown or has no results, or README lacks the block's marks.
    """
    load_profile(DATASETS[0], profile)
    home = find_home() if home is None else Path(home)
    readme = home / "README.md"
    split_readme(readme)  # before anything is written
    written = []
    for dataset in (*DATASETS, ALL):
        for path in sorted((home / "artifacts" / profile / dataset).glob("*.json")):
            content = path.read_text(encoding="utf-8")
            read = json.loads(content)  # artifacts and their provenance lie here too
            if isinstance(read, dict) and {"name", "values"} <= read.keys():
                target = home / "artifacts" / "reported" / profile / dataset / path.name
                with atomic_path(target) as writing:
                    writing.write_text(content, encoding="utf-8")
                written.append(target)
    if not written:
        raise ValueError(
            f"profile {profile!r} has no results in {home}; run `make reproduce PROFILE={profile}`"
        )
    return [*written, rewrite_readme(home)]


def rewrite_readme(home: Path) -> Path:
    """Replace what is between the marks in README by the reported results; return its path."""
    readme = home / "README.md"
    before, _, after = split_readme(readme)
    with atomic_path(readme) as writing:
        block = render_report(home / "artifacts" / "reported")
        writing.write_text(f"{before}\n\n{block}\n\n{after}", encoding="utf-8")
    return readme


def split_readme(readme: Path) -> tuple[str, str, str]:
    """Split README into what ends with the first mark, the block, and what starts with the second.

    Raises:
        ValueError: if the file or one of the marks is not there.
    """
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    head, begin, rest = text.partition(BEGIN)
    block, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the lines {BEGIN} and {END} in {readme}; add them where results belong")
    return head + begin, block.strip("\n"), end + tail
