"""Toy ntuples: what a set of files is to hold, and the writing of them by some processes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from tau3mu.errors import InputError, RunError, suggest
from tau3mu.storage.files import make_folder, remove_temporary

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from numpy.random import Generator

    from tau3mu.generate.block import Block

__all__ = [
    "COMPRESSIONS", "LAYOUTS", "ORIGINS", "FilePlan", "generate", "luminosity", "plan_files",
    "write_files",
]  # fmt: skip

log = logging.getLogger(__name__)

LAYOUTS = ("t3m", "nano", "t3m_tau")
ORIGINS = ("ds", "bplus", "bzero")
COMPRESSIONS = ("zstd", "lz4", "zlib", "lzma")

_BLOCK_EVENTS = 5_000  # the events that share one sequence of random numbers
_BLOCKS_AT_ONCE = 5  # so many blocks are written together: larger baskets, fewer of them
_EVENT_NUMBERS = 2**32

_EVENTS_PER_FB = {"t3m": 190_000, "nano": 190_000, "t3m_tau": 50_000}
_DS_TO_PHI_PI_PER_FB = 11_400
"""Of data: 6 % of the events of the control channel, of which its selection keeps one in seven."""
_TAU_PER_PHI_PI = 5.48e-2 / 1.29e-5
"""B(D_s→τν) / B(D_s→φπ→μμπ), as in the constants of the normalization."""
_HIGHEST_FRACTION = 5e-5
_ALL_TAUS = 1.54
"""Decays to a τ of D_s, B⁺ and B⁰, for each one of a D_s."""


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
    origin: str = ""
    branching_fraction: float = 0.0

    def blocks(self) -> Iterator[Block]:
        """Yields the events; each block has random numbers of its own."""
        import numpy as np

        draw = self._draw()
        for i, start in enumerate(range(0, self.events, _BLOCK_EVENTS)):
            key = (self._kind(), self.number, i)
            sequence = np.random.SeedSequence(self.seed, spawn_key=key)
            rng = np.random.Generator(np.random.PCG64(sequence))
            size = min(_BLOCK_EVENTS, self.events - start)
            first = self.number * self.events + start
            yield draw(rng, first, size)

    def _kind(self) -> int:
        """Returns a number for each sort of content, so that none has the events of another."""
        if self.layout != "t3m_tau":
            return int(self.simulation)
        return 3 + ORIGINS.index(self.origin) if self.origin else 2

    def _draw(self) -> Callable[[Generator, int, int], Block]:
        if self.layout == "t3m_tau":
            from tau3mu.generate.tau.events import draw_search_events

            taus = _DS_TO_PHI_PI_PER_FB * _TAU_PER_PHI_PI * _ALL_TAUS * self.branching_fraction
            share = taus / _EVENTS_PER_FB[self.layout]
            return partial(draw_search_events, origin=self.origin, signal_share=share)
        from tau3mu.generate.events import draw_events

        return partial(draw_events, simulation=self.simulation)


def luminosity(layout: str, events: int) -> float:
    """Returns the integrated luminosity in fb⁻¹ of as many toy data events.

    Equal luminosities of the control channel and of the search hold the same number of D_s.

    Args:
        layout: `t3m`, `nano` or `t3m_tau`.
        events: The number of events.
    """
    return events / _EVENTS_PER_FB[layout]


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
    origin: str = "ds",
    branching_fraction: float = 0.0,
) -> list[Path]:
    """Writes toy ntuples with all branches of a skim, and returns their paths.

    Data of the control channel hold the decays of D_s and D⁺ over combinatorial background; in a
    simulation each event has a D_s, with generated particles and pileup. Data of the search hold
    combinations of muons, and φ, ω and η with a particle that is taken for a muon; in a simulation
    each event has a τ→3μ. The content depends on the arguments alone, not on `workers`.

    Args:
        directory: Where the files are to be; it is created if need be.
        events: Number of events in each file.
        files: Number of files.
        layout: `t3m`, the layout of the control channel's skim (an RNTuple), `nano`, the same
            content NanoAOD-like (a TTree), or `t3m_tau`, the skim of the search (an RNTuple).
        simulation: Whether to write simulated signal rather than data.
        seed: Other seeds give statistically independent events.
        workers: Number of processes, each of which writes one file at a time.
        compression: `zstd`, `lz4`, `zlib` or `lzma`, at level 1.
        origin: Of the τ in simulation of the search: `ds`, `bplus` or `bzero`.
        branching_fraction: B(τ→3μ) in data of the search.

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
        origin=origin,
        branching_fraction=branching_fraction,
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
    origin: str = "ds",
    branching_fraction: float = 0.0,
) -> list[FilePlan]:
    """Returns what each file is to hold; the arguments are those of `generate`.

    Raises:
        InputError: An argument is out of range, or a file exists already.
    """
    for name, value, lowest in (("events", events, 1), ("files", files, 1), ("seed", seed, 0)):
        _check_lowest(name, value, lowest)
    _check_choice("layout", layout, LAYOUTS)
    _check_choice("compression", compression, COMPRESSIONS)
    _check_choice("origin", origin, ORIGINS)
    if not 0 <= branching_fraction <= _HIGHEST_FRACTION:
        message = (
            f"branching-fraction: {branching_fraction:g} given, expected one from 0 to "
            f"{_HIGHEST_FRACTION:g}, where a tenth of the events would be signal"
        )
        raise InputError(message, code="generate.out-of-range", path="branching-fraction")
    if branching_fraction and (layout != "t3m_tau" or simulation):
        message = "branching-fraction: only data of the search, layout t3m_tau, have one"
        raise InputError(message, code="generate.no-signal", path="branching-fraction")
    if events * files >= _EVENT_NUMBERS:
        message = (
            f"{files} files of {events} events: more than the {_EVENT_NUMBERS - 1} event numbers "
            "that 32 bits have"
        )
        raise InputError(message, code="generate.out-of-range", path="events")
    if layout == "t3m_tau":
        stem = f"TreeMC_{origin}" if simulation else "TreeData"
    else:
        stem = "Tree_PhiPi_MC" if simulation else "Tree_PhiPi"
    paths = [Path(directory) / f"{stem}_{number + 1}.root" for number in range(files)]
    _check_absent(paths)
    return [
        FilePlan(
            path,
            number,
            events,
            layout,
            simulation,
            seed,
            compression,
            origin if simulation and layout == "t3m_tau" else "",
            branching_fraction,
        )
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
