"""JSON schemas of the languages of users' files, and tables of their keys for reference pages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

__all__ = ["KeyTables", "cell", "schema_of", "with_tables"]

_TYPES: Final = {
    "boolean": "true or false",
    "integer": "integer",
    "null": "`null`",
    "number": "number",
    "string": "string",
}


def schema_of(
    model: type[BaseModel],
    title: str,
    identifier: str,
    *,
    alternatives: Mapping[str, tuple[tuple[str, ...], ...]] | None = None,
) -> dict[str, Any]:
    """Returns the JSON schema (2020-12) of a language.

    Args:
        model: Of a whole file.
        title: What such a file is.
        identifier: A URN.
        alternatives: By part, groups of keys of which exactly one is needed.
    """
    schema = model.model_json_schema(by_alias=True)
    parts = schema.pop("$defs")
    for name, part in {model.__name__: schema, **parts}.items():
        _tidy(part)
        if groups := (alternatives or {}).get(name):
            part["oneOf"] = [{"required": list(keys)} for keys in groups]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": identifier,
        "title": title,
        **schema,
        "$defs": parts,
    }


def _tidy(part: Any) -> None:
    """Makes a part of pydantic's schema shorter and as strict as the language."""
    for value in part.values() if isinstance(part, dict) else part:
        if isinstance(value, dict | list):
            _tidy(value)
    if not isinstance(part, dict):
        return
    if isinstance(part.get("title"), str):  # only repeats the name of the key
        del part["title"]
    meaning = part.get("default") is not None  # where null is not the same as leaving it out
    if part.get("default", ...) is None or "$ref" in part:  # a part has the defaults of its keys
        part.pop("default", None)
    if "patternProperties" in part:
        part["additionalProperties"] = False
    if "anyOf" in part:
        kinds = [kind for kind in part.pop("anyOf") if meaning or kind != {"type": "null"}]
        part |= kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


@dataclass(frozen=True)
class KeyTables:
    """The tables of the keys of a language, in Markdown.

    Attributes:
        root: The part that is the whole file.
        order: Of the parts on the page.
        headings: Of parts whose names are not their headings.
        alternatives: By part, groups of keys of which exactly one is needed.
        extends: Parts that have the keys of another one, of which only their own are listed.
    """

    root: str
    order: tuple[str, ...]
    headings: Mapping[str, str] = field(default_factory=dict)
    alternatives: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    extends: Mapping[str, str] = field(default_factory=dict)

    def text(self, schema: Mapping[str, Any]) -> str:
        """Returns the tables.

        Args:
            schema: Of the language, from `schema_of`.
        """
        parts = {self.root: schema, **schema["$defs"]}
        names = sorted(parts, key=self.order.index)
        return "\n".join(self._section(name, parts) for name in names)

    def _section(self, name: str, parts: Mapping[str, Any]) -> str:
        part, base = parts[name], self.extends.get(name)
        known = parts[base]["properties"] if base else ()
        more = (
            f" It has the keys of a [{base.lower()}](#{base.lower()}), and these:" if base else ""
        )
        own = {key: value for key, value in part["properties"].items() if key not in known}
        cells = (
            (f"`{key}`", self._type(value), _default(key, value, part), _meaning(value))
            for key, value in own.items()
        )
        rows = [f"| {' | '.join(row)} |\n" for row in cells]
        groups = (" and ".join(f"`{key}`" for key in keys) for keys in self._groups(name))
        rule = " or ".join(groups)
        end = f"\nEither {rule} is required, but not both.\n" if rule and not base else ""
        level = "##" if name == self.root else "###"
        return (
            f"{level} {self.headings.get(name, name)}\n\n{part['description']}{more}\n\n"
            f"| Key | Type | Default | Meaning |\n|---|---|---|---|\n{''.join(rows)}{end}"
        )

    def _groups(self, name: str) -> tuple[tuple[str, ...], ...]:
        return self.alternatives.get(name, ())

    def _type(self, value: Mapping[str, Any]) -> str:
        """Returns a type in words, with links to the parts."""
        match value:
            case {"$ref": part}:
                name = part.rpartition("/")[2]
                heading = self.headings.get(name, name)
                words = f"[{heading}](#{heading.lower().replace(' ', '-')})"
            case {"const": constant}:
                words = f"`{_json(constant)}`"
            case {"enum": constants}:
                words = " or ".join(f"`{_json(constant)}`" for constant in constants)
            case {"anyOf": kinds} | {"oneOf": kinds}:
                words = " or ".join(self._type(kind) for kind in kinds)
            case {"prefixItems": items}:
                words = f"[{', '.join(self._type(item) for item in items)}]"
            case {"items": item}:
                words = f"list of: {self._type(item)}"
            case {"patternProperties": patterns}:
                words = f"by name: {' or '.join(self._type(kind) for kind in patterns.values())}"
            case {"additionalProperties": dict(kind)}:
                words = f"by name: {self._type(kind)}"
            case {"additionalProperties": True}:
                words = "by name: any value"
            case {"pattern": _}:
                words = "name"
            case {"exclusiveMinimum": minimum}:
                words = f"{_TYPES[value['type']]} > {minimum}"
            case _:
                words = _TYPES[value["type"]]
        return words


def with_tables(page: str, tables: Mapping[str, str]) -> str:
    """Returns a page with new tables between its comments `begin NAME` and `end NAME`.

    Args:
        page: The text in Markdown.
        tables: By name.
    """
    for name, table in tables.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        before, _, after = page.partition(begin)
        page = f"{before}{begin}\n\n{table.strip()}\n\n{end}{after.partition(end)[2]}"
    return page


def _default(key: str, value: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    if key in part.get("required", ()):
        return "*required*"
    usual = value.get("default")
    return "" if usual in (None, "", [], {}) else f"`{_json(usual)}`"


def _meaning(value: Mapping[str, Any]) -> str:
    return cell(value.get("description", ""))


def cell(text: str) -> str:
    """Returns a text for a cell of a table, in which stars and bars would be of Markdown.

    Args:
        text: With code between backticks.
    """
    parts = " ".join(text.split()).split("`")
    plain = [part.replace("*", r"\*").replace("|", r"\|") for part in parts[::2]]
    code = [part.replace("|", r"\|") for part in parts[1::2]]
    return "`".join(part for pair in zip(plain, [*code, ""], strict=True) for part in pair)[:-1]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
