"""Ntuples with events of several runs, and copies of them with some of their events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import uproot

from tau3mu.generate import generate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TREE = "Tree3Mu/ntuple"
RUNS = (101, 102, 105, 109)


def write_files(folder: Path, events: int = 1500) -> tuple[Path, Path]:
    """Returns two files: in the first, the events of a run follow one another."""
    random = np.random.default_rng(3)
    made = []
    for number, path in enumerate(generate(folder / "whole", events=events, files=2)):
        run = random.choice(np.array(RUNS, np.uint32), events)
        lumi = random.integers(1, 12, events).astype(np.uint32)
        run = run if number else np.sort(run)
        made.append(write(path, folder / f"{number}.root", run=run, lumi=lumi))
    return made[0], made[1]


def write(source: Path, target: Path, passes=slice(None), **replaced) -> Path:
    """Writes some of the events of a file, with other columns."""
    with uproot.open(source) as file:
        arrays = file[TREE].arrays(how=dict)
    arrays = {name: array[passes] for name, array in {**arrays, **replaced}.items()}
    folder, _, name = TREE.rpartition("/")
    with uproot.recreate(target) as file:
        file.mkdir(folder).mkrntuple(name, arrays)
    return target


def keep(source: Path, target: Path, wanted: Callable[[int, int], bool]) -> Path:
    """Writes the events of a file whose run and luminosity section are wanted, one by one."""
    with uproot.open(source) as file:
        run, lumi = (file[TREE][name].array().tolist() for name in ("run", "lumi"))
    passes = [wanted(*one) for one in zip(run, lumi, strict=True)]
    return write(source, target, np.array(passes))
