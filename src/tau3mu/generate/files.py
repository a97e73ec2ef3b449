"""Toy ntuples: what a set of files is to hold, and the writing of them by some processes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from tau3mu.errors import InputError, RunError, suggest
from tau3mu.storage.files import make_folder, remove_temporary

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from tau3mu.generate.block import Block

__all__ = ["COMPRESSIONS", "LAYOUTS", "FilePlan", "generate", "plan_files", "write_files"]

log = logging.getLogger(__name__)

LAYOUTS = ("t3m", "nano")
COMPRESSIONS = ("zstd", "lz4", "zlib", "lzma")

_BLOCK_EVENTS = 5_000  # the events that share one sequence of random numbers
_BLOCKS_AT_ONCE = 5  # so many blocks are written together: larger baskets, fewer of them
_EVENT_NUMBERS = 2**32


@dataclass(frozen=True)
class FilePlan:
    """The plan of one file; two equal plans give equal content."""

    path: Path
    number: int
    events: int
    layout: str
    simulation: bool
    seed: int
    compression: str

    def blocks(self) -> Iterator[Block]:
        """Yields the events; each block has random numbers of its own."""
        import numpy as np

        from tau3mu.generate.events import draw_events

        for i, start in enumerate(range(0, self.events, _BLOCK_EVENTS)):
            key = (int(self.simulation), self.number, i)
            sequence = np.random.SeedSequence(self.seed, spawn_key=key)
            rng = np.random.Generator(np.random.PCG64(sequence))
            size = min(_BLOCK_EVENTS, self.events - start)
            first = self.number * self.events + start
            yield draw_events(rng, first, size, simulation=self.simulation)


def generate(
    directory: str | os.PathLike[str],
    *,
    events: int,
    files: int = 1,
    layout: str = "t3m",
    simulation: bool = False,
    seed: int = 1,
    workers: int = 1,
    compression: str = "zstd",
) -> list[Path]:
    """Writes toy ntuples with all branches of the D_s→φ(μμ)π skim, and returns their paths.

    Data hold the decays of D_s and D⁺ over combinatorial background; in a simulation each event
    has a D_s, with generated particles and pileup. The content depends on the arguments alone,
    not on `workers`.

    Args:
        directory: Where the files are to be; it is created if need be.
        events: Number of events in each file.
        files: Number of files.
        layout: `t3m`, the layout of the skims (an RNTuple), or `nano`, the NanoAOD-like one
            (a TTree); the content is the same.
        simulation: Whether to write simulated signal rather than data.
        seed: Other seeds give statistically independent events.
        workers: Number of processes, each of which writes one file at a time.
        compression: `zstd`, `lz4`, `zlib` or `lzma`, at level 1.

    Raises:
        InputError: An argument is out of range, or a file exists already; nothing is written.
        RunError: A file cannot be written.
    """
    plans = plan_files(
        directory,
        events=events,
        files=files,
        layout=layout,
        simulation=simulation,
        seed=seed,
        compression=compression,
    )
    for _ in write_files(plans, workers=workers):
        pass
    return [plan.path for plan in plans]


def plan_files(
    directory: str | os.PathLike[str],
    *,
    events: int,
    files: int,
    layout: str,
    simulation: bool,
    seed: int,
    compression: str,
) -> list[FilePlan]:
    """Returns what each file is to hold; the arguments are those of `generate`.

    Raises:
        InputError: An argument is out of range, or a file exists already.
    """
    for name, value, lowest in (("events", events, 1), ("files", files, 1), ("seed", seed, 0)):
        _check_lowest(name, value, lowest)
    _check_choice("layout", layout, LAYOUTS)
    _check_choice("compression", compression, COMPRESSIONS)
    if events * files >= _EVENT_NUMBERS:
        message = (
            f"{files} files of {events} events: more than the {_EVENT_NUMBERS - 1} event numbers "
            "that 32 bits have"
        )
        raise InputError(message, code="generate.out-of-range", path="events")
    stem = "Tree_PhiPi_MC" if simulation else "Tree_PhiPi"
    paths = [Path(directory) / f"{stem}_{number + 1}.root" for number in range(files)]
    _check_absent(paths)
    return [
        FilePlan(path, number, events, layout, simulation, seed, compression)
        for number, path in enumerate(paths)
    ]


def write_files(plans: Sequence[FilePlan], *, workers: int) -> Iterator[int]:
    """Returns an iterator that writes the files step by step, over the events of each step.

    A step is a part of a file, or a whole file where several workers write.

    Args:
        plans: The files, all in one directory.
        workers: The number of processes.

    Raises:
        InputError: The number of workers is out of range.
        RunError: The directory cannot be made; later, if a file cannot be written.
    """
    _check_lowest("workers", workers, 1)
    make_folder(plans[0].path.parent)
    if min(workers, len(plans)) == 1:
        return chain.from_iterable(_write(plan) for plan in plans)
    return _write_in_parallel(plans, workers)


def _write(plan: FilePlan) -> Iterator[int]:
    from tau3mu.generate.writer import write_blocks

    yield from write_blocks(
        plan.path,
        plan.blocks(),
        layout_name=plan.layout,
        compression=plan.compression,
        at_once=_BLOCKS_AT_ONCE,
    )
    log.info("wrote %s: %d events", plan.path, plan.events)


def _write_whole(plan: FilePlan) -> int:
    return sum(_write(plan))


def _write_in_parallel(plans: Sequence[FilePlan], workers: int) -> Iterator[int]:
    from concurrent.futures import as_completed
    from concurrent.futures.process import BrokenProcessPool

    from loky import ProcessPoolExecutor

    pool = ProcessPoolExecutor(min(workers, len(plans)))
    try:
        for future in as_completed([pool.submit(_write_whole, plan) for plan in plans]):
            yield future.result()
    except BrokenProcessPool as error:
        message = "a worker process died, perhaps for lack of memory; try fewer --workers"
        raise RunError(message, code="generate.worker-lost", path="workers") from error
    finally:
        pool.shutdown(kill_workers=True)
        for plan in plans:
            remove_temporary(plan.path)


def _check_lowest(name: str, value: int, lowest: int) -> None:
    if value < lowest:
        message = f"{name}: {value} given, {lowest} is the least"
        raise InputError(message, code="generate.out-of-range", path=name)


def _check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        message = f"unknown {name} {value!r}{suggest(value, known)}; known: {', '.join(known)}"
        raise InputError(message, code="generate.unknown-choice", path=name)


def _check_absent(paths: Sequence[Path]) -> None:
    present = [path for path in paths if path.exists()]
    if present:
        more = f" and {len(present) - 1} more" if len(present) > 1 else ""
        message = f"{present[0]}{more}: exists already; remove it or choose another directory"
        raise InputError(message, code="storage.file-exists", path=present[0])
