"""The events of a chunk that are certified, and the rows of the cutflow that say how many are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.errors import InputError
from tau3mu.selection import Step

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import awkward as ak
    import numpy.typing as npt

    from tau3mu.datasets import Certification, Chunk
    from tau3mu.ntuples.events import Entries
    from tau3mu.outputs import Selection
    from tau3mu.processing import Processor
    from tau3mu.processing.memo import Memo

__all__ = [
    "ALL", "CERTIFIED", "Part", "certification_warnings", "certified_mask", "with_certified",
]  # fmt: skip

ALL, CERTIFIED = "all", "certified"
_SHOWN = 10


@dataclass(frozen=True)
class Part:
    """Some events of a chunk.

    Attributes:
        events: Those that are processed.
        uncut: All that were read, if some of them are not certified.
        places: Which events of the chunk those are that are processed, None for all.
    """

    events: ak.Array
    uncut: ak.Array | None = None
    places: npt.NDArray[np.int64] | None = None

    @classmethod
    def of(
        cls,
        entries: Entries,
        passes: npt.NDArray[np.bool_] | None,
        places: npt.NDArray[np.int64] | None = None,
    ) -> Part:
        """Returns the events of entries, only those that are certified.

        Args:
            entries: All that were read.
            passes: Which of them are certified; None for all.
            places: Which events of the chunk they are, None for all.
        """
        if passes is None or passes.all():
            return cls(entries.events, places=places)
        kept = np.flatnonzero(passes)
        places = kept if places is None else places[kept]
        return cls(entries.cut(passes).events, entries.events, places)

    def in_chunk(self, index: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Returns which events of the chunk some of these events are.

        Args:
            index: Of events among these.
        """
        return index if self.places is None else self.places[index]


def certified_mask(
    events: ak.Array, chunk: Chunk, certifications: Mapping[str, Certification]
) -> npt.NDArray[np.bool_] | None:
    """Returns which events of a chunk are certified, None if all are used.

    Args:
        events: All events of the chunk.
        chunk: What was read.
        certifications: By their hashes.
    """
    if not chunk.certification:
        return None
    return certifications[chunk.certification].mask(events.run, events.lumi)


def with_certified(
    selection: Selection, chunk: Chunk, processor: Processor, part: Part, memo: Memo
) -> Selection:
    """Returns a selection whose cutflow begins with the events that were read.

    In a run in which any dataset has a certification, the step `all` of a processor becomes
    `certified`, and `all` is what was read. Simulation keeps everything.

    Args:
        selection: What the processor found.
        chunk: What was read.
        processor: What was run.
        part: The events.
        memo: What processors have computed on all that were read.

    Raises:
        InputError: The processor has a step that is called like these.
    """
    if chunk.certification is None:
        return selection
    first, rest = selection.cutflow[:1], selection.cutflow[1:]
    if not first or first[0].name != ALL:
        first, rest = (_counted(part.events),), selection.cutflow
    if taken := {ALL, CERTIFIED} & {step.name for step in rest}:
        message = (
            f"the cutflow has a step {min(taken)!r}, which a run with a certification adds: give "
            "it another name"
        )
        raise InputError(message, code="processor.repeated-step", path=min(taken))
    everything = first[0] if part.uncut is None else processor.uncut(part.uncut, memo)
    rows = replace(everything, name=ALL), replace(first[0], name=CERTIFIED), *rest
    return replace(selection, cutflow=rows)


def certification_warnings(
    chunks: Sequence[Chunk],
    cutflow: Mapping[str, Sequence[Mapping[str, Any]]],
    runs: Mapping[str, Collection[int]] | None,
    certifications: Mapping[str, Certification],
) -> list[str]:
    """Returns warnings about data of which nothing is certified, and about runs without data.

    Args:
        chunks: All chunks of a run.
        cutflow: Of one processor, by dataset.
        runs: The runs that there are, by dataset, if results are kept by run.
        certifications: By their hashes.
    """
    hashes = {
        chunk.dataset: chunk.certification
        for chunk in chunks
        if chunk.certification and chunk.dataset in cutflow
    }
    texts = []
    for dataset, which in sorted(hashes.items()):
        everything, certified = (step["events"] for step in cutflow[dataset][:2])
        if everything and not certified:
            texts.append(
                f"none of the {everything} events of dataset {dataset} is among the "
                f"certified {certifications[which].text}"
            )
    if runs is None:
        return texts
    for which in sorted(set(hashes.values())):
        named = [dataset for dataset, one in sorted(hashes.items()) if one == which]
        there = {run for dataset in named for run in runs.get(dataset, ())}
        if missing := sorted(set(certifications[which].runs) - there):
            listed = ", ".join(map(str, missing[:_SHOWN]))
            texts.append(
                f"{len(missing)} of the certified {certifications[which].text} have no events in "
                f"{', '.join(named)}: {listed}{', ...' if len(missing) > _SHOWN else ''}"
            )
    return texts


def _counted(events: ak.Array) -> Step:
    return Step(ALL, len(events), len(events), sumw=float(len(events)))
