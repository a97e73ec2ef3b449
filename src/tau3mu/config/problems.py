"""The explanation of validation errors: for each, a code, the keys that lead to it, a sentence."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, RootModel, Tag

from tau3mu.errors import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["Problem", "key_path", "problems_of", "shown"]

_EXPECTED: Final = {
    "bool_type": "true or false",
    "dict_type": "an object with keys",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "int_from_float": "an integer",
    "int_type": "an integer",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_attributes_type": "an object with keys",
    "model_type": "an object with keys",
    "path_type": "a path",
    "string_too_short": "a string that is not empty",
    "string_type": "a string",
    "too_long": "a list of at most {max_length}",
    "too_short": "at least {min_length}",
    "tuple_type": "a list",
    "union_tag_invalid": "{expected_tags}",
}
_LIMITS: Final = re.compile(r"finite_number|(greater|less)_than.*|multiple_of")
_LENGTHS: Final = re.compile(r"(string_)?too_(short|long)")
_CHOICES: Final = re.compile(r"literal_error|enum|union_tag_invalid")
_MEMBER: Final = re.compile(r"[\w-]+(\[.*\])?")  # of a union, as pydantic calls it
_OTHER_FORM: Final = object()  # below what a validator has brought into another form
_LONGEST: Final = 80


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a document.

    Attributes:
        keys: The keys that lead to it.
        code: Its kind, such as `unknown-key`; with a dot in it, including the language.
        text: The end of a sentence that begins with the keys, such as "expected a number, got 'x'".
        expected: For a wrong value, what was expected; several for one value are put together.
        given: The wrong value.
    """

    keys: tuple[str | int, ...]
    code: str
    text: str = ""
    expected: str = ""
    given: Any = field(default=None, compare=False)

    @property
    def sentence(self) -> str:
        """The problem in words, without the keys."""
        hint = suggest(str(self.given), re.findall(r"'([^']*)'", self.expected))
        return self.text or f"expected {self.expected}, got {shown(self.given)}{hint}"


def problems_of(error: ValidationError, model: type[BaseModel], content: Any) -> list[Problem]:
    """Returns the problems of a document, in its order, each once.

    Args:
        error: Of pydantic.
        model: The model of the document.
        content: The document.
    """
    found: dict[tuple[str | int, ...], list[Problem]] = {}
    details = error.errors()
    wrong = {detail["loc"][:size] for detail in details for size in range(len(detail["loc"]))}
    for detail in details:
        if detail["type"] == "too_short" and detail["loc"] in wrong:
            continue  # pydantic does not count wrong items
        problem = _problem(detail, model, content)
        same = found.setdefault(problem.keys, [])
        if same and same[-1].expected and problem.expected:  # other types of the same value
            known, code = same[-1].expected, same[-1].code
            code = code if code == problem.code else "wrong-value"
            both = known if problem.expected in known else f"{known} or {problem.expected}"
            same[-1] = Problem(problem.keys, code, "", both, problem.given)
        elif problem not in same:
            same.append(problem)
    return sorted((each for same in found.values() for each in same), key=_place(content))


def _place(content: Any) -> Callable[[Problem], list[int]]:
    """Returns where a problem is: the number of each of its keys in its object or list."""

    def place(problem: Problem) -> list[int]:
        part, found = content, list[int]()
        for key in problem.keys:
            if not isinstance(part, dict | list) or not _has(part, key):
                return [*found, sys.maxsize]  # missing keys last
            found.append(list(part).index(key) if isinstance(part, dict) else int(key))
            part = part[key]  # type: ignore[index]
        return found

    return place


def key_path(keys: Sequence[str | int]) -> str:
    """Returns keys as `parts.mass.range`, with `[2]` and `["a b.root"]` for others than names.

    Args:
        keys: From the outermost to the innermost.
    """
    steps = (
        f".{key}"
        if isinstance(key, str) and re.fullmatch(r"[\w-]+", key)
        else f"[{json.dumps(key, ensure_ascii=False)}]"
        for key in keys
    )
    return "".join(steps).removeprefix(".")


def shown(value: Any) -> str:
    """Returns a value in one line, as JSON, shortened if it is long.

    Args:
        value: Of a document.
    """
    text = json.dumps(value, default=repr, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _problem(detail: ErrorDetails, model: type[BaseModel], content: Any) -> Problem:
    kind, context, given = detail["type"], detail.get("ctx", {}), detail["input"]
    keys = _keys(detail, content)
    if kind == "json_invalid":  # what Python could read already
        text = "a string has half of a character (a lone surrogate such as \\ud800)"
        return Problem(keys, "not-text", text)
    if kind in ("extra_forbidden", "missing", "union_tag_not_found"):
        return _problem_of_key(detail, model, keys)
    if isinstance(cause := context.get("error"), Exception):
        code, path = getattr(cause, "code", ""), getattr(cause, "path", "")
        return Problem((*keys, *_split(path)), code or "wrong-value", str(cause))
    if kind == "union_tag_invalid":
        key = context["discriminator"].strip("'")
        keys, given = (*keys, key), given.get(key, context["tag"])
    if "url" not in detail:  # an error of a validator of ours
        return Problem(keys, kind, detail["msg"])
    expected = _EXPECTED.get(kind, "").format(**context)
    if not expected:
        expected = re.sub(r"^(Input|String|Value) should (be|have|match) ", "", detail["msg"])
    if kind == "too_short":
        expected += " key" if isinstance(given, dict) else " item"
        expected += "s" * (context["min_length"] > 1)
    if _CHOICES.fullmatch(kind) and "," in expected:
        expected = f"one of {expected}"
    return Problem(keys, _code(kind), "", expected, given)


def _problem_of_key(
    detail: ErrorDetails, model: type[BaseModel], keys: tuple[str | int, ...]
) -> Problem:
    if detail["type"] == "extra_forbidden":
        models = list(_models(model, detail["loc"][:-1]))
        known = list(dict.fromkeys(key for each in models for key in _fields(each)))
        text = f"unknown key{suggest(str(keys[-1]), known)}; known keys: {', '.join(known)}"
        hints = dict.fromkeys(getattr(each, "unknown_key_hint", "") for each in models)
        return Problem(keys, "unknown-key", "; ".join(filter(None, [text, *hints])))
    if detail["type"] == "missing":
        missing = "missing item" if isinstance(keys[-1], int) else "missing key"
        return Problem(keys, "missing-key", missing)
    key = detail["ctx"]["discriminator"].strip("'")
    models = [each for each in _models(model, detail["loc"]) if key in each.model_fields]
    tags = [tag for each in models for tag in get_args(each.model_fields[key].annotation)]
    text = f"missing key; expected one of {', '.join(map(repr, tags))}"
    return Problem((*keys, key), "missing-key", text)


def _code(kind: str) -> str:
    if _LIMITS.fullmatch(kind):
        return "out-of-range"
    if _LENGTHS.fullmatch(kind):
        return "wrong-length"
    if _CHOICES.fullmatch(kind):
        return "unknown-choice"
    return "wrong-value" if kind.endswith(("mismatch", "parsing")) else "wrong-type"


def _keys(detail: ErrorDetails, content: Any) -> tuple[str | int, ...]:
    """Returns the keys of an error, without the names of unions' members that pydantic adds."""
    steps = [step for step in detail["loc"] if step != "[key]"]
    keys: list[str | int] = []
    for number, step in enumerate(steps, 1):
        if content is _OTHER_FORM:
            pass
        elif isinstance(content, dict | list) and _has(content, step):
            content = content[step]  # type: ignore[index]
        elif isinstance(content, list) and not _MEMBER.fullmatch(str(step)):
            content = _OTHER_FORM
        elif number < len(steps) or detail["type"] != "missing":
            continue
        keys.append(step)
    return tuple(keys)


def _has(content: dict[Any, Any] | list[Any], step: str | int) -> bool:
    if isinstance(content, dict):
        return step in content
    return isinstance(step, int) and step < len(content)


def _split(path: str) -> tuple[str | int, ...]:
    """Returns the keys of which `key_path` made a path."""
    steps = re.findall(r'([\w-]+)|\[(\d+|"(?:[^"\\]|\\.)*")\]', path)
    return tuple(name or json.loads(other) for name, other in steps)


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {each.alias or name: each for name, each in model.model_fields.items()}


def _models(kind: Any, steps: Sequence[str | int]) -> Iterator[type[BaseModel]]:
    for each in _followed(kind, steps):
        if isinstance(each, type) and issubclass(each, BaseModel):
            yield each


def _followed(kind: Any, steps: Sequence[str | int]) -> Iterator[Any]:
    """Yields the types to which the steps of an error lead, from the type of a document on."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from _followed(arguments[0], steps)
    elif isinstance(kind, type) and issubclass(kind, RootModel):
        yield from _followed(kind.model_fields["root"].annotation, steps)
    elif origin in (Union, UnionType):
        named = [each for each in arguments if steps and _is_called(each, steps[0])]
        for each in named or arguments:
            yield from _followed(each, steps[1:] if named else steps)
    elif not steps:
        yield kind
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        if found := _fields(kind).get(str(steps[0])):
            yield from _followed(found.annotation, steps[1:])
    else:  # the values of dictionaries, the items of lists
        for each in arguments[1:] if origin is dict else arguments:
            yield from _followed(each, steps[1:])


def _is_called(member: Any, name: str | int) -> bool:
    """Returns whether pydantic means this member of a union by a name or by a tag."""
    if get_origin(member) is Annotated:
        tags = {each.tag for each in get_args(member) if isinstance(each, Tag)}
        return name in tags or _is_called(get_args(member)[0], name)
    if not (isinstance(member, type) and issubclass(member, BaseModel)):
        return False
    kinds = (each.annotation for each in member.model_fields.values())
    tags = {tag for kind in kinds if get_origin(kind) is Literal for tag in get_args(kind)}
    return name == member.__name__ or name in tags
