"""Keras, imported without the start-up notes of its backend.

TensorFlow writes a dozen lines about processors and drivers to standard error from C++ when it is
imported, before any of its log levels apply, and a notebook would show them to every reader.
If the import fails, what was written is shown after all.
"""

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _hold_back_stderr() -> Iterator[None]:
    """Collect what is written to file descriptor 2, and show it only if the block raises."""
    sys.stderr.flush()
    shown = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(shown, held.read())
            raise
        finally:
            os.dup2(shown, 2)
            os.close(shown)


with _hold_back_stderr():
    import keras

# Each model, and each size of a batch, is traced once, and TensorFlow warns of it as if it were a slip.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

__all__ = ["keras"]
