"""JSON, YAML and TOML texts of users: parsed within limits, with the place of each syntax error.

Numbers of thousands of digits, thousands of nested brackets and YAML aliases that multiply are
refused here, since Python would fail on them later without naming a place.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_depth", "parse_json", "parse_toml", "parse_yaml", "unique_keys"]

_DEPTH: Final = 100
_MOST_VALUES: Final = 5_000_000
_LONG_NUMBER: Final = re.compile(r"\d{1000,}")


def parse_json(
    text: str | bytes,
    *,
    object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
    object_hook: Callable[[dict[str, Any]], Any] | None = None,
) -> Any:
    """Returns the content of a JSON text.

    Args:
        text: In UTF-8, if it is bytes.
        object_pairs_hook: As of `json.loads`; `unique_keys` refuses duplicate keys.
        object_hook: As of `json.loads`.

    Raises:
        InputError: It is not JSON, has a number of thousands of digits, or nests too deeply. The
            message names line and column, but not the file.
    """
    try:
        found = json.loads(text, object_pairs_hook=object_pairs_hook, object_hook=object_hook)
    except json.JSONDecodeError as error:
        _refuse("JSON", error.msg, error, error.lineno, error.colno)
    except InputError:  # of a hook
        raise
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        _refuse("JSON", *_without_digits(error, text))
    check_depth(found)
    return found


def parse_toml(text: str) -> dict[str, Any]:
    """Returns the content of a TOML text.

    Args:
        text: The whole text.

    Raises:
        InputError: As `parse_json`.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        found = tomllib.loads(text)
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        place = re.search(r" \(at line (\d+), column (\d+)\)$", str(error))
        if place is None:
            _refuse("TOML", *_without_digits(error, text))
        _refuse("TOML", str(error)[: place.start()], error, int(place[1]), int(place[2]))
    check_depth(found)
    return found


def parse_yaml(text: str) -> Any:
    """Returns the content of a YAML 1.2 text, as JSON would hold it.

    Args:
        text: The whole text.

    Raises:
        InputError: As `parse_json`; also for duplicate keys, and for values that JSON does not
            have, such as dates.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        document = YAML(typ="safe", pure=True).load(text)
        check_depth(document)
        _check_size(document)
        return json.loads(json.dumps(document))
    except MarkedYAMLError as error:
        mark, problem = (
            error.problem_mark or error.context_mark,
            " ".join(str(error.problem).split()),
        )
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        if isinstance(error, DuplicateKeyError):
            message = f"line {line}: {problem.partition(' with value')[0]}, expected each key once"
            raise InputError(message, code="config.duplicate-key") from error
        _refuse("YAML", f"{problem}{_yaml_hint(problem)}", error, line, column)
    except RecursionError as error:
        raise _too_deep() from error
    except InputError:
        raise
    except (YAMLError, TypeError, ValueError) as error:
        _refuse("YAML", " ".join(str(error).split()), error)


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns a JSON object; without this hook, the last of two equal keys would be kept.

    Args:
        pairs: Its keys and values.

    Raises:
        InputError: A key appears twice.
    """
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            message = f"the key {key!r} appears twice in one object, expected each key once"
            raise InputError(message, code="config.duplicate-key", path=key)
        found[key] = value
    return found


def check_depth(document: Any) -> None:
    """Checks that recursive functions can walk through a document.

    Args:
        document: Dictionaries and lists; those of YAML may share parts.

    Raises:
        InputError: It nests too deeply.
    """
    level = [document]
    for _ in range(_DEPTH + 1):
        below = (item for part in level for item in _items(part) if isinstance(item, dict | list))
        level = list({id(item): item for item in below}.values())
        if not level:
            return
    raise _too_deep()


def _items(part: Any) -> Any:
    if isinstance(part, dict):
        return part.values()
    return part if isinstance(part, list) else ()


def _check_size(document: Any) -> None:
    """Refuses aliases of aliases of YAML, which a few lines multiply to billions of values."""
    sizes: dict[int, int] = {}

    def size(part: Any) -> int:
        if id(part) not in sizes:
            sizes[id(part)] = 1 + sum(map(size, _items(part)))
        return sizes[id(part)]

    if size(document) > _MOST_VALUES:
        message = f"its aliases stand for more than {_MOST_VALUES} values"
        raise InputError(message, code="config.too-large")


def _too_deep() -> InputError:
    message = f"nests too deeply: expected at most {_DEPTH} levels of brackets"
    return InputError(message, code="config.too-deep")


def _refuse(
    language: str,
    problem: str,
    cause: Exception,
    line: int | None = None,
    column: int | None = None,
) -> NoReturn:
    place = (
        ""
        if line is None
        else f"line {line}: "
        if column is None
        else f"line {line}, column {column}: "
    )
    message = f"{place}not valid {language}: {problem}"
    raise InputError(message, code=f"config.not-{language.lower()}") from cause


def _without_digits(error: ValueError, text: str | bytes) -> tuple[str, ValueError, int | None]:
    """Returns what is wrong with a text; for integers that are too long, Python names no place."""
    given = text if isinstance(text, str) else text.decode("utf-8", "replace")
    if "digits" not in str(error) or (number := _LONG_NUMBER.search(given)) is None:
        return str(error), error, None
    line = given.count("\n", 0, number.start()) + 1
    return f"an integer of {len(number[0])} digits, expected fewer than 1000", error, line


def _yaml_hint(problem: str) -> str:
    """Returns what to do about the most frequent mistakes in YAML."""
    if problem.startswith(("found character '@'", "found character '`'", "found character '%'")):
        return "; quote a string that begins with this character"
    if problem.startswith("mapping values") or problem.endswith("but got ':'"):
        return "; quote a string that contains ': '"
    return ""
