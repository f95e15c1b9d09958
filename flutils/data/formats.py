"""File formats: IDX files, CIFAR-10 records and rows of pixels in a PNG, as bytes and as arrays."""

import io
import math
import struct
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from flutils.guard import describe_error, parse_json

_IDX_UINT8 = 0x08
_MOST_AXES = 64  # of an array of NumPy
_MOST_ROWS = 10_000
_CIFAR_SIDE, _CIFAR_CHANNELS = 32, 3
_CIFAR_RECORD = 1 + _CIFAR_CHANNELS * _CIFAR_SIDE * _CIFAR_SIDE


def parse_idx(content: bytes) -> NDArray[np.uint8]:
    """Turn the bytes of an IDX file of unsigned bytes into an array.

    Args:
        content: the whole file: two zero bytes, the type 8, the number of axes, the length of each
            axis as a big-endian 32-bit integer, then the values.

    Returns:
        The values, uint8, with the shape that the header states; a read-only view of `content`.

    Raises:
        ValueError: if the header or the length is not that of such a file.
    """
    if len(content) < 4 or content[:3] != bytes((0, 0, _IDX_UINT8)):
        raise ValueError(
            f"expected an IDX file of unsigned bytes, starting 00 00 08, got"
            f" {content[:4].hex(' ') or 'nothing'}; use the decompressed original file"
        )
    axes = content[3]
    offset = 4 + 4 * axes
    if len(content) < offset:
        raise ValueError(
            f"expected an IDX header of {offset} bytes, got {len(content)}; the file is cut short"
        )
    shape = struct.unpack(f">{axes}I", content[4:offset])
    values = np.frombuffer(content, dtype=np.uint8, offset=offset)
    if axes > _MOST_AXES or values.size != math.prod(shape):
        raise ValueError(
            f"expected {shape} values after the IDX header, got {values.size}; fetch the file again"
        )
    return values.reshape(shape)


def build_idx(values: NDArray[np.uint8]) -> bytes:
    """Turn an array into the bytes of an IDX file; `parse_idx` undoes it.

    Args:
        values: any shape of up to 255 axes, uint8.

    Returns:
        The whole file.

    Raises:
        ValueError: if `values` is not uint8.
    """
    if values.dtype != np.uint8:
        raise ValueError(f"expected uint8 values for an IDX file, got {values.dtype}; convert them first")
    header = bytes((0, 0, _IDX_UINT8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.tobytes()


def parse_cifar_records(content: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Turn CIFAR-10 binary records into images and labels.

    Args:
        content: records of a label byte and 3,072 pixel bytes, channel first, row by row.

    Returns:
        The images (n, 32, 32, 3) and the labels (n,), both uint8 read-only views of `content`.

    Raises:
        ValueError: if the length is no multiple of a record's 3,073 bytes.
    """
    if len(content) % _CIFAR_RECORD:
        raise ValueError(
            f"expected CIFAR-10 records of {_CIFAR_RECORD} bytes, got {len(content)} bytes, which is no"
            " multiple; fetch the file again"
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, _CIFAR_RECORD)
    channels_first = records[:, 1:].reshape(-1, _CIFAR_CHANNELS, _CIFAR_SIDE, _CIFAR_SIDE)
    return channels_first.transpose(0, 2, 3, 1), records[:, 0]


def build_cifar_records(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> bytes:
    """Turn images and labels into CIFAR-10 binary records; `parse_cifar_records` undoes it.

    Args:
        images: (n, 32, 32, 3) uint8.
        labels: (n,) uint8.

    Returns:
        n records of 3,073 bytes.

    Raises:
        ValueError: if a shape or dtype differs.
    """
    expected = (len(labels), _CIFAR_SIDE, _CIFAR_SIDE, _CIFAR_CHANNELS)
    if images.shape != expected or images.dtype != np.uint8 or labels.ndim != 1 or labels.dtype != np.uint8:
        raise ValueError(
            f"expected uint8 images {expected} and as many uint8 labels, got {images.dtype} {images.shape}"
            f" and {labels.dtype} {labels.shape}; reshape or convert them first"
        )
    records = np.empty((len(labels), _CIFAR_RECORD), dtype=np.uint8)
    records[:, 0] = labels
    records[:, 1:] = images.transpose(0, 3, 1, 2).reshape(len(labels), -1)
    return records.tobytes()


def decode_png_rows(content: bytes) -> NDArray[np.uint8]:
    """Decode a PNG whose every pixel row is one 32×32 RGB image.

    Args:
        content: a lossless RGB PNG, 1,024 pixels wide and n high, at most 10,000.

    Returns:
        The images (n, 32, 32, 3) uint8.

    Raises:
        ValueError: if the content is not such a PNG.
    """
    try:
        with warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning):
            image = Image.open(io.BytesIO(content), formats=["PNG"])  # reads the header only
    except Exception as error:  # Pillow and zlib have many
        raise _no_png(error) from error
    if image.mode != "RGB" or image.width != _CIFAR_SIDE**2 or image.height > _MOST_ROWS:
        raise ValueError(
            f"expected an RGB PNG {_CIFAR_SIDE**2} pixels wide and at most {_MOST_ROWS:,} high, got "
            f"{image.mode}, {image.width} × {image.height}; fetch it again"
        )
    try:
        pixels = np.asarray(image)
    except Exception as error:
        raise _no_png(error) from error
    return pixels.reshape(-1, _CIFAR_SIDE, _CIFAR_SIDE, _CIFAR_CHANNELS)


def parse_labels(content: bytes) -> NDArray[np.uint8]:
    """Turn a JSON list of labels into an array.

    Args:
        content: the file's bytes.

    Returns:
        The labels (n,) uint8.

    Raises:
        ValueError: if it is no list of whole numbers from 0 to 255.
    """
    labels = parse_json(content.decode("utf-8"))
    if not isinstance(labels, list) or not all(type(label) is int and 0 <= label < 256 for label in labels):
        raise ValueError("expected a JSON list of labels from 0 to 255; fetch it again")
    return np.array(labels, dtype=np.uint8)


def _no_png(error: Exception) -> ValueError:
    return ValueError(
        f"expected a PNG of pixel rows, which this is not ({describe_error(error)}); fetch it again"
    )
