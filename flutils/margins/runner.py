"""Runs a search's blocks: here or on Dask workers, and only those that are not finished yet."""

import dataclasses
import itertools
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from flutils import arguments, progress
from flutils.margins.blocks import Block, BlockStore, Read, SearchJob
from flutils.margins.certificate import Certificate
from flutils.margins.engines import Engine, EngineRecipe


def run_job(
    job: SearchJob,
    x: np.ndarray,
    recipe: EngineRecipe,
    engine: Engine,
    *,
    bounds: tuple[float, float],
    checkpoint: Path | str | None,
    client: Any,
) -> tuple[list[Block], int]:
    """Return all blocks of a job in order, and the evaluations its pilot took.

    Args:
        job: what to search; its certificate is learnt first if it has pilot rays.
        x: (n, H, W, C) inspected images of all samples, of which a block's are read at a time.
        recipe: how a worker builds its engine.
        engine: the one built here.
        bounds: of valid pixels.
        checkpoint: folder of finished blocks, or None.
        client: a `distributed.Client`, or None to run here.

    Raises:
        ValueError: if `checkpoint` holds the blocks of another search.
    """

    def read(samples: np.ndarray) -> np.ndarray:
        return arguments.take_images(x, samples, bounds)

    with ExitStack() as stack:
        store = None
        if checkpoint is not None:
            # Of a callable nothing but its answers is known: its logits at the samples stand for it.
            answers = (
                b"" if arguments.is_keras_model(recipe.model) else np.ascontiguousarray(job.gap).tobytes()
            )
            store = BlockStore(checkpoint, job.fingerprint(recipe.fingerprint(x, bounds), answers))
            stack.enter_context(store.hold())
        pilot_evaluations = 0
        if job.pilot_rays:
            job = dataclasses.replace(job, certificate=_learn(job, engine, read, store))
            pilot_evaluations = job.pilot_samples * job.pilot_rays * job.last_step
        blocks = {
            index: store.load(index, job.count_rays(index), job.last_step) if store else None
            for index in range(job.num_blocks)
        }
        pending = [index for index, block in blocks.items() if block is None]
        with progress.bar(len(job.image) * len(job.direction), "boundary search", "ray") as bar:
            bar.advance(sum(block.crossing.size for block in blocks.values() if block is not None))
            run = _run_here(job, read, engine, pending, bar)
            if client is not None:
                run = _run_on_workers(job, read, recipe.pack(engine), client, pending, bar)
            for index, block in run:
                if store:
                    store.save(index, block)
                blocks[index] = block
    return [block for block in blocks.values() if block is not None], pilot_evaluations


def _learn(job: SearchJob, engine: Engine, read: Read, store: BlockStore | None) -> Certificate:
    """Return what the pilot teaches, or taught before."""
    certificate = store.load_certificate(job.last_step) if store else None
    if certificate is None:
        certificate = job.learn(engine, read)
        if store:
            store.save_certificate(certificate)
    return certificate


def _run_here(
    job: SearchJob, read: Read, engine: Engine, pending: list[int], bar: progress.Bar
) -> Iterator[tuple[int, Block]]:
    for index in pending:
        yield index, job.run(engine, read(job.samples(index)), index, bar.advance)


def _run_on_workers(
    job: SearchJob, read: Read, recipe: EngineRecipe, client: Any, pending: list[int], bar: progress.Bar
) -> Iterator[tuple[int, Block]]:
    """Send blocks to the workers of a Dask cluster; Dask itself retries those of a lost worker."""
    from distributed import as_completed

    # Job and model travel once to a worker, not once a block; a worker that comes later fetches them.
    task = client.scatter((uuid.uuid4().hex, job, recipe), broadcast=True, hash=False)
    left, futures = iter(pending), {}

    def submit(count: int) -> list[Any]:
        sent = []
        for index in itertools.islice(left, count):
            future = client.submit(_run_on_worker, task, read(job.samples(index)), index, pure=False)
            futures[future] = index
            sent.append(future)
        return sent

    # Images travel with their block, so that only those of a few blocks a worker are under way.
    ahead = _AHEAD * max(1, sum(client.nthreads().values()))
    done = as_completed(submit(ahead), loop=client.loop)  # which need not be the default client
    for future in done:
        block = future.result()
        bar.advance(block.crossing.size)
        yield futures.pop(future), block
        done.update(submit(1))


_AHEAD = 3  # blocks under way for each thread of a worker
_engines: dict[str, Engine] = {}
_one_at_a_time = threading.Lock()  # a block uses all cores, and an engine only one caller


def _run_on_worker(task: tuple[str, SearchJob, EngineRecipe], images: np.ndarray, index: int) -> Block:
    """Search one block in a worker process, which builds its engine once a search."""
    search, job, recipe = task
    with _one_at_a_time:
        if search not in _engines:
            _engines.clear()
            _engines[search] = recipe.unpack().build(images)
        return job.run(_engines[search], images, index)
