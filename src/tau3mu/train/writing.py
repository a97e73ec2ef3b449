"""Writes what a test found, as a run does, and says how large the files are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["write_results"]


def write_results(folder: Path, found: Mapping[str, Any], fmt: str) -> dict[str, dict[str, int]]:
    """Returns the bytes of the files of each processor, after writing them.

    Args:
        folder: The results folder.
        found: What was found, by processor.
        fmt: That of the candidates.
    """
    from tau3mu.results import ResultsFolder

    sizes = {}
    for name, one in found.items():
        written = ResultsFolder(folder).write_processor(
            name,
            candidates=one.candidates,
            histograms=one.histograms,
            cutflow=one.cutflow,
            counters=one.counters,
            runs=one.runs,
            candidates_format=fmt,  # type: ignore[arg-type]
        )
        files = {file.name: file.stat().st_size for file in sorted(written.iterdir())}
        rows = sum(size for file, size in files.items() if file.startswith("candidates."))
        sizes[name] = {"candidates": rows, "others": sum(files.values()) - rows}
    return sizes
