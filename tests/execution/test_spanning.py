"""Small files that are processed together give what each gives alone, and fail as each fails alone.

All files have other events, so that a candidate of the wrong file, or out of order, would show.
"""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import ak_equal
import awkward as ak
import numpy as np
import pytest
import several_runs
import uproot

from tau3mu.datasets import (
    Certification,
    Dataset,
    certifications_of,
    check_files,
    make_chunks,
)
from tau3mu.datasets.parts import own_columns
from tau3mu.execution import ProcessorError, RetryPolicy, execute, grouping
from tau3mu.ntuples.offsets import indexed_texts, joined
from tau3mu.outputs import Selection
from tau3mu.processing import Processor, Table
from tau3mu.processing.survivors import Survivors
from tau3mu.processors import DsPhiPi

EXECUTORS = [
    "iterative",
    *(pytest.param(name, marks=pytest.mark.integration) for name in ("futures", "dask")),
]
N_FILES, N_EVENTS = 12, 60
SIZE = 100_000
QUICK = RetryPolicy(retries=1, backoff=0.01)


class Muons(Processor):
    """A jagged table of some events, with a histogram that is filled per chunk."""

    columns = frozenset({"run", "lumi", "event", "muon.pt", "hlt.HLT_DoubleMu3_Trk_Tau3mu_v"})
    axes = ()

    def select(self, events, cutflow):
        some = cutflow.cut_events("some", events, events.event % 3 != 0)
        muons = cutflow.cut("pt", some.muon, some.muon.pt > 4)
        cutflow.count(muons=ak.count(muons.pt))
        return Table(pt=muons.pt, n=ak.num(some.muon))


class Told(Processor):
    """Candidates of its own making, which tell what they are given."""

    columns = frozenset({"event", "muon.pt"})
    axes = ()
    how = "right"

    def select(self, events, cutflow):
        number = np.asarray(events.event)
        kept = np.flatnonzero(number % 5 == 0)
        if self.how == "sorted":  # not in the order of the events
            kept = kept[np.argsort(-number[kept])]
        places = {"right": kept, "sorted": np.sort(kept), "none": None}[self.how]
        rows = ak.zip({"event": number[kept], "twice": 2 * number[kept]}, depth_limit=1)
        return Selection(rows, cutflow.steps, places=places)


class Failing(Muons):
    """Fails, or ends its process, in the events of one file."""

    number = -1
    deadly = False

    def select(self, events, cutflow):
        if np.any(np.asarray(events.event) == self.number):
            if self.deadly:
                os.kill(os.getpid(), signal.SIGKILL)
            return events.nothing
        return super().select(events, cutflow)


LOOSE = DsPhiPi(name="loose", flight_significance=0.1, phi_window=(0.5, 2.0))
BOTH = [LOOSE, Muons()]


@pytest.fixture(scope="module")
def files(demo, tmp_path_factory):
    """Small files, whose runs go on from file to file."""
    folder = tmp_path_factory.mktemp("small")
    columns = frozenset({"lumi"}).union(*(one.columns for one in BOTH))
    (checked,) = check_files([Dataset("d", {str(demo[0]): None})], columns)
    with uproot.open(demo[0]) as file:
        whole = file[checked.tree].arrays(filter_name=checked.branches.__contains__, how=dict)
    number = np.arange(N_FILES * N_EVENTS)
    whole = {name: array[: len(number)] for name, array in whole.items()}
    whole["run"] = np.array(several_runs.RUNS, np.uint32)[number * 4 // len(number)]
    whole["lumi"] = (number // 50).astype(np.uint32)
    whole["evt"] = (number + 1).astype(np.uint64)
    paths = []
    for index in range(N_FILES):
        path = folder / f"{index:02}.root"
        some = slice(index * N_EVENTS, (index + 1) * N_EVENTS)
        with uproot.recreate(path) as file:
            file.mkdir("Tree3Mu").mkrntuple("ntuple", {n: a[some] for n, a in whole.items()})
        paths.append(str(path))
    return paths


@pytest.fixture(autouse=True)
def _as_many_as_possible(monkeypatch):
    monkeypatch.setattr(grouping, "_TASKS", 1)


def chunks_of(paths, processors=BOTH, *, size=SIZE, per_run=False, **facts):
    datasets = [Dataset("d", dict.fromkeys(paths), **facts)]
    columns = own_columns(datasets, per_run=per_run).union(*(one.columns for one in processors))
    return make_chunks(check_files(datasets, columns), datasets, size, per_run=per_run)


def check_same(now, then):
    assert now.files == then.files
    assert now.triggers == then.triggers
    assert now.processors.keys() == then.processors.keys()
    assert now.set_apart == then.set_apart
    for name, expected in then.processors.items():
        found = now.processors[name]
        assert ak_equal.same_bits(found.candidates, expected.candidates)
        assert found.cutflow == expected.cutflow
        assert found.counters == expected.counters
        assert found.histograms.keys() == expected.histograms.keys()
        for key, histogram in expected.histograms.items():
            view = found.histograms[key].view(flow=True)
            assert view.tobytes() == histogram.view(flow=True).tobytes()
        assert found.runs.keys() == expected.runs.keys()
        for dataset, of_runs in expected.runs.items():
            assert found.runs[dataset].keys() == of_runs.keys()
            for run, one in of_runs.items():
                assert ak_equal.same_selection(found.runs[dataset][run], one)


@pytest.fixture(scope="module")
def one_by_one(files):
    return execute(chunks_of(files), BOTH)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_together_they_give_what_each_gives_alone(executor, files, one_by_one, request):
    client = request.getfixturevalue("client") if executor == "dask" else None
    found = execute(
        chunks_of(files), BOTH, together=SIZE, executor=executor, client=client, workers=2
    )
    check_same(found, one_by_one)
    assert found.attempts == 1
    assert found.chunks == one_by_one.attempts == N_FILES
    muons = found.processors["Muons"].candidates
    file = (muons.event - 1) // N_EVENTS
    assert [int(path[-7:-5]) for path in muons.file] == file.tolist()
    assert len(set(file.tolist())) == N_FILES
    assert len(found.processors["loose"].candidates) > 20


SLOW = pytest.mark.integration


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(50, marks=SLOW),
        pytest.param(70, marks=pytest.mark.soak),
        125,
        pytest.param(250, marks=pytest.mark.soak),
    ],
)
def test_chunks_and_groups_of_every_size(size, files, one_by_one):
    """Of files of 60 events: two chunks each, none together, two together, and four."""
    found = execute(chunks_of(files, size=size), BOTH, together=size)
    assert found.attempts == {50: 24, 70: 12, 125: 6, 250: 3}[size]
    check_same(found, one_by_one)


@pytest.mark.integration
def test_results_of_runs_and_certified_events(files):
    certification = Certification({101: [(1, 4)], 105: [(10, 20)], 109: [(1, 99)]})
    for facts in ({}, {"certification": certification}):
        for per_run in (False, True):
            chunks = chunks_of(files, per_run=per_run, **facts)
            how = {"certifications": certifications_of([Dataset("d", {"x": None}, **facts)])}
            then = execute(chunks, BOTH, **how)
            now = execute(chunks, BOTH, together=SIZE, **how)
            assert now.attempts == 1
            check_same(now, then)


@pytest.mark.integration
def test_runs_that_do_not_follow_one_another(files):
    """Files in an order in which the runs come again and again."""
    chunks = chunks_of(files, per_run=True)
    mixed = [
        replace(chunk, sorted_as=f"{7 * number % N_FILES:02}")
        for number, chunk in enumerate(chunks)
    ]
    then, now = execute(mixed, BOTH), execute(mixed, BOTH, together=SIZE)
    assert now.attempts == 1
    check_same(now, then)
    order = [int(path[-7:-5]) for path in now.processors["Muons"].candidates.file]
    assert order != sorted(order)


@pytest.mark.integration
def test_linked_events(files):
    def every_other(chunk):
        return replace(chunk, selected=np.arange(1, N_EVENTS, 2).tobytes())

    chunks = [every_other(chunk) for chunk in chunks_of(files)]
    then, now = execute(chunks, BOTH), execute(chunks, BOTH, together=SIZE)
    assert now.attempts == 1
    check_same(now, then)
    assert sum(one.read for one in now.files) == N_FILES * N_EVENTS // 2


def test_only_files_that_are_alike_are_together(files):
    chunks = chunks_of(files)
    chunks[3] = replace(chunks[3], era="C")
    chunks[4] = replace(chunks[4], dataset="e")
    chunks[8] = replace(chunks[8], extra={"a": 1})
    groups = grouping.groups_of(chunks, grouping.in_order_of_sum(chunks), entries=SIZE)
    assert groups == [(0, 1, 2), (3,), (5, 6, 7), (8,), (9, 10, 11), (4,)]
    processors = [Muons()]
    then, now = execute(chunks, processors), execute(chunks, processors, together=SIZE)
    check_same(now, then)


@pytest.mark.integration
def test_few_files_are_not_together(files, monkeypatch):
    monkeypatch.setattr(grouping, "_TASKS", 8)
    assert execute(chunks_of(files), BOTH, together=SIZE).attempts == N_FILES


def test_fractions_in_histograms_of_chunks_are_added_in_one_order(files):
    filling = [DsPhiPi(n_minus_one_histograms=True)]
    chunks = chunks_of(files[:4], filling)
    assert not grouping.may_span_files(chunks, filling)
    assert grouping.may_span_files(chunks, BOTH)
    assert execute(chunks, filling, together=SIZE).attempts == 4


@pytest.mark.parametrize(("how", "attempts"), [("right", 1), ("none", 12), ("sorted", 13)])
def test_processors_that_do_not_tell_are_given_one_file_at_a_time(how, attempts, files):
    told = Told()
    told.how = how
    chunks = chunks_of(files, [told])
    then, now = execute(chunks, [told]), execute(chunks, [told], together=SIZE)
    assert now.attempts == attempts
    check_same(now, then)


def torn(path, target):
    content = bytearray(Path(path).read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = bytes(third)
    target.write_bytes(content)


@pytest.mark.parametrize(
    "fault", ["torn", pytest.param("gone", marks=SLOW), pytest.param("another", marks=SLOW)]
)
def test_a_bad_file_is_named_and_the_others_are_kept(fault, files, tmp_path, remade):
    chunks = chunks_of(files)
    bad = tmp_path / "bad.root"
    if fault == "torn":
        torn(files[5], bad)
    elif fault == "another":
        remade(Path(files[5]), bad)
    chunks[5] = replace(chunks[5], path=str(bad), sorted_as=files[5])
    how = {"retry_policy": QUICK, "folder": tmp_path}
    now = execute(chunks, BOTH, together=SIZE, **how)
    then = execute([chunk for chunk in chunks if chunk.path != str(bad)], BOTH)
    (missing,) = now.incomplete
    assert (missing.path, missing.expected, missing.read) == (str(bad), N_EVENTS, 0)
    assert str(bad) in missing.errors[0]
    assert [one for one in now.files if one != missing] == list(then.files)
    check_same(replace(now, files=then.files), then)
    ledger = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    assert ledger[0]["outcome"] == "split"
    assert len(ledger[0]["more_files"]) == N_FILES - 1
    assert sum(line["entries"] for line in ledger if line["outcome"] == "done") == 11 * N_EVENTS


@pytest.mark.integration
def test_a_failing_processor_is_named_with_its_file(files):
    failing = Failing()
    failing.number = 5 * N_EVENTS + 7
    with pytest.raises(ProcessorError) as error:
        execute(chunks_of(files, [failing]), [failing], together=SIZE)
    assert f"{files[5]}, entries 0 to {N_EVENTS}" in str(error.value)


def test_a_processor_that_is_set_apart_is_named_with_its_file(files):
    failing = Failing()
    failing.number = 5 * N_EVENTS + 7
    processors = [failing, LOOSE]
    chunks = chunks_of(files, processors)
    then = execute(chunks, processors, isolate=True)
    now = execute(chunks, processors, isolate=True, together=SIZE)
    check_same(now, then)
    (group,) = now.set_apart["Failing"]
    assert files[5] in str(group)
    assert [*now.processors] == ["loose"]


@pytest.mark.integration
def test_a_file_that_kills_its_process_is_named(files, tmp_path):
    failing = Failing()
    failing.number, failing.deadly = 5 * N_EVENTS + 7, True
    with pytest.raises(Exception, match="killed the process") as error:
        execute(
            chunks_of(files, [failing]),
            [failing],
            together=SIZE,
            executor="futures",
            folder=tmp_path,
        )
    assert files[5] in str(error.value)
    assert sum(path not in str(error.value) for path in files) == N_FILES - 1


@pytest.mark.integration
def test_other_widths_of_numbers_are_not_mixed(files, tmp_path):
    """uint32 and uint64 would become floats, which lose event numbers."""
    path = tmp_path / "05.root"
    with uproot.open(files[5]) as file:
        arrays = file["Tree3Mu/ntuple"].arrays(how=dict)
    arrays["evt"] = ak.values_astype(arrays["evt"], np.int64)
    with uproot.recreate(path) as file:
        file.mkdir("Tree3Mu").mkrntuple("ntuple", arrays)
    paths = [*files[:5], str(path), *files[6:]]
    chunks = [
        replace(chunk, sorted_as=str(number)) for number, chunk in enumerate(chunks_of(paths))
    ]
    then, now = execute(chunks, BOTH), execute(chunks, BOTH, together=SIZE)
    assert now.attempts == N_FILES + 1
    check_same(now, then)


@pytest.fixture
def stopped(files, tmp_path, monkeypatch, one_by_one):
    """A run of three groups that ended after two: their checkpoints are there."""
    monkeypatch.setattr("tau3mu.execution.checkpoints._DELAY", 0.0)
    chunks = chunks_of(files)

    def stop(_, done=[]):  # noqa: B006
        done.append(1)
        if len(done) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(chunks, BOTH, together=250, folder=tmp_path, on_result=stop)
    assert len([*(tmp_path / "checkpoints").iterdir()]) == 2
    return chunks


@pytest.mark.parametrize(
    "together", [pytest.param(0, marks=SLOW), pytest.param(125, marks=SLOW), 250, SIZE]
)
def test_what_was_done_together_is_resumed(together, stopped, one_by_one, tmp_path):
    """Whatever is put together now, as after a change of the number of workers."""
    found = execute(stopped, BOTH, together=together, folder=tmp_path, resume=True)
    assert (found.resumed, found.chunks) == (8, 12)
    assert found.attempts == (4 if together == 0 else 2 if together == 125 else 1)
    check_same(found, one_by_one)
    assert found.keys == execute(stopped, BOTH, folder=tmp_path, resume=True).keys


def test_a_processor_is_added(stopped, one_by_one, files, tmp_path):
    told = Told()
    chunks = chunks_of(files, [*BOTH, told])
    found = execute(chunks, [*BOTH, told], together=250, folder=tmp_path, resume=True)
    assert found.attempts == 3
    check_same(found, execute(chunks, [*BOTH, told]))


@pytest.mark.integration
def test_a_file_between_those_of_a_checkpoint(stopped, files, tmp_path):
    """Their candidates would not be in order any more, so they are done again."""
    chunks = [replace(stopped[9], sorted_as=f"{files[1]}x") if n == 9 else chunk
              for n, chunk in enumerate(stopped)]  # fmt: skip
    found = execute(chunks, BOTH, together=250, folder=tmp_path, resume=True)
    assert found.resumed == 4
    check_same(found, execute(chunks, BOTH))


@pytest.mark.integration
def test_damaged_checkpoints_are_done_again(stopped, one_by_one, tmp_path):
    one, other = (tmp_path / "checkpoints").iterdir()
    one.write_bytes(one.read_bytes()[:-200])
    other.rename(other.with_name(one.name.replace(one.name[:8], "00000000")))
    found = execute(stopped, BOTH, together=250, folder=tmp_path, resume=True)
    assert found.resumed == 0
    check_same(found, one_by_one)


@pytest.mark.parametrize(
    "parts",
    [
        [[1, 2], [3]],
        [[[1.5], []], [[2.5, 3.5]], [[], [0.5]]],
        [[[[1], []]], [[], [[2, 3]]]],
        [["a", "b"], ["c"]],
        [[["a", "bc"], []], [["bc"], ["d", "a"]]],
        [[True], [False, True]],
    ],
)
def test_joined_arrays(parts):
    layouts = [ak.to_layout(ak.Array(part)) for part in parts]
    expected = [one for part in parts for one in part]
    assert ak.to_list(joined(layouts)) == expected
    assert ak.to_list(joined([one[1:] for one in layouts])) == [x for p in parts for x in p[1:]]


def test_joined_texts_are_kept_once():
    lists = [[["a", "b"]] * 3, [["b", "c"], ["b", "c"]], [["a", "b"]]]
    found = joined([indexed_texts(ak.to_layout(ak.Array(one))) for one in lists])
    assert ak.to_list(found) == [one for some in lists for one in some]
    assert ak.to_list(found.content.content) == ["a", "b", "c"]


def test_numbers_of_other_types_are_not_joined():
    with pytest.raises(ValueError, match="joined"):
        joined([ak.to_layout(np.zeros(1, kind)) for kind in (np.int64, np.uint64)])


@pytest.mark.parametrize(("how", "attempts"), [("none", 12), ("sorted", 15)])
def test_an_added_processor_that_does_not_tell(how, attempts, stopped, files, tmp_path):
    """What others found in several files together does not go with what it finds in each."""
    told = Told()
    told.how = how
    chunks = chunks_of(files, [*BOTH, told])
    found = execute(chunks, [*BOTH, told], together=250, folder=tmp_path, resume=True)
    assert found.attempts == attempts
    check_same(found, execute(chunks, [*BOTH, told]))


def test_a_processor_is_added_and_a_file_has_gone(stopped, files, tmp_path):
    told = Told()
    bad = tmp_path / "gone.root"
    chunks = chunks_of(files, [*BOTH, told])
    chunks[2] = replace(chunks[2], path=str(bad), sorted_as=files[2])
    how = {"folder": tmp_path, "resume": True, "retry_policy": QUICK}
    found = execute(chunks, [*BOTH, told], together=250, **how)
    then = execute(chunks, [*BOTH, told], retry_policy=QUICK)
    check_same(found, then)
    assert [one.read for one in found.incomplete] == [0]


def test_a_skim_is_added_to_what_was_done_together(stopped, files, tmp_path, monkeypatch):
    """A part of a skim is of one file."""
    told = Told()
    chunks = chunks_of(files, [*BOTH, told])
    seen = []
    monkeypatch.setattr("tau3mu.execution.chunk.has_part", lambda *_: False)
    monkeypatch.setattr("tau3mu.execution.run.has_part", lambda *_: False)
    monkeypatch.setattr(
        "tau3mu.execution.chunk.write_part", lambda _, chunk, *__: seen.append(chunk.path)
    )

    class Job:
        processor = "Told"

        def survivors(self):
            return Survivors("all")

    how = {"folder": tmp_path, "resume": True, "skims": [Job()]}
    execute(chunks, [*BOTH, told], together=250, **how)
    assert sorted(seen) == files
