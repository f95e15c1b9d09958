"""A Keras model as bytes that another process can load."""

import importlib
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class PortableModel:
    """A Keras model on its way to another process.

    Attributes:
        content: its ``.keras`` file.
        modules: modules that define its layers beyond Keras's own; importing them registers the layers.
    """

    content: bytes
    modules: tuple[str, ...]

    @classmethod
    def pack(cls, model: Any) -> "PortableModel":
        """Pack a Keras model."""
        homes = {type(layer).__module__ for layer in model._flatten_layers()}
        modules = sorted(home for home in homes if home.partition(".")[0] not in ("keras", "__main__"))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            model.save(path)
            return cls(path.read_bytes(), tuple(modules))

    def unpack(self) -> Any:
        """Load the model; it predicts, and is not compiled."""
        from flutils.backend import keras

        for module in self.modules:
            if module not in sys.modules:
                importlib.import_module(module)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            path.write_bytes(self.content)
            return keras.saving.load_model(path, compile=False)
