"""The Dask cluster on which a pipeline searches, where one is named."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Any

from flutils.folders import set_environment

SCHEDULER_VARIABLE = "FLUTILS_SCHEDULER"  # the notebooks' own processes inherit it
_PATIENCE = 10  # seconds
_ALIKE = ("flutils", "keras", "numpy", "openvino", "tensorflow")  # of other versions a margin may differ


@contextmanager
def use_scheduler(address: str | None) -> Iterator[None]:
    """Name a scheduler for the `connect` of this process and of those it starts, after a try.

    Args:
        address: such as ``"tcp://host:8786"``; None leaves what the environment says.

    Raises:
        ConnectionError, ValueError: as `connect`, at once.
    """
    if address is None:
        yield
        return
    with set_environment(**{SCHEDULER_VARIABLE: address}):
        with connect():
            pass
        yield


@contextmanager
def connect() -> Iterator[Any]:
    """Yield a `distributed.Client` of the scheduler that ``FLUTILS_SCHEDULER`` names, or None.

    Raises:
        ConnectionError: if the scheduler cannot be reached, or has no workers.
        ValueError: if Dask is not installed here, or a worker has other versions than this process.
    """
    address = os.environ.get(SCHEDULER_VARIABLE)
    if not address:
        yield None
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError(
            f"a search on the workers of {address} needs Dask; `python -m pip install distributed` adds it, "
            "or name no scheduler"
        ) from error
    try:
        client = Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"expected a Dask scheduler at {address}, but it cannot be reached ({error}); `dask scheduler` "
            "starts one and prints its address"
        ) from error
    with client:
        _check_workers(client, address)
        yield client


def _check_workers(client: Any, address: str) -> None:
    """Raise unless there are workers, and all have what this process has."""
    try:
        client.wait_for_workers(1, timeout=_PATIENCE)
    except TimeoutError as error:
        raise ConnectionError(
            f"the Dask scheduler at {address} has no workers; `dask worker {address}` starts one, on this "
            "machine or another"
        ) from error
    for name in _ALIKE:
        here = metadata.version(name)
        for worker, there in client.run(metadata.version, name, on_error="return").items():
            if there != here:
                found = there if isinstance(there, str) else "none"
                raise ValueError(
                    f"expected {name} {here} on every worker, as here, got {found} on {worker}; install the "
                    "same there, as with the lock, and start the worker in that environment"
                )
