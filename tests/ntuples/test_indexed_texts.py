"""Texts as indices into those that differ: the same lists, whatever is in them."""

from __future__ import annotations

import awkward as ak
import numpy as np

from tau3mu.ntuples.offsets import indexed_texts


def test_lists_of_texts_stay_the_same():
    random = np.random.default_rng(1)
    words = ["", "a", "ab", "b", "μ", "xyz", "ba"]
    for _ in range(100):
        length = random.integers(1, 12)
        lists = [list(random.choice(words, random.integers(0, 4))) for _ in range(length)]
        array = ak.Array([*lists, ["a"]])[:-1]
        found = ak.Array(indexed_texts(array.layout))
        assert found.tolist() == lists
        assert found.type == array.type


def test_menus_that_repeat_become_indices():
    array = ak.Array([["ab", "c"], ["a", "bc"], ["ab", "c"], []] * 5)
    found = indexed_texts(array.layout)
    assert ak.to_list(found) == array.tolist()
    repeated = indexed_texts(ak.Array([["ab", "c"]] * 9).layout)
    assert repeated.content.is_indexed
    assert ak.to_list(repeated.content.content) == ["ab", "c"]
