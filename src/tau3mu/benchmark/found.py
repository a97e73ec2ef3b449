"""The physics result of a run: what must be the same in every run and for every program."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING

from tau3mu.benchmark.records import Found

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["differences", "found_in", "found_of"]

_MASS_TOLERANCE = 1e-9


def found_of(steps: Mapping[str, int], rows: Iterable[Sequence[float]]) -> Found:
    """Returns the result made of a cutflow and candidates.

    Args:
        steps: Events after each step.
        rows: Run, luminosity section, event, triplet and mass in GeV of each candidate.
    """
    ordered = sorted((*map(int, row[:4]), float(row[4])) for row in rows)
    lines = "".join(f"{run} {lumi} {event} {triplet}\n" for run, lumi, event, triplet, _ in ordered)
    return Found(
        steps=dict(steps),
        candidates=len(ordered),
        digest=hashlib.sha256(lines.encode()).hexdigest(),
        mass_sum=math.fsum(row[4] for row in ordered),
    )


def found_in(folder: Path) -> Found:
    """Returns the result of `dsphipi` in a results folder.

    Raises:
        InputError: The folder does not hold it.
    """
    from tau3mu.outputs import load_candidates

    folder = folder / "dsphipi"
    candidates = load_candidates(folder)
    steps: dict[str, int] = {}
    for dataset in json.loads((folder / "cutflow.json").read_text()).values():
        for step in dataset:
            steps[step["name"]] = steps.get(step["name"], 0) + step["events"]
    names = ("run", "lumi", "event", "triplet", "mass")
    columns = [candidates[name].to_list() for name in names]
    return found_of(steps, zip(*columns, strict=True))


def differences(found: Found, expected: Found) -> list[str]:
    """Returns in what a result differs from another, masses by more than one part in 10⁹."""
    problems = [
        f"{step}: {found.steps.get(step)} events, expected {number}"
        for step, number in expected.steps.items()
        if found.steps.get(step) != number
    ]
    if found.candidates != expected.candidates:
        problems.append(f"{found.candidates} candidates, expected {expected.candidates}")
    elif found.digest != expected.digest:
        problems.append("as many candidates, but not the same")
    elif not math.isclose(found.mass_sum, expected.mass_sum, rel_tol=_MASS_TOLERANCE):
        problems.append(f"the masses add up to {found.mass_sum}, expected {expected.mass_sum}")
    return problems
