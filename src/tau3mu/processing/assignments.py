"""Values of parameters as texts of a command line: `dsphipi.flight_significance=3`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tau3mu.errors import InputError, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["assigned", "variant_of"]

_BRACKETS = {"[": 1, "{": 1, "]": -1, "}": -1}


def assigned(texts: Iterable[str], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Returns merge patches of parameters by processor.

    Args:
        texts: Each `PROCESSOR.KEY[.KEY]=VALUE`; a value is JSON, or else a text.
        names: The processors that there are.

    Raises:
        InputError: A text is of another form, or of another processor.
    """
    patches: dict[str, dict[str, Any]] = {}
    for text in texts:
        keys, value = _parts(text, "--set ")
        name, rest = _processor_of(keys, names)
        if not name or not rest:
            first = keys.partition(".")[0]
            message = (
                f"--set {text}: {first!r} is not a processor of this run{suggest(first, names)}; "
                f"expected PROCESSOR.KEY=VALUE, with one of {', '.join(names)}"
            )
            raise InputError(message, code="processor.unknown-name", path=f"--set {keys}")
        _put(patches.setdefault(name, {}), rest, value)
    return patches


def variant_of(text: str, names: Sequence[str]) -> tuple[str, str, dict[str, Any]]:
    """Returns the name of a variant, the processor that it is of, and a merge patch.

    Args:
        text: `NAME:[PROCESSOR.]KEY=VALUE,…`; commas in JSON lists, objects and texts are part of
            the value. Without a processor, there must be only one.
        names: The processors that there are.

    Raises:
        InputError: The text is of another form, or it does not say which processor it is of.
    """
    variant, colon, rest = (part.strip() for part in text.partition(":"))
    if not colon or not variant or not rest:
        message = f"--variant {text}: expected NAME:KEY=VALUE, such as tight:flight_significance=3"
        raise InputError(message, code="processor.variant-form", path="--variant")
    patch: dict[str, Any] = {}
    bases = set()
    for item in _split(rest):
        keys, value = _parts(item, f"--variant {variant}:")
        name, own = _processor_of(keys, names)
        if not own:
            name, own = (names[0] if len(names) == 1 else ""), keys
        bases.add(name)
        _put(patch, own, value)
    if len(bases) > 1 or "" in bases:
        message = (
            f"--variant {text}: expected keys of one processor, as PROCESSOR.KEY=VALUE with one of "
            f"{', '.join(names)}"
        )
        raise InputError(message, code="processor.variant-of-which", path=f"--variant {variant}")
    return variant, bases.pop(), patch


def _parts(text: str, option: str) -> tuple[str, Any]:
    keys, equals, value = text.partition("=")
    keys, value = keys.strip(), value.strip()
    if not equals or not all(keys.split(".")):
        message = f"{option}{text}: expected KEY=VALUE"
        raise InputError(message, code="processor.assignment-form", path=option.strip(" :"))
    try:
        return keys, json.loads(value)
    except ValueError:
        return keys, value


def _processor_of(keys: str, names: Sequence[str]) -> tuple[str, str]:
    """Returns the processor that keys begin with, which may have dots in its name, and the rest."""
    known = [name for name in names if keys.startswith(f"{name}.")]
    name = max(known, key=len, default="")
    return name, keys[len(name) + 1 :] if name else ""


def _put(patch: dict[str, Any], keys: str, value: Any) -> None:
    *above, last = keys.split(".")
    for key in above:
        if not isinstance(patch.get(key), dict):
            patch[key] = {}
        patch = patch[key]
    patch[last] = value


def _split(text: str) -> list[str]:
    """Returns a text divided at the commas outside of brackets and quotes."""
    parts, depth, quoted = [""], 0, False
    for index, character in enumerate(text):
        if character == '"' and text[index - 1 : index] != "\\":
            quoted = not quoted
        elif not quoted:
            depth += _BRACKETS.get(character, 0)
        if character == "," and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return parts
