"""Templates of HTML: whatever is put into them is text, and is shown as such."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from tau3mu.redaction import redact
from tau3mu.report.tables import counter_rows

if TYPE_CHECKING:
    from jinja2 import BaseLoader

__all__ = ["environment", "size_text"]

_BYTES = 1000.0
_WHOLE = 1e15  # floats below hold every whole number
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def environment(*packages: str) -> Environment:
    """Returns an environment that finds the templates of packages as `report/parts.html`.

    Text is escaped, and a name that a template misspells is an error.

    Args:
        packages: Such as `tau3mu.web`, each with a folder `templates`; its templates are found
            under the last part of its name. Those of `tau3mu.report` are always there.
    """
    loaders: dict[str, BaseLoader] = {
        package.rpartition(".")[2]: PackageLoader(package)
        for package in ("tau3mu.report", *packages)
    }
    made = Environment(
        autoescape=True,
        loader=PrefixLoader(loaders),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters.update(cell=_cell, duration=_duration, name=_name, number=_number, size=size_text)
    made.filters.update(percent=_percent, when=_when, counter_rows=counter_rows)
    return made


def _name(text: object) -> Markup:
    """Returns a name of others, whose direction of writing does not touch what is beside it."""
    return Markup("<bdi>{}</bdi>").format(_text(text))


def _text(value: object) -> str:
    """Returns a text without secrets and without control characters, which HTML cannot hold."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], redact(str(value)))


def _number(value: Any, digits: int = 6) -> str:
    """Returns a number with separators of thousands, "" for None."""
    if value is None:
        return ""
    if not isinstance(value, int | float):  # of a file that somebody has edited
        return _text(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE:
        value = int(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}g}"


def _percent(value: float | None) -> str:
    """Returns a percentage with two digits, "" for None."""
    return "" if value is None else f"{value:.2f}"


def size_text(value: float | None) -> str:
    """Returns a number of bytes in the largest unit below it."""
    if value is None:
        return ""
    number, units = float(value), ["B", "kB", "MB", "GB", "TB"]
    while number >= _BYTES and len(units) > 1:
        number /= _BYTES
        units.pop(0)
    return f"{number:.3g} {units[0]}"


def _duration(seconds: float | None) -> str:
    """Returns a time as people say it, such as 3 min 20 s."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{seconds:.3g} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _when(text: str | None) -> Markup:
    """Returns a point in time (ISO 8601) in UTC, to the minute."""
    if not text:
        return Markup("")
    try:
        time = datetime.fromisoformat(text).astimezone(timezone.utc)
    except ValueError:  # of a file that somebody has edited
        return Markup("{}").format(text)
    form = Markup('<time datetime="{}">{}</time>')
    return form.format(time.isoformat(timespec="seconds"), f"{time:%Y-%m-%d %H:%M} UTC")


def _cell(value: Any) -> Any:
    """Returns the content of a cell of a table: numbers with separators, names kept apart."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(value)
    return value if isinstance(value, Markup) else _name(value)
