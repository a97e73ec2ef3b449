"""Histograms that are filled per chunk are added in one order, checked, and kept in checkpoints."""

from __future__ import annotations

import hist
import numpy as np
import pytest
from coffea.processor import accumulate
from errors import raises

from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.execution import ProcessorError, dry_run, execute, process_chunk
from tau3mu.execution.merge import Totals
from tau3mu.ntuples import read_events
from tau3mu.outputs import Selection
from tau3mu.outputs.stored import from_document, read_document, to_document, write_document
from tau3mu.processing import Processor
from tau3mu.selection import step
from tau3mu.storage.files import Memory

N = 6000


class Filling(Processor):
    """Fills event numbers per chunk: without a dataset axis, and with one."""

    columns = frozenset({"run", "event"})

    def __init__(self, weight=1.0, second=None, names=("number", "own"), **parameters):
        super().__init__(**parameters)
        self.weight, self.second, self.names = weight, second, names

    def select(self, events, cutflow):
        number = np.asarray(events.event).astype(np.float64)
        axis = hist.axis.Regular(7, 0, 6000, name="number")
        if self.second is not None and len(number) and number[0] > 3000:
            axis = self.second
        plain = hist.Hist(
            axis, hist.axis.StrCategory([], growth=True, name="kind"), storage="Weight"
        )
        dataset = hist.axis.StrCategory([], growth=True, name="dataset")
        own = hist.Hist(dataset, hist.axis.Integer(0, 3, name="rest"), storage="Weight")
        kinds = np.where(number % 3 == 0, "three", "other")
        weights = self.weight * np.sqrt(number) if self.weight != 1 else np.ones(len(number))
        plain.fill(number, kinds, weight=weights)
        own.fill(events.metadata["dataset"], number.astype(int) % 4, weight=weights)
        candidates = events[["run", "event"]][:0]
        steps = (step("all", np.ones(len(events)), 0),)
        made = dict(zip(self.names, (plain, own), strict=True))
        return Selection(candidates, steps, histograms=made)

    def histograms(self):
        return {}

    def fill(self, histograms, candidates, *, dataset, is_mc):
        pass


@pytest.fixture(scope="module")
def datasets(demo):
    return [Dataset("z", {str(demo[0]): None}), Dataset("mc", {str(demo[1]): None}, is_mc=True)]


def chunks_of(datasets, size):
    return make_chunks(check_files(datasets, Filling.columns), datasets, size)


def found_in(chunks, processor, **how):
    return execute(chunks, [processor], **how).processors["Filling"].histograms


def numbers_of(histogram, dataset):
    return histogram[{"dataset": dataset, "kind": sum}].values(flow=True).tolist()


def test_the_sum_is_that_of_all_events(datasets):
    found = found_in(chunks_of(datasets, 700), Filling())
    assert found["number"].axes.name == ("dataset", "number", "kind")
    assert (
        list(found["number"].axes["dataset"]) == list(found["own"].axes["dataset"]) == ["mc", "z"]
    )
    edges = np.histogram(np.arange(1, N + 1), np.linspace(0, 6000, 8))[0]
    edges[-1] -= 1  # NumPy closes the last bin, a histogram does not
    for dataset in ("mc", "z"):
        assert numbers_of(found["number"], dataset) == [0, *edges, 1]
        part = found["number"][{"dataset": dataset, "number": sum}]
        assert part[{"kind": "three"}].value == N / 3
        assert found["own"][{"dataset": dataset}].values(flow=True).tolist() == [
            0,
            1500,
            1500,
            1500,
            1500,
        ]


@pytest.mark.parametrize("size", [700, 2000])
def test_whole_weights_give_the_same_for_every_chunk_size(size, datasets):
    assert found_in(chunks_of(datasets, size), Filling()) == found_in(
        chunks_of(datasets, N), Filling()
    )


def test_fractions_are_added_in_one_order(datasets):
    """Floats that are added in the order in which chunks come would differ in their last bits."""
    processor = Filling(weight=0.1)
    chunks = chunks_of(datasets, 500)
    results = [process_chunk(chunk, [processor]) for chunk in chunks]

    def summed(order):
        totals = Totals(chunks, [processor])
        for index in order:
            totals.add(index, results[index])
        return totals.result().processors["Filling"].histograms

    expected = summed(range(len(chunks)))
    assert summed(reversed(range(len(chunks)))) == expected
    assert summed(np.random.default_rng(3).permutation(len(chunks)).tolist()) == expected
    assert found_in(chunks, processor) == expected


@pytest.mark.integration
@pytest.mark.parametrize("executor", ["futures", "dask"])
def test_every_executor_gives_the_same(executor, datasets, client):
    processor, chunks = Filling(weight=0.1), chunks_of(datasets, 500)
    how = {"executor": executor, "workers": 2, "client": client}
    assert found_in(chunks, processor, **how) == found_in(chunks, processor)


def test_the_file_that_fails_is_not_in_the_sum(datasets):
    chunks, processor = chunks_of(datasets, 2000), Filling()
    totals = Totals(chunks, [processor])
    for index, chunk in enumerate(chunks):
        if chunk.dataset == "z" or chunk.start == 0:
            totals.add(index, process_chunk(chunk, [processor]))
    totals.fail(3, "torn")
    found = totals.result().processors["Filling"].histograms["number"]
    assert numbers_of(found, "mc") == [0] * 9
    assert sum(numbers_of(found, "z")) == N


def test_coffea_adds_the_same(datasets):
    """Chunks of two datasets would be mixed without an axis for them."""
    processor, chunks = Filling(), chunks_of(datasets, 3000)
    total = None
    for chunk in chunks:
        events = read_events(
            [chunk.path], tree=chunk.tree, layout=chunk.layout, branches=chunk.branches,
            start=chunk.start, stop=chunk.stop, uuid=chunk.uuid, metadata=chunk.metadata,
        ).events  # fmt: skip
        total = accumulate([processor.process(events)], total)
    expected = found_in(chunks, processor)
    for name, histogram in total["histograms"].items():
        for dataset in ("mc", "z"):
            part, wanted = (one[{"dataset": dataset}] for one in (histogram, expected[name]))
            assert part.project(part.axes[0].name) == wanted.project(part.axes[0].name)


def test_a_checkpoint_gives_them_back(datasets):
    (chunk, *_) = chunks_of(datasets, 700)
    selection = process_chunk(chunk, [Filling(weight=0.1)]).outputs["Filling"]
    memory = Memory()
    write_document(memory, to_document(selection))
    memory.seek(0)
    back = from_document(read_document(memory)).histograms
    assert back == selection.histograms
    assert back["number"].axes[1].traits.growth


@pytest.mark.parametrize(
    "axis",
    [hist.axis.Regular(8, 0, 6000, name="number"), hist.axis.Regular(7, 0, 6000, name="other")],
    ids=["bins", "name"],
)
def test_other_axes_in_one_chunk_are_an_error(axis, datasets):
    with raises(
        "outputs.histograms-differ", path="Filling.number", mentions="entries 3000 to 6000"
    ):
        execute(chunks_of(datasets, 3000), [Filling(second=axis)])


@pytest.mark.parametrize(
    "value", [hist.Hist(hist.axis.Regular(3, 0, 1), storage="Mean"), np.ones(3), None]
)
def test_what_does_not_add_up_is_an_error(value, datasets):
    class Wrong(Filling):
        name = "Wrong"

        def select(self, events, cutflow):
            whole = super().select(events, cutflow)
            return Selection(whole.candidates, whole.cutflow, histograms={"odd": value})

    with pytest.raises(ProcessorError, match="'odd'"):
        execute(chunks_of(datasets, 6000), [Wrong()])


def test_two_histograms_of_one_name_are_an_error(datasets):
    class Both(Filling):
        axes = [hist.axis.Regular(3, 0, 1, name="number")]  # noqa: RUF012
        histograms = Processor.histograms
        fill = Filling.fill

    with raises("processor.repeated-histogram", path="number"):
        dry_run(chunks_of(datasets, 6000), [Both()])


@pytest.mark.parametrize(
    ("name", "axis"),
    [
        ("odd", hist.axis.StrCategory(["z", "mc"], name="dataset")),
        ("odd", hist.axis.Regular(3, 0, 1, name="dataset")),
        ("odd", hist.axis.Regular(3, 0, 1, growth=True, name="number")),
        ("a/b", hist.axis.Regular(3, 0, 1, name="number")),
    ],
    ids=["fixed datasets", "datasets of numbers", "range that grows", "name"],
)
def test_what_cannot_be_added_or_stored_is_found_before_the_work(name, axis, datasets):
    """Otherwise the run ends with a traceback after its last chunk."""

    class Odd(Filling):
        def select(self, events, cutflow):
            whole = super().select(events, cutflow)
            return Selection(whole.candidates, whole.cutflow, histograms={name: hist.Hist(axis)})

    with raises("processor.wrong-histograms", path=f"Odd.{name}"):
        dry_run(chunks_of(datasets, 6000), [Odd()])


def test_entries_of_another_dataset_are_an_error(datasets):
    """Data and simulation would be added to each other."""

    class Mixed(Filling):
        def select(self, events, cutflow):
            axis = hist.axis.StrCategory([], growth=True, name="dataset")
            mixed = hist.Hist(axis, hist.axis.Regular(3, 0, 6000, name="number"))
            if len(events):
                mixed.fill("z", np.asarray(events.event))
            whole = super().select(events, cutflow)
            return Selection(whole.candidates, whole.cutflow, histograms={"mixed": mixed})

    chunks = chunks_of(datasets, 6000)
    dry_run(chunks, [Mixed()])
    with raises("outputs.other-dataset", path="Mixed.mixed", mentions=("'z'", "'mc'")):
        execute(chunks, [Mixed()])
