"""Slim data: the selected candidates of a processor in one file, no larger than a limit."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import uproot

from tau3mu.datasets.origin import OBJECT, Origin
from tau3mu.derived.cuts import classes_of
from tau3mu.errors import RunError
from tau3mu.outputs.candidates import write_candidates
from tau3mu.processing.parameters import values_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import awkward as ak

    from tau3mu.derived.requests import SkimRequest
    from tau3mu.processing import Processor

__all__ = ["write_slim"]


def write_slim(
    folder: Path,
    request: SkimRequest,
    processor: Processor,
    candidates: ak.Array,
    datasets: Sequence[str],
) -> Path:
    """Returns the file of the candidates, after writing it.

    Args:
        folder: Where to write it.
        request: The format and the limit.
        processor: That selected them.
        candidates: All of them.
        datasets: The names of what was read.

    Raises:
        RunError: It is larger than the limit, or cannot be written; there is no file then.
    """
    fmt: Any = request.format
    write_candidates(folder, candidates, fmt=fmt)
    path = folder / f"candidates.{request.format}"
    if request.format == "root":
        with uproot.update(path) as file:
            file[OBJECT] = Origin(
                kind="slim",
                dataset=", ".join(datasets),
                processor=processor.name,
                classes=classes_of(type(processor)),
                step="",
                parameters=values_of(processor),
                cuts=None,
                columns=tuple(sorted(processor.columns)),
                rows=(),
                parts=(),
                key=processor.configuration["hash"],
                package=version("tau3mu"),
            ).text
    size = path.stat().st_size / 1e6
    if size > request.max_mb:
        path.unlink()
        message = (
            f"the slim data of {processor.name}, {len(candidates)} candidates, have {size:.1f} MB, "
            f"more than the {request.max_mb:g} MB that are allowed: select fewer, put out fewer "
            "columns, derive a standard skim, or allow more with max_mb"
        )
        raise RunError(message, code="derived.too-large", path=processor.name)
    return path
