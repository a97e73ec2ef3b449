"""Limits and findings of tests, the comparison of sums, and the parts of a key."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys

import awkward as ak
import hist
import numpy as np
import pytest

from tau3mu.execution import ProcessorResult
from tau3mu.train.limits import Limits, limits_of
from tau3mu.train.memory import (
    OwnMemory,
    forget_peak,
    memory_now,
    memory_of,
    peak_memory,
    process_tree,
)
from tau3mu.train.merging import differences
from tau3mu.train.metrics import ErrorOfUser, Expected, MemoryUse, Metrics, PartUse
from tau3mu.train.parts import changed_parts
from tau3mu.train.states import State
from tau3mu.train.verdict import judge, needs_approval

GOOD = Expected(
    events=1_000_000, chunks=7, cpu_hours=1.0, seconds_fixed=1.0, seconds_per_chunk=0.1,
    seconds_per_file=0.01, microseconds_per_event=2.0, output_bytes=10**7,
    candidates_bytes={"a": 9 * 10**6}, memory_bytes=4 * 10**8, grams_co2=6.0,
)  # fmt: skip
MEMORY = MemoryUse(pss_max=300_000_000, pss_average=250_000_000, peak=310_000_000)


def metrics(memory=None, expected=None, **given):
    return Metrics(
        wagon="a", processors=("a",), started="2026-01-01T00:00:00+00:00", time_limit=180.0,
        memory=MEMORY.model_copy(update=memory or {}), events=100_000,
        expected=GOOD.model_copy(update=expected or {}), **given,
    )  # fmt: skip


def findings(found, limits=None, **how):
    judged = judge(found, limits or Limits(), **how)
    return {one.code: one.state for one in judged.findings}


def test_nothing_is_found_in_a_good_test():
    assert findings(metrics()) == {}
    assert judge(metrics(), Limits()).state is State.OK


@pytest.mark.parametrize(
    ("given", "code", "state"),
    [
        ({"memory": {"peak": 2_100_000_000}}, "memory.limit", State.WARN),
        ({"memory": {"peak": 2_600_000_000}}, "memory.limit", State.FAILED),
        ({"expected": {"memory_bytes": 2_100_000_000}}, "memory.expected", State.WARN),
        ({"memory": {"slope": 2e6, "slope_error": 4e5}}, "memory.leak", State.WARN),
        ({"memory": {"pss_max": 400_000_000}}, "memory.peak", State.WARN),
        ({"expected": {"cpu_hours": 101.0}}, "cpu.limit", State.WARN),
        ({"expected": {"output_bytes": 4_100_000_000}}, "output.limit", State.WARN),
        ({"wagons": {"a": PartUse(skim_events=60_000)}}, "skim.reduction", State.WARN),
        ({"slim_mb": {"a": 8.0}}, "skim.not-slim", State.WARN),
        ({"log_bytes": 2_000_000}, "log.large", State.WARN),
        ({"opened": {"/a.json": 30}}, "input.opened-often", State.WARN),
        ({"merge": {"halves": ("a: cutflow",)}}, "merge.halves", State.FAILED),
        ({"merge": {"chunking": ("a: counters",)}}, "merge.chunking", State.FAILED),
        ({"unread": ("x.root: no",)}, "input.unread", State.FAILED),
        ({"killed": "ended with 3000 MB of memory"}, "memory.killed", State.FAILED),
        ({"killed": "the process died of SIGSEGV"}, "process.killed", State.FAILED),
        (
            {"errors": (ErrorOfUser(wagon="a", kind="KeyError", place="a.py:3", message="x"),)},
            "wagon.raises",
            State.FAILED,
        ),
    ],
)
def test_each_finding(given, code, state):
    assert findings(metrics(**given)) == {code: state}


@pytest.mark.parametrize(
    "given",
    [
        {"memory": {"slope": 2e6, "slope_error": 1e6}},  # not significant
        {"memory": {"slope": 2e5, "slope_error": 1e3}},  # not relevant
        {"memory": {"pss_max": 150_000_000, "pss_average": 100_000_000, "peak": 0}},
        {"wagons": {"a": PartUse(skim_events=50_000)}},
        {"opened": {"/a.json": 2}},
        {"merge": {"halves": (), "chunking": ()}},
    ],
)
def test_what_is_no_finding(given):
    assert findings(metrics(**given)) == {}


def test_no_results_are_a_failure_and_bad_files_may_be_skipped():
    nothing = metrics().model_copy(update={"expected": None})
    assert findings(nothing) == {"results.none": State.FAILED}
    unread = metrics(unread=("x.root: no",))
    assert findings(unread, skip_bad_files=True) == {"input.unread": State.WARN}


def test_only_cpu_time_needs_approval():
    assert needs_approval(judge(metrics(), Limits(cpu_hours=0.5)))
    assert not needs_approval(judge(metrics(), Limits(output_mb=0.5)))


def test_limits_of_a_train_are_those_of_its_wagons():
    given = [{"memory_mb": 500, "cpu_hours": None}, {"memory_mb": 700, "cpu_hours": 3}]
    limits = limits_of(given)
    assert limits.memory_mb == 700
    assert limits.cpu_hours == Limits().cpu_hours + 3
    assert limits_of([{}]) == Limits()


def result(values, weights=None, counters=None, order=("a", "b")):
    h = hist.Hist(
        hist.axis.StrCategory(order, growth=True, name="dataset"),
        hist.axis.Regular(4, 0, 4, name="x"),
        storage="Int64" if weights is None else "Weight",
    )
    how = {} if weights is None else {"weight": weights}
    h.fill("a", np.asarray(values), **how)
    step = {"name": "all", "events": len(values), "candidates": len(values), "sumw": 1.0}
    return ProcessorResult(
        ak.zip({"x": np.asarray(values, dtype=float)}), {"x": h},
        {"a": [step]}, {"a": counters or {}},
    )  # fmt: skip


def test_sums_are_compared_by_name_and_bit_by_bit():
    first, second, both = result([1.0, 2.0]), result([np.nan]), result([1.0, 2.0, np.nan])
    both.cutflow["a"][0]["sumw"] = 2.0
    assert differences([first, second], both, []) == []
    other = result([1.0, 2.0, 2.0], counters={"n": 1})
    assert differences([first, second], other, []) == [
        "histogram x", "cutflow", "counters", "column x of the candidates",
    ]  # fmt: skip
    assert differences([first], both, [])[-1].startswith("candidates: 2 instead of 3")


def test_sums_of_weights_may_be_rounded_in_another_way():
    weights = [0.1, 0.2, 0.3, 0.7]
    parts = result([1.0] * 2, weights[:2]), result([1.0] * 2, weights[2:], order=("b", "a"))
    both = result([1.0] * 4, weights)
    both.cutflow["a"][0]["sumw"] = 2.0
    rounding = []
    assert differences(parts, both, rounding) == []
    assert max(rounding) < 1e-15
    both.histograms["x"].view()["value"] *= 1 + 1e-9
    assert differences(parts, both, []) == ["histogram x"]


def test_changed_parts_are_named_and_classes_only_alone():
    before = {"wagon": "1", "need a": "1", "dataset d": "1", "code": "1", "class": "1"}
    assert changed_parts(before, before) == ()
    assert changed_parts(before, before | {"code": "2", "class": "2"}) == ("code",)
    assert changed_parts(before, before | {"class": "2"}) == ("class",)
    assert changed_parts(before, before | {"dataset e": "1"}) == ("dataset e",)
    without = {name: one for name, one in before.items() if name != "need a"}
    assert changed_parts(before, without) == ("need a",)


def test_memory_of_this_process():
    now = memory_now()
    assert 1e7 < now < 1e11
    block = np.ones(20_000_000)
    assert memory_now() - now > 1e8
    del block
    seen = memory_of(process_tree(os.getpid()))
    assert seen is None or 0 < seen.private <= seen.pss
    if forget_peak():
        assert peak_memory() < now + 1e8


@pytest.mark.parametrize("resets", [True, False])
def test_the_peak_of_a_stretch_of_work(monkeypatch, resets):
    if not resets:
        np.ones(40_000_000)  # before, and higher
        monkeypatch.setattr("tau3mu.train.memory.forget_peak", lambda: False)
    own = OwnMemory()
    start = own.now()
    assert own.peak() - start < 5e7
    np.ones(20_000_000)
    if resets:
        assert own.peak() - start == pytest.approx(1.6e8, rel=0.1)
    np.ones(60_000_000)
    assert own.peak() - start > 1.6e8
    own.begin()
    assert own.peak() - start < 5e7


@pytest.mark.skipif(sys.platform != "linux", reason="nobody else counts by shares")
def test_what_other_processes_have_too_counts_by_its_share(tmp_path):
    size, file = 200_000_000, tmp_path / "shared"
    file.write_bytes(b"1" * size)
    code = "import mmap, sys; f = open(sys.argv[1]); m = mmap.mmap(f.fileno(), 0, prot=1)"
    code += "; print(len(m[::4096]), flush=True); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", code, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with other, file.open("rb") as opened:
        assert other.stdout.readline()
        before = OwnMemory().now()
        ours = mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ)
        assert len(ours[::4096])
        shared = OwnMemory()
        assert shared.now() - before == pytest.approx(size / 2, rel=0.1)
        np.ones(size // 8)
        assert shared.peak() - before == pytest.approx(1.5 * size, rel=0.1)
        ours.close()
        other.communicate(b"\n")
