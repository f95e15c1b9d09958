"""What can go wrong with the data files."""


class DataUnavailableError(OSError):
    """No source could provide the data files; the message names each source and why it failed."""


class DataChecksumError(OSError):
    """A data file does not have the bytes that it must have."""


class DataCacheError(OSError):
    """The cache folder cannot be read or written."""
