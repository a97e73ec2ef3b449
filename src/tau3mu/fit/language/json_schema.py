"""The JSON schema of fit files: for editors, and for the reference page."""

from __future__ import annotations

import json
from typing import Any

from tau3mu.fit.language.model import FitModel
from tau3mu.fit.language.shapes import TEMPLATES
from tau3mu.fit.pdfs import PDFS

__all__ = ["ALTERNATIVES", "json_schema", "schema_text"]

ALTERNATIVES: dict[str, tuple[tuple[str, ...], ...]] = {
    "FitModel": (("observable", "components"), ("spectra",)),
    "Input": (("histogram",), ("column",)),
    "Parameter": (("value",), ("expression",)),
    "Shape": (("pdf",), ("sum",)),
    "Component": (("pdf",), ("sum",)),
}
"""By part, groups of keys of which exactly one is needed."""


def json_schema() -> dict[str, Any]:
    """Returns the JSON schema (2020-12) of fit files.

    It describes each part alone. Contradictions between parts, such as a component with a parameter
    that is not defined, are found by `load_model` only.
    """
    schema = FitModel.model_json_schema(by_alias=True)
    parts = schema.pop("$defs")
    for name, part in {"FitModel": schema, **parts}.items():
        _tidy(part)
        if name in ALTERNATIVES:
            part["oneOf"] = [{"required": list(keys)} for keys in ALTERNATIVES[name]]
    for name in ("Shape", "Component"):  # not an enum, since users have pdfs of their own
        parts[name]["properties"]["pdf"]["examples"] = [*PDFS, *TEMPLATES]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:tau3mu:fit:{schema['properties']['schema_version']['const']}",
        "title": "A fit file of tau3mu",
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
    if part.get("default", ...) is None or "$ref" in part:  # a part has the defaults of its keys
        part.pop("default", None)
    if "patternProperties" in part:
        part["additionalProperties"] = False
    if "anyOf" in part:  # null is the same as leaving the key out
        kinds = [kind for kind in part.pop("anyOf") if kind != {"type": "null"}]
        part |= kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def schema_text() -> str:
    """Returns the text of `fit.schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
