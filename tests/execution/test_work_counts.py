"""How much work a run does, counted rather than timed, so that a step back fails everywhere."""

from __future__ import annotations

import awkward as ak
import pytest
import uproot

from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.execution import execute, process_chunk
from tau3mu.ntuples import read_events
from tau3mu.ntuples.open_files import close_files
from tau3mu.processors import DsPhiPi

TREE = "Tree3Mu/ntuple"


@pytest.fixture
def calls(monkeypatch):
    """Counts the calls of a method from here on, and the size of what it is given."""

    def count(owner, name, size=lambda *_: 0):
        original, counted = getattr(owner, name), {"calls": 0, "size": 0}

        def counting(*args, **kwargs):
            counted["calls"] += 1
            counted["size"] += size(*args)
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, counting)
        return counted

    return count


def plan(paths, chunk_size, **how):
    datasets = [Dataset("x", {str(path): None for path in paths})]
    return make_chunks(check_files(datasets, DsPhiPi.columns, **how), datasets, chunk_size)


def baskets(chunks):
    """The baskets that hold the entries of the chunks, as (branch, number, bytes), by uproot."""
    found = []
    for chunk in chunks:
        with uproot.open({chunk.path: None}) as file:
            for name in chunk.branches:
                branch = file[TREE][name]
                edges = branch.entry_offsets
                found += [
                    (name, i, branch.basket_compressed_bytes(i))
                    for i in range(branch.num_baskets)
                    if edges[i] < chunk.stop and edges[i + 1] > chunk.start
                ]
    return found


def process(chunks):
    close_files()  # what other tests have opened
    processors = [DsPhiPi()]
    return [process_chunk(chunk, processors) for chunk in chunks]


def test_a_file_is_opened_once_in_the_check_and_once_for_all_its_chunks(demo, calls):
    opened = calls(uproot.ReadOnlyFile, "__init__")
    chunks = plan(demo, 2500)
    assert (len(chunks), opened["calls"]) == (6, 2)
    assert all(result.failure is None for result in process(chunks))
    assert opened["calls"] == 4


def test_a_file_that_one_process_checks_and_reads_is_opened_once(demo, calls):
    close_files()
    opened = calls(uproot.ReadOnlyFile, "__init__")
    chunks = plan(demo, 2500, keep_open=True)
    execute(chunks, [DsPhiPi()])
    assert (len(chunks), opened["calls"]) == (6, 2)


def test_of_296_branches_only_those_that_are_read_are_looked_at(skim, calls):
    built = calls(uproot.models.TBranch.Model_TBranch_v13, "read_members")
    (chunk,) = plan(skim[:1], 2000)
    assert built["calls"] == len(chunk.branches) == 41


def test_every_basket_is_read_and_decompressed_once(demo, calls):
    chunks = plan(demo[:1], 6000)
    needed = baskets(chunks)
    assert len(needed) > 2 * len(chunks[0].branches)
    read = calls(
        uproot.source.file.FileResource, "get", lambda _resource, start, stop: stop - start
    )
    decompressed = calls(uproot.compression.decompress, "hook_before_block")
    process(chunks)
    assert read["size"] - sum(size for *_, size in needed) < 60_000  # the metadata of the tree
    assert read["calls"] - len(needed) < 12
    assert decompressed["calls"] == len(needed) + 1  # ... which is one more block


def test_a_basket_across_an_edge_is_read_for_both_chunks_and_no_other_is(demo, calls):
    chunks = plan(demo[:1], 3000)
    decompressed = calls(uproot.compression.decompress, "hook_before_block")
    process(chunks)
    assert decompressed["calls"] == len(baskets(chunks)) + 1
    assert len(baskets(chunks)) - len(baskets(plan(demo[:1], 6000))) <= len(chunks[0].branches)


def test_a_trigger_menu_is_decoded_when_it_changes_and_not_per_event(demo, calls):
    chunks = plan(demo, 6000)
    decoded = calls(
        uproot.interpretation.objects.AsObjects,
        "basket_array_forth",
        lambda _self, _data, byte_offsets, *_: len(byte_offsets) - 1,
    )
    process(chunks)
    entries, menus = decoded["size"], 0
    for chunk in chunks:
        with uproot.open({chunk.path: None}) as file:
            for name in ("Trigger_hltname", "Trigger_l1name"):
                menus += len({tuple(names) for names in file[TREE][name].array().to_list()})
    assert entries == menus == 4


def test_the_operations_of_the_selection_do_not_grow_with_the_events(demo, calls):
    """Counts what awkward dispatches, each of which costs 0.1 ms or more whatever its size."""
    counts = []
    for size in (1000, 6000):
        chunk = plan(demo[:1], size)[0]
        events = read_events(
            [chunk.path], tree=chunk.tree, layout=chunk.layout, branches=chunk.branches,
            start=chunk.start, stop=chunk.stop, uuid=chunk.uuid, metadata=chunk.metadata,
        ).events  # fmt: skip
        got, computed = calls(ak.Array, "__getitem__"), calls(ak.Array, "__array_ufunc__")
        assert len(DsPhiPi().selection(events).candidates) > 0
        counts.append((got["calls"], computed["calls"]))
    assert counts[0] == counts[1]
    assert counts[0][0] <= 160
    assert counts[0][1] <= 12
