"""Rows that belong together, against a slow reference."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from tau3mu.compare.rows import match_rows


def slowly(a, b):
    """Returns pairs and leftovers by going through the rows one by one."""
    waiting = defaultdict(list)
    for number, key in enumerate(zip(*b, strict=True)):
        waiting[key].append(number)
    pairs, only_a = [], []
    for number, key in enumerate(zip(*a, strict=True)):
        if waiting[key]:
            pairs.append((number, waiting[key].pop(0)))
        else:
            only_a.append(number)
    return pairs, only_a, sorted(number for rest in waiting.values() for number in rest)


def test_rows_are_matched_like_one_by_one():
    generator = np.random.default_rng(7)
    for length, other in ((0, 0), (0, 5), (40, 0), (300, 280)):
        a = [generator.integers(0, 6, length), generator.integers(0, 8, length).astype(str)]
        b = [generator.integers(0, 6, other), generator.integers(0, 8, other).astype(str)]
        found = match_rows(a, b)
        pairs, only_a, only_b = slowly([x.tolist() for x in a], [x.tolist() for x in b])
        assert list(zip(found.a.tolist(), found.b.tolist(), strict=True)) == pairs
        assert (found.only_a.tolist(), found.only_b.tolist()) == (only_a, only_b)


def test_large_event_numbers_of_other_types_keep_all_digits():
    a = [np.array([2**62 + 1, 2**62 + 3], np.uint64)]
    b = [np.array([2**62 + 3, 2**62 + 2], np.int64)]
    found = match_rows(a, b)
    assert (found.a.tolist(), found.b.tolist()) == ([1], [0])


def test_a_million_rows_are_matched():
    order = np.random.default_rng(1).permutation(1_000_000)
    keys = np.arange(1_000_000)
    found = match_rows([keys // 1000, keys], [keys[order] // 1000, keys[order]])
    assert np.array_equal(order[found.b], found.a)
    assert len(found.only_a) == len(found.only_b) == 0
