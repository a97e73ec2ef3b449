"""Checkpoints: what each processor found in each finished chunk, by all that it depends on.

There is one file for each pass over a chunk, with the outputs of all processors of the pass. So
what a run lacks, because a processor was added or changed, is done for this processor alone.

A checkpoint is data: whoever can write into the folder can falsify a result, but not run a program.
One that cannot be read, or is of another chunk, is ignored and the chunk is done again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
import zipfile
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.execution.chunk import ChunkResult, read_for
from tau3mu.execution.timing import Timing
from tau3mu.outputs.counted import Counted, WeightSums
from tau3mu.outputs.stored import from_document, read_document, to_document, write_document
from tau3mu.processing.fingerprint import fingerprint
from tau3mu.processing.needs import that_read, with_needed
from tau3mu.redaction import redact
from tau3mu.storage.files import atomic, disk_error
from tau3mu.storage.names import CHECKPOINTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tau3mu.datasets import Chunk
    from tau3mu.processing import Processor

__all__ = ["Checkpoints", "Keys", "chunk_key", "chunk_keys", "remove_checkpoints", "together"]

log = logging.getLogger(__name__)

_DELAY = 5.0
_FORMAT = 7
_NAME = re.compile(r"([0-9a-f]{64})-[0-9a-f]{16}\.npz")
_OURS = re.compile(r"\.?[0-9a-f]{64}-[0-9a-f]{16}(\.\d+)?\.npz")
_DAMAGED = (
    OSError, ValueError, KeyError, TypeError, AttributeError, NotImplementedError, EOFError,
    IndexError, MemoryError, RecursionError, zipfile.BadZipFile,
)  # fmt: skip


class Keys:
    """The keys of chunks and of what each processor makes of them.

    Attributes:
        chunks: By the index of the chunk: a hash of the entries and of what is known of them.
    """

    def __init__(self, chunks: Sequence[Chunk], processors: Sequence[Processor]) -> None:
        """Creates the keys.

        Args:
            chunks: All chunks of the run.
            processors: All processors of the run.
        """
        self.chunks = [chunk_key(chunk) for chunk in chunks]
        self._chunks, self._processors = chunks, processors
        groups = {one.name: with_needed(processors, [one.name]) for one in processors}
        self._works = {name: fingerprint(group) for name, group in groups.items()}
        self._columns = {
            name: frozenset[str]().union(*(one.columns for one in group))
            for name, group in groups.items()
        }
        self._known: dict[tuple[Any, ...], dict[str, str]] = {}

    def of(self, index: int) -> Mapping[str, str]:
        """Returns, by the name of each processor that reads a chunk, a hash of what it does."""
        chunk = self._chunks[index]
        place = chunk.layout, chunk.branches
        known = *place, chunk.readers
        if known not in self._known:
            self._known[known] = {
                one.name: _hash([self._works[one.name], *read_for(*place, self._columns[one.name])])
                for one in that_read(self._processors, chunk)
            }
        return self._known[known]

    def together(self, indices: Sequence[int]) -> str:
        """Returns the key of chunks that are processed together, that of a chunk for one alone."""
        keys = [self.chunks[index] for index in indices]
        return keys[0] if len(keys) == 1 else _hash({"format": _FORMAT, "chunks": keys})

    def every(self) -> list[str]:
        """Returns one key for each chunk, of all that the processors make of it."""
        return [
            _hash([key, *sorted(self.of(index).values())]) for index, key in enumerate(self.chunks)
        ]


def chunk_keys(chunks: Sequence[Chunk], processors: Sequence[Processor]) -> list[str]:
    """Returns one key for each chunk, of all that the processors make of it."""
    return Keys(chunks, processors).every()


def chunk_key(chunk: Chunk) -> str:
    """Returns a hash of the entries of a chunk with all that processors are told of them.

    Args:
        chunk: The entries, with UUID and metadata of their file. The place of the file is no part
            of it, since a copy has the same entries.
    """
    facts: dict[str, Any] = {
        "format": _FORMAT,
        "tree": chunk.tree,
        "uuid": chunk.uuid,
        "range": [chunk.start, chunk.stop],
        "metadata": chunk.metadata,
    }
    if chunk.certification is not None:
        facts["certification"] = chunk.certification
    if chunk.per_run:
        facts["per_run"] = True
    if chunk.selected is not None:
        facts["selected"] = hashlib.sha256(chunk.selected).hexdigest()
    if not chunk.uuid.strip("0-"):  # from a writer that knows no UUIDs
        facts["path"] = redact(chunk.path)
        with suppress(OSError):
            status = Path(chunk.path).stat()
            facts["state"] = [status.st_size, status.st_mtime_ns]
    return _hash(facts)


def _hash(facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


class Checkpoints:
    """The checkpoints of one run in a folder of their own.

    Those of the first seconds are written together after that time, so that a run that is done by
    then writes none.
    """

    def __init__(self, run: Path, keys: Keys, *, delay: float | None = None) -> None:
        """Creates the checkpoints, and looks which are there.

        Args:
            run: The folder of the run.
            keys: The keys of its chunks.
            delay: The seconds in which none is written; by default five.
        """
        self._folder, self._keys = run / CHECKPOINTS, keys
        self._begin = time.monotonic() + (_DELAY if delay is None else delay)
        self._pending: dict[tuple[int, ...], ChunkResult] = {}
        self._exists = self._folder.is_dir()
        self._files: dict[str, list[Path]] = {}
        for path in sorted(self._folder.iterdir()) if self._exists else ():
            if name := _NAME.fullmatch(path.name):
                self._files.setdefault(name[1], []).append(path)

    def __bool__(self) -> bool:
        """Returns whether there were any when the run began."""
        return bool(self._files)

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self._folder

    def groups(self) -> list[tuple[int, ...]]:
        """Returns the chunks that were processed together, in the order of their results."""
        places = {key: index for index, key in enumerate(self._keys.chunks)}
        found = []
        for key in self._files.keys() - places.keys():
            for path in self._files[key]:
                try:
                    with path.open("rb") as file:
                        members = read_document(file)["members"]
                    indices = tuple(places[member] for member in members)
                except _DAMAGED:  # or of chunks that are not among those of the run
                    continue
                if self._keys.together(indices) == key:
                    found.append(indices)
                    break
        return sorted(found)

    def load(self, index: int, more: Iterable[int] = ()) -> ChunkResult | None:
        """Returns what processors of the run have found in a chunk, None if none of them has.

        Args:
            index: That of the chunk.
            more: Those of chunks that were processed together with it.
        """
        indices = index, *more
        chunk = self._keys.together(indices)
        names = {key: name for name, key in self._keys.of(index).items()}
        found: ChunkResult | None = None
        for path in self._files.get(chunk, ()):
            try:
                one = _read(path, chunk, names, len(indices))
            except _DAMAGED as error:
                problem = str(error).partition("\n")[0][:200] or type(error).__name__
                text = "checkpoint %s is ignored and its chunk done again: %s"
                log.warning(text, path.name, problem)
                continue
            if one.outputs:
                found = one if found is None else together(found, one)
        return found

    def add(self, index: int, result: ChunkResult, more: Iterable[int] = ()) -> None:
        """Keeps the result of a chunk.

        Args:
            index: That of the chunk.
            result: What was found.
            more: Those of chunks that were processed together with it.

        Raises:
            RunError: It cannot be written.
        """
        self._pending[(index, *more)] = result
        if time.monotonic() >= self._begin:
            self.flush()

    def flush(self) -> None:
        """Writes what has been kept in memory.

        Raises:
            RunError: A file cannot be written; no part of it is left.
        """
        if self._pending and not self._exists:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise disk_error(self._folder, error) from error
            self._exists = True
        while self._pending:
            indices, result = next(iter(self._pending.items()))
            keys, chunk = self._keys.of(indices[0]), self._keys.together(indices)
            outputs = {keys[name]: to_document(one) for name, one in result.outputs.items()}
            path = self._folder / f"{chunk}-{_hash(sorted(outputs))[:16]}.npz"
            facts = {name: getattr(result, name) for name in _FACTS}
            facts["timing"] = asdict(result.timing)
            facts["counted"] = {
                "sections": result.counted.sections,
                "generated": result.counted.generated and asdict(result.counted.generated),
            }
            runs = {
                keys[name]: {str(run): to_document(one) for run, one in of_runs.items()}
                for name, of_runs in result.runs.items()
            }
            if len(indices) > 1:
                facts["members"] = [self._keys.chunks[index] for index in indices]
                facts["counts"] = {keys[name]: one for name, one in result.counts.items()}
            with atomic(path) as temporary:
                content = {"chunk": chunk, **facts, "outputs": outputs, "runs": runs}
                write_document(temporary, content)
            self._files.setdefault(chunk, []).append(path)
            del self._pending[indices]


_FACTS = ("entries", "triggers", "path", "bytes", "seconds", "worker")


def _read(path: Path, chunk: str, names: Mapping[str, str], n_chunks: int) -> ChunkResult:
    with path.open("rb") as file:  # which NumPy does not close if it is damaged
        document = read_document(file)
    if document["chunk"] != chunk:
        message = "it is not the checkpoint of this chunk"
        raise ValueError(message)
    outputs = {
        names[key]: from_document(one) for key, one in document["outputs"].items() if key in names
    }
    facts = {name: document[name] for name in _FACTS}
    runs = {
        names[key]: {int(run): from_document(one) for run, one in of_runs.items()}
        for key, of_runs in document["runs"].items()
        if key in names
    }
    timing = Timing(**document["timing"])
    counts = {
        names[key]: tuple(numbers)
        for key, numbers in document.get("counts", {}).items()
        if key in names
    }
    for name, selection in outputs.items() if n_chunks > 1 else ():
        if len(counts[name]) != n_chunks or sum(counts[name]) != len(selection.candidates):
            message = f"the numbers of candidates of {name} are not those of its chunks"
            raise ValueError(message)
    how: dict[str, Any] = {"runs": runs, "timing": timing, "counts": counts}
    how["counted"] = _counted(document["counted"])
    return ChunkResult(outputs=outputs, **how, resumed=True, **facts)


def _counted(document: Mapping[str, Any]) -> Counted:
    sums = document["generated"]
    return Counted(
        document["sections"],
        sums and WeightSums(sums["events"], tuple(sums["sumw"]), tuple(sums["sumw2"])),
    )


def together(first: ChunkResult, second: ChunkResult) -> ChunkResult:
    """Returns the results of two passes over a chunk as one."""
    return replace(
        second,
        outputs={**first.outputs, **second.outputs},
        runs={**first.runs, **second.runs},
        triggers={**first.triggers, **second.triggers},
        counts={**first.counts, **second.counts},
        bytes=first.bytes + second.bytes,
        timing=first.timing + second.timing,
        # A pass of some of the processors may have read less.
        counted=second.counted if first.counted == Counted() else first.counted,
    )


def remove_checkpoints(run: Path) -> None:
    """Removes all checkpoints from the folder of a run; what else is there stays."""
    folder = run / CHECKPOINTS
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name):
            path.unlink(missing_ok=True)
    with suppress(OSError):  # not empty
        folder.rmdir()
