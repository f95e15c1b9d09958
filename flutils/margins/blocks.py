"""Blocks of a search: the unit that is searched, written and resumed, here or on another machine."""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from flutils import guard
from flutils.arguments import check_path, require, warn
from flutils.folders import CheckpointFolder
from flutils.margins.audit import SearchAudit, audit_rays
from flutils.margins.certificate import Certificate
from flutils.margins.engines import Engine
from flutils.margins.rays import Observer, Rays
from flutils.margins.sweep import sweep
from flutils.randomness import stream

Read = Callable[[np.ndarray], np.ndarray]  # from samples to their images, float32


@dataclass(frozen=True, eq=False)
class Block:
    """The result of one block: crossing and adjacent (m,) int16, and counts of what it took."""

    crossing: np.ndarray
    adjacent: np.ndarray
    evaluations: int
    audited: int
    mismatches: int
    audit_evaluations: int


@dataclass(frozen=True, eq=False)
class SearchJob:
    """Everything that determines the blocks of a search, but the model.

    Attributes:
        image: (s,) int32, the samples whose step 0 does not differ.
        origin: (n,) int64 reference class of every sample; gap: (n,) float32 its logit gap at step 0.
        direction, sign: (r,) of each ray of a sample.
        lengths: (K + 1,) float32 grid.
        block_rays: rays a block at most, in whole samples.
        audit_rate: fraction of rays audited.
        pilot_samples: samples of which some rays are fully observed to learn the certificate.
        pilot_rays: how many rays of each; 0 sweeps every step.
        seed: of the choice of pilot and audited rays.
        certificate: what the pilot taught; None sweeps every step.
    """

    image: np.ndarray
    origin: np.ndarray
    gap: np.ndarray
    direction: np.ndarray
    sign: np.ndarray
    lengths: np.ndarray
    block_rays: int
    audit_rate: float
    pilot_samples: int
    pilot_rays: int
    seed: int
    certificate: Certificate | None = None

    @property
    def samples_per_block(self) -> int:
        """Whole samples in a block."""
        return max(1, self.block_rays // len(self.direction))

    @property
    def num_blocks(self) -> int:
        """How many blocks there are."""
        return -(-len(self.image) // self.samples_per_block)

    @property
    def last_step(self) -> int:
        """The last grid step K."""
        return len(self.lengths) - 1

    def samples(self, index: int) -> np.ndarray:
        """Return the samples of block `index`."""
        return self.image[index * self.samples_per_block : (index + 1) * self.samples_per_block]

    def count_rays(self, index: int) -> int:
        """Return how many rays block `index` has."""
        return len(self.samples(index)) * len(self.direction)

    def run(
        self,
        engine: Engine,
        images: np.ndarray,
        index: int,
        on_done: Callable[[int], None] = lambda count: None,
    ) -> Block:
        """Search block `index`, whose `images` are those of its samples; `on_done` hears of rays done."""
        samples = self.samples(index)
        ray = np.arange(len(samples) * len(self.direction))
        observe = Observer(engine, images, self._rays(samples, ray), self.lengths, on_done)
        if self.certificate is None:
            return Block(*sweep(observe), observe.evaluations, 0, 0, 0)
        crossing, adjacent = self.certificate.search(observe, samples)
        searched = observe.evaluations
        chosen = stream(self.seed, f"search/audit/{index}").random(ray.size) < self.audit_rate
        audit = audit_rays(observe, ray[chosen], crossing, adjacent)
        return Block(crossing, adjacent, searched, audit.rays, audit.mismatches, audit.evaluations)

    def learn(self, engine: Engine, read: Read) -> Certificate:
        """Observe the pilot's rays and learn from them; `read` gives the images of samples."""
        return Certificate.learn(*self.observe_pilot(engine, read))

    def observe_pilot(self, engine: Engine, read: Read) -> tuple[np.ndarray, np.ndarray]:
        """Return the gaps (m, pilot_rays, K + 1) of the pilot's rays at each step, and their samples (m,)."""
        rng, per_sample = stream(self.seed, "search/pilot"), len(self.direction)
        # One sample of each of equal stretches.
        edges = np.arange(self.pilot_samples + 1) * len(self.image) // self.pilot_samples
        samples = self.image[rng.integers(edges[:-1], edges[1:])]
        column = np.stack([rng.choice(per_sample, self.pilot_rays, replace=False) for _ in samples])
        gaps = np.empty((*column.shape, len(self.lengths)), np.float32)
        step = np.arange(1, len(self.lengths))
        # As many images are read at a time as a block has.
        for start in range(0, len(samples), self.samples_per_block):
            part = slice(start, start + self.samples_per_block)
            place = np.arange(len(samples[part]))[:, None] * per_sample
            rays = self._rays(samples[part], (place + column[part]).ravel())
            observe, ray = Observer(engine, read(samples[part]), rays, self.lengths), np.arange(len(rays))
            gaps[part, :, 0] = self.gap[samples[part], None]
            found = observe(np.repeat(ray, len(step)), np.tile(step, len(ray)))[1]
            gaps[part, :, 1:] = found.reshape(-1, self.pilot_rays, len(step))
        return gaps, samples

    def fingerprint(self, *parts: bytes) -> str:
        """Hash the job and whatever else determines its blocks."""
        digest = hashlib.sha256()
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "certificate":  # which follows from the rest
                digest.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
        for part in parts:
            digest.update(part)
        return digest.hexdigest()

    def _rays(self, samples: np.ndarray, ray: np.ndarray) -> Rays:
        """List rays by number: all rays of the first sample, then of the next."""
        place, column = np.divmod(ray, len(self.direction))
        return Rays(
            image=place.astype(np.int32),
            direction=self.direction[column],
            sign=self.sign[column].astype(np.float32),
            reference=self.origin[samples[place]],
            gap=self.gap[samples[place]],
        )


_COUNTS = ("evaluations", "audited", "mismatches", "audit_evaluations")


class BlockStore:
    """Finished blocks of one search in a folder, each written whole or not at all.

    Raises:
        ValueError: if the folder holds the blocks of another search.
    """

    def __init__(self, folder: Path | str, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        self._folder = CheckpointFolder(
            check_path("checkpoint", folder), fingerprint, kind="search", pattern="block-*.npz"
        )

    def hold(self) -> AbstractContextManager[None]:
        """Search alone; another process of the same search waits, and then finds the blocks."""
        return self._folder.hold()

    def load(self, index: int, rays: int, steps: int) -> Block | None:
        """Return block `index` if it is there, else None; warn and return None if it is damaged.

        Args:
            index: which block.
            rays: how many rays it has.
            steps: the last grid step.
        """
        arrays = self._read(f"block-{index:06d}.npz")
        if arrays is None:
            return None
        try:
            guard.check_array("crossing", arrays["crossing"], np.int16, (rays,), -1, steps)
            guard.check_array("adjacent", arrays["adjacent"], np.int16, (rays,), -1)
            counts = {name: int(arrays[name]) for name in _COUNTS}
            return Block(crossing=arrays["crossing"], adjacent=arrays["adjacent"], **counts)
        except (ValueError, KeyError, TypeError) as error:
            return self._warn(f"block-{index:06d}.npz", error)

    def save(self, index: int, block: Block) -> None:
        """Write block `index`."""
        self._write(f"block-{index:06d}.npz", vars(block))

    def load_certificate(self, steps: int) -> Certificate | None:
        """Return what the pilot taught if it is there, else None; warn and return None if it is damaged."""
        arrays = self._read("pilot.npz")
        if arrays is None:
            return None
        try:
            images = len(arrays["image"])
            guard.check_array("line", arrays["line"], np.float32, (2, steps + 1))
            guard.check_array("image", arrays["image"], np.int32, (images,), 0)
            guard.check_array("shift", arrays["shift"], np.float32, (images, steps + 1))
            guard.check_array("covariance", arrays["covariance"], np.float32, (2, steps + 1, steps + 1))
            require(images > 0 and (np.diff(arrays["image"]) > 0).all(), "images must rise")
            parts = {name: arrays[name] for name in ("line", "image", "shift", "covariance")}
            return Certificate(**parts, safety=float(arrays["safety"]))
        except (ValueError, KeyError, TypeError) as error:
            return self._warn("pilot.npz", error)

    def save_certificate(self, certificate: Certificate) -> None:
        """Write what the pilot taught."""
        self._write("pilot.npz", vars(certificate))

    def _write(self, name: str, arrays: dict[str, Any]) -> None:
        """Write arrays with the place they belong to, so that no other file is taken for this one."""
        place = np.array(f"{self._fingerprint}/{name}")
        self._folder.write(name, lambda file: np.savez_compressed(file, place=place, **arrays))

    def _read(self, name: str) -> dict[str, np.ndarray] | None:
        """Return the arrays of a file, if it is whole and in its place."""
        path = self._folder.path / name
        try:
            arrays = guard.read_arrays(path)
            # Those that were written before had no place.
            if "place" in arrays and str(arrays["place"]) != f"{self._fingerprint}/{name}":
                raise ValueError("it is of another place or another search")
        except FileNotFoundError:
            return None
        except Exception as error:  # whatever a library says of damaged bytes
            return self._warn(name, error)
        return arrays

    @staticmethod
    def _warn(name: str, error: Exception) -> None:
        warn(f"{name} is damaged and searched again: {guard.describe_error(error)}", UserWarning)


def combine_audits(blocks: list[Block]) -> SearchAudit:
    """Add up the audits of all blocks."""
    return SearchAudit(
        rays=sum(block.audited for block in blocks),
        mismatches=sum(block.mismatches for block in blocks),
        evaluations=sum(block.audit_evaluations for block in blocks),
    )
