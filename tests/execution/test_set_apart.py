"""A processor that fails is set apart and named; the others find what they find without it."""

from __future__ import annotations

import json

import ak_equal
import awkward as ak
import hist
import numpy as np
import pytest
from errors import raises

from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.errors import RunError
from tau3mu.execution import ProcessorError, RetryPolicy, dry_run, execute, process_chunk
from tau3mu.execution.set_apart import SetApart
from tau3mu.outputs import Selection, load_candidates, load_histograms
from tau3mu.processing import Processor, Table, parameter
from tau3mu.processors import DsPhiPi
from tau3mu.run.analysis import analyse
from tau3mu.run.preparation import prepare
from tau3mu.run.settings import Settings
from tau3mu.selection import step

COLUMNS = frozenset({"run", "lumi", "event", "muon.pt"})
EXECUTORS = ["iterative", "futures", pytest.param("dask", marks=pytest.mark.integration)]


class Broken(Processor):
    """Fails as its parameter says, from event 3000 on."""

    columns = COLUMNS
    how: str = parameter("raises", help="its fault")

    def select(self, events, cutflow):
        late = len(events) > 0 and int(ak.max(events.event)) > 3000
        numbers = ak.to_numpy(events.event)
        columns = {"event": numbers}
        if late and self.how == "raises":
            inner(int(events.event[0]))
        if late and self.how == "memory":
            raise MemoryError
        if late and self.how == "columns":
            columns["more"] = numbers
        if self.how == "always":
            columns = columns["nothing"]
        steps = (step("all", np.ones(len(events)), len(events)),)
        return Selection(ak.zip(columns, depth_limit=1), steps)

    def histograms(self):
        if self.how == "histograms":
            raise RuntimeError
        axes = hist.axis.StrCategory([], growth=True, name="dataset"), hist.axis.Regular(6, 0, 6e3)
        return {"event": hist.Hist(*axes, storage="Weight")}

    def fill(self, histograms, candidates, *, dataset, is_mc):
        if self.how == "fill" and len(candidates) > 3000:  # no chunk has so many
            raise ValueError(self.how)
        histograms["event"].fill(dataset, candidates.event)


def inner(number):
    kind = KeyError if number // 1000 % 2 else ValueError
    raise kind(number)


class Muons(Processor):
    """Uses what `Broken` finds, if it is told to."""

    columns = COLUMNS
    axes = (hist.axis.Regular(10, 0, 50, name="pt"),)

    def select(self, events, cutflow):
        muons = cutflow.cut("pt", events.muon, events.muon.pt > 4)
        cutflow.count(found=sum(len(one.candidates) for one in cutflow.needed.values()))
        return Table(pt=muons.pt)


@pytest.fixture(scope="module")
def chunks(demo):
    datasets = [Dataset("one", {str(demo[0]): None})]
    return make_chunks(check_files(datasets, DsPhiPi.columns | COLUMNS), datasets, 1000)


@pytest.fixture(scope="module")
def healthy(chunks):
    return execute(chunks, [DsPhiPi(), Muons()])


def check(result, healthy):
    """The others have what they have alone, in all bits."""
    assert list(result.processors) == list(healthy.processors)
    assert result.files == healthy.files
    for name, expected in healthy.processors.items():
        found = result.processors[name]
        assert ak_equal.same_bits(found.candidates, expected.candidates)
        assert found.histograms == expected.histograms
        assert (found.cutflow, found.counters) == (expected.cutflow, expected.counters)
    assert result.triggers == healthy.triggers
    assert result.warnings == healthy.warnings


@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_others_go_on(executor, chunks, healthy, request):
    client = request.getfixturevalue("client") if executor == "dask" else None
    processors = [Broken(), DsPhiPi(), Muons()]
    result = execute(chunks, processors, executor=executor, client=client, workers=2, isolate=True)
    check(result, healthy)
    groups = result.set_apart["Broken"]
    line = inner.__code__.co_firstlineno + 2
    assert {group.place for group in groups} == {f"{__file__}:{line}"}
    assert {group.kind for group in groups} <= {"ValueError", "KeyError"}
    n_broken = sum(group.count for group in groups)
    # Nothing is begun after the first error; other processes have more chunks in flight.
    assert n_broken == 1 if executor == "iterative" else 1 <= n_broken <= 4
    first = groups[0]
    assert chunks[0].path in first.example
    assert f"line {line}, in inner" in first.details
    assert first.code == "execution.processor-failed"


def test_errors_are_grouped_by_kind_and_line(chunks):
    """As they come from workers that were at work when the first error arrived."""
    set_apart = SetApart([Broken(), Muons()])
    for chunk in chunks:
        found = process_chunk(chunk, [Broken(), Muons()], isolate=True)
        for name, group in found.set_apart.items():
            set_apart.add(name, group)
    found = [(group.kind, group.count, group.example) for group in set_apart.groups["Broken"]]
    assert found == [("KeyError", 2, chunks[3].label), ("ValueError", 1, chunks[4].label)]
    assert len({group.place for group in set_apart.groups["Broken"]}) == 1
    assert set_apart.left[0].name == "Muons"


def test_without_isolation_the_first_error_ends_the_run(chunks):
    with raises("execution.processor-failed", ProcessorError):
        execute(chunks, [Broken(), DsPhiPi()])


@pytest.mark.parametrize(
    ("how", "code", "place"),
    [
        ("columns", "outputs.columns-differ", "Broken.more"),
        ("fill", "execution.processor-failed", None),
    ],
)
def test_other_outputs_and_the_last_fill(how, code, place, chunks, healthy):
    broken = Broken(how=how)
    with raises(code, RunError):
        execute(chunks, [broken, DsPhiPi()])
    result = execute(chunks, [broken, DsPhiPi(), Muons()], isolate=True)
    check(result, healthy)
    (group,) = result.set_apart["Broken"]
    assert group.count == 1
    line = Broken.fill.__code__.co_firstlineno + 2
    assert group.place == (place or f"{__file__}:{line}")


def test_too_little_memory_is_not_the_processors_fault(chunks):
    policy = RetryPolicy(retries=0)
    with raises("execution.resources", RunError):
        execute(chunks, [Broken(how="memory"), Muons()], isolate=True, retry_policy=policy)


def test_those_that_need_it_are_set_apart_too(chunks, healthy):
    second = Muons(name="second").with_needs(["Broken"])
    third = Muons(name="third").with_needs(["second"])
    result = execute(chunks, [third, second, DsPhiPi(), Broken(), Muons()], isolate=True)
    check(result, healthy)
    assert list(result.set_apart) == ["Broken", "second", "third"]
    (reason,) = result.set_apart["third"]
    assert (reason.kind, reason.place) == ("needs", "second")


def test_none_is_left(chunks):
    result = execute(chunks, [Broken()], isolate=True)
    assert not result.processors
    assert list(result.set_apart) == ["Broken"]
    assert result.attempts < len(chunks)


def test_a_dry_run_sets_apart(chunks):
    processors = [Broken(how="always"), Muons(), Muons(name="b").with_needs(["Broken"])]
    with raises("processor.failed"):
        dry_run(chunks, processors)
    set_apart = SetApart(processors)
    assert list(dry_run(chunks, processors, set_apart=set_apart)) == ["Muons"]
    assert list(set_apart.groups) == ["Broken", "b"]
    assert set_apart.groups["Broken"][0].place.startswith(f"{__file__}:")


def whole_run(folder, demo, processors, **options):
    """A run of the demo in chunks of 1000, prepared and done."""
    settings = Settings.of(files=[str(demo[0])], no_fit=True, chunk_size=1000, **options)
    datasets = [Dataset("one", {str(demo[0]): None})]
    plan = prepare(datasets, processors, settings, isolate=True)
    return plan, analyse(plan)


@pytest.mark.parametrize("how", ["raises", "columns", "fill", "always", "histograms"])
def test_the_manifest_names_it_and_the_exit_code_is_1(how, tmp_path, demo, healthy):
    processors = [DsPhiPi(), Broken(how=how), Muons()]
    _, run = whole_run(tmp_path, demo, processors, output=tmp_path / "out")
    assert run.exit_code == 1
    assert list(run) == ["dsphipi", "Muons"]
    manifest = json.loads((tmp_path / "out/run.json").read_text())
    (group,) = manifest["set_apart"]["Broken"]
    assert group["count"] == 1
    log = (tmp_path / "out/log.txt").read_text()
    assert group["details"] in log
    assert ("Traceback" in log) is (how != "columns")
    assert manifest["complete"]
    assert not (tmp_path / "out/Broken").exists()
    for name, expected in healthy.processors.items():
        assert load_histograms(tmp_path / "out" / name) == expected.histograms
        found = load_candidates(tmp_path / "out" / name)
        assert found.tolist() == expected.candidates.tolist()


def test_a_run_is_resumed_once_it_is_repaired(tmp_path, demo):
    """Only the repaired processor runs, and nothing is left of the results before."""
    out = tmp_path / "out"
    _, first = whole_run(tmp_path, demo, [Broken(), Muons()], output=out)
    assert first.exit_code == 1
    assert (out / "checkpoints").is_dir()
    before = len((out / "ledger.jsonl").read_text().splitlines())
    _, second = whole_run(tmp_path, demo, [Broken(how="none"), Muons()], resume=out)
    assert second.exit_code == 0
    assert list(second) == ["Broken", "Muons"]
    lines = (out / "ledger.jsonl").read_text().splitlines()[before:]
    ran = [set(json.loads(line)["timing"]["wall"]) for line in lines]
    assert ran == [{"Broken"}] * 6
    assert not (out / "checkpoints").exists()


def test_all_fail(tmp_path, demo):
    """Before the work it is an error, in the work a run without results."""
    with raises("run.all-processors-fail"):
        whole_run(tmp_path, demo, [Broken(how="always")], output=tmp_path / "a")
    assert not (tmp_path / "a").exists()
    _, run = whole_run(tmp_path, demo, [Broken()], output=tmp_path / "b")
    manifest = json.loads((tmp_path / "b/run.json").read_text())
    assert (manifest["status"], manifest["complete"], run.exit_code) == ("incomplete", False, 1)
    assert list(manifest["set_apart"]) == ["Broken"]
    assert not manifest["missing"]
