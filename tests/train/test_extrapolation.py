"""The arithmetic of tests: which events, what a chunk and an event cost, and what leaks."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import reduce

import numpy as np
import pytest

from tau3mu.datasets import Chunk
from tau3mu.train.extrapolation import (
    affordable,
    chunk_costs,
    later_half,
    leak,
    linear,
    memory_of_chunks,
)
from tau3mu.train.sampling import join, sample_chunks


def chunk(path, start, stop, dataset="d"):
    return Chunk(dataset, path, "tree", "nano", "uuid", start, stop, ("a",))


def run_of(files, dataset="d", size=150_000):
    return [
        chunk(path, start, min(start + size, entries), dataset)
        for path, entries in files.items()
        for start in range(0, entries, size)
    ]


def test_a_sample_covers_all_events_once_and_begins_with_all_files():
    files = {"a": 400_000, "b": 123_457, "c": 5}
    chunks = run_of(files) + run_of({"x": 200_000}, "other")
    sample = sample_chunks(chunks)
    assert max(one.entries for one in sample) <= 20_000
    assert {one.path for one in sample[:4]} == {"a", "b", "c", "x"}
    assert {one.dataset for one in sample[:2]} == {"d", "other"}
    total = Counter()
    for one in sample:  # each goes on where the file was left
        assert one.start == total[one.path]
        total[one.path] += one.entries
    assert total == files | {"x": 200_000}
    assert len({one.entries for one in sample[-20:-4]}) > 1


def test_a_sample_of_many_files_is_spread_over_them():
    sample = sample_chunks(run_of({f"{i:03d}": 50_000 for i in range(100)}))
    begun = [int(one.path) for one in sample[:10]]
    assert len(set(begun)) == 10
    assert max(np.diff(sorted(begun))) < 25
    assert max(begun) > 80


def test_a_sample_of_few_events_has_some_twenty_chunks():
    sample = sample_chunks(run_of({"a": 6000, "b": 6000}))
    assert 20 <= len(sample) <= 40
    assert sum(one.entries for one in sample) == 12_000
    assert [one.entries for one in sample_chunks(run_of({"a": 3}))] == [3]


def test_a_sample_keeps_to_the_entries_of_a_short_view():
    sample = sample_chunks([chunk("a", 0, 60_000), chunk("a", 60_000, 100_000)])
    assert max(one.stop for one in sample) == 100_000


def test_a_sample_divides_the_entries_that_linked_data_mean():
    places = np.arange(0, 90_000, 3)
    halves = [
        replace(chunk("a", start, stop), selected=part.tobytes())
        for (start, stop), part in zip(
            [(0, 45_000), (45_000, 90_000)], np.split(places, 2), strict=True
        )
    ]
    sample = sample_chunks(halves)
    assert [one.start for one in sample[1:]] == [one.stop for one in sample[:-1]]
    assert np.concatenate([one.places for one in sample]).tolist() == places.tolist()
    assert len(sample) > 15
    whole = reduce(join, sample)
    assert whole == replace(halves[0], stop=90_000, selected=places.tobytes())


def test_a_sample_of_millions_of_chunks_is_cut_short():
    assert len(sample_chunks([chunk("a", 0, 10**12)], most=50)) == 50


def test_the_cost_of_chunks_is_told_from_that_of_events():
    sizes = [20_000, 10_000] * 8
    datasets = ["mc", "mc", "data", "data"] * 4
    true = {"mc": 3e-6, "data": 1e-6}
    seconds = [0.05 + true[name] * size for name, size in zip(datasets, sizes, strict=True)]
    costs = chunk_costs(datasets, sizes, seconds)
    assert costs.per_chunk == pytest.approx(0.05, rel=1e-3)
    assert costs.per_event == pytest.approx(true, rel=1e-3)
    assert costs.of("unread") == pytest.approx(2e-6, rel=1e-3)


def test_a_pause_in_one_chunk_does_not_change_the_cost_of_events():
    sizes = [20_000, 10_000] * 10
    seconds = [0.05 + 2e-6 * size for size in sizes]
    seconds[3] += 0.3
    costs = chunk_costs(["d"] * 20, sizes, seconds)
    total = 20 * costs.per_chunk + sum(sizes) * costs.of("d")
    assert total == pytest.approx(sum(seconds), rel=1e-6)  # it is part of the sum
    assert costs.of("d") == pytest.approx(2e-6, rel=0.25)


def test_a_chunk_that_is_to_take_some_time_has_so_many_events():
    sizes = [20_000, 10_000] * 8
    assert affordable(sizes, [0.05 + 3e-6 * size for size in sizes], 0.65) == pytest.approx(
        200_000, rel=1e-3
    )
    flat = affordable(sizes, [0.15] * 16, 1.0)  # what an event costs cannot be told
    assert 20_000 < flat <= 4 * 1.0 / (0.15 / 15_000)
    assert affordable(sizes, [1.0] * 16, 0.5) == 0


def test_equal_chunks_have_only_a_cost_per_event():
    costs = chunk_costs(["d"] * 6, [1000] * 6, [0.1] * 6)
    assert costs.per_chunk == 0
    assert costs.of("d") == pytest.approx(1e-4)


def test_what_is_fixed_is_told_from_what_grows():
    assert linear((100, 50 + 2 * 100), (200, 50 + 2 * 200), 1000) == 50 + 2 * 1000
    assert linear((100, 30), (200, 20), 1000) == 20  # does not shrink
    assert linear((200, 70), (200, 70), 1000) == 70


@pytest.mark.parametrize("per_chunk", [0, 5_000_000])
def test_a_leak_is_what_grows_beyond_the_results(per_chunk):
    held = [100_000] * 24
    memory = 200_000_000 + np.cumsum(held) + per_chunk * np.arange(24)
    memory[:10] += np.arange(10) * 3_000_000  # caches that fill at the beginning
    memory[10:] += 27_000_000
    slope, error = leak(memory.tolist(), held)
    assert slope == pytest.approx(per_chunk, abs=1)
    assert error == pytest.approx(0, abs=1)
    assert leak(memory[:2].tolist(), held[:2]) == (None, None)


def test_the_later_half_of_a_few_values_is_all_but_the_first():
    assert list(range(4))[later_half(4)] == [1, 2, 3]
    assert list(range(10))[later_half(10)] == [5, 6, 7, 8, 9]
    assert list(range(1))[later_half(1)] == [0]


def test_the_memory_of_an_event_comes_from_the_large_chunk():
    base, slope = memory_of_chunks(150, [10, 20, 20], [160, 170, 172], (120, 272))
    assert (base, slope) == (152, 1.0)
    assert memory_of_chunks(150, [10, 20], [160, 170], None) == (150, 1.0)
    without = memory_of_chunks(150, [10, 20, 40, 20, 40], [180, 190, 210, 240, 250], None)
    assert without == pytest.approx((210, 1.0))
