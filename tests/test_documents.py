"""Documents of users: how they are read, and how each mistake in them is explained."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from errors import raises
from pydantic import Field, field_validator

from tau3mu.config.documents import Document, Strict, read_document
from tau3mu.config.problems import key_path
from tau3mu.errors import InputError


class Circle(Strict):
    kind: Literal["circle"]
    radius: Annotated[float, Field(gt=0)]


class Square(Strict):
    kind: Literal["square"]
    edges: tuple[float, float]

    @field_validator("edges")
    @classmethod
    def _in_order(cls, edges: tuple[float, float]) -> tuple[float, float]:
        if edges[0] >= edges[1]:
            message = "not in order"
            raise InputError(message, code="drawing.order", path="[1]")
        return edges


_Shape = Annotated[Circle | Square, Field(discriminator="kind")]


class Drawing(Strict):
    name: str
    shapes: dict[str, _Shape] = Field(default_factory=dict)
    scale: float | Literal["auto"] = 1.0
    points: list[Annotated[list[int], Field(min_length=2)]] = Field(default_factory=list)


GOOD: dict[str, Any] = {
    "name": "a",
    "shapes": {"c": {"kind": "circle", "radius": 1}, "s": {"kind": "square", "edges": [1, 2.5]}},
}


def drawing(**changes: Any) -> Drawing:
    return Document(GOOD | changes, "drawing d", "drawing").validate(Drawing)


def test_good_document():
    """Fails if lists of a file are refused where a model has tuples."""
    found = drawing()
    assert found.shapes["s"] == Square(kind="square", edges=(1.0, 2.5))
    assert drawing(scale="auto").scale == "auto"


@pytest.mark.parametrize(
    ("changes", "code", "path", "mentions"),
    [
        ({"naem": 1}, "unknown-key", "naem", "'name'"),
        ({"name": "\ud800"}, "not-text", "", "surrogate"),
        ({"name": ["https://user:hush@host/x"]}, "wrong-type", "name", "***@host"),
        ({"name": 3}, "wrong-type", "name", "got 3"),
        ({"name": "x" * 10_000, "scale": []}, "wrong-value", "scale", "'auto'"),
        (
            {"shapes": {"a": {"kind": "circle", "radius": float("inf")}}},
            "out-of-range", "shapes.a.radius", "Infinity",
        ),
        ({"scale": "aut"}, "wrong-value", "scale", "'auto'"),
        ({"points": [[1, 2], [3]]}, "wrong-length", "points[1]", "at least 2 items"),
        ({"points": [[1, 2], [3, "x"]]}, "wrong-type", "points[1][1]", '"x"'),
        ({"shapes": {"a": {}}}, "missing-key", "shapes.a.kind", "'square'"),
        ({"shapes": {"a": {"kind": "circl"}}}, "unknown-choice", "shapes.a.kind", "mean 'circle'"),
        ({"shapes": {"a": {"kind": "circle"}}}, "missing-key", "shapes.a.radius", ""),
        (
            {"shapes": {"a b.root": {"kind": "circle", "radius": -1}}},
            "out-of-range", 'shapes["a b.root"].radius', "above 0",
        ),
        (
            {"shapes": {"s": {"kind": "square", "edges": [1, 2], "edge": 3}}},
            "unknown-key", "shapes.s.edge", "mean 'edges'",
        ),
        (
            {"shapes": {"s": {"kind": "square", "edges": [2, 1]}}},
            "order", "shapes.s.edges[1]", "not in order",
        ),
    ],
)  # fmt: skip
def test_codes_and_paths(changes, code, path, mentions):
    """Fails if an error cannot be told from another, or leads to another key."""
    with raises(f"drawing.{code}", InputError, mentions=mentions) as error:
        drawing(**changes)
    assert error.value.path == path
    assert len(str(error.value)) < 300


def test_all_problems_in_the_order_of_the_document_up_to_a_number():
    """Fails if a user has to fix a file one error at a time, or drowns in errors."""
    with raises("drawing.unknown-key", path="b") as error:
        Document({"b": 1, "name": 2, "a": 3}, "drawing d", "drawing").validate(Drawing)
    assert [line.split(": ")[1] for line in str(error.value).splitlines()] == ["b", "name", "a"]
    with raises("drawing.wrong-type", path="points[0]", mentions="5 more") as error:
        drawing(points=[1] * 25)
    assert len(str(error.value).splitlines()) == 21


JSON = '{\n"name": "a",\n"shapes":\t{\n"c": {"kind": "circle",\n\t"radius": "x"}}}'
YAML = 'name: a\n# of shapes\nshapes:\n  c:\n    kind: circle\n    radius: "x"\n'
TOML = (
    'name = """\n[shapes.c]\nradius = 1\n"""\n[shapes.c]\nkind = "circle"\nradius = "x"\n'
    '["shapes".d]\nkind = "circle"\nradius = 1\n'
)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [("a.json", JSON, 5), ("a.yaml", YAML, 6), ("a.yml", YAML, 6), ("a.toml", TOML, 7)],
)
def test_lines_of_keys(tmp_path, name, text, line):
    """Fails if a user has to search a long file for a key."""
    path = tmp_path / name
    path.write_text(text)
    with raises("drawing.wrong-type", mentions=f"{name}, line {line}: shapes.c.radius: "):
        read_document(path, "drawing", language="drawing").validate(Drawing)


@pytest.mark.parametrize(
    ("name", "text", "code", "mentions"),
    [
        ("a.json", '{\n"a": 1\n"b": 2}', "not-json", "line 3, column 1"),
        ("a.json", '{"a": {"b": 1, "b": 2}}', "duplicate-key", "'b'"),
        ("a.json", "[1]", "wrong-type", "[1]"),
        ("a.toml", "a = 1\nb = x", "not-toml", "line 2, column 5"),
        ("a.toml", "a = 1\na = 2", "not-toml", ""),
        ("a.yaml", "a: 1\nb: [2", "not-yaml", "line 2"),
        ("a.yaml", "a: 1\nb:\n  c: 1\n  c: 2", "duplicate-key", "line 4"),
        ("a.yaml", "a: 2026-01-01", "not-yaml", "date"),
        ("a.yaml", "b: x: y", "not-yaml", "quote"),
        ("a.yaml", "- 1", "wrong-type", "[1]"),
        ("a.yaml", "a: &a [&b [*a]]", "too-deep", ""),
        ("none.json", None, "cannot-read", ""),
    ],
)
def test_texts_that_are_no_document(tmp_path, name, text, code, mentions):
    """Fails if a mistake in a text is accepted, or told without its place."""
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    language = "config" if code == "cannot-read" else "drawing"
    with raises(f"{language}.{code}", InputError, mentions=(str(path), mentions)):
        read_document(path, "drawing", language="drawing")


@pytest.mark.timeout(20)
def test_aliases_that_multiply(tmp_path):
    """Fails if a few lines of YAML fill the memory."""
    path = tmp_path / "a.yaml"
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    path.write_text("\n".join(["a0: &a0 [1]", *levels]))
    with raises("drawing.too-large", mentions=str(path)):
        read_document(path, "drawing", language="drawing")


def test_size_of_files(tmp_path):
    """Fails if a file of data that is given by mistake is read and parsed as a whole."""
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        file.truncate(100_000_001)
    with raises("drawing.too-large", path=str(path)):
        read_document(path, "drawing", language="drawing")


def test_key_paths():
    """Fails if names with dots are mixed up with steps."""
    assert key_path(("parts", "mass-2", "range", 0)) == "parts.mass-2.range[0]"
    assert key_path(("a.b", "c")) == '["a.b"].c'
    assert key_path(()) == ""


def test_dates_of_toml_are_the_text_that_was_written(tmp_path):
    """Fails if 08:00:00 without quotes, a time of TOML, is an error."""
    path = tmp_path / "a.toml"
    path.write_text("name = 08:00:00")
    assert read_document(path, "drawing").validate(Drawing).name == "08:00:00"
