"""The outputs of processors for a chunk as one file, which gives back the same bits.

The file is an npz of two arrays of bytes: a JSON document, and the numbers that it refers to.
Reading it runs no program, and its checksums tell when it is damaged.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, BinaryIO

import awkward as ak
import numpy as np
from hist import Hist
from uhi.io.json import default

from tau3mu.outputs.selection import Selection
from tau3mu.selection.cutflow import Step

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["from_document", "read_document", "to_document", "write_document"]

_ARRAY = "$array"


def to_document(selection: Selection) -> dict[str, Any]:
    """Returns a selection as a document for `write_document`."""
    form, length, buffers = ak.to_buffers(selection.candidates)
    return {
        "candidates": {"form": form.to_dict(), "length": length, "buffers": dict(buffers)},
        "cutflow": [asdict(step) for step in selection.cutflow],
        "counters": selection.counters,
        "histograms": {name: default(one) for name, one in selection.histograms.items()},
    }


def from_document(document: dict[str, Any]) -> Selection:
    """Returns what `to_document` was given.

    Raises:
        ValueError: It is not that, or is damaged; a KeyError or TypeError means the same.
    """
    stored = document["candidates"]
    form = ak.forms.from_dict(stored["form"])
    candidates = ak.from_buffers(form, stored["length"], stored["buffers"])
    if problem := ak.validity_error(candidates):
        raise ValueError(problem)
    return Selection(
        candidates,
        tuple(_step(step) for step in document["cutflow"]),
        document["counters"],
        {name: Hist(one) for name, one in document["histograms"].items()},
    )


def _step(document: dict[str, Any]) -> Step:
    values = {**document, "remainder": tuple(document["remainder"])}
    if "cuts" in values:
        values["cuts"] = tuple(_step(cut) for cut in values["cuts"])
    return Step(**values)


def write_document(target: Path | BinaryIO, document: dict[str, Any]) -> None:
    """Writes a JSON document with NumPy arrays in it."""
    content: list[bytes] = []
    size = 0

    def refer(value: Any) -> dict[str, Any]:
        nonlocal size
        array = np.asarray(value)
        content.append(array.tobytes())
        start, size = size, size + array.nbytes
        return {_ARRAY: [start, array.dtype.str, list(array.shape)]}

    head = json.dumps(document, default=refer).encode()
    parts = {"head": head, "content": b"".join(content)}
    arrays: Any = {name: np.frombuffer(part, np.uint8) for name, part in parts.items()}
    np.savez(target, **arrays)


def read_document(source: BinaryIO) -> dict[str, Any]:
    """Returns what `write_document` was given.

    Raises:
        ValueError: It is not that, or is damaged; OSError, KeyError, TypeError, EOFError and
            `zipfile.BadZipFile` mean the same.
    """
    with np.load(source, allow_pickle=False) as file:
        head, content = file["head"].tobytes(), file["content"].tobytes()

    def resolve(found: dict[str, Any]) -> Any:
        if _ARRAY not in found:
            return found
        start, dtype, shape = found[_ARRAY]
        count = int(np.prod(shape, dtype=np.int64))
        kind = np.dtype(dtype)
        if kind.hasobject:
            message = "it holds objects"
            raise ValueError(message)
        return np.frombuffer(content, kind, count, start).reshape(shape)

    document: dict[str, Any] = json.loads(head, object_hook=resolve)
    return document
