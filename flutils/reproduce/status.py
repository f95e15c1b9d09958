"""What is there: the artifacts of the store, and the data files of the cache."""

from datetime import UTC, date, datetime
from pathlib import Path

from flutils.artifacts import find_home, read_provenance
from flutils.config import DATASETS, PROFILES, load_profile
from flutils.data.cache import find_cache_folder
from flutils.data.catalog import find_spec
from flutils.guard import describe_error


def describe_status(profile: str | None = None, *, home: Path | None = None) -> str:
    """Say which artifacts and data files are there, without making any.

    Args:
        profile: one profile; None for all.
        home: folder that holds ``artifacts/``; see `flutils.artifacts.find_home`.

    Returns:
        Lines of text: name, size, date, seconds it took and versions of each artifact; the sizes in all;
        the state of the data cache.

    Raises:
        ValueError: if the profile is unknown.
    """
    if profile is not None:
        load_profile(DATASETS[0], profile)
    home = find_home(home)
    lines, total, count, versions = [f"artifacts in {home / 'artifacts'}:"], 0, 0, dict[str, int]()
    for name in PROFILES if profile is None else (profile,):
        for dataset in DATASETS:
            for about in sorted((home / "artifacts" / name / dataset).glob("*.json")):
                if line := _describe_artifact(about, versions):
                    lines.append(f"  {name:5} {dataset:8} {line}")
                    total, count = total + about.with_suffix("").stat().st_size, count + 1
    lines.append(f"  {count} artifacts, {_format_bytes(total)} in all")
    lines += [f"  [{number}] {text}" for text, number in versions.items()]
    lines.append("data cache:")
    lines += [f"  {_describe_cache(dataset)}" for dataset in DATASETS]
    return "\n".join(lines)


def _describe_artifact(provenance: Path, versions: dict[str, int]) -> str:
    """Describe the artifact beside its provenance, and number its versions; nothing for a result."""
    path = provenance.with_suffix("")
    if not path.exists():
        return ""
    try:
        about = read_provenance(provenance)
        days = (datetime.now(UTC).date() - date.fromisoformat(about["date"])).days
        age = "today" if days == 0 else f"{days} days ago"
        made_with = ", ".join(f"{library} {version}" for library, version in about["versions"].items())
        made_with += f"; {about['device']}"
        if about.get("features"):  # which the first files did not have
            made_with += f" ({' '.join(about['features'])})"
        made_with += f"; oneDNN {'off' if about.get('onednn') == '0' else 'on'}"
        return (
            f"{about['name']:16} {_format_bytes(path.stat().st_size):>9}  {about['date']} ({age})"
            f"  took {about['seconds']:.1f} s  [{versions.setdefault(made_with, len(versions) + 1)}]"
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{path.name}: damaged: {describe_error(error)}; the next run makes it anew"


def _describe_cache(dataset: str) -> str:
    spec, folder = find_spec(dataset), find_cache_folder() / dataset
    sizes = [path.stat().st_size for file in spec.files if (path := folder / file.name).is_file()]
    state = "complete" if len(sizes) == len(spec.files) else "`python -m flutils data` fetches the rest"
    found = f"{len(sizes)} of {len(spec.files)} files, {_format_bytes(sum(sizes))}"
    return f"{dataset:8} {found}, {state}, in {folder}"


def _format_bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
