"""The rows of the cutflow of a parent, of parts and of files, and what they were counted in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tau3mu.datasets.origin import Counts, GeneratedSums, Origin, Part
from tau3mu.datasets.sections import ranges_of, sections_in
from tau3mu.outputs.counted import Counted, WeightSums, added_up
from tau3mu.selection.sums import exact_sum, rounded_sum

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tau3mu.datasets.origin import CutRecord
    from tau3mu.selection import Step

__all__ = [
    "PREFIX",
    "added_rows",
    "as_counts",
    "as_dictionaries",
    "counted_in",
    "merged_origin",
    "prefixed",
    "rows_up_to",
]

PREFIX: Final = "parent:"
"""How the rows of a parent begin in the cutflow of whoever reads derived data."""


def rows_up_to(steps: Iterable[Step], step: str) -> tuple[Counts, ...]:
    """Returns the rows of a cutflow up to a step, it included.

    Args:
        steps: The cutflow.
        step: The name of one of its steps; without one, all are returned.
    """
    every = tuple(steps)
    names = [one.name for one in every]
    last = names.index(step) + 1 if step in names else len(every)
    if step == "all" and "certified" in names[1:2]:  # which is what a processor begins with
        last += 1
    return tuple(map(_row, every[:last]))


def _row(step: Step) -> Counts:
    return Counts(
        name=step.name,
        events=step.events,
        candidates=step.candidates,
        sumw=(step.sumw, *step.remainder),
        cuts=tuple(_row(cut) for cut in step.cuts),
    )


def prefixed(rows: Iterable[Counts], *, empty: bool = False) -> tuple[Counts, ...]:
    """Returns the rows of a parent as they stand before those of a reader.

    Args:
        rows: The rows of the parent.
        empty: Whether nothing is counted in them.
    """
    return tuple(
        row.model_copy(update={"name": f"{PREFIX}{row.name}"} | (_nothing(row) if empty else {}))
        for row in rows
    )


def _nothing(row: Counts) -> dict[str, Any]:
    cuts = tuple(cut.model_copy(update=_nothing(cut)) for cut in row.cuts)
    return {"events": 0, "candidates": 0, "sumw": (), "cuts": cuts}


def as_counts(rows: Iterable[Mapping[str, Any]]) -> tuple[Counts, ...]:
    """Returns rows of `cutflow.json` as counts.

    Args:
        rows: The rows.
    """
    return tuple(
        Counts(
            name=row["name"],
            events=row["events"],
            candidates=row["candidates"],
            sumw=(row["sumw"],),
            cuts=as_counts(row.get("cuts", ())),
        )
        for row in rows
    )


def as_dictionaries(rows: Iterable[Counts]) -> list[dict[str, Any]]:
    """Returns rows in the form of `cutflow.json`."""
    return [
        {
            "name": row.name,
            "events": row.events,
            "candidates": row.candidates,
            "sumw": rounded_sum(row.sumw),
        }
        | ({"cuts": as_dictionaries(row.cuts)} if row.cuts else {})
        for row in rows
    ]


def added_rows(many: Sequence[tuple[Counts, ...]]) -> tuple[Counts, ...]:
    """Returns the sum of cutflows of the same steps; the sums of weights are exact.

    Args:
        many: Cutflows, all of the same steps.

    Raises:
        ValueError: Their steps differ.
    """
    added = []
    for rows in zip(*many, strict=True):
        if len(names := {row.name for row in rows}) > 1:
            message = f"cutflows with the steps {', '.join(sorted(names))} in one place"
            raise ValueError(message)
        added.append(
            Counts(
                name=rows[0].name,
                events=sum(row.events for row in rows),
                candidates=sum(row.candidates for row in rows),
                sumw=exact_sum([part for row in rows for part in row.sumw]),
                cuts=added_rows([row.cuts for row in rows]),
            )
        )
    return tuple(added)


def merged_origin(origins: Iterable[Origin]) -> Origin:
    """Returns the origin of what is merged of data with the same key.

    Args:
        origins: At least one.
    """
    found = list(origins)
    cuts = [one.cuts for one in found if one.cuts is not None]
    return found[0].model_copy(
        update={
            "rows": added_rows([one.rows for one in found]),
            "parts": _joined(part for one in found for part in one.parts),
            **_counts(found),
            "ancestor_parts": _joined(part for one in found for part in one.ancestor_parts),
            "cuts": _united(cuts) if cuts else None,
        }
    )


def counted_in(origin: Origin) -> Counted:
    """Returns what was counted of the events that derived data stand for.

    Args:
        origin: Theirs.
    """
    sums = origin.generated
    return Counted(
        None if origin.sections is None else sections_in(origin.sections),
        WeightSums(sums.events, sums.sumw, sums.sumw2) if sums else None,
    )


def _counts(origins: Iterable[Origin]) -> dict[str, Any]:
    total = added_up(counted_in(one) for one in origins)
    sums = total.generated
    return {
        "sections": None if total.sections is None else ranges_of(total.sections),
        "generated": sums and GeneratedSums(events=sums.events, sumw=sums.sumw, sumw2=sums.sumw2),
    }


def _joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Returns the parts with those that continue each other as one."""
    joined: list[Part] = []
    for part in parts:
        if joined and _file(joined[-1]) == _file(part) and joined[-1].stop == part.start:
            joined[-1] = joined[-1].model_copy(update={"stop": part.stop})
        else:
            joined.append(part)
    return tuple(joined)


def _file(part: Part) -> tuple[str, str, str]:
    return part.path, part.uuid, part.tree


def _united(cuts: Sequence[tuple[CutRecord, ...]]) -> tuple[CutRecord, ...]:
    """Returns the cuts with all that they have read in any of the chunks."""
    return tuple(
        same[0].model_copy(
            update={
                name: {key: value for one in same for key, value in getattr(one, name).items()}
                for name in ("parameters", "code")
            }
        )
        for same in zip(*cuts, strict=True)
    )
