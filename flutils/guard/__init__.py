"""Reading files that may be damaged, cut short or hostile: sizes are bounded before anything is allocated.

Every reader of the package goes through these few functions. Nothing is ever unpickled, no archive is
unpacked to disk, and whatever is wrong becomes one `ValueError` that names the file.
"""

from flutils.guard.archives import gunzip, read_archive, read_tar
from flutils.guard.arrays import check_array, read_arrays
from flutils.guard.files import describe_error, find_memory, hash_file, read_bytes, reading
from flutils.guard.text import SEAL, parse_json, read_json, read_sealed, seal

__all__ = [
    "SEAL",
    "check_array",
    "describe_error",
    "find_memory",
    "gunzip",
    "hash_file",
    "parse_json",
    "read_archive",
    "read_arrays",
    "read_bytes",
    "read_json",
    "read_sealed",
    "read_tar",
    "reading",
    "seal",
]
