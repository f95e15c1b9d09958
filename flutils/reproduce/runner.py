"""Runs one notebook headlessly, in a kernel of this interpreter, and notes what it made."""

import json
import os
import re
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flutils.artifacts.files import HOME_VARIABLE
from flutils.folders import atomic_path, gather_temporary_files, set_environment
from flutils.guard.notebooks import read_notebook
from flutils.progress import EVENTS_VARIABLE
from flutils.reproduce.watch import Event, StepDisplay, watch

_KERNEL = "python3"
_LOG = "kernel.log"
# Of glibc: keep what is freed. TensorFlow frees and allocates its tensors at every step, and getting their
# pages anew costs a training 5 to 10 % of its processor time; other allocators ignore these.
_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(1 << 32), "MALLOC_TOP_PAD_": str(1 << 28)}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_TENSORFLOW_LOG = re.compile(r"([IWE]\d{4} \d\d:\d\d:|WARNING: All log messages before absl)")


class NotebookError(RuntimeError):
    """A notebook failed; the message says which, in which cell, why, and where its copy is."""


@dataclass
class NotebookRun:
    """What one run of a notebook did.

    Attributes:
        notebook: its name.
        dataset: its dataset, or ``"all"``.
        seconds: how long it took.
        cached: names of artifacts that it read from the store.
        computed: seconds of each artifact that it made, by name; of both datasets together.
        written: paths of the figures and results that it wrote.
    """

    notebook: str
    dataset: str
    seconds: float = 0.0
    cached: list[str] = field(default_factory=list)
    computed: dict[str, float] = field(default_factory=dict)
    written: list[Path] = field(default_factory=list)

    def note(self, event: Event) -> None:
        """Take down an event."""
        if event["kind"] in ("figure", "result") and Path(event["path"]) not in self.written:
            self.written.append(Path(event["path"]))
        if event["kind"] == "artifact":
            name = event["name"]
            if event["made"]:
                # One notebook may make the same thing for both datasets.
                self.computed[name] = self.computed.get(name, 0.0) + event["seconds"]
            elif name not in self.computed and name not in self.cached:
                self.cached.append(name)

    def summarize(self) -> str:
        """Say in one line what was run, how long it took, what was cached and what was computed."""
        computed = ", ".join(f"{name} ({seconds:.1f} s)" for name, seconds in self.computed.items())
        return (
            f"{self.notebook:20} {self.dataset:8} {self.seconds:7.1f} s   "
            f"cached: {', '.join(self.cached) or 'nothing'}; computed: {computed or 'nothing'}"
        )


@dataclass(frozen=True)
class Workplace:
    """Where notebooks run: the home folder, and a scratch folder that is gone afterwards."""

    home: Path
    scratch: Path

    def shorten(self, path: Path) -> str:
        """Spell a path relative to the home folder, if it is inside."""
        return str(path.relative_to(self.home)) if path.is_relative_to(self.home) else str(path)


@contextmanager
def kernel_environment(home: Path) -> Iterator[Workplace]:
    """Set the environment in which kernels named ``python3`` run this very interpreter.

    A user may have installed another kernel of that name, or have IPython start-up files; neither is used.
    What a user has set of the memory allocator stays.

    Args:
        home: folder that holds ``artifacts/`` and ``figures/``.

    Yields:
        The `Workplace`.
    """
    with gather_temporary_files() as scratch:
        # Log lines of libraries would run through the progress bar, so they go to a file.
        quiet = ["/bin/sh", "-c", f'exec "$@" 2>>{shlex.quote(str(scratch / _LOG))}', "sh"]
        spec = {
            "argv": [*quiet, sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
        }
        folder = scratch / "jupyter" / "kernels" / _KERNEL
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        changes = {
            HOME_VARIABLE: str(home.resolve()),
            "IPYTHONDIR": str(scratch / "ipython"),
            "JUPYTER_PATH": str(scratch / "jupyter"),
            "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),  # a kill would leave a file of each kernel
        }
        changes |= {name: value for name, value in _ALLOCATOR.items() if name not in os.environ}
        with set_environment(**changes):
            yield Workplace(home.resolve(), scratch)


def run_notebook(
    path: Path, output: Path, run: NotebookRun, *, parameters: dict[str, Any], title: str, place: Workplace
) -> None:
    """Execute a notebook with papermill inside a `kernel_environment`.

    Args:
        path: of the notebook.
        output: where the executed notebook goes, written whole or not at all.
        run: takes down what happens.
        parameters: passed to the notebook; empty to leave its own.
        title: for the progress bar.
        place: where `kernel_environment` has set things up.

    Raises:
        NotebookError: if a cell raises or the kernel dies; the copy, up to there, is kept beside `output`
            as ``<name>.failed.ipynb``.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError

    events, working = place.scratch / "events.jsonl", place.scratch / "executed.ipynb"
    events.unlink(missing_ok=True)
    display = StepDisplay()
    bar: Any = {"desc": title, "leave": False, "position": 0} if display.interactive else False
    failed = output.with_name(f"{output.stem}.failed.ipynb")

    def handle(event: Event) -> None:
        display.show(event) if event["kind"] in ("progress", "message") else run.note(event)

    started = time.perf_counter()
    try:
        with set_environment(**{EVENTS_VARIABLE: str(events)}), watch(events, handle):
            # Papermill formats paths, so braces in them are doubled.
            papermill.execute_notebook(
                str(path.resolve()).replace("{", "{{").replace("}", "}}"),
                str(working).replace("{", "{{").replace("}", "}}"),
                parameters=parameters,
                kernel_name=_KERNEL,
                progress_bar=bar,
                coalesce_streams=True,
            )
    except (papermill.PapermillExecutionError, DeadKernelError) as error:
        _keep(working, failed, path)
        cell, reason = _locate(working, error, place.scratch / _LOG)
        raise NotebookError(
            f"notebook {run.notebook} ({run.dataset}) failed in cell {cell}: {reason}\n"
            f"executed copy: {place.shorten(failed)}"
        ) from error
    finally:
        display.close()
        run.seconds = round(time.perf_counter() - started, 1)
    _keep(working, output, path)
    failed.unlink(missing_ok=True)


def _keep(working: Path, output: Path, source: Path) -> None:
    """Write the executed notebook to its place, without paths of this machine and TensorFlow's log."""
    import nbformat

    notebook = read_notebook(working)
    for cell in notebook.cells:
        for stream in [item for item in cell.get("outputs", ()) if item.get("name") == "stderr"]:
            lines = stream.text.splitlines(keepends=True)
            stream.text = "".join(line for line in lines if not _TENSORFLOW_LOG.match(line))
            if not stream.text.strip():
                cell.outputs.remove(stream)
    notebook.metadata.papermill.update(input_path=source.name, output_path=output.name)
    with atomic_path(output) as writing:
        nbformat.write(notebook, writing)


def _locate(working: Path, error: Exception, log: Path) -> tuple[int | str, str]:
    """Return the failed cell's number in the committed notebook, from 1, and the error's message.

    Papermill adds cells: the parameters it injects, and marks where a cell failed.
    """
    import papermill

    added = {"injected-parameters", "papermill-error-cell-tag"}
    cells = [cell for cell in read_notebook(working).cells if not added & set(cell.metadata.get("tags", ()))]
    # Papermill calls cells that it never came to completed, but only those it came to have a start.
    started = [
        number
        for number, cell in enumerate(cells, start=1)
        if cell.metadata.get("papermill", {}).get("start_time")
    ]
    said = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    last = [line for line in said if not line.startswith("[IPKernelApp]")][-1:]
    reason = " ".join(["the kernel died; was it killed, or is memory short?", *last])
    if isinstance(error, papermill.PapermillExecutionError):
        reason = f"{error.ename}: {error.evalue}" if error.evalue else error.ename
    return started[-1] if started else "?", _COLOURS.sub("", reason).strip()
