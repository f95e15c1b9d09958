"""Several runs may work with the same artifacts at once, but none may delete them under another."""

import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from flutils.folders import describe_holders, hold

_START = "start"


@contextmanager
def join_run(folder: Path, *, delete: Iterable[Path] = ()) -> Iterator[None]:
    """Work with the artifacts of a profile for the length of a ``with`` block, as other runs may too.

    Args:
        folder: of the profile's artifacts.
        delete: folders in it to delete first.

    Raises:
        OSError: if there are such and another run works with the profile; then nothing is deleted.
    """
    doomed = [place for place in delete if place.is_dir()]
    with ExitStack() as stack:
        with hold(folder / _START):
            others = [held for held in describe_holders(folder) if not held.endswith(f" {_START}")]
            if doomed and others:
                raise OSError(
                    f"expected that nobody works in {folder}, whose files are to be deleted, but {others[0]};"
                    " wait until it has ended, or stop it, or go on without deleting"
                )
            stack.enter_context(hold(folder / f"run-{uuid.uuid4().hex[:8]}"))
            for place in doomed:
                shutil.rmtree(place)
        yield
