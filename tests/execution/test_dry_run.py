"""What a processor returns is added, stored and read back before the work, and refused if lost."""

from __future__ import annotations

from itertools import permutations

import awkward as ak
import hist
import numpy as np
import pytest
import uproot

from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.errors import InputError
from tau3mu.execution import ProcessorError, dry_run, execute
from tau3mu.outputs import Selection, load_candidates, load_histograms
from tau3mu.processing import Processor, check_histograms
from tau3mu.results import ResultsFolder
from tau3mu.selection import step

DATASET = hist.axis.StrCategory([], growth=True, name="dataset")
VARIATION = hist.axis.StrCategory(["nominal", "up"], name="variation")
VARIABLES = [hist.axis.Regular(3, -1, 3, name=name) for name in "abcd"]


class Any(Processor):
    """Has the columns and histograms that a test gives it."""

    columns = frozenset({"run", "event"})

    def __init__(self, histograms=None, columns=None, weight=1.0):
        self.given = histograms or {}
        self.made = columns or {}
        self.weight = weight

    def select(self, events, cutflow):
        columns = {name: np.arange(len(events)) % 5 for name in "abcd"}
        columns |= {name: make(len(events)) for name, make in self.made.items()}
        steps = (step("all", np.ones(len(events)), len(events)),)
        return Selection(ak.zip(columns, depth_limit=1), steps)

    def histograms(self):
        return {name: histogram.copy() for name, histogram in self.given.items()}

    def fill(self, histograms, candidates, *, dataset, is_mc):
        for histogram in histograms.values():
            names = histogram.axes.name
            values = {name: candidates[name] for name in names if name in "abcd"}
            variation = {"variation": "nominal"} if "variation" in names else {}
            which = dataset if values else [dataset] * len(candidates)
            weight = self.weight if values else np.full(len(candidates), self.weight)
            histogram.fill(dataset=which, **variation, **values, weight=weight)


@pytest.fixture(scope="module")
def chunks(demo):
    datasets = [
        Dataset("one", {str(demo[0]): None}),
        Dataset("two", {str(demo[1]): None}, is_mc=True),
    ]
    return make_chunks(check_files(datasets, Any.columns), datasets, 3000)


@pytest.mark.parametrize("storage", ["Double", "Int64", "AtomicInt64", "Unlimited", "Weight"])
@pytest.mark.parametrize("number", [0, 1, 2, 3, 4])
def test_histograms_of_any_storage_and_number_of_axes_are_kept(number, storage, chunks, tmp_path):
    axes = [DATASET, *VARIABLES[:number]]
    plain, varied = hist.Hist(*axes, storage=storage), hist.Hist(*axes, VARIATION, storage=storage)
    mine = Any({"plain": plain, "varied": varied})
    check_histograms(mine, "one")
    found = execute(chunks, [mine]).processors["Any"]
    folder = ResultsFolder(tmp_path).write_processor(
        "any", candidates=found.candidates, histograms=found.histograms, cutflow={}, counters={}
    )
    back = load_histograms(folder)
    assert back == found.histograms
    assert [back[name].values(flow=True).sum() for name in ("plain", "varied")] == [12000, 12000]
    with uproot.open(folder / "histograms.root") as file:
        paths = [path for path in file.keys(cycle=False) if "/" in path]
        every = ["one/plain", "two/plain", "one/varied", "two/varied"]
        assert sorted(paths) == (sorted(every) if 1 <= number <= 3 else [])
        for path in paths:
            assert file[path].values(flow=True).sum() == 6000


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_axes_may_come_in_any_order(order, chunks, tmp_path):
    axes = [DATASET, VARIATION, VARIABLES[0]]
    mine = Any({"h": hist.Hist(*(axes[i] for i in order), storage="Weight")})
    check_histograms(mine, "one")
    found = execute(chunks, [mine]).processors["Any"].histograms
    ResultsFolder(tmp_path).write_processor(
        "any", candidates=ak.Array({"x": [1.0]}), histograms=found, cutflow={}, counters={}
    )
    with uproot.open(tmp_path / "any" / "histograms.root") as file:
        assert file["one/h"].values(flow=True).tolist() == [0, 1200, 1200, 1200, 2400]


def other(*axes, storage="Weight"):
    return hist.Hist(*axes, storage=storage)


@pytest.mark.parametrize(
    ("histograms", "expected"),
    [
        ({"h": other(DATASET, VARIABLES[0], storage="Mean")}, "Mean"),
        ({"h": other(DATASET, VARIABLES[0], storage="WeightedMean")}, "WeightedMean"),
        ({"h": other(VARIABLES[0])}, "'dataset'"),
        ({"h": other(hist.axis.IntCategory([1], name="dataset"), VARIABLES[0])}, "IntCategory"),
        ({"h": other(DATASET, hist.axis.Regular(2, 0, 1, name="variation"))}, "Regular"),
        ({"h": other(DATASET, hist.axis.Regular(2, 0, 1, growth=True, name="a"))}, "'a' grows"),
        ({"h": other(DATASET, hist.axis.Variable([0, 1], growth=True, name="a"))}, "'a' grows"),
        ({"h": other(DATASET, hist.axis.Variable([0, 1, np.inf], name="a"))}, "infinite"),
        ({"h": {}}, "dict"),
        *(({name: other(DATASET, VARIABLES[0])}, "the name") for name in
          ("", "a/b", "/a", "a;1", "a:b", "a\nb", "m" * 101)),
        ({"h": other(DATASET, hist.axis.StrCategory(["x/y"], name="variation"))}, "x/y"),
        (
            {"h": other(DATASET, VARIATION, VARIABLES[0]), "h_up": other(DATASET, VARIABLES[0])},
            "one/h_up",
        ),
    ],
)  # fmt: skip
def test_histograms_that_cannot_be_kept_are_refused(histograms, expected):
    mine = Any()
    mine.histograms = lambda: histograms  # type: ignore[method-assign]
    with pytest.raises(InputError) as error:
        check_histograms(mine, "one")
    assert "processor Any" in str(error.value)
    assert expected in str(error.value)
    assert repr(next(iter(histograms))) in str(error.value) or "h_up" in histograms


@pytest.mark.parametrize(
    "axis",
    [
        hist.axis.IntCategory([], growth=True, name="a"),
        hist.axis.Integer(0, 2, growth=True, name="a"),
    ],
    ids=["categories", "integers"],
)
def test_axes_may_grow_if_they_can_be_added(axis, chunks):
    mine = Any({"h": other(DATASET, axis)})
    check_histograms(mine, "one")
    assert execute(chunks, [mine]).processors["Any"].histograms["h"].sum(flow=True).value == 12000


def numbers(dtype):
    return lambda n: np.zeros(n, dtype=dtype)


NAMES = ["x[2]", "x[3]/D", "/a"]
KINDS = ["f2", "c8", "c16", "M8[s]", "m8[s]"]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_a_tree_cannot_keep_are_refused(name, chunks):
    mine = Any(columns={name: numbers("f8")})
    with pytest.raises(InputError, match=r"processor Any: candidates\.root") as error:
        dry_run(chunks, [mine])
    assert repr(name) in str(error.value)
    dry_run(chunks, [mine], candidates="parquet")


@pytest.mark.parametrize("fmt", ["root", "parquet"])
def test_other_names_are_kept(fmt, chunks, tmp_path):
    names = ["1", "a.b", "a/b", "a b", "m(μμ)", "x[", "[x]", "a;1", "a:b", "n", "*", "a" * 300]
    mine = Any(columns={name: lambda n, i=i: np.arange(n) * i for i, name in enumerate(names)})
    dry_run(chunks, [mine], candidates=fmt)
    found = execute(chunks, [mine]).processors["Any"].candidates
    folder = ResultsFolder(tmp_path).write_processor(
        "any", candidates=found, histograms={}, cutflow={}, counters={}, candidates_format=fmt
    )
    back = load_candidates(folder)
    assert back.fields == found.fields
    for name in found.fields:
        assert back[name].tolist() == found[name].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_types_that_a_tree_cannot_keep_are_refused(kind, chunks):
    with pytest.raises(InputError, match=r"processor Any: candidates\.root .* 'odd'") as error:
        dry_run(chunks, [Any(columns={"odd": numbers(kind)})])
    assert np.dtype(kind).name in str(error.value)
    assert "float64" in str(error.value)


@pytest.mark.parametrize("fmt", ["root", "parquet"])
def test_other_types_are_kept(fmt, chunks, tmp_path):
    kinds = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
             "float32", "float64")  # fmt: skip
    columns = {f"x_{kind}": numbers(kind) for kind in kinds}
    columns["x_string"] = lambda n: ak.Array(["é"] * n) if n else ak.Array(["é"])[:0]
    columns["holes"] = lambda n: ak.mask(np.ones(n), np.arange(n) % 2 == 0)
    mine = Any(columns=columns)
    expected = dry_run(chunks, [mine], candidates=fmt)
    found = execute(chunks, [mine], expected=expected).processors["Any"].candidates
    folder = ResultsFolder(tmp_path).write_processor(
        "any", candidates=found, histograms={}, cutflow={}, counters={}, candidates_format=fmt
    )
    back = load_candidates(folder)
    for name in columns:
        if name != "holes":
            assert f"x_{back[name].type.content}" == name
            assert back[name].tolist() == found[name].tolist()
    assert np.isnan(back.holes).tolist() == ak.is_none(found.holes).tolist()
    assert ak.nansum(back.holes) == 6000


@pytest.mark.parametrize("name", ["dataset", "file"])
def test_columns_that_the_run_adds_are_refused(name, chunks):
    with pytest.raises(InputError, match="a name that is taken"):
        dry_run(chunks, [Any(columns={name: numbers("f8")})])


@pytest.mark.parametrize(
    "make",
    [lambda n: ak.Array([[1.0]] * n), lambda n: np.zeros((n, 2)), lambda n: ak.Array([])[:n]],
)
def test_columns_of_lists_or_without_a_type_are_refused(make, chunks):
    with pytest.raises(InputError, match="column 'odd'"):
        dry_run(chunks, [Any(columns={"odd": make})])


def test_columns_that_only_simulation_has_are_refused(chunks):
    class Simulated(Any):
        def select(self, events, cutflow):
            self.made = {"truth": numbers("f8")} if events.metadata["is_mc"] else {}
            return super().select(events, cutflow)

    with pytest.raises(InputError, match="'truth'"):
        dry_run(chunks, [Simulated()])


@pytest.mark.parametrize("storage", ["Int64", "AtomicInt64"])
@pytest.mark.parametrize("weight", [0.5, 1.5])
def test_whole_numbers_are_not_filled_with_fractions(storage, weight, chunks, demo):
    mine = Any({"h": other(DATASET, VARIABLES[0], storage=storage)}, weight=weight)
    with pytest.raises(ProcessorError) as error:
        execute(chunks, [mine])
    for part in ("Any", "'h'", storage, f"{demo[0]}, entries 0 to 3000"):
        assert part in str(error.value)
    mine.weight = 2
    assert execute(chunks, [mine]).processors["Any"].histograms["h"].sum(flow=True) == 24000


@pytest.mark.parametrize("change", ["more", "less"])
def test_fill_keeps_to_the_histograms(change, chunks):
    class Changing(Any):
        def fill(self, histograms, candidates, *, dataset, is_mc):
            if change == "more":
                histograms["more"] = histograms["h"]
            else:
                del histograms["h"]

    with pytest.raises(InputError, match="fill adds or removes histogram"):
        dry_run(chunks, [Changing({"h": other(DATASET, VARIABLES[0])})])


@pytest.mark.parametrize("lazily", [False, True])
def test_labels_and_names_stay(lazily, chunks):
    labelled = hist.Hist(DATASET, VARIABLES[0], storage="Weight", label="Muons", name="mine")
    dry_run(chunks, [Any({"h": labelled})], lazily=lazily)
    found = execute(chunks, [Any({"h": labelled})]).processors["Any"].histograms["h"]
    assert (found.label, found.name) == ("Muons", "mine")
