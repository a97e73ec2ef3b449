"""Every chunk returns the same columns of the same types, and counts that are whole numbers."""

from __future__ import annotations

import awkward as ak
import hist
import numpy as np
import pytest

from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.errors import InputError, RunError
from tau3mu.execution import ProcessorError, dry_run, execute, process_chunk
from tau3mu.execution.merge import Totals
from tau3mu.outputs import Selection
from tau3mu.processing import Processor
from tau3mu.processing.found import found
from tau3mu.selection import Step, step

LARGE = 2**53 + 1


class Odd(Processor):
    """Returns the event numbers, and what a test makes of them for the second chunk."""

    columns = frozenset({"run", "lumi", "event"})

    def __init__(self, first=None, second=None, empty=None, counts=None, fails=""):
        self.parts = (empty or {}, first or {}, second or {})
        self.counts = counts or {}
        self.fails = fails

    def which(self, events):
        return 0 if not len(events) else 1 if int(events.event[0]) < 3000 else 2

    def select(self, events, cutflow):
        columns = {"event": ak.to_numpy(events.event)}
        columns |= {
            name: make(len(events)) for name, make in self.parts[self.which(events)].items()
        }
        steps = (step("all", np.ones(len(events)), len(events)),)
        return Selection(ak.zip(columns, depth_limit=1), steps, self.counts)

    def histograms(self):
        axes = hist.axis.StrCategory([], growth=True, name="dataset"), hist.axis.Regular(6, 0, 6e3)
        return {"event": hist.Hist(*axes, storage="Weight")}

    def fill(self, histograms, candidates, *, dataset, is_mc):
        if self.fails and len(candidates) and candidates.event[0] > 3000:
            raise ValueError(self.fails)
        histograms["event"].fill(dataset, candidates.event)


def numbers(dtype, start=0):
    return lambda n: (np.arange(n) + start).astype(dtype)


@pytest.fixture(scope="module")
def chunks(demo):
    datasets = [Dataset("one", {str(demo[0]): None})]
    return make_chunks(check_files(datasets, Odd.columns), datasets, 3000)


@pytest.mark.parametrize(
    ("second", "column"),
    [
        ({}, "x"),
        ({"y": numbers("f8")}, "x"),
        ({"x": numbers("f8"), "y": numbers("f8")}, "y"),
        ({"x": numbers("f4")}, "x"),
        ({"x": lambda n: ak.Array(["a"] * n)}, "x"),
    ],
    ids=["lost", "renamed", "more", "other floats", "texts"],
)
def test_other_columns_in_one_chunk_are_an_error(second, column, chunks, demo):
    mine = Odd({"x": numbers("f8")}, second)
    with pytest.raises(RunError) as error:
        execute(chunks, [mine])
    for part in ("Odd", repr(column), f"{demo[0]}, entries 3000 to 6000"):
        assert part in str(error.value)


def test_event_numbers_are_never_rounded_to_a_common_type(chunks):
    whole = {"number": numbers("u8", LARGE)}
    result = execute(chunks, [Odd(whole, whole)]).processors["Odd"].candidates
    assert result.number.type.content.primitive == "uint64"
    assert result.number.tolist() == [*range(LARGE, LARGE + 3000)] * 2
    for other in (numbers("i8", LARGE), lambda n: np.array([], dtype="f8")[:n]):
        mine = Odd(whole, whole, empty={"number": other})
        with pytest.raises(RunError, match="'number' of processor Odd is uint64"):
            execute(chunks, [mine], expected=dry_run(chunks, [mine]))


def test_a_dataset_without_events_is_a_chunk_as_well(chunks, demo):
    """What is left of it has the columns of a chunk without events."""
    mine = Odd({"x": numbers("i8")}, {"x": numbers("i8")}, empty={"x": numbers("f8")})
    gone = Dataset("gone", {str(demo[1]): None})
    more = make_chunks(check_files([gone], Odd.columns), [gone], 6000)

    totals = Totals([*chunks, *more], [mine])
    for index, chunk in enumerate(chunks):
        totals.add(index, process_chunk(chunk, [mine]))
    totals.fail(len(chunks), "torn")
    with pytest.raises(RunError, match=r"'x' of processor Odd is float64 in .* of dataset gone"):
        totals.result()


def test_numbers_may_be_missing_in_some_chunks(chunks):
    mine = Odd({"x": numbers("f8")}, {"x": lambda n: ak.mask(np.ones(n), np.arange(n) % 2 == 0)})
    column = execute(chunks, [mine]).processors["Odd"].candidates.x
    assert ak.sum(ak.is_none(column)) == 1500
    assert ak.sum(column) == sum(range(3000)) + 1500


@pytest.mark.parametrize("kind", ["i8", "?", "texts"])
def test_only_floats_may_be_missing(kind, chunks, demo):
    def holes(n):
        values = ak.Array(["a"] * n) if kind == "texts" else np.ones(n, dtype=kind)
        return ak.mask(values, np.arange(n) != 7)

    with pytest.raises(ProcessorError) as error:
        execute(chunks, [Odd(second={"x": holes})])
    for part in ("Odd", "'x'", f"{demo[0]}, entries 3000 to 6000"):
        assert part in str(error.value)


def selection(counts=None, steps=None):
    steps = (step("all", np.ones(3), 3),) if steps is None else steps
    return Selection(ak.Array({"x": [1.0]}), steps, {} if counts is None else counts)


@pytest.mark.parametrize(
    "count", [0.9, float("nan"), float("inf"), -1, True, np.True_, 2**63, "3", None, 1j]
)
def test_counts_are_whole_numbers(count):
    with pytest.raises(InputError, match="'half'"):
        found(selection({"half": count}))
    for number in ((count, 0), (0, count)):
        with pytest.raises(InputError, match="'cut'"):
            found(selection(steps=(Step("cut", *number, 1.0),)))


@pytest.mark.parametrize("count", [3, 3.0, np.int32(3), np.uint64(3), np.float32(3), np.array(3)])
def test_whole_numbers_of_any_kind_are_counts(count):
    assert found(selection({"three": count})).counters == {"three": 3}


@pytest.mark.parametrize("name", ["", "a\nb", 3, "\0", None])
def test_names_can_be_printed(name):
    for wrong in (
        selection({name: 1}),
        selection(steps=(Step(name, 1, 1, 1.0),)),
        *([Selection(ak.Array({name: [1.0]}), ())] if isinstance(name, str) else []),
    ):
        with pytest.raises(InputError, match="is called"):
            found(wrong)


@pytest.mark.parametrize(
    "candidates",
    [
        ak.Array([{"x": 1.0}, None]),
        ak.Array([[{"x": 1.0}]]),
        ak.Array([1.0]),
        ak.Array([{}]),
        {"x": np.ones(1)},
        None,
    ],
)
def test_candidates_are_records(candidates):
    with pytest.raises(InputError, match="the candidates are"):
        found(Selection(candidates, (step("all", np.ones(3), 3),)))


def test_two_steps_of_one_name_are_refused():
    with pytest.raises(InputError, match="'cut'"):
        found(selection(steps=(Step("cut", 2, 2, 2.0), Step("cut", 1, 1, 1.0))))


def test_a_fill_that_fails_is_found_in_its_chunk(chunks, demo):
    with pytest.raises(ProcessorError) as error:
        execute(chunks, [Odd(fails="no way")])
    assert f"Odd failed on {demo[0]}, entries 3000 to 6000" in str(error.value)
    assert "no way" in str(error.value)
    assert "in fill" in error.value.details


def test_not_finite_weights_are_warned_of(chunks):
    class Nan(Odd):
        def select(self, events, cutflow):
            whole = super().select(events, cutflow)
            return Selection(whole.candidates, (step("all", np.full(len(events), np.nan), 0),))

    result = execute(chunks, [Nan()])
    assert np.isnan(result.processors["Nan"].cutflow["one"][0]["sumw"])
    assert [text for text in result.warnings if "'all'" in text and "nan" in text]


def test_a_fill_that_changes_its_candidates_changes_no_result(chunks):
    class Scaling(Odd):
        def fill(self, histograms, candidates, *, dataset, is_mc):
            super().fill(histograms, candidates, dataset=dataset, is_mc=is_mc)
            np.asarray(candidates.event)[:] = 0

    (whole, scaled) = (execute(chunks, [made]).processors for made in (Odd(), Scaling()))
    assert scaled["Scaling"].candidates.event.tolist() == whole["Odd"].candidates.event.tolist()
    assert scaled["Scaling"].histograms == whole["Odd"].histograms
