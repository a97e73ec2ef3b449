"""Vectors and menus as they are read here, against uproot's own reading of the same branches."""

from __future__ import annotations

import threading

import awkward as ak
import numpy as np
import pytest
import uproot

from tau3mu.ntuples.fast.baskets import Baskets
from tau3mu.ntuples.fast.string_lists import AsStringLists, _expand
from tau3mu.ntuples.fast.vectors import AsVectors, _find_items, _gather
from tau3mu.ntuples.offsets import distinct
from tau3mu.ntuples.open_files import open_file

TREE = "Tree3Mu/ntuple"


@pytest.fixture(scope="module")
def ours(skim):
    with open_file(str(skim[0]), lambda _: True) as file:
        yield file.root_directory[TREE]


@pytest.fixture(scope="module")
def theirs(skim):
    with uproot.open(skim[0]) as file:
        yield file[TREE]


@pytest.fixture(scope="module")
def demo_trees(demo):
    """The same tree of several baskets per branch, opened in both ways."""
    with open_file(str(demo[0]), lambda _: True) as mine, uproot.open(demo[0]) as standard:
        yield mine.root_directory[TREE], standard[TREE]


def test_every_vector_of_a_skim_is_read_as_uproot_reads_it(ours, theirs):
    kinds = {"AsVectors": 0, "AsStringLists": 0}
    for branch in theirs.branches:
        mine = ours[branch.name]
        kind = type(mine.interpretation).__name__
        if kind not in kinds:
            assert mine.interpretation == branch.interpretation
            continue
        kinds[kind] += 1
        assert mine.interpretation.awkward_form(None) == branch.interpretation.awkward_form(None)
        assert mine.typename == branch.typename
        assert mine.array().type == branch.array().type
        assert mine.array().to_list() == branch.array().to_list(), branch.name
    assert kinds == {"AsVectors": 286, "AsStringLists": 2}


@pytest.mark.parametrize("branch", ["MuonPt", "Track_dz", "Trigger_l1decision", "Trigger_l1name"])
def test_any_range_of_entries_is_that_part_of_the_whole(demo_trees, branch):
    ours, theirs = (tree[branch] for tree in demo_trees)
    edges = theirs.entry_offsets
    assert len(edges) > 3, "one basket would test nothing"
    whole = theirs.array().to_list()
    ranges = [(0, 1), (edges[1] - 1, edges[1] + 1), (edges[1], edges[2]), (3, edges[-1] - 1)]
    ranges += [(edges[1], edges[1]), (edges[-1], edges[-1]), (7, 7), (edges[1] + 1, edges[3])]
    for start, stop in ranges:
        found = ours.array(entry_start=start, entry_stop=stop)
        assert found.to_list() == whole[start:stop]
        assert str(found.type) == f"{stop - start} * {theirs.array().type.content}"


def test_numbers_of_all_sizes_and_signs_are_found():
    for stored in (">f8", ">f4", ">i4", ">i8", ">u2", "i1"):
        values = np.array([1, 2, 100, 77, -3 if "u" not in stored else 3]).astype(stored)
        text = b"".join(b"0123456789" + values[i : i + 1].tobytes() for i in range(5))
        positions = np.arange(len(values)) * (10 + values.itemsize) + 10
        found = _gather(np.frombuffer(text, np.uint8), positions, values.dtype)
        assert found.tolist() == values.tolist()
        assert found.dtype.isnative


@pytest.mark.parametrize("lengths", [[10, 17], [18, 9]])
def test_vectors_of_a_broken_length_are_an_error(lengths):
    with pytest.raises(ValueError, match="not made of 8 bytes per item: the basket is damaged"):
        _find_items(np.array(lengths, dtype=np.int32), sum(lengths), 8)


def test_only_vectors_of_plain_numbers_and_of_strings_are_replaced(theirs):
    numbers, names = theirs["MuonPt"].interpretation, theirs["Trigger_l1name"].interpretation
    scalar = theirs["run"].interpretation
    assert [AsVectors.replaces(each) for each in (numbers, names, scalar)] == [True, False, False]
    assert [AsStringLists.replaces(each) for each in (numbers, names, scalar)] == [
        False,
        True,
        False,
    ]
    assert not AsVectors.replaces(AsVectors(numbers))


def entries(*lists):
    """The bytes of entries of a vector of strings, as ROOT writes them, and their edges."""
    texts = []
    for names in lists:
        strings = b"".join(bytes([len(name)]) + name.encode() for name in names)
        content = len(names).to_bytes(4, "big") + strings
        size = (0x40000000 | len(content) + 2).to_bytes(4, "big")
        texts.append(size + b"\x00\x09" + content)
    edges = np.cumsum([0, *(len(text) for text in texts)], dtype=np.int32)
    return np.frombuffer(b"".join(texts), np.uint8), edges


A, B, C, NONE = ["L1_A", "L1_Bb"], ["L1_A", "L1_Bc"], ["L1_Long"], []


@pytest.mark.parametrize(
    "lists",
    [
        [A] * 5,
        [A, A, B, B, A],  # of the same length
        [A, C, A, NONE, C],
        [NONE, NONE],
        [A],
        [A, B],
        [A] * 50 + [C] * 30 + [B, B, A] + [NONE] * 40 + [B],  # few of another length
    ],
)
def test_equal_menus_are_stored_once_and_none_is_mixed_up(theirs, lists):
    branch = theirs["Trigger_l1name"]
    interpretation = AsStringLists(branch.interpretation)
    data, edges = entries(*lists)
    menus, which = distinct(data, edges)
    different = [list(names) for names in dict.fromkeys(tuple(names) for names in lists)]
    assert len(menus) == len(different)
    assert [different[i] for i in which] == lists

    class Read:
        basket_num = 0

    library = uproot.interpretation.library.Awkward()
    context = {**branch.context, "forth": threading.local()}
    read = interpretation.basket_array(data, edges, Read, branch, context, 0, library, {})
    assert len(read) == len(lists)
    names = ak.Array(_expand([read.baskets[0]] * 2))
    assert names.to_list() == lists * 2
    stored = ak.to_layout(names).content.content
    assert stored.to_list() == [name for menu in different for name in menu]


def test_baskets_that_uproot_reads_one_by_one_give_the_same(demo):
    """As those of remote files are, which are asked for together."""
    with (
        open_file(str(demo[0]), lambda _: True) as together,
        open_file(f"file://{demo[0]}", lambda _: True) as singly,
    ):
        for name in ("MuonPt", "Trigger_l1name", "Trigger_l1decision"):
            one, other = (file.root_directory[TREE][name] for file in (together, singly))
            parts = [branch.entries_to_ranges_or_baskets(100, 5000) for branch in (one, other)]
            assert [type(part) for _, part in parts[0]] == [Baskets]
            assert len(parts[1]) > 1
            assert {type(part) for _, part in parts[1]} == {tuple}
            assert (
                one.array(entry_start=100, entry_stop=5000).to_list()
                == other.array(entry_start=100, entry_stop=5000).to_list()
            )


def test_every_basket_is_what_uproot_makes_of_it(demo_trees):
    ours, theirs = demo_trees
    for name in ("MuonPt", "Trigger_l1name", "TripletVtx2_Chi2"):
        branch = theirs[name]
        (part,) = ours[name].entries_to_ranges_or_baskets(0, branch.num_entries)
        baskets = list(part[1].read())
        assert [basket.number for basket in baskets] == list(range(branch.num_baskets))
        for basket in baskets:
            whole = branch.basket(basket.number)
            assert basket.data.tobytes() == whole.data.tobytes()
            assert basket.byte_offsets.tolist() == whole.byte_offsets.tolist()
