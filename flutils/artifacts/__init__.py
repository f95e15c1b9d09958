"""The store: cached models, margin tables, results and figures, each with its provenance.

An artifact's file name carries a hash of everything that determines it, and beside it stands a JSON
that says what it is. Files appear whole or not at all, are made by one process while others wait, and are
checksummed when they are read.
"""

from flutils.artifacts.figures import save_figure
from flutils.artifacts.files import check_room, check_writable, find_home, write_json
from flutils.artifacts.origin import describe_origin
from flutils.artifacts.store import (
    Artifact,
    ArtifactWarning,
    Store,
    name_run,
    read_provenance,
    read_result,
)

__all__ = [
    "Artifact",
    "ArtifactWarning",
    "Store",
    "check_room",
    "check_writable",
    "describe_origin",
    "find_home",
    "name_run",
    "read_provenance",
    "read_result",
    "save_figure",
    "write_json",
]
