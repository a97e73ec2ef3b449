"""The lines of the keys of JSON, YAML and TOML texts, for the messages about their values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.syntax import parse_toml
from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["lines_of"]

_LONG_STRING: Final = re.compile(r"\"\"\".*?\"\"\"|'''.*?'''", re.DOTALL)
_MOST_CHARACTERS: Final = 500_000  # in which lines are looked for: below a second
_Keys = tuple[str | int, ...]


def lines_of(text: str, suffix: str) -> Mapping[_Keys, int]:
    """Returns the line of each key, as far as they can be found, counted from 1.

    Args:
        text: A text without syntax errors.
        suffix: Of the file, such as `.toml`.
    """
    if len(text) > _MOST_CHARACTERS:
        return {}
    if suffix == ".toml":
        return _toml_lines(text)
    from ruamel.yaml import YAML

    found: dict[_Keys, int] = {}
    try:  # YAML contains JSON, but for tabs
        _add_lines(YAML(typ="safe", pure=True).compose(text.expandtabs()), (), found)
    except Exception:  # noqa: BLE001 - an error without a line is better than another error
        return {}
    return found


def _add_lines(node: Any, keys: _Keys, found: dict[_Keys, int]) -> None:
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    if isinstance(node, MappingNode):
        for key, value in node.value:
            below = (*keys, key.value)
            found.setdefault(below, key.start_mark.line + 1)
            _add_lines(value, below, found)
    elif isinstance(node, SequenceNode):
        for index, value in enumerate(node.value):
            found.setdefault((*keys, index), value.start_mark.line + 1)
            _add_lines(value, (*keys, index), found)


def _toml_lines(text: str) -> dict[_Keys, int]:
    """Returns the lines of headers and keys; without `[[lists]]` of tables."""
    found: dict[_Keys, int] = {}
    header: _Keys = ()
    text = _LONG_STRING.sub(lambda string: "0" + "\n" * string[0].count("\n"), text)
    for number, line in enumerate(text.splitlines(), 1):
        is_header = line.lstrip().startswith("[")
        try:
            only: Any = parse_toml(line if is_header else f"{line.partition('=')[0]} = 0")
        except InputError:  # inside a list or a long text
            continue
        keys: list[str] = []
        while isinstance(only, dict) and only:
            ((key, only),) = only.items()
            keys.append(key)
        above: _Keys = () if is_header else header
        for key in keys:
            above = (*above, key)
            found.setdefault(above, number)
        header = above if is_header else header
    return found
