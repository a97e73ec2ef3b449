"""The luminosity of the sections whose events were read: in the manifest, the cutflow, files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.datasets.origin import parse_origin
from tau3mu.datasets.sections import inside, keys_of, ranges_of, shown
from tau3mu.derived.rows import counted_in
from tau3mu.outputs.counted import Counted, added_up
from tau3mu.results.manifest import LuminosityFacts
from tau3mu.storage.files import json_text, make_folder, write_text
from tau3mu.storage.names import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tau3mu.datasets import CheckedFile, Dataset
    from tau3mu.datasets.brilcalc import LuminosityTable
    from tau3mu.datasets.sections import Sections
    from tau3mu.execution import RunResult
    from tau3mu.run.plan import RunPlan

__all__ = ["luminosities", "sections_read", "with_luminosities", "write_sections"]

_ROWS = "certified", "all"
"""The row of the cutflow that has the luminosity: the first of these that is there."""


def sections_read(plan: RunPlan, result: RunResult) -> dict[str, Sections]:
    """Returns the luminosity sections of each dataset of data that were read.

    These are the sections of the events, and those that a file of NanoAOD lists without any. Those
    of derived data are the sections of the events of the parent. A dataset is left out if they are
    not known: of short views, which end within sections, of files without these numbers, and of
    derived data that were made before they were kept.

    Args:
        plan: Of the run.
        result: What was read.
    """
    incomplete = {(file.dataset, file.path) for file in result.incomplete}
    found = {}
    for dataset in plan.datasets:
        if dataset.is_mc or dataset.fraction < 1:
            continue
        own = [f for f in plan.files if f.dataset == dataset.name]
        read = [f for f in own if (f.dataset, f.path) not in incomplete]
        counted = result.counted.get(dataset.name, Counted())
        if any(file.origin for file in read):
            parts = (counted_in(parse_origin(f.origin, f.path)) for f in read)
            counted = added_up(parts)
        sections = _with_blocks(counted.sections, read)
        if sections is not None and dataset.certification is not None:
            sections = sections[inside(sections, dataset.certification.ranges)]
        if sections is not None:
            found[dataset.name] = sections
    return found


def _with_blocks(sections: Sections | None, files: list[CheckedFile]) -> Sections | None:
    listed = [file.blocks for file in files if file.blocks is not None and not file.origin]
    if sections is None and (not listed or len(listed) < len(files)):
        return None
    blocks = [
        keys_of(run, np.arange(first, last + 1)) for own in listed for run, first, last in own
    ]
    return np.unique(np.concatenate([*([] if sections is None else [sections]), *blocks]))


def luminosities(plan: RunPlan, sections: Mapping[str, Sections]) -> dict[str, LuminosityFacts]:
    """Returns the luminosity of each dataset with a luminosity file whose sections are known.

    Args:
        plan: Of the run.
        sections: Of which events were read, by dataset.
    """
    facts: dict[str, LuminosityFacts] = {}
    known = [dataset for dataset in plan.datasets if dataset.name in sections]
    for number, dataset in enumerate(known):
        if dataset.brilcalc is not None:
            before = [sections[one.name] for one in known[:number] if _are_added(one, dataset)]
            table = plan.luminosities[dataset.brilcalc]
            either = np.unique(np.concatenate([np.array([], np.uint64), *before]))
            facts[dataset.name] = _facts(table, dataset, sections[dataset.name], either)
    return facts


def _are_added(one: Dataset, other: Dataset) -> bool:
    """Returns whether a processor reads both, whose luminosities are then added up."""
    return one.readers is None or other.readers is None or not one.readers.isdisjoint(other.readers)


def _facts(
    table: LuminosityTable, dataset: Dataset, sections: Sections, before: Sections
) -> LuminosityFacts:
    found = table.of(sections)
    may = table.keys
    if dataset.certification is not None:
        ranges = dataset.certification.ranges
        if table.by_run:
            ranges = dict.fromkeys(ranges, ((0, 0),))
        may = may[inside(may, ranges)]
    return LuminosityFacts(
        source=table.source,
        hash=table.hash,
        by_run=table.by_run,
        sections=len(sections),
        recorded=found.recorded,
        delivered=found.delivered,
        certified=table.of(may).recorded,
        shared=table.of(np.intersect1d(sections, before)).recorded if len(before) else 0.0,
        missing=ranges_of(found.missing),
    )


def with_luminosities(plan: RunPlan, result: RunResult) -> RunResult:
    """Returns a result whose cutflows have the luminosity of data as `lumi`, with warnings.

    Args:
        plan: Of the run.
        result: What was found and read.
    """
    if not plan.luminosities or not result.processors:
        return result
    sections = sections_read(plan, result)
    facts = luminosities(plan, sections)
    processors = {
        name: replace(
            found,
            cutflow={
                dataset: _with_lumi(steps, facts.get(dataset))
                for dataset, steps in found.cutflow.items()
            },
        )
        for name, found in result.processors.items()
    }
    texts = _warnings(plan, sections, facts)
    return replace(result, processors=processors, warnings=(*result.warnings, *texts))


def _with_lumi(steps: list[dict[str, Any]], facts: LuminosityFacts | None) -> list[dict[str, Any]]:
    names = [step["name"] for step in steps]
    row = next((name for name in _ROWS if name in names), None)
    if facts is None or row is None:
        return steps
    return [{**s, "lumi": facts.recorded} if s["name"] == row else s for s in steps]


def _warnings(
    plan: RunPlan, sections: Mapping[str, Sections], facts: Mapping[str, LuminosityFacts]
) -> Iterator[str]:
    before: list[Dataset] = []
    for dataset in plan.datasets:
        if dataset.brilcalc is None:
            continue
        name, found = dataset.name, facts.get(dataset.name)
        if found is None:
            yield (
                f"the luminosity of dataset {name} is not counted, since "
                + ("a short view ends within luminosity sections"
                   if dataset.fraction < 1
                   else "it is not known which luminosity sections were read")
            )  # fmt: skip
            continue
        table = plan.luminosities[dataset.brilcalc]
        if found.missing:
            missing = table.of(sections[name]).missing
            yield (
                f"{len(missing)} of {found.sections} luminosity sections of dataset {name} are not "
                f"in {table.source}: their events count, their luminosity does not: "
                f"{shown(missing)}"
            )
        for other in (one.name for one in before if _are_added(one, dataset)):
            if len(both := np.intersect1d(sections[name], sections[other])):
                yield (
                    f"{len(both)} luminosity sections are in datasets {other} and {name}; their "
                    f"luminosity counts once in sums: {shown(both)}"
                )
        before.append(dataset)


def write_sections(folder: Path, sections: Mapping[str, Sections]) -> None:
    """Writes which luminosity sections of data were read, as certifications.

    Args:
        folder: Of the results.
        sections: By dataset.

    Raises:
        RunError: A file cannot be written.
    """
    if not sections:
        return
    make_folder(folder / SECTIONS)
    for name, own in sections.items():
        write_text(folder / SECTIONS / f"{name}.json", json_text(ranges_of(own)))
