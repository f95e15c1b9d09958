"""A Keras model as bytes that another process can load."""

from dataclasses import dataclass
from typing import Any

from flutils.folders import scratch_folder
from flutils.guard import describe_error


@dataclass(frozen=True)
class PortableModel:
    """A Keras model on its way to another process.

    Attributes:
        content: its ``.keras`` file.
        own: classes and functions of its layers beyond Keras's own, by the names in that file. They travel
            by reference where they are in a module, which the other process imports, and by value where
            Dask sends those of a notebook or script.
    """

    content: bytes
    own: dict[str, Any]

    @classmethod
    def pack(cls, model: Any) -> "PortableModel":
        """Pack a Keras model.

        Raises:
            ValueError: if Keras cannot save and load it.
        """
        from flutils.backend import keras

        parts = [model, *model._flatten_layers()]
        found = [type(part) for part in parts]
        # An activation, or what a Lambda calls, can be a function of one's own.
        given = [getattr(part, name, None) for part in parts for name in ("activation", "function")]
        # A function without a name to load it by is saved as code.
        found += [item for item in given if callable(item) and getattr(item, "__name__", "") != "<lambda>"]
        own = {
            keras.saving.get_registered_name(item): item
            for item in found
            if hasattr(item, "__name__") and item.__module__.partition(".")[0] != "keras"
        }
        try:
            with scratch_folder() as folder:
                model.save(folder / "model.keras")
                packed = cls((folder / "model.keras").read_bytes(), own)
            packed.unpack()
        except Exception as error:  # whatever layers of one's own raise
            raise ValueError(
                f"{model.name} cannot be sent to workers, for Keras cannot save and load it "
                f"({describe_error(error)}); give each layer of your own a get_config, make a layer of each "
                "Lambda that uses more than its arguments, or search without client"
            ) from error
        return packed

    def unpack(self) -> Any:
        """Load the model; it predicts, and is not compiled."""
        from flutils.backend import keras

        with scratch_folder() as folder:
            path = folder / "model.keras"
            path.write_bytes(self.content)
            # Not unsafe: these bytes come from the caller's own process, as pickled functions do.
            return keras.saving.load_model(path, custom_objects=self.own, compile=False, safe_mode=False)
