"""The command line: ``python -m flutils COMMAND``."""

import argparse
import sys
import warnings
from collections.abc import Sequence

from flutils.config import DATASETS, PROFILES

_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: the arguments; without them those of the process.

    Returns:
        The exit status: 0, or 1 if a notebook failed or the doctor found something off, 2 if the input was
        bad or the data or a folder could not be used, 130 if it was interrupted.
    """
    arguments = _build_parser().parse_args(argv)
    warnings.showwarning = _show_warning
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        print("interrupted; what was finished is kept, and the same command continues", file=sys.stderr)
        return _INTERRUPTED
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flutils", description="Reproduce 'Feedback Learning' (Song, Wang, Li 2019)."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    reproduce = commands.add_parser("reproduce", help="run the notebooks, in order")
    reproduce.set_defaults(run=_reproduce)
    _add_profile(reproduce, "paper")
    _add_choice(reproduce, "--dataset", f"one of {', '.join(DATASETS)}; without it both")
    _add_choice(reproduce, "--notebook", "a number or name, such as 03; without it all")
    reproduce.add_argument("--seed", type=int, default=0, help="the run's one seed (default: 0)")
    reproduce.add_argument(
        "--fresh",
        action="store_true",
        help="delete all artifacts of these datasets first, of paper those that ship",
    )
    _add_scheduler(reproduce)
    reproduce.add_argument(
        "--dry-run", action="store_true", help="show the plan, and which models and margin tables are there"
    )

    data = commands.add_parser("data", help="fetch the data, and say where it is")
    data.set_defaults(run=_fetch_data)
    _add_choice(data, "--dataset", f"one of {', '.join(DATASETS)}; without it both")

    compute = commands.add_parser("compute", help="make models, searches and attacks, without notebooks")
    compute.set_defaults(run=_compute)
    _add_profile(compute, "paper")
    _add_choice(compute, "--dataset", f"one of {', '.join(DATASETS)}; without it both")
    _add_choice(compute, "--step", "a step's name, such as margins-ori; without it all")
    compute.add_argument("--seed", type=int, default=0, help="the run's one seed (default: 0)")
    _add_scheduler(compute)

    doctor = commands.add_parser("doctor", help="say what this machine has for a run, and what is off")
    doctor.set_defaults(run=_examine)

    status = commands.add_parser("status", help="list artifacts and data that are there")
    status.set_defaults(run=_show_status)
    _add_profile(status, None)

    verify = commands.add_parser("verify", help="check artifacts: checksums, keys, accuracies, rays")
    verify.set_defaults(run=_verify)
    _add_profile(verify, "paper")
    datasets = f"one of {', '.join(DATASETS)}, or all for what is of neither; without it every one"
    _add_choice(verify, "--dataset", datasets)
    verify.add_argument("--seed", type=int, default=0, help="the run's one seed (default: 0)")
    verify.add_argument("--quick", action="store_true", help="checksums and keys only")

    report = commands.add_parser("report", help="write RESULTS.md, README's headline and the article")
    report.set_defaults(run=_report)
    _add_profile(report, "paper")
    report.add_argument("--seed", type=int, default=0, help="the run's one seed (default: 0)")

    notebooks = commands.add_parser("notebooks", help="execute the committed notebooks in place")
    notebooks.set_defaults(run=_refresh)
    _add_choice(notebooks, "--notebook", "a number or name, such as 03; without it all")
    return parser


def _add_profile(parser: argparse.ArgumentParser, default: str | None) -> None:
    text = f"one of {', '.join(PROFILES)} (default: {default or 'all'})"
    parser.add_argument("--profile", default=default, help=text)


def _add_choice(parser: argparse.ArgumentParser, name: str, text: str) -> None:
    parser.add_argument(
        name, action="extend", type=_split, help=f"{text}; may be given again, or be a comma-separated list"
    )


def _add_scheduler(parser: argparse.ArgumentParser) -> None:
    text = "address of a Dask scheduler, such as tcp://host:8786, on whose workers margins are searched"
    parser.add_argument("--scheduler", metavar="ADDRESS", help=text)


def _split(text: str) -> list[str]:
    return [item.strip() for item in text.split(",")]


def _reproduce(arguments: argparse.Namespace) -> int:
    from flutils.reproduce import NotebookError, reproduce

    try:
        reproduce(
            profile=arguments.profile,
            datasets=arguments.dataset or DATASETS,
            notebooks=arguments.notebook,
            seed=arguments.seed,
            fresh=arguments.fresh,
            dry_run=arguments.dry_run,
            scheduler=arguments.scheduler,
        )
    except NotebookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _compute(arguments: argparse.Namespace) -> int:
    from flutils.reproduce import compute

    compute(
        profile=arguments.profile,
        datasets=arguments.dataset or DATASETS,
        steps=arguments.step,
        seed=arguments.seed,
        scheduler=arguments.scheduler,
    )
    return 0


def _fetch_data(arguments: argparse.Namespace) -> int:
    from flutils import data
    from flutils.data.catalog import find_spec

    names = arguments.dataset or DATASETS
    for name in names:
        find_spec(name)
    for name in names:
        found = data.fetch(name)
        print(f"{name}: from {found.source}, in {found.folder}, checksum {found.checksum}", flush=True)
    return 0


def _examine(arguments: argparse.Namespace) -> int:
    from flutils.doctor import OFF, describe_findings, examine

    found = examine()
    print(describe_findings(found))
    return int(any(finding.state == OFF for finding in found.values()))


def _show_status(arguments: argparse.Namespace) -> int:
    from flutils.reproduce import describe_status

    print(describe_status(arguments.profile))
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from flutils.reproduce import verify
    from flutils.results.base import ALL

    counts = {True: 0, False: 0}
    for dataset in arguments.dataset or (*DATASETS, ALL):
        for one in verify(arguments.profile, dataset, seed=arguments.seed, quick=arguments.quick):
            print(f"{'ok   ' if one.sound else 'WRONG'} {dataset:8} {one.path.name}: {one.found}", flush=True)
            counts[one.sound] += 1
    print(f"{counts[True]} files are what they say, {counts[False]} are not")
    return 0 if counts[True] and not counts[False] else 1


def _report(arguments: argparse.Namespace) -> int:
    from flutils.report import report_results

    for path in report_results(arguments.profile, seed=arguments.seed):
        print(f"wrote {path}")
    return 0


def _refresh(arguments: argparse.Namespace) -> int:
    from flutils.reproduce import NotebookError, refresh_notebooks

    try:
        refresh_notebooks(notebooks=arguments.notebook)
    except NotebookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning as a line of text, without the place in the source."""
    print(f"warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
