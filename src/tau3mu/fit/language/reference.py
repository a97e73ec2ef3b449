"""The tables of the reference page of fit files, made from the JSON schema and from the pdfs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tau3mu.fit.expressions import CONSTANTS, FUNCTIONS
from tau3mu.fit.language.json_schema import ALTERNATIVES, json_schema
from tau3mu.fit.language.shapes import TEMPLATES, Shape
from tau3mu.fit.pdfs import PDFS
from tau3mu.fit.pdfs.dimuon import DIMUON

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tau3mu.fit.pdfs import Pdf

__all__ = ["with_tables"]

_ORDER = (
    "FitModel", "SpectrumModel", "Observable", "Input", "Component", "Shape", "Parameter",
    "Constraint", "Labels", "Method", "Minos", "Stage", "Starts", "GoodnessOfFit", "Window",
    "Outputs", "Plot", "Text",
)  # fmt: skip
_HEADINGS = {
    "FitModel": "The whole file",
    "SpectrumModel": "Spectrum",
    "GoodnessOfFit": "Goodness of fit",
}
_TYPES = {
    "boolean": "true or false",
    "integer": "integer",
    "number": "number",
    "string": "string",
}


def with_tables(page: str) -> str:
    """Returns the page with new tables between its comments `begin NAME` and `end NAME`.

    Args:
        page: The text in Markdown.
    """
    schema = json_schema()
    parts = {"FitModel": schema, **schema["$defs"]}
    calls = (f"`{name}({', '.join('ab'[:number])})`" for name, (_, number) in FUNCTIONS.items())
    tables = {
        "keys": "\n".join(_section(name, parts[name]) for name in sorted(parts, key=_ORDER.index)),
        "pdfs": _pdf_table(pdf for pdf in PDFS.values() if pdf not in DIMUON),
        "templates": _template_table(),
        "dimuon": _pdf_table(DIMUON),
        "functions": ", ".join((*(f"`{name}`" for name in CONSTANTS), *calls)),
    }
    for name, table in tables.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        before, _, after = page.partition(begin)
        page = f"{before}{begin}\n\n{table.strip()}\n\n{end}{after.partition(end)[2]}"
    return page


def _section(name: str, part: Mapping[str, Any]) -> str:
    # A component is a shape with more keys: only those are listed for it.
    shape = Shape.model_fields if name == "Component" else ()
    more = " It has the keys of a [shape](#shape), and these:" if shape else ""
    rows = [
        f"| `{key}` | {_type(value)} | {_default(key, value, part)} | {_meaning(value)} |\n"
        for key, value in part["properties"].items()
        if key not in shape
    ]
    groups = [" and ".join(f"`{key}`" for key in keys) for keys in ALTERNATIVES.get(name, ())]
    rule = f"\nEither {' or '.join(groups)} is required, but not both.\n"
    end = rule if groups and not shape else ""
    level = "##" if name == "FitModel" else "###"
    return (
        f"{level} {_HEADINGS.get(name, name)}\n\n{part['description']}{more}\n\n"
        f"| Key | Type | Default | Meaning |\n|---|---|---|---|\n{''.join(rows)}{end}"
    )


def _default(key: str, value: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    if key in part.get("required", ()):
        return "*required*"
    return f"`{_json(value['default'])}`" if value.get("default") not in (None, "", []) else ""


def _meaning(value: Mapping[str, Any]) -> str:
    return _cell(value.get("description", ""))


def _type(value: Mapping[str, Any]) -> str:
    """Returns a type in words, with links to the parts."""
    match value:
        case {"$ref": part}:
            name = part.rpartition("/")[2]
            heading = _HEADINGS.get(name, name)
            words = f"[{heading}](#{heading.lower().replace(' ', '-')})"
        case {"const": constant}:
            words = f"`{_json(constant)}`"
        case {"enum": constants}:
            words = " or ".join(f"`{_json(constant)}`" for constant in constants)
        case {"anyOf": kinds}:
            words = " or ".join(_type(kind) for kind in kinds)
        case {"prefixItems": items}:
            words = f"[{', '.join(_type(item) for item in items)}]"
        case {"items": item}:
            words = f"list of: {_type(item)}"
        case {"patternProperties": patterns}:
            words = f"by name: {' or '.join(_type(kind) for kind in patterns.values())}"
        case {"additionalProperties": dict(kind)}:
            words = f"by name: {_type(kind)}"
        case {"pattern": _}:
            words = "name"
        case {"exclusiveMinimum": minimum}:
            words = f"{_TYPES[value['type']]} > {minimum}"
        case _:
            words = _TYPES[value["type"]]
    return words


def _pdf_table(pdfs: Iterable[Pdf]) -> str:
    rows = []
    for pdf in pdfs:
        parameters = [
            f"`{name}`" + (" > 0" if name in pdf.positive else "") for name in pdf.parameters
        ]
        rows.append(f"| `{pdf.name}` | {', '.join(parameters)} | {_cell(pdf.description)} |\n")
    return f"| Pdf | Parameters | Formula |\n|---|---|---|\n{''.join(rows)}"


def _template_table() -> str:
    rows = [f"| `{name}` | {_cell(meaning)} |\n" for name, meaning in TEMPLATES.items()]
    return f"| Pdf | Shape |\n|---|---|\n{''.join(rows)}"


def _cell(text: str) -> str:
    """Returns a text for a cell of a table, in which stars and bars would be of Markdown."""
    parts = " ".join(text.split()).split("`")
    plain = [part.replace("*", r"\*").replace("|", r"\|") for part in parts[::2]]
    code = [part.replace("|", r"\|") for part in parts[1::2]]
    return "`".join(part for pair in zip(plain, [*code, ""], strict=True) for part in pair)[:-1]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
