"""Progress of long steps: a bar where a person looks, and a line for whoever runs the notebook.

A notebook run by papermill cannot draw on the caller's terminal, so when the environment variable
``FLUTILS_EVENTS`` names a file, each bar and each event is also appended there as a JSON line,
and `flutils.reproduce` shows it.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm.auto import tqdm

EVENTS_VARIABLE = "FLUTILS_EVENTS"
_SECONDS_BETWEEN_LINES = 0.5


def emit(kind: str, **fields: object) -> None:
    """Append one event to the file that ``FLUTILS_EVENTS`` names; do nothing without it."""
    path = os.environ.get(EVENTS_VARIABLE)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, **fields}) + "\n")


def say(line: str) -> None:
    """Say one line to whoever looks: on stderr, or as an event to whoever runs the notebook."""
    if EVENTS_VARIABLE in os.environ:
        emit("message", text=line)
    else:
        tqdm.write(line, file=sys.stderr)


class Bar:
    """A progress bar that counts up to `total`; made by `bar`."""

    def __init__(self, total: int, description: str, unit: str) -> None:
        self.description, self.total = description, total
        quiet = EVENTS_VARIABLE in os.environ or not (sys.stderr.isatty() or "ipykernel" in sys.modules)
        self._tqdm = tqdm(
            total=total, desc=description, unit=unit, unit_scale=True, leave=False, disable=quiet
        )
        self._done, self._last_line = 0, 0.0

    def advance(self, count: int = 1, **postfix: object) -> None:
        """Count `count` more units done; `postfix` values are shown behind the bar."""
        self._done += count
        if postfix:
            self._tqdm.set_postfix({key: str(value) for key, value in postfix.items()}, refresh=False)
        self._tqdm.update(count)
        if time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            emit("progress", what=self.description, done=self._done, total=self.total)

    def close(self) -> None:
        """Remove the bar."""
        self._tqdm.close()


@contextmanager
def bar(total: int, description: str, unit: str = "it") -> Iterator[Bar]:
    """Show a progress bar for the length of a ``with`` block.

    Args:
        total: how many units the work has.
        description: what is being done, such as ``"search mnist"``.
        unit: the name of a unit, such as ``"ray"``.

    Yields:
        A `Bar`; call its `advance`.
    """
    shown = Bar(total, description, unit)
    try:
        yield shown
    finally:
        shown.close()
