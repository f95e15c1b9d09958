"""Folders and files that outlive a kill: locks, files that appear whole, checkpoints, and scratch folders.

Whoever works on something holds a lock on it, which the kernel releases however its holder ends. So what can
be locked was left by a process that is gone, and the next one removes it.
"""

from flutils.folders.checkpoints import CheckpointFolder
from flutils.folders.environment import set_environment
from flutils.folders.locks import describe_holders, hold
from flutils.folders.scratch import gather_temporary_files, scratch_folder
from flutils.folders.whole import atomic_path, remove_unfinished, require_written, try_writing

__all__ = [
    "CheckpointFolder",
    "atomic_path",
    "describe_holders",
    "gather_temporary_files",
    "hold",
    "remove_unfinished",
    "require_written",
    "scratch_folder",
    "set_environment",
    "try_writing",
]
