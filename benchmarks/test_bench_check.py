"""The check of many files, the first time and remembered, and small files in common chunks.

Files are copies of one toy of 100 events; `--many-files 1000` is what the targets are for.
"""

from __future__ import annotations

import os
import time
from functools import partial
from statistics import median

import pytest

from measuring.inputs import make_copies, make_sample
from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.execution import execute
from tau3mu.execution.checking import inspect_by_workers
from tau3mu.ntuples.open_files import close_files, open_again
from tau3mu.processors import DsPhiPi

WORKERS = 2
CHUNK_SIZE = 150_000


@pytest.fixture(scope="module")
def dataset(options):
    """Small files, written a while ago."""
    (source,) = make_sample(
        options.cache, layout="nano", compression="zlib", events=100, files=1, workers=1
    )
    number = options.many_files
    folder = options.cache / f"{source.parent.name}-copies-{number}"
    paths = make_copies(source, folder, number)
    for path in paths:
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return Dataset("many", {str(path): None for path in paths})


def check(dataset, cache=None, **how):
    """Returns the files, and the wall and CPU seconds of this process."""
    begin = time.perf_counter(), time.process_time()
    files = check_files([dataset], DsPhiPi.columns, cache=cache, **how)
    return files, time.perf_counter() - begin[0], time.process_time() - begin[1]


def test_check_of_many_files(study, options, dataset, tmp_path):
    number = len(dataset.files)
    walls, here, remembered = [], [], []
    by_workers = partial(inspect_by_workers, workers=WORKERS)
    for repeat in range(options.repeats):
        cache = tmp_path / str(repeat)
        _, wall, cpu = check(dataset, cache, inspect_all=by_workers)
        walls.append(wall)
        here.append(1000 * cpu / number)
        remembered.append(1000 * check(dataset, cache)[2] / number)
    seconds, limit = median(walls), 0.015 * number
    study.add(
        f"check of {number} files, {WORKERS} processes, first time",
        f"{seconds:.1f} s ({median(here):.2f} ms per file in the driver)",
        f"<= {limit:.0f} s",
        met=seconds <= limit,
    )
    each = median(remembered)
    study.add(
        f"check of {number} files, remembered, CPU of the driver",
        f"{each:.2f} ms per file",
        "<= 5 ms",
        met=each <= 5,
    )


def test_small_files_in_common_chunks(study, options, dataset):
    files, *_ = check(dataset)
    chunks = make_chunks(files, [dataset], CHUNK_SIZE)
    processors = [DsPhiPi()]
    execute(chunks[:2], processors)
    spent = {"opened": [], "apart": [], "together": []}

    def measure(what, work):
        begin = time.process_time()
        work()
        spent[what].append(1000 * (time.process_time() - begin) / len(chunks))

    def open_all():
        for chunk in chunks:
            file, _ = open_again(chunk.path, chunk.uuid, frozenset(chunk.branches))
            assert file.root_directory[chunk.tree].num_entries == chunk.stop
        close_files()

    for _ in range(options.repeats):
        measure("opened", open_all)
        measure("together", lambda: execute(chunks, processors, together=CHUNK_SIZE))
        measure("apart", lambda: execute(chunks, processors))
    opened, apart, together = (median(spent[what]) for what in ("opened", "apart", "together"))
    study.add(
        f"CPU per small file, {len(chunks)} files, over that of one chunk for each",
        f"{together / apart:.2f} ({together:.0f} against {apart:.0f} ms; {opened:.0f} to open, "
        "with the branches that are read)",
    )
