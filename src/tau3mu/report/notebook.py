"""Objects in notebooks: the parts of reports, with a style that touches nothing around them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from tau3mu.redaction import redacted

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["in_notebook", "part"]

_PARTS: Final = "/* Parts"
_COLORS: Final = (
    "--text: currentColor; --soft: currentColor; --ok: currentColor; --warn: currentColor;"
    "--bad: currentColor; --run: currentColor; --line: #8888; --panel: transparent;"
)
"""Those of the notebook, whose theme need not be that of the system."""


def part(name: str, *values: Any) -> Markup:
    """Returns a part of a report.

    Args:
        name: Of a macro in `parts.html`, such as `cutflow`.
        values: Those of the macro; secrets in their texts are replaced.
    """
    from tau3mu.report.rendering import environment

    parts = environment().get_template("report/parts.html").module
    made: Markup = getattr(parts, name)(*(redacted(value) for value in values))
    return made


def in_notebook(*parts: Markup) -> str:
    """Returns the HTML by which an object shows itself in a notebook.

    Args:
        parts: What it shows, one below the other.
    """
    from markupsafe import Markup

    return str(Markup('<div class="tau3mu"><style>{}</style>\n{}</div>').format(
        Markup(_style()), Markup("\n").join(parts)
    ))  # fmt: skip


@cache
def _style() -> str:
    text = (files("tau3mu.report") / "style.css").read_text(encoding="utf-8")
    rules = text[text.index(_PARTS) :].partition("\n")[2]
    return f".tau3mu {{ {_COLORS}\n{rules}}}"
