"""Parameters of processors: typed, patched, and part of the fingerprint."""

from __future__ import annotations

import pickle

import cloudpickle
import numpy as np
import pytest
from errors import raises
from toys import Toy

from tau3mu.processing import Axis, Processor, Window, parameter
from tau3mu.processing.fingerprint import fingerprint

DEFAULTS = {
    "min_pt": 4.0,
    "window": [1.62, 2.02],
    "mass_axis": {"bins": 10, "start": 0.0, "stop": 5.0, "label": "m [GeV]"},
    "paths": ["HLT_A", "HLT_B"],
    "axes_by_name": {"pt": {"bins": 5, "start": 0.0, "stop": 10.0, "label": ""}},
    "tag": None,
}


def test_defaults_are_attributes_and_in_the_configuration():
    toy = Toy()
    assert (toy.min_pt, toy.window, toy.paths) == (4.0, Window(1.62, 2.02), ("HLT_A", "HLT_B"))
    assert toy.configuration["parameters"] == DEFAULTS
    assert toy.configuration["class"] == "toys.Toy"


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"min_pt": 5}, {"min_pt": 5.0}),
        ({"min_pt": np.float32(2.5)}, {"min_pt": 2.5}),
        ({"window": (1, 2)}, {"window": [1.0, 2.0]}),
        ({"window": Window(1, 2)}, {"window": [1.0, 2.0]}),
        ({"mass_axis": {"bins": 7}}, {"mass_axis": {**DEFAULTS["mass_axis"], "bins": 7}}),
        (
            {"mass_axis": Axis(2, 0, 1)},
            {"mass_axis": {"bins": 2, "start": 0.0, "stop": 1.0, "label": ""}},
        ),
        ({"paths": ["HLT_C"]}, {"paths": ["HLT_C"]}),
        ({"axes_by_name": {"pt": None}}, {"axes_by_name": {}}),
        (
            {"axes_by_name": {"pt": {"stop": 20}}},
            {"axes_by_name": {"pt": {**DEFAULTS["axes_by_name"]["pt"], "stop": 20.0}}},
        ),
        ({"tag": "x"}, {"tag": "x"}),
    ],
)
def test_a_merge_patch_changes_what_it_names(patch, expected):
    toy = Toy(**patch)
    assert toy.configuration["parameters"] == DEFAULTS | expected
    assert toy.parameters.model_dump(mode="json") == DEFAULTS | expected


@pytest.mark.parametrize(
    ("patch", "code", "path", "mentions"),
    [
        ({"min_p": 5}, "unknown-parameter", "Toy.min_p", "min_pt"),
        ({"mass_axis": {"bin": 5}}, "unknown-parameter", "Toy.mass_axis.bin", "bins"),
        ({"min_pt": "x"}, "wrong-parameter", "Toy.min_pt", ("GeV", "number", "'x'")),
        ({"min_pt": True}, "wrong-parameter", "Toy.min_pt", "number"),
        ({"min_pt": -1}, "wrong-parameter", "Toy.min_pt", ("-1", "0")),
        ({"min_pt": float("inf")}, "wrong-parameter", "Toy.min_pt", "inf"),
        ({"min_pt": float("nan")}, "wrong-parameter", "Toy.min_pt", "nan"),
        ({"min_pt": None}, "wrong-parameter", "Toy.min_pt", "None"),
        ({"window": [2, 1]}, "wrong-parameter", "Toy.window", ("[2, 1]", "GeV")),
        ({"window": [1, 2, 3]}, "wrong-parameter", "Toy.window", "3"),
        ({"mass_axis": {"bins": 0}}, "wrong-parameter", "Toy.mass_axis.bins", "0"),
        ({"mass_axis": {"start": 9}}, "wrong-parameter", "Toy.mass_axis", ("9", "5")),
        ({"paths": "HLT_C"}, "wrong-parameter", "Toy.paths", "HLT_C"),
        ({"tag": object}, "wrong-parameter", "Toy.tag", "type"),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_unit(patch, code, path, mentions):
    with raises(f"processor.{code}", path=path, mentions=mentions):
        Toy(**patch)


def test_a_parameter_cannot_be_set_later():
    with raises("processor.fixed-parameter", path="min_pt"):
        Toy().min_pt = 3


def test_a_parameter_has_a_type():
    class Untyped(Toy):
        cut = parameter(1.0, help="no type")

    with raises("processor.untyped-parameter", path="Untyped.cut"):
        Untyped()


def test_a_default_keeps_its_own_limits():
    class Wrong(Toy):
        cut: float = parameter(-1.0, unit="cm", help="negative", gt=0)

    with raises("processor.wrong-parameter", path="Wrong.cut", mentions=("-1.0", "cm")):
        Wrong()


def test_a_subclass_has_the_parameters_of_its_base_and_may_change_a_default():
    class Tight(Toy):
        min_pt: float = parameter(7.0, unit="GeV", help="of each muon")

    assert Tight(window=[1, 2]).configuration["parameters"] == DEFAULTS | {
        "min_pt": 7.0, "window": [1.0, 2.0],
    }  # fmt: skip


def test_a_variant_keeps_the_other_parameters_and_has_its_own_name():
    tight = Toy(min_pt=6, paths=["HLT_C"]).variant("tight", mass_axis={"bins": 3})
    assert tight.name == "tight"
    assert tight.configuration["parameters"] == DEFAULTS | {
        "min_pt": 6.0, "paths": ["HLT_C"], "mass_axis": {**DEFAULTS["mass_axis"], "bins": 3},
    }  # fmt: skip
    assert Toy().name == "Toy"


def test_equal_parameters_have_the_same_hash_and_others_another():
    hashes = [toy.configuration["hash"] for toy in (Toy(), Toy(min_pt=4), Toy(min_pt=5), Other())]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


class Other(Toy):
    """The same parameters in another class."""


def test_parameters_are_part_of_the_fingerprint():
    prints = [
        fingerprint([toy]) for toy in (Toy(), Toy(min_pt=4), Toy(min_pt=5), Toy(window=[1, 2]))
    ]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
def test_an_instance_travels_with_its_parameters(dumps):
    there = pickle.loads(dumps(Toy(min_pt=5, name="tight")))
    assert (there.name, there.min_pt, there.window) == ("tight", 5.0, Window(1.62, 2.02))
    assert there.configuration == Toy(min_pt=5).configuration


def test_a_class_without_own_constructor_call_has_its_defaults():
    class Old(Toy):
        def __init__(self):
            self.extra = 1

    assert Old().min_pt == 4.0
    assert Old().configuration["parameters"] == DEFAULTS


def test_a_window_is_open():
    inside = Window(1.0, 2.0).contains(np.array([1.0, 1.5, 2.0, np.nan]))
    assert inside.tolist() == [False, True, False, False]


def test_a_processor_without_parameters_says_so():
    class Plain(Processor):
        columns = frozenset({"run"})

        def select(self, events, cutflow):
            raise NotImplementedError

    with raises("processor.unknown-parameter", path="Plain.cut"):
        Plain(cut=1)


def test_what_was_removed_stays_removed_in_a_variant():
    bare = Toy(axes_by_name={"pt": None}, tag="x")
    again = bare.variant("again", tag=None, min_pt=5)
    assert again.configuration["parameters"] == DEFAULTS | {"axes_by_name": {}, "min_pt": 5.0}


def test_the_text_of_a_processor_is_the_call_that_makes_it():
    assert repr(Toy()) == f"Toy(name={Toy().name!r})"
    assert repr(Toy(name="hard", min_pt=6)) == "Toy(name='hard', min_pt=6.0)"


@pytest.mark.parametrize("name", ["name", "parameters", "configuration"])
def test_names_of_every_processor_are_taken(name):
    body = {
        "__annotations__": {name: "int"}, "columns": {"event"}, name: parameter(1, help="x"),
        "select": Toy.select,
    }  # fmt: skip
    with raises("processor.taken-name", path=f"Mine.{name}"):
        type("Mine", (Processor,), body)()


def test_a_list_is_shown_by_its_default():
    with raises("processor.wrong-parameter", path="Toy.window", mentions="[1.62, 2.02]"):
        Toy(window="1.7,1.9")
