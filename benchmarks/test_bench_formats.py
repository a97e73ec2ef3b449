"""The same events in files of different layout and compression."""

from __future__ import annotations

from cases import (
    Skipped,
    analysis,
    measure_points,
    parquet_files,
    parquet_skim,
    std_vector_files,
)

COMPRESSIONS = ("zlib", "lz4", "zstd", "lzma")


def test_formats(study, toys, options, root):
    events = options.events // 2
    cases = []
    for compression in COMPRESSIONS:
        cases += [analysis(toys(layout, compression, events)) for layout in ("nano", "t3m")]
        if not isinstance(root, Skipped):
            source = toys("t3m", "zstd", events)
            cases.append(analysis(std_vector_files(root, source, compression)))
    cases.append(parquet_skim(parquet_files(toys("nano", "zstd", events))))
    points = measure_points("format", cases, options.repeats)
    study.points += points
    assert len({point.found.digest for point in points}) == 1
    if isinstance(root, Skipped):
        study.add("std::vector TTrees, which only ROOT writes", root.why, met="not run")
