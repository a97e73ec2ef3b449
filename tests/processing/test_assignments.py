"""Parameters and variants as texts of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from errors import raises
from toys import Toy

from tau3mu.processing import Processor, load_processors, parameter
from tau3mu.processing.assignments import assigned, variant_of

NAMES = ["dsphipi", "my.own"]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["dsphipi.cut=3"], {"dsphipi": {"cut": 3}}),
        (["dsphipi.axis.bins=3", "dsphipi.axis.stop=2.5"],
         {"dsphipi": {"axis": {"bins": 3, "stop": 2.5}}}),
        (["my.own.a.b=[1, 2]", "dsphipi.tag=some text=x"],
         {"my.own": {"a": {"b": [1, 2]}}, "dsphipi": {"tag": "some text=x"}}),
        (["dsphipi.cut = 3", " dsphipi.tag = b c "], {"dsphipi": {"cut": 3, "tag": "b c"}}),
        (["dsphipi.a=null", "dsphipi.b=true", 'dsphipi.c="3"', "dsphipi.d="],
         {"dsphipi": {"a": None, "b": True, "c": "3", "d": ""}}),
    ],
)  # fmt: skip
def test_values_are_json_or_text(texts, expected):
    assert assigned(texts, NAMES) == expected


@pytest.mark.parametrize(
    ("text", "code", "mentions"),
    [
        ("dsphip.cut=3", "unknown-name", "'dsphipi'"),
        ("cut=3", "unknown-name", "my.own"),
        ("dsphipi=3", "unknown-name", "dsphipi"),
        ("dsphipi.cut", "assignment-form", "dsphipi.cut"),
        ("dsphipi..cut=3", "assignment-form", "dsphipi..cut"),
    ],
)
def test_a_text_of_another_form_is_an_error(text, code, mentions):
    with raises(f"processor.{code}", mentions=mentions):
        assigned([text], NAMES)


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("tight:cut=3", ["dsphipi"], ("tight", "dsphipi", {"cut": 3})),
        ("tight: cut = 3, x=4", ["dsphipi"], ("tight", "dsphipi", {"cut": 3, "x": 4})),
        ("tight:dsphipi.cut=3", ["dsphipi"], ("tight", "dsphipi", {"cut": 3})),
        ("t:my.own.w=[1,2],my.own.x.y=5", NAMES, ("t", "my.own", {"w": [1, 2], "x": {"y": 5}})),
        (
            't:dsphipi.p=["a,b","c]"],dsphipi.o={"q":[1,2],"r":3}', NAMES,
            ("t", "dsphipi", {"p": ["a,b", "c]"], "o": {"q": [1, 2], "r": 3}}),
        ),
    ],
)  # fmt: skip
def test_a_variant_has_several_values_with_commas_inside(text, names, expected):
    assert variant_of(text, names) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("tight", "variant-form"),
        (":cut=3", "variant-form"),
        ("tight:", "variant-form"),
        ("tight:cut", "assignment-form"),
        ("tight:cut=3", "variant-of-which"),
        ("tight:dsphipi.cut=3,my.own.cut=3", "variant-of-which"),
        ("tight:dsphipi.cut=3,other=3", "variant-of-which"),
    ],
)
def test_a_variant_says_of_which_processor_it_is(text, code):
    with raises(f"processor.{code}", mentions=text):
        variant_of(text, NAMES)


@pytest.fixture
def toys(tmp_path):
    path = tmp_path / "toys.py"
    path.write_text(Path(__file__).with_name("toys.py").read_text())
    return f"{path}:Toy"


def test_the_base_runs_too_and_variants_start_from_its_values(toys):
    base, tight, axes = load_processors(
        [toys],
        values=["Toy.min_pt=5", "Toy.mass_axis.bins=3"],
        variants=["tight:min_pt=7", 'axes:Toy.paths=["A","B"],mass_axis.stop=9'],
    )
    assert [one.name for one in (base, tight, axes)] == ["Toy", "tight", "axes"]
    assert [one.min_pt for one in (base, tight, axes)] == [5, 7, 5]
    assert [one.mass_axis.bins for one in (base, tight, axes)] == [3, 3, 3]
    assert [one.mass_axis.stop for one in (base, tight, axes)] == [5, 5, 9]
    assert axes.paths == ("A", "B")


@pytest.mark.parametrize(
    ("values", "variants", "code", "path"),
    [
        (["Toy.min_p=5"], [], "unknown-parameter", "Toy.min_p"),
        ([], ["tight:min_p=5"], "unknown-parameter", "min_p"),
        (["Toy.min_pt=x"], [], "wrong-parameter", "Toy.min_pt"),
        ([], ["tight:window=[2,1]"], "wrong-parameter", "window"),
        ([], ["Toy:min_pt=5"], "same-name", ""),
        ([], ["toy:min_pt=5"], "same-name", ""),
        ([], ["a/b:min_pt=5"], "bad-name", ""),
        ([], ["a:min_pt=5", "a:min_pt=6"], "same-name", ""),
    ],
)
def test_wrong_values_and_names_are_errors(toys, values, variants, code, path):
    with raises(f"processor.{code}", path=path):
        load_processors([toys], values=values, variants=variants)


def test_instances_and_names_go_together(toys):
    processors = load_processors(
        [Toy(min_pt=6, name="six"), toys], values=["six.tag=x"], variants=["seven:six.min_pt=7"]
    )
    assert [(one.name, one.min_pt, one.tag) for one in processors] == [
        ("six", 6, "x"), ("Toy", 4, None), ("seven", 7, "x"),
    ]  # fmt: skip


def test_a_class_is_not_an_instance():
    with raises("processor.no-processor", mentions="Toy"):
        load_processors([Toy])


@pytest.mark.parametrize(
    "options", [{"values": ["Toy.name=x"]}, {"variants": ["six:min_pt=6,name=x"]}]
)
@pytest.mark.parametrize("instance", [True, False])
def test_the_name_is_no_parameter(options, instance):
    asked = Toy() if instance else f"{Path(__file__).with_name('toys.py')}:Toy"
    with raises("processor.unknown-parameter", path="Toy.name"):
        load_processors([asked], **options)


@pytest.mark.parametrize("options", [{"values": ["Needy.x=2"]}, {"variants": ["two:x=2"]}])
def test_an_instance_that_cannot_be_made_again_is_an_error_with_the_option(options):
    (option,) = {"values": ["--set"], "variants": ["--variant"]}[next(iter(options))]
    with raises("processor.constructor", mentions=(option, "'path'")):
        load_processors([Needy("somewhere")], **options)


class Needy(Processor):
    """Cannot be created from its name and parameters alone."""

    columns = frozenset({"event"})
    x: float = parameter(1.0, help="x")

    def __init__(self, path, **settings):
        super().__init__(**settings)
        self.path = path

    def select(self, events, cutflow):
        raise NotImplementedError


def test_a_wrong_value_of_a_shipped_processor_names_no_line_of_it():
    with raises("processor.wrong-parameter", path="dsphipi.skip", mentions="a list") as error:
        load_processors(["dsphipi"], values=["dsphipi.skip=phi"])
    assert "dsphipi.py" not in str(error.value)
