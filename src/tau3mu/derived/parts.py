"""The parts of a skim: what each worker writes of its chunk."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import uproot

from tau3mu.datasets.origin import OBJECT, GeneratedSums, Origin, Part, parse_origin
from tau3mu.datasets.sections import ranges_of
from tau3mu.derived.cuts import classes_of, cut_records
from tau3mu.derived.linked import write_links
from tau3mu.derived.rows import prefixed, rows_up_to
from tau3mu.errors import RunError
from tau3mu.outputs.counted import WeightSums
from tau3mu.processing.parameters import values_of
from tau3mu.redaction import redact
from tau3mu.storage.files import atomic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import awkward as ak

    from tau3mu.datasets import Chunk
    from tau3mu.derived.requests import SkimJob
    from tau3mu.ntuples.events import Entries
    from tau3mu.outputs import Selection
    from tau3mu.outputs.counted import Counted
    from tau3mu.processing import Processor
    from tau3mu.processing.survivors import Survivors

__all__ = ["JOB", "has_part", "new_tree", "part_path", "write_part"]

JOB: Final = "skim.json"
"""The file by which a worker knows that it sees the folder of the parts."""


def part_path(job: SkimJob, chunk: Chunk) -> Path:
    """Returns where the part of a chunk is written.

    Args:
        job: The skim.
        chunk: All that the part depends on is in its name.
    """
    facts = [
        *(chunk.dataset, chunk.path, chunk.uuid, chunk.tree, chunk.start, chunk.stop),
        *(chunk.branches, chunk.metadata, chunk.selected and chunk.selected.hex()),
        chunk.certification,
    ]
    name = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:32]
    suffix = "parquet" if job.kind == "linked" else "root"
    return Path(job.folder) / f"{name}.{suffix}"


def has_part(job: SkimJob, chunk: Chunk) -> bool:
    """Returns whether the part of a chunk is there; it is whole then."""
    return part_path(job, chunk).is_file()


def write_part(
    job: SkimJob,
    chunk: Chunk,
    processor: Processor,
    selection: Selection,
    survivors: Survivors,
    entries: Entries,
    counted: Counted,
) -> None:
    """Writes the events of a chunk that are left at the step of a skim.

    Args:
        job: The skim.
        chunk: The chunk.
        processor: That of the skim.
        selection: What it found in the chunk.
        survivors: The events that are left.
        entries: The branches of the chunk, as they were read.
        counted: What was counted of all of its events.

    Raises:
        RunError: This process does not see the folder, or cannot write there.
    """
    path = part_path(job, chunk)
    if not (path.parent / JOB).is_file():
        message = (
            f"{path.parent} is not there for this worker: a skim is written by the workers, so the "
            "results folder has to be on a file system that all of them share"
        )
        raise RunError(message, code="derived.folder-not-shared", path=path.parent)
    if (kept := survivors.entries) is None:
        message = f"{job.processor} does not tell which events step {job.step!r} leaves"
        raise RunError(message, code="derived.unknown-step", path=job.step)
    origin = _origin(job, chunk, processor, selection, survivors, counted)
    with atomic(path) as temporary:
        if job.kind == "linked":
            write_links(temporary, chunk, entries.events, kept, origin)
        else:
            _write_tree(temporary, chunk.tree, entries.at(kept).arrays, origin)


def _origin(
    job: SkimJob,
    chunk: Chunk,
    processor: Processor,
    selection: Selection,
    survivors: Survivors,
    counted: Counted,
) -> Origin:
    # What is left at `all` are the certified events, if there is a certification.
    certified = job.step == "all" and chunk.certification is not None
    rows = rows_up_to(selection.cutflow, "certified" if certified else job.step)
    ancestors: tuple[str, ...] = ()
    ancestor_parts: tuple[Part, ...] = ()
    counts = _counts(job, chunk, counted)
    if text := job.origins.get((chunk.dataset, chunk.path)):
        parent = parse_origin(text, chunk.path)
        # Those of a file count once, with its first events.
        rows = prefixed(parent.rows, empty=chunk.start > 0) + rows
        ancestors = (parent.key, *parent.ancestors)
        counts = _inherited(parent, chunk)
        if chunk.start == 0:
            ancestor_parts = (*parent.parts, *parent.ancestor_parts)
    cuts = cut_records(processor, survivors.cuts, job.code)
    facts: dict[str, Any] = {
        "kind": job.kind,
        "dataset": chunk.dataset,
        "era": chunk.era,
        "is_mc": chunk.is_mc,
        "processor": job.processor,
        "classes": classes_of(type(processor)),
        "step": job.step,
        "parameters": values_of(processor),
        "code": {} if cuts is not None else _code(job),
        "ancestors": ancestors,
    }
    content = facts | ({"certification": chunk.certification} if chunk.certification else {})
    key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    return Origin(
        cuts=cuts,
        columns=job.columns,
        rows=rows,
        ancestor_parts=ancestor_parts,
        parts=(Part(path=redact(chunk.path), uuid=chunk.uuid, tree=chunk.tree,
                    start=chunk.start, stop=chunk.stop),),
        key=key,
        package=version("tau3mu"),
        **counts,
        **facts,
    )  # fmt: skip


def _counts(job: SkimJob, chunk: Chunk, counted: Counted) -> dict[str, Any]:
    """Returns what was counted of the events of a chunk, or stands in its file about them."""
    sections, sums = counted.sections, counted.generated
    if (in_file := job.generated.get((chunk.dataset, chunk.path))) is not None:
        sums = WeightSums() if chunk.start else WeightSums.of(in_file)
    return {
        "sections": None if sections is None else ranges_of(sections),
        "generated": None if sums is None else asdict(sums),
    }


def _inherited(parent: Origin, chunk: Chunk) -> dict[str, Any]:
    """Returns what was counted for the events of the parent: once, with its first events."""
    if chunk.selected is not None:  # nobody knows which of the chunks of links is the first
        return {}
    if chunk.start == 0:
        return {"sections": parent.sections, "generated": parent.generated}
    return {
        "sections": None if parent.sections is None else {},
        "generated": None if parent.generated is None else GeneratedSums(),
    }


def _code(job: SkimJob) -> dict[str, str]:
    """Returns what stands for the code of a processor whose cuts are not known one by one."""
    return {n: code for n, code in job.code.items() if n == "select" or n.startswith("needs ")}


def _write_tree(path: Path, tree: str, arrays: Mapping[str, ak.Array], origin: Origin) -> None:
    """Writes branches and an origin as a file of one RNTuple with one cluster.

    Args:
        path: The file.
        tree: The name of the tree.
        arrays: The branches.
        origin: Their origin.
    """
    with new_tree(path, tree, {n: a.type.content for n, a in arrays.items()}, origin) as ntuple:
        if len(next(iter(arrays.values()))):
            ntuple.extend(arrays)


@contextmanager
def new_tree(path: Path, tree: str, types: Mapping[str, Any], origin: Origin) -> Iterator[Any]:
    """Yields an RNTuple without entries in a new file, beside an origin.

    Args:
        path: The file.
        tree: The name of the tree.
        types: Those of its branches.
        origin: What it is made of.
    """
    # Zstandard saves a fifth of the space, but takes twice as long to write, makes a second pass a
    # third slower, and has no checksum.
    with uproot.recreate(path, compression=uproot.LZ4(1)) as file:
        file[OBJECT] = origin.text
        yield file.mkrntuple(tree, types)
