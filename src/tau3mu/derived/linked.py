"""Linked data: where in the parent the selected events are, rather than the events.

A file of links is a parquet table with the UUID and the path of the parent's file, the entry, and
run, luminosity section and event. Who reads it reads these entries of the parent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.config.printable import printable
from tau3mu.datasets.origin import OBJECT, Origin, parse_origin
from tau3mu.derived.rows import merged_origin
from tau3mu.errors import InputError
from tau3mu.redaction import redact
from tau3mu.storage.files import atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import awkward as ak
    import numpy.typing as npt

    from tau3mu.datasets import CheckedFile, Chunk

__all__ = [
    "Links", "merge_links", "number_of_links", "only_linked", "read_links", "with_links",
    "write_links",
]  # fmt: skip

_NUMBERS: Final = {"run": np.uint32, "lumi": np.uint32, "event": np.uint64}


def write_links(
    path: Path, chunk: Chunk, events: ak.Array, kept: npt.NDArray[np.int64], origin: Origin
) -> None:
    """Writes the places and the numbers of some events of a chunk.

    Args:
        path: The file.
        chunk: The chunk.
        events: Its events, of which `run`, `lumi` and `event` are taken.
        kept: Which of them are meant.
        origin: What they were selected by.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = {"uuid": chunk.uuid, "path": redact(chunk.path), "tree": chunk.tree}
    numbers = np.zeros(len(kept), np.int32)
    columns: dict[str, Any] = {
        name: pa.DictionaryArray.from_arrays(numbers, [text]).cast(pa.string())
        for name, text in texts.items()
    }
    columns["entry"] = chunk.places[kept]
    for name, kind in _NUMBERS.items():
        columns[name] = np.asarray(events[name]).astype(kind)[kept]
    table = pa.table(columns).replace_schema_metadata({OBJECT: json.dumps([origin.text])})
    pq.write_table(table, path, compression="zstd")


def merge_links(target: Path, parts: Sequence[Path]) -> tuple[int, list[Origin]]:
    """Returns how many links a dataset has and their origin by file, after writing them as one.

    Args:
        target: The file.
        parts: What the workers wrote, in the order of the events.

    Raises:
        RunError: The file cannot be written.
    """
    import pyarrow.parquet as pq

    by_file: dict[tuple[str, str, str], list[Origin]] = {}
    for part in parts:
        for origin in _origins(part):
            one = origin.parts[0]
            by_file.setdefault((one.uuid, one.path, one.tree), []).append(origin)
    origins = [merged_origin(each) for each in by_file.values()]
    schema = pq.read_schema(parts[0])
    schema = schema.with_metadata({OBJECT: json.dumps([one.text for one in origins])})
    number = 0
    with (
        atomic(target) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as file,
    ):
        for part in parts:
            table = pq.read_table(part).cast(schema)
            number += len(table)
            file.write_table(table)
    return number, origins


def _origins(path: Path) -> list[Origin]:
    import pyarrow.parquet as pq

    texts = (pq.read_schema(path).metadata or {}).get(OBJECT.encode())
    if texts is None:
        message = f"{path} is not a file of links: it lacks their origin; make them again"
        raise InputError(message, code="derived.no-links", path=path)
    return [parse_origin(text, str(path)) for text in json.loads(texts)]


@dataclass(frozen=True)
class Links:
    """The links into the files of a parent, by UUID and tree.

    Attributes:
        source: Their file.
        entries: The entries, ascending.
        origins: What they were selected by.
        paths: The UUID that each file had, by its path and tree.
    """

    source: str
    entries: dict[tuple[str, str], npt.NDArray[np.int64]]
    origins: dict[tuple[str, str], Origin]
    paths: dict[tuple[str, str], str]


def read_links(path: str) -> Links:
    """Returns the links of a file.

    Args:
        path: The file.

    Raises:
        InputError: It is not there, or not a file of links.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        origins = _origins(Path(path))
        table = pq.read_table(path, columns=["uuid", "tree", "path", "entry"])
    except (OSError, ValueError, pa.ArrowException) as error:
        message = f"the links {path} cannot be read: {error}; put them back, or make them again"
        raise InputError(message, code="derived.no-links", path=path) from error
    numbers = table["entry"].to_numpy()
    keys = [table[name].combine_chunks().dictionary_encode() for name in ("uuid", "path", "tree")]
    found: dict[tuple[str, str], npt.NDArray[np.int64]] = {}
    by_file = {}
    paths = {}
    for origin in origins:
        one = origin.parts[0]
        key = _key(one.uuid, one.path), one.tree
        chosen = np.ones(len(numbers), dtype=np.bool_)
        for column, value in zip(keys, (one.uuid, one.path, one.tree), strict=True):
            words = column.dictionary.to_pylist()
            number = words.index(value) if value in words else -1
            chosen &= column.indices.to_numpy() == number
        found[key] = np.sort(numbers[chosen])
        by_file[key] = origin
        paths[one.path, one.tree] = one.uuid
    return Links(path, found, by_file, paths)


def number_of_links(path: str) -> int:
    """Returns how many events a file of links means.

    Args:
        path: The file.

    Raises:
        InputError: It is not there, or not a file of links.
    """
    return sum(len(entries) for entries in read_links(path).entries.values())


def _key(uuid: str, path: str) -> str:
    return uuid if uuid.strip("0-") else path  # of a writer that knows no UUIDs


def with_links(files: Iterable[CheckedFile], links: dict[str, Links]) -> list[CheckedFile]:
    """Returns files, those of linked data with the origin of their links.

    Args:
        files: The files, as they were checked.
        links: The links by the name of the dataset.

    Raises:
        InputError: A file is not the one of which the links are.
    """
    found = []
    for file in files:
        one = links.get(file.dataset)
        if one is None:
            found.append(file)
            continue
        key = _key(file.uuid, redact(file.path)), file.tree
        if key not in one.origins:
            before = one.paths.get((redact(file.listed or file.path), file.tree))
            if before is not None:
                code, what = "derived.changed-parent", f"has UUID {file.uuid}, and had {before}"
            else:
                code, what = "derived.not-linked", "is not among the files of the links"
            message = (
                f"{printable(file.path)} {what} when {one.source} was made: put the file back, or "
                "make the links again"
            )
            raise InputError(message, code=code, path=file.path)
        found.append(replace(file, origin=one.origins[key].text))
    return found


def only_linked(chunks: Iterable[Chunk], links: dict[str, Links]) -> list[Chunk]:
    """Returns chunks, those of linked data with the entries that are linked.

    A chunk without any is left out, unless its file has no other: the rows of its parent count.

    Args:
        chunks: Chunks that cover all entries.
        links: The links by the name of the dataset.
    """
    found: list[Chunk] = []
    empty: dict[tuple[str, str], Chunk] = {}
    for chunk in chunks:
        one = links.get(chunk.dataset)
        if one is None:
            found.append(chunk)
            continue
        file = chunk.dataset, chunk.path
        every = one.entries[_key(chunk.uuid, redact(chunk.path)), chunk.tree]
        first, last = np.searchsorted(every, [chunk.start, chunk.stop])
        chosen = every[first:last].astype(np.int64)
        if len(chosen):
            empty.pop(file, None)
            start, stop = int(chosen[0]), int(chosen[-1]) + 1
            found.append(replace(chunk, start=start, stop=stop, selected=chosen.tobytes()))
        elif not any((other.dataset, other.path) == file for other in found[-1:]):
            empty.setdefault(file, replace(chunk, start=0, stop=0, selected=b""))
    return [*found, *empty.values()]
