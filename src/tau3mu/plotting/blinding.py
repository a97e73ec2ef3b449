"""What the fits of a run blind, which no picture shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.config.documents import read_document
from tau3mu.storage.names import FULL_CONFIG

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

__all__ = ["blinded"]

Windows = list[tuple[float, float]]


def blinded(folder: Path, processor: str, names: Collection[str]) -> Windows:
    """Returns the intervals of a quantity that the fit of a processor blinds in a run.

    Args:
        folder: The results folder.
        processor: The name of the processor.
        names: Of the histogram or column of the quantity, and of its axis.
    """
    path = folder / FULL_CONFIG
    if not path.is_file():
        return []
    fits = read_document(path, "record", language="results").content.get("fits") or {}
    if (fit := fits.get(processor)) is None:
        return []
    found: Windows = []
    for spectrum in _spectra(fit["document"]):
        source = spectrum.get("input") or {}
        quantities = {source.get("histogram"), source.get("column")} - {None}
        if quantities & set(names) or not quantities:
            found += [(float(low), float(high)) for low, high in spectrum.get("blind") or ()]
    return sorted(set(found))


def _spectra(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield document
    yield from (document.get("spectra") or {}).values()
