"""Rows and events of one side alone, and the steps at which they are lost, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tau3mu.compare.candidates import EVENT
from tau3mu.compare.numbers import shown
from tau3mu.compare.section import DETAILED, MOST_ROWS, Section

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tau3mu.compare.candidates import CandidatesDifference
    from tau3mu.compare.sync import Synchronization

__all__ = ["candidates_sections", "sync_sections"]


def candidates_sections(
    candidates: Iterable[CandidatesDifference], *, synced: bool
) -> list[Section]:
    """Returns the numbers of rows, and of some processors the rows and the columns that differ.

    Args:
        candidates: All, also those that do not differ.
        synced: Whether the events of one side alone are shown with their steps, too.
    """
    different = [one for one in candidates if not one.same]
    rows: list[tuple[str, ...]] = []
    for one in different:
        events = one.events or ("", "")
        alone = [
            str(n) if m in {"", n} else f"{n} ({m} events)"
            for n, m in zip(one.alone, events, strict=True)
        ]
        columns = str(len(one.columns) or "") + ("" if one.order else " another order")
        rows.append((one.processor, *map(str, one.rows), str(one.common), *alone, columns.strip()))
    headers = ("Processor", "A", "B", "In both", "Only in A", "Only in B", "Columns that differ")
    sections = [Section("Candidates", headers, rows)]
    for one in different[:DETAILED]:
        if any(one.alone) and not (synced and one.keys == EVENT):
            sections.append(_alone(one))
        if one.columns:
            sections.append(_columns(one))
    return sections


def _columns(found: CandidatesDifference) -> Section:
    rows = [
        (
            one.name,
            str(one.rows) if one.rows else "",
            "" if one.largest is None else f"{one.largest:.3g}",
            ", ".join(f"{key} {value}" for key, value in one.first.items()),
            *(shown(one.a, one.b) if one.rows else _kinds(one.kinds)),
        )
        for one in found.columns
    ]
    headers = ("Column", "Rows that differ", "Largest", "First", "A", "B")
    return Section(f"Columns of {found.processor}", headers, rows)


def _kinds(kinds: tuple[str, str] | None) -> tuple[str, str]:
    one, other = kinds or ("", "")
    return one or "no such column", other or "no such column"


def _alone(found: CandidatesDifference) -> Section:
    """Returns some rows of each side alone: half of them of each, if both have enough."""
    half = MOST_ROWS // 2
    n_a, n_b = found.alone
    numbers = min(n_a, max(half, MOST_ROWS - n_b)), min(n_b, max(half, MOST_ROWS - n_a))
    rows: list[tuple[str, ...]] = []
    for side, alone, number in zip("AB", (found.only_a, found.only_b), numbers, strict=True):
        some = [values[:number].tolist() for values in alone.values()]
        rows += [(side, *map(str, row)) for row in zip(*some, strict=True)]
    more = n_a + n_b - len(rows)
    note = f"... and {more} more" if more else ""
    return Section(
        f"Rows of {found.processor} on one side alone", ("Only in", *found.keys), rows, note
    )


def sync_sections(sync: Iterable[Synchronization]) -> list[Section]:
    """Returns the steps with their events, where events of one side alone are lost, and some.

    Args:
        sync: Where the steps of each processor part; some of those that part are shown.
    """
    parted = [one for one in sync if one.first is not None or len(one.events["lost_a"])]
    return [section for one in parted[:DETAILED] for section in _followed(one)]


def _followed(found: Synchronization) -> list[Section]:
    listed = all(step.b is None for step in found.steps)
    rows = [
        (
            f"{step.name}  ← first" if step is found.first else step.name,
            str(step.events_a),
            str(step.events_b),
            str(step.only_a),
            str(step.only_b),
        )
        for step in found.steps
    ]
    headers = ("Step", "A", "B", "Only in A", "Only in B")
    if listed:
        headers = ("Step", "A", "of them in B", "not in B", "Lost of B")
    title = f"Events left by {found.processor}"
    sections = [Section(title, headers, rows, most=len(rows))]
    lost = [
        (f"only in {'B' if side == 'a' else 'A'}", f"{side.upper()}: {step}", str(number))
        for side, step, number in found.lost()
    ]
    if lost:
        sections.append(Section("Where they are lost", ("Events", "Step", "Number"), lost))
    if number := len(found.events["lost_a"]):
        # First those that one side has selected, and others have listed.
        selected = found.events["lost_b"] == ""
        if not listed:
            selected |= found.events["lost_a"] == ""
        order = np.argsort(~selected, kind="stable")[:MOST_ROWS]
        some = (values[order].tolist() for values in found.events.values())
        events = [tuple(map(str, row)) for row in zip(*some, strict=True)]
        names = (*list(found.events)[:-2], "Lost in A at", "Lost in B at")
        note = f"... and {number - len(events)} more" if number > len(events) else ""
        sections.append(
            Section(f"Events of {found.processor} on one side alone", names, events, note)
        )
    return sections
