"""Checkpoints: the record of each finished chunk, in a JSON file named after all it depends on.

A checkpoint is data: whoever can write into the folder can falsify a result, but not run a program.
One that cannot be read, or is of another chunk, is ignored and the chunk is done again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.config.input_files import read_text
from tau3mu.config.syntax import parse_json
from tau3mu.processing.fingerprint import fingerprint
from tau3mu.redaction import redact
from tau3mu.storage.files import atomic, disk_error
from tau3mu.storage.names import CHECKPOINTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.datasets import Chunk
    from tau3mu.processing import Processor

__all__ = [
    "Checkpoints",
    "chunk_key",
    "chunk_keys",
    "from_text",
    "remove_checkpoints",
    "to_text",
]

log = logging.getLogger(__name__)

_DELAY = 5.0
_FORMAT = 4
_OURS = re.compile(r"[0-9a-f]{64}\.json|\.[0-9a-f]{64}\.\d+\.json")


def chunk_key(chunk: Chunk, work: str) -> str:
    """Returns what a checkpoint is named after: a hash of all that its record depends on.

    Args:
        chunk: The entries, with UUID and metadata of their file. The place of the file is no part
            of it, since a copy has the same entries.
        work: What is done with them, from `fingerprint`.
    """
    facts: dict[str, Any] = {
        "format": _FORMAT,
        "work": work,
        "tree": chunk.tree,
        "layout": chunk.layout,
        "branches": sorted(chunk.branches),
        "uuid": chunk.uuid,
        "range": [chunk.start, chunk.stop],
        "metadata": chunk.metadata,
    }
    if not chunk.uuid.strip("0-"):  # from a writer that knows no UUIDs
        facts["path"] = redact(chunk.path)
        with suppress(OSError):
            status = Path(chunk.path).stat()
            facts["state"] = [status.st_size, status.st_mtime_ns]
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def chunk_keys(chunks: Sequence[Chunk], processors: Sequence[Processor]) -> list[str]:
    """Returns the key of each chunk for what the processors make of it."""
    work = fingerprint(processors)
    return [chunk_key(chunk, work) for chunk in chunks]


class Checkpoints:
    """The checkpoints of one run in a folder of their own.

    Those of the first seconds are written together after that time, so that a run that is done by
    then writes none.
    """

    def __init__(self, run: Path, keys: Sequence[str], *, delay: float = _DELAY) -> None:
        """Takes the folder of the run and the key of each chunk."""
        self._folder, self._keys = run / CHECKPOINTS, keys
        self._begin = time.monotonic() + delay
        self._pending: dict[int, ak.Array] = {}
        self._exists = self._folder.is_dir()

    def load(self) -> dict[int, ak.Array]:
        """Returns the records of all chunks that have a checkpoint, by the index of the chunk."""
        there = {path.name for path in self._folder.iterdir()} if self._exists else set()
        found = {}
        for index, key in enumerate(self._keys):
            if f"{key}.json" in there and (record := _read(self._path(key), key)) is not None:
                record["chunk"] = np.array([index])
                found[index] = record
        if there and not found:
            log.warning(
                "none of the %d checkpoints in %s fits: processors, their configuration, the "
                "files or the chunk size have changed; everything is done again",
                len(there),
                self._folder,
            )
        return found

    def add(self, index: int, record: ak.Array) -> None:
        """Keeps the record of a chunk.

        Raises:
            RunError: It cannot be written.
        """
        self._pending[index] = record
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
            index = next(iter(self._pending))
            key = self._keys[index]
            with atomic(self._path(key)) as temporary:
                temporary.write_text(to_text(self._pending[index], key), encoding="ascii")
            del self._pending[index]

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"


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


def to_text(record: ak.Array, key: str) -> str:
    """Returns a record as JSON with its buffers in base64, which gives back the same bits.

    Parquet would be smaller, but its import takes longer than the chunks of a short run.
    """
    form, length, buffers = ak.to_buffers(ak.to_packed(record))
    content = {
        "key": key,
        "form": form.to_dict(),
        "length": length,
        "buffers": {
            name: base64.b64encode(np.asarray(buffer).tobytes()).decode()
            for name, buffer in buffers.items()
        },
    }
    return json.dumps({**content, "sha256": _digest(content)})


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _read(path: Path, key: str) -> ak.Array | None:
    try:
        record = from_text(read_text(path, "checkpoint"), key)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, NotImplementedError) as error:
        problem = str(error).partition("\n")[0][:200]
    else:
        return record
    log.warning("checkpoint %s is ignored and its chunk done again: %s", path.name, problem)
    return None


def from_text(text: str, key: str) -> ak.Array:
    """Returns what `to_text` was given.

    Raises:
        ValueError: It is not that, or is damaged; a KeyError or TypeError means the same.
    """
    content: dict[str, Any] = parse_json(text)
    if content.pop("sha256") != _digest(content):
        message = "it is damaged: its content is not what its checksum says"
        raise ValueError(message)
    if content["key"] != key:
        message = "it is not the checkpoint of this chunk"
        raise ValueError(message)
    buffers = {name: base64.b64decode(data) for name, data in content["buffers"].items()}
    record = ak.from_buffers(ak.forms.from_dict(content["form"]), content["length"], buffers)
    if problem := ak.validity_error(record):
        raise ValueError(problem)
    if len(record) != 1 or record.error[0] or "found" not in record.fields:
        message = "it does not hold the record of a chunk"
        raise ValueError(message)
    return record
