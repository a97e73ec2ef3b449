"""Processors of a pass share the answers of equal cuts, and find what each finds alone."""

from __future__ import annotations

import itertools
from dataclasses import fields

import awkward as ak
import numpy as np
import pytest
from errors import raises

from tau3mu.generate import generate
from tau3mu.processing import parameter
from tau3mu.processing.cuts import CutProcessor, counter, cut, event_cut, quantity
from tau3mu.processing.memo import Memo
from tau3mu.processors import DsPhiPi, DsPhiPiNotebook

EVENTS = ak.Array(
    {
        "number": [0, 1, 2, 3],
        "triplet": [
            [{"x": 1.0, "y": 1.0}, None, {"x": 5.0, "y": 2.0}],
            [],
            [{"x": 3.0, "y": 9.0}],
            [{"x": 2.0, "y": None}, {"x": 4.0, "y": 0.0}],
        ],
    }
)
ASKED: list[tuple[str, list[float]]] = []


class Toy(CutProcessor):
    """Notes for which candidates its cuts are asked."""

    columns = frozenset({"triplet.x"})
    collection = "triplet"
    output = ("x",)
    low: float = parameter(0.0, help="least x")
    high: float = parameter(9.0, help="largest x")
    most: float = parameter(9.0, help="largest y")
    first: int = parameter(0, help="first event")

    @event_cut("first")
    def first_event(self, events):
        ASKED.append(("first", events.number.tolist()))
        return events.number >= self.first

    @cut("x")
    def above(self, rows):
        ASKED.append(("above", rows.x.tolist()))
        return rows.x > self.low

    @cut("x")
    def below(self, rows):
        ASKED.append(("below", rows.x.tolist()))
        return rows.twice < 2 * self.high

    @cut("y")
    def small(self, rows):
        return rows.y < self.most

    @quantity
    def twice(self, rows):
        ASKED.append(("twice", rows.x.tolist()))
        return 2 * rows.x

    @counter("y")
    def reached(self, rows):
        return {"reached": len(rows)}


def content(selection):
    """Returns all that a processor found, to be compared bit by bit."""
    form, length, buffers = ak.to_buffers(ak.to_packed(selection.candidates))
    data = {name: bytes(np.asarray(buffer).view(np.uint8)) for name, buffer in buffers.items()}
    others = [field.name for field in fields(selection) if field.compare]
    others.remove("candidates")
    return form.to_json(), length, data, {name: getattr(selection, name) for name in others}


def together(processors, events):
    memo = Memo()
    return [content(processor.selection(events, memo)) for processor in processors]


def alone(processors, events):
    return [content(processor.selection(events)) for processor in processors]


@pytest.fixture(scope="module")
def events(tmp_path_factory, events_of):
    folder = tmp_path_factory.mktemp("shared")
    (path,) = generate(folder, events=3000, layout="nano", simulation=True, seed=8)
    return events_of(path, DsPhiPi.columns, name="nano", is_mc=True)


VARIANTS = {
    "one cut": [{"flight_significance": 0.5 * i} for i in range(20)],
    "an early cut": [{"mass_window": (1.5 + 0.02 * i, 2.02)} for i in range(10)],
    "the last cut": [{"trigger_dr": 0.01 * i} for i in range(1, 8)],
    "quantities": [{"muon_sf_outside": policy} for policy in ("clamp", "unity")],
    "all kinds": [
        {},
        {"l1_seeds": ("L1_DoubleMu",)},
        {"skip": ("phi",)},
        {"skip": ("mass", "id_ip")},
        {"barrel_eta": 0.9, "track_pt": 2.0},
        {"max_track_dz": 1.0},
        {"phi_window": (1.0, 1.03), "n_minus_one_histograms": True},
        {"delta_r_window": (0.01, 0.5), "n_minus_one_histograms": True},
        {"mass_axis": {"bins": 10}},
    ],
}


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("cls", [DsPhiPi, DsPhiPiNotebook])
def test_together_they_find_what_each_finds_alone(cls, settings, events):
    processors = [cls(name=f"v{i}", **given) for i, given in enumerate(settings)]
    expected = alone(processors, events)
    assert together(processors, events) == expected
    assert together(processors[::-1], events) == expected[::-1]
    assert len({repr(one) for one in expected}) > len(settings) // 2


def test_two_classes_share_without_harm(events):
    class Hard(DsPhiPi):
        barrel_muon_pt = 6.0

    class Swapped(DsPhiPi):
        def accepts(self, muon):
            return muon.pt > 5

    processors = [DsPhiPi(), Hard(), DsPhiPiNotebook(), Swapped(), DsPhiPi(name="again")]
    expected = alone(processors, events)
    assert together(processors, events) == expected
    assert expected[0] == expected[4]
    assert len({repr(one[3]) for one in expected}) == 4


def test_only_candidates_that_nobody_asked_about_are_computed():
    processors = [Toy(name=f"t{low}", low=low) for low in (3.0, 3.0, 1.5, 4.5)]
    ASKED.clear()
    together(processors, EVENTS)
    assert [x for x in ASKED if x[0] == "first"] == [("first", [0, 1, 2, 3])]
    every = [1.0, 5.0, 3.0, 2.0, 4.0]
    assert [x for name, x in ASKED if name == "above"] == [every, every, every]  # three values
    assert [x for name, x in ASKED if name == "below"] == [[5.0, 4.0], [3.0, 2.0]]
    assert [x for name, x in ASKED if name == "twice"] == [[5.0, 4.0], [3.0, 2.0]]


def test_processors_that_do_not_share_compute_all_themselves():
    processors = [Toy(name="a"), Toy(name="b")]
    ASKED.clear()
    shared = together(processors, EVENTS)
    once = len(ASKED)
    for processor in processors:
        processor.sharing = False
    ASKED.clear()
    assert together(processors, EVENTS) == shared
    assert len(ASKED) == 2 * once


def test_processors_that_are_gone_leave_no_answers_to_others():
    memo = Memo()
    lows = (1.0, 2.0, 3.0, 4.0)
    found = [content(Toy(low=low).selection(EVENTS, memo)) for low in lows]
    assert found == [content(Toy(low=low).selection(EVENTS)) for low in lows]
    assert len({repr(one) for one in found}) == 4


class Attributes(Toy):
    """Depends on what is no parameter."""

    limit = 2.5

    def __init__(self, value, **settings):
        super().__init__(**settings)
        self.value = value

    @property
    def least(self):
        return self.value if isinstance(self.value, float) else self.value[0]

    def above(self, rows):
        return rows.x > self.least

    def small(self, rows):
        return rows.x < (self.most if np.any(rows.x > self.limit) else self.high)


class Mutable:
    def __init__(self, number):
        self.number = number

    def __getitem__(self, _):
        return self.number


@pytest.mark.parametrize(
    "values",
    [(1.5, 2.5, 1.5), ([1.5], [2.5], [1.5]), (np.array([1.5]), np.array([3.5])),
     (Mutable(1.5), Mutable(2.5)), ((1.5,), [1.5], 1.5)],
    ids=["numbers", "lists", "arrays", "objects", "mixed"],
)  # fmt: skip
def test_attributes_that_are_no_parameters_are_kept_apart(values):
    processors = [Attributes(value, name=f"p{i}") for i, value in enumerate(values)]
    assert together(processors, EVENTS) == alone(processors, EVENTS)


def test_a_mutable_attribute_is_shared_with_no_other_instance():
    one = Mutable(1.5)
    memo = Memo()
    first = Attributes(one).selection(EVENTS, memo)
    one.number = 3.5
    second = Attributes(one).selection(EVENTS, memo)
    assert (len(first.candidates), len(second.candidates)) == (4, 2)


def test_attributes_that_only_some_candidates_make_it_read():
    settings = [
        {"value": 1.5, "high": 2.2, "most": 4.5},
        {"value": 0.0, "high": 2.2, "most": 1.5},
        {"value": 0.0, "high": 9.0, "most": 4.5, "first": 3},
        {"value": 1.5, "high": 2.2, "most": 3.5},
    ]
    for order in itertools.permutations(settings):
        processors = [Attributes(**given) for given in order]
        assert together(processors, EVENTS) == alone(processors, EVENTS)


def test_events_that_a_processor_changed_are_others():
    class Scaled(Toy):
        def select(self, events, cutflow):
            events = ak.with_field(events, 2 * events.triplet.x, ("triplet", "x"))
            return super().select(events, cutflow)

    processors = [Toy(low=2.5), Scaled(low=2.5), Toy(low=2.5)]
    found = together(processors, EVENTS)
    assert found == alone(processors, EVENTS)
    assert found[0] == found[2] != found[1]


def test_missing_answers_reject_and_stay_missing():
    class Y(Toy):
        output = ("x", "double_y")

        @quantity
        def double_y(self, rows):
            return 2 * rows.y

        def small(self, rows):
            return rows.double_y < 10

    found = Y().selection(EVENTS)
    assert found.candidates.double_y.tolist() == [2.0, 4.0, 0.0]
    everything = Y().candidates(EVENTS, before="y")
    assert np.isnan(everything.double_y).tolist() == [False, False, False, True, False]


def test_a_cut_has_one_boolean_per_candidate():
    class Long(Toy):
        def above(self, rows):
            return np.ones(7, dtype=bool)

    class Numbers(Toy):
        def above(self, rows):
            return rows.x.astype(np.int32)

    class Setting(Toy):
        def above(self, rows):
            self.last = rows.x
            return rows.x > 0

    with raises("processor.not-one-per-candidate", path="above", mentions=("(7,)", "5")):
        Long().selection(EVENTS)
    with pytest.raises(TypeError, match=r"above.*int32"):
        Numbers().selection(EVENTS)
    with pytest.raises(AttributeError, match=r"self\.last"):
        Setting().selection(EVENTS)


def test_all_candidates_are_kept_where_no_best_one_is_asked_for():
    assert Toy().selection(EVENTS).candidates.x.tolist() == [1.0, 5.0, 4.0]
    assert Toy().selection(EVENTS).counters == {"reached": 5}


def test_no_events():
    nothing = Toy().selection(EVENTS[:0])
    assert nothing.candidates.type == Toy().selection(EVENTS).candidates[:0].type
    assert [step.events for step in nothing.cutflow] == [0, 0, 0, 0]


class Parts(Toy):
    """A quantity of two parts, of which one may be wrong."""

    wrong: bool = parameter(False, help="whether it fails")

    @quantity
    def parts(self, rows):
        if self.wrong:
            return {"a": np.ma.masked_all(len(rows), dtype=np.int64), "b": np.zeros(len(rows) + 1)}
        return {"a": rows.x + 0.25, "b": rows.x}

    @cut("parts")
    def half(self, rows):
        return rows.parts["a"] > 1.5


def test_what_a_failing_function_began_is_no_answer_for_others():
    memo = Memo()
    with raises("processor.not-one-per-candidate"):
        Parts(wrong=True).selection(EVENTS, memo)
    found = Parts().selection(EVENTS, memo)
    assert content(found) == content(Parts().selection(EVENTS))
    assert found.candidates.x.tolist() == [5.0, 4.0]


class Chain(Toy):
    """Later cuts, of which one reads an attribute for some candidates alone."""

    limit: float = parameter(9.0, help="of large candidates")

    @cut("x")
    def below(self, rows):
        large = rows.x > 3
        return np.where(large, rows.x < self.limit, True) if large.any() else ~large


def test_processors_that_differ_before_equal_cuts_find_what_each_finds_alone():
    """From the third on, the last cuts are counted rather than followed one by one."""
    values = itertools.product((4.0, 2.5, 1.5, 0.0), (9.0, 4.5))
    processors = [Chain(low=low, limit=limit, name=f"{low}_{limit}") for low, limit in values]
    expected = {one.name: content(one.selection(EVENTS)) for one in processors}
    assert len({repr(one) for one in expected.values()}) > 4
    for order in itertools.islice(itertools.permutations(processors), 0, None, 997):
        memo = Memo()
        for one in order:
            assert content(one.selection(EVENTS, memo)) == expected[one.name], one.name


def test_what_several_cuts_leave_is_what_they_leave_one_by_one(rng):
    from tau3mu.selection import Candidates
    from tau3mu.selection.candidates import AllCandidates

    lists = ak.unflatten(np.arange(300.0), rng.multinomial(300, [0.01] * 100))
    everything = AllCandidates(lists, ak.zip({"x": lists}))
    left = Candidates.of(everything).cut("first", rng.random(300) < 0.7)
    for number in (len(left.index), 0):
        some = left.cut("some", np.arange(len(left.index)) < number)
        masks = [rng.random(number) < 0.6 for _ in range(4)]
        passed = np.cumprod(masks, axis=0).sum(axis=0)
        found = some.cut_all(["a", "b", "c", "d"], passed)
        expected = some
        for name, mask, one in zip("abcd", masks, found, strict=True):
            expected = expected.cut(name, mask[np.isin(some.index, expected.index)])
            assert one.steps == expected.steps
            assert one.index.tolist() == expected.index.tolist()
            assert one.entries.tolist() == expected.entries.tolist()


@pytest.fixture
def rng():
    return np.random.default_rng(5)
