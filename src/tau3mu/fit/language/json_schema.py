"""The JSON schema of fit files: for editors, and for the reference page."""

from __future__ import annotations

import json
from typing import Any, get_args

from tau3mu.config.key_tables import schema_of
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
    version = get_args(FitModel.model_fields["schema_version"].annotation)[0]
    schema = schema_of(
        FitModel, "A fit file of tau3mu", f"urn:tau3mu:fit:{version}", alternatives=ALTERNATIVES
    )
    for name in ("Shape", "Component"):  # not an enum, since users have pdfs of their own
        schema["$defs"][name]["properties"]["pdf"]["examples"] = [*PDFS, *TEMPLATES]
    return schema


def schema_text() -> str:
    """Returns the text of `fit.schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
