"""The Dask executor: a dask-awkward collection of chunks on a cluster.

The collection has one partition per chunk, made by the same function as everywhere; `hist.dask`
histograms are filled from it on the workers. (`uproot.dask` would put the metadata of all branches
of a tree into every task.)
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache, partial, reduce
from operator import add
from typing import TYPE_CHECKING, Any

import awkward as ak
import cloudpickle

from tau3mu.errors import InputError, RunError
from tau3mu.execution.chunk import empty_record, process_chunk
from tau3mu.execution.merge import empty_histograms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import dask_awkward as dak
    from distributed import Client
    from hist import Hist

    from tau3mu.datasets import Chunk
    from tau3mu.selection import Processor

__all__ = ["connect", "run_dask"]

CONNECT_TIMEOUT = "10s"


@contextmanager
def connect(scheduler: str | None, *, workers: int) -> Iterator[Client]:
    """Gives a client of the scheduler at an address, or of a local cluster that ends with it.

    Args:
        scheduler: Such as `tcp://host:8786`; None starts a cluster on this machine.
        workers: Number of worker processes of the local cluster.

    Raises:
        InputError: No scheduler answers at this address.
    """
    import dask
    from distributed import Client, LocalCluster

    # A worker that died needs longer than the default to import its packages again; a cluster
    # without workers should be an error rather than wait for ever.
    settings = {
        "distributed.deploy.lost-worker-timeout": "5m",
        "distributed.scheduler.no-workers-timeout": "10m",
    }
    with dask.config.set(settings):
        if scheduler is None:
            with (
                LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    dashboard_address="127.0.0.1:0",  # nobody else can reach it
                    silence_logs="ERROR",
                ) as cluster,
                Client(cluster) as client,
            ):
                yield client
            return
        try:
            client = Client(scheduler, timeout=CONNECT_TIMEOUT)
        except (OSError, ValueError) as error:
            message = (
                f"no Dask scheduler answers at {scheduler} (waited {CONNECT_TIMEOUT}): check the "
                f"address, or leave --scheduler out to start a local cluster ({error})"
            )
            raise InputError(message) from error
        with client:
            yield client


def run_dask(
    client: Client,
    chunks: Sequence[Chunk],
    processors: Sequence[Processor],
    *,
    on_record: Callable[[ak.Array], None],
) -> tuple[list[ak.Array], dict[str, dict[str, Hist[Any]]]]:
    """Returns the records of all chunks and the histograms of each processor, filled by workers.

    Args:
        client: A client of a running cluster.
        chunks: What to read; those of a dataset follow one another.
        processors: What to run on each.
        on_record: Is called in this process with each record as it comes.

    Raises:
        ProcessorError: A processor failed.
        RunError: The cluster gave up on a chunk.
    """
    import dask
    import dask_awkward as dak
    from distributed import as_completed, futures_of
    from distributed.client import FutureCancelledError
    from distributed.comm import CommClosedError
    from distributed.scheduler import KilledWorker, NoWorkerError

    collection = dak.from_map(
        partial(_process, processors=cloudpickle.dumps(tuple(processors))),
        range(len(chunks)),
        chunks,
        meta=ak.Array(empty_record(chunks[0], processors).layout.to_typetracer(forget_length=True)),
        label="tau3mu-chunk",
    )
    collection = client.persist(collection, optimize_graph=False)
    try:
        records = []
        for future in as_completed(futures_of(collection)):
            record = future.result()
            on_record(record)
            records.append(record)
        (parts,) = dask.compute(_lazy_histograms(collection, chunks, processors))
    except (KilledWorker, NoWorkerError, FutureCancelledError, CommClosedError) as error:
        message = f"the Dask cluster gave up: {type(error).__name__}: {error}"
        raise RunError(message) from error
    totals = {
        processor.name: {
            name: reduce(add, (part[processor.name][name] for part in parts))
            for name in parts[0][processor.name]
        }
        for processor in processors
    }
    return records, totals


def _process(index: int, chunk: Chunk, processors: bytes) -> ak.Array:
    return process_chunk(index, chunk, _unpacked(processors))


@lru_cache(maxsize=2)
def _unpacked(processors: bytes) -> Sequence[Processor]:
    # Bytes, since Dask itself would send the class of a user's file by a name that workers do not
    # know, and since they are unpacked once per process rather than once per chunk.
    unpacked: Sequence[Processor] = cloudpickle.loads(processors)
    return unpacked


def _lazy_histograms(
    collection: dak.Array, chunks: Sequence[Chunk], processors: Sequence[Processor]
) -> list[dict[str, dict[str, Any]]]:
    """Returns the histograms of each dataset by processor.

    One `hist.dask` histogram can't be filled from collections with different numbers of
    partitions, so each dataset has its own.
    """
    import dask_awkward as dak
    import hist.dask

    names = [chunk.dataset for chunk in chunks]
    lazy = []
    for dataset, is_mc in {chunk.dataset: chunk.is_mc for chunk in chunks}.items():
        first = names.index(dataset)
        part = collection.partitions[first : first + names.count(dataset)]
        histograms: dict[str, dict[str, Any]] = {}
        for processor in processors:
            histograms[processor.name] = {
                name: hist.dask.Hist(*empty.axes, storage=empty.storage_type())
                for name, empty in empty_histograms(processor, chunks).items()
            }
            candidates = dak.flatten(part.found[processor.name].candidates)
            processor.fill(histograms[processor.name], candidates, dataset=dataset, is_mc=is_mc)
        lazy.append(histograms)
    return lazy
