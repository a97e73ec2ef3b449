"""The reference page of the model language, made of the schema and of the pdfs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tau3mu.fit.expressions import CONSTANTS, FUNCTIONS
from tau3mu.fit.language.schema import ALTERNATIVES, json_schema
from tau3mu.fit.language.shapes import TEMPLATES, Shape
from tau3mu.fit.pdfs import PDFS
from tau3mu.fit.pdfs.dimuon import DIMUON

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tau3mu.fit.pdfs import Pdf

__all__ = ["reference_page"]

_HEADINGS = {
    "FitModel": "The whole file",
    "SpectrumModel": "Spectrum",
    "Observable": "Observable",
    "Input": "Input",
    "Component": "Component",
    "Shape": "Shape",
    "Parameter": "Parameter",
    "Constraint": "Constraint",
    "Labels": "Labels",
    "Method": "Method",
    "Minos": "Minos",
    "Stage": "Stage",
    "Starts": "Starts",
    "GoodnessOfFit": "Goodness of fit",
    "Window": "Window",
    "Outputs": "Outputs",
    "Plot": "Plot",
    "Text": "Text",
}
_TYPES = {
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "string": "text",
}

_BEGIN = """\
<!-- Written by `python -m tau3mu.fit.language.schema .`: change the language, not this page. -->

# Fit files

A fit file says what is fitted to which spectrum. It is JSON or YAML; every key that is not listed
here is an error, with a suggestion. [How to write a fit](../how-to/own-fit.md) shows the way.

```yaml
schema_version: 2
name: peak
title: A peak on a background
observable: {name: mass, label: m(μμ), unit: GeV, range: [2.2, 4.8], bins: 52}
parameters:
  mean: {value: 3.1, limits: [3.0, 3.2]}
  width: {value: 0.07, limits: [0.01, 0.2]}
  slope: {value: -0.5, limits: [-5, 5]}
components:
  signal: {label: J/ψ, pdf: Gauss, parameters: {mu: mean, sigma: width}, yield: nSignal}
  background: {label: Background, pdf: Exponential, parameters: {slope: slope}, yield: nBackground}
```

`python -m tau3mu.fit FILE --check` checks a file. Editors can use the
[JSON schema](../../src/tau3mu/fit/language/fit.schema.json).
`python -m tau3mu.fit import FILE` makes fit files of a dq_fitter configuration.

In YAML, quote a text that begins with `@`, and one that holds `: ` or ` #`; numbers are written as
in JSON, or `1e-3`.

A name is made of letters, digits and `_`, and begins with a letter. A key without a default in
these tables has to be there only if it is marked *required*.
"""

_PDFS = """\
## Pdfs

They are normalised in the range of the observable. The parameters marked > 0 have no meaning at
zero or below.

### Of the package

"""

_TEMPLATES = """\
### Templates

They have no parameters and take their shape from a `template`, an [input](#input) with a `file`.

"""

_DIMUON = """\
### Of dq_fitter

By its names, and `Res` without its jump.

"""

_EXPRESSIONS = """\
## Expressions

An `expression`, a `derived` quantity and an edge of a window may hold numbers, names of parameters
and yields, `+ - * / **`, parentheses, {constants} and the functions {functions}. `-a**2` is
`-(a**2)`. Expressions may use each other, but not in a circle.
"""

_USER_PDFS = '''\
## Pdfs of your own

A pdf that is not in these tables is a Python file of its name, beside the fit file or in one of the
folders that the environment variable `TAU3MU_PDF_PATH` lists, separated as in `PATH`. A name from
the tables always means the pdf of the package. `"pdf": "turn_on"` is `turn_on.py`:

```python
"""A step with the width `width` at `edge`, on an exponential."""


def formula(x, edge, width, slope, xp):
    return xp.exp(slope * x) / (1 + xp.exp((edge - x) / width))


positive = ("width",)
```

- `formula` gives the density up to a constant factor. The names between `x` and `xp` are the
  parameters. It is evaluated with NumPy and with TensorFlow: take functions from `xp`, which has
  `exp`, `log`, `sqrt`, `abs`, `where`, `maximum`, `sin`, ... by NumPy's names. `where` evaluates
  both branches, so neither may be NaN or infinite.
- `positive` (may be left out) names the parameters that have no meaning at zero or below.
- `peaks = True` (may be left out) says that it is a peak, which plots fill.
- `scaled = True` (may be left out) asks for an `x` that is mapped to -1 ... 1 over the range.
- `integral(edges, edge, width, slope)` (may be left out) gives the integrals of the formula between
  neighbouring edges, with NumPy. Without it they are found by quadrature.

The file is run when a fit file that names it is checked: use only files that you trust.
'''


def reference_page() -> str:
    """Returns the page in Markdown: every key, every pdf, expressions and pdfs of users."""
    schema = json_schema()
    parts = {"FitModel": schema, **schema["$defs"]}
    package = [pdf for pdf in PDFS.values() if pdf not in DIMUON]
    functions = ", ".join(
        f"`{name}({', '.join('ab'[:number])})`" for name, (_, number) in FUNCTIONS.items()
    )
    constants = ", ".join(f"`{name}`" for name in CONSTANTS)
    sections = [
        _BEGIN,
        *(_section(name, parts[name]) for name in sorted(parts, key=list(_HEADINGS).index)),
        _PDFS + _pdf_table(package),
        _TEMPLATES + _template_table(),
        _DIMUON + _pdf_table(DIMUON),
        _EXPRESSIONS.format(functions=functions, constants=constants),
        _USER_PDFS,
    ]
    return "\n".join(sections)


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
    rule = f"\nEither {' or '.join(groups)} has to be there, and not both.\n"
    end = rule if groups and not shape else ""
    level = "##" if name == "FitModel" else "###"
    return (
        f"{level} {_HEADINGS[name]}\n\n{part['description']}{more}\n\n"
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
            heading = _HEADINGS[part.rpartition("/")[2]]
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
