"""The parameters of wagons as tables: resolved values, defaults, and what differs between two."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tau3mu.processing.parameters import declared, defaults, values_of
from tau3mu.train.language import BASE
from tau3mu.train.resolution import result_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tau3mu.train.resolution import Resolved

__all__ = ["changed_keys", "changed_rows", "parameter_rows", "parameter_table"]


def parameter_rows(one: Resolved) -> list[dict[str, Any]]:
    """Returns a row for each parameter of a wagon or a variant, in the order of its class.

    Args:
        one: With its processor.
    """
    cls = type(one.processor)
    values, usual = values_of(one.processor), defaults(cls)
    return [
        {
            "wagon": one.name,
            "parameter": name,
            "value": values[name],
            "default": usual[name],
            "unit": declaration.unit,
            "help": declaration.help,
        }
        for name, declaration in declared(cls).items()
    ]


def parameter_table(found: Mapping[str, Resolved]) -> list[dict[str, Any]]:
    """Returns a row for each parameter of the wagons, and for each that a variant changes.

    Args:
        found: Wagons and variants by name. A variant without its wagon has all rows.
    """
    rows = []
    for one in found.values():
        base = found.get(result_name(one.wagon, BASE))
        if base is None or base is one:
            rows += parameter_rows(one)
            continue
        before = values_of(base.processor)
        rows += [row for row in parameter_rows(one) if row["value"] != before[row["parameter"]]]
    return rows


def changed_rows(found: Mapping[str, Resolved]) -> list[dict[str, Any]]:
    """Returns a row for each wagon and variant, with what is not its default.

    Args:
        found: Wagons and variants by name.
    """
    return [
        {
            "results": one.name,
            "processor": one.processor.configuration["class"],
            "not the defaults": ", ".join(
                f"{row['parameter']} = {json.dumps(row['value'], ensure_ascii=False)}"
                for row in parameter_rows(one)
                if row["value"] != row["default"]
            ),
            "needs": ", ".join(one.needs),
            "fit": one.fit.name if one.fit else "",
            "hash": one.hash,
        }
        for one in found.values()
    ]


def changed_keys(
    before: Mapping[str, Resolved], after: Mapping[str, Resolved]
) -> list[dict[str, Any]]:
    """Returns a row for each key of the resolved configurations that differs.

    Args:
        before: Wagons and variants by name.
        after: Others.
    """
    rows = []
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        if one is None or other is None:
            rows.append(_row(name, "", "there" if one else None, "there" if other else None))
            continue
        differences = _differences(one.configuration, other.configuration)
        rows += [_row(name, key, old, new) for key, old, new in differences]
    return rows


def _row(wagon: str, key: str, before: Any, after: Any) -> dict[str, Any]:
    return {"wagon": wagon, "key": key, "before": before, "after": after}


def _differences(before: Any, after: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yields keys with dots between them, and the values that differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            below = f"{key}.{name}" if key else name
            yield from _differences(before.get(name), after.get(name), below)
    elif before != after:
        yield key, _named(key, before), _named(key, after)


def _named(key: str, value: Any) -> Any:
    """Returns the name of a fit instead of its whole document."""
    return value["name"] if key == "fit" and isinstance(value, dict) else value
