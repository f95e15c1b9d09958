"""Events of a running notebook, read from the file it appends to, and shown on the terminal."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

_SECONDS_BETWEEN_READS = 0.2
_SECONDS_BETWEEN_LINES = 30.0
Event = dict[str, Any]


@contextmanager
def watch(path: Path, handle: Callable[[Event], None]) -> Iterator[None]:
    """Pass each event appended to a file to `handle`, until the ``with`` block ends.

    Args:
        path: the file; it need not exist yet.
        handle: called from another thread, event by event; all have been passed when the block is left.
    """
    done = threading.Event()
    path.touch()

    def follow() -> None:
        with path.open(encoding="utf-8") as file:
            rest = ""
            while True:
                last = done.is_set()  # asked before reading, so that nothing written before it is missed
                *lines, rest = (rest + file.read()).split("\n")
                for line in lines:
                    handle(json.loads(line))
                if last:
                    return
                done.wait(_SECONDS_BETWEEN_READS)

    thread = threading.Thread(target=follow, name="flutils-events", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class StepDisplay:
    """The current long step: a second bar on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self.interactive = sys.stderr.isatty()
        self._bar: tqdm[Any] | None = None
        self._what = ""
        self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES

    def show(self, event: Event) -> None:
        """Show an event of kind ``"progress"``, or ``"message"``, which is a line of its own."""
        if event["kind"] == "message":
            tqdm.write(f"    {event['text']}", file=sys.stderr)
            return
        what, done, total = event["what"], event["done"], event["total"]
        if self.interactive:
            if self._bar is None or what != self._what or done < self._bar.n:
                self.close()
                self._what = what
                self._bar = tqdm(total=total, desc=f"  {what}", position=1, leave=False, unit_scale=True)
            self._bar.update(done - self._bar.n)
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
            print(f"    {what}: {done} of {total} ({done / max(total, 1):.0%})", flush=True)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
