"""Typed parameters of processors: declared in the class body, checked when an instance is made."""

from __future__ import annotations

import hashlib
import json
import sys
import typing
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.dataclasses import dataclass
from pydantic_core import core_schema, to_jsonable_python

from tau3mu.errors import InputError, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import hist
    from pydantic import GetCoreSchemaHandler

__all__ = [
    "Axis",
    "Parameter",
    "Window",
    "checked",
    "declared",
    "defaults",
    "json_patch",
    "merge_patch",
    "parameter",
    "parameter_model",
    "patch_between",
    "values_of",
    "with_hash",
]

_TAKEN = {"name", "parameters", "configuration"}
_CONFIG = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
_models: WeakKeyDictionary[type, type[BaseModel]] = WeakKeyDictionary()
# Outside of the classes: those of users' files are pickled by value, and models cannot be.


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class Axis:
    """A histogram axis of equal bins, as a parameter.

    Attributes:
        bins: The number of bins.
        start: The lower edge of the first bin.
        stop: The upper edge of the last bin.
        label: The text at the axis, with the unit in brackets.
    """

    bins: Annotated[int, Field(gt=0)]
    start: float
    stop: float
    label: str = ""

    def __post_init__(self) -> None:
        """Checks that the axis has a width."""
        if not self.start < self.stop:
            message = f"a start below the stop, {self.stop:g}"
            raise ValueError(message)

    def named(self, name: str) -> hist.axis.Regular:
        """Returns the axis of a histogram of this name."""
        import hist

        return hist.axis.Regular(self.bins, self.start, self.stop, name=name, label=self.label)


class Window(NamedTuple):
    """An open interval, as a parameter: the pair `[low, high]` in JSON."""

    low: float
    high: float

    def contains(self, values: Any) -> Any:
        """Returns for each value whether it lies strictly between the limits.

        Args:
            values: Numbers of any shape; the answer is missing where the number is.
        """
        return (values > self.low) & (values < self.high)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Describes the pair to pydantic."""
        return core_schema.no_info_after_validator_function(
            cls._checked,
            handler(tuple[float, float]),
            serialization=core_schema.plain_serializer_function_ser_schema(list),
        )

    @classmethod
    def _checked(cls, pair: tuple[float, float]) -> Window:
        if not pair[0] < pair[1]:
            message = f"a lower limit below the upper one, {pair[1]:g}"
            raise ValueError(message)
        return cls(*pair)


class Parameter:
    """A parameter of a processor's class; its value is an attribute of the instances."""

    def __init__(
        self, default: Any, unit: str, help: str, limits: Mapping[str, Any], tighter: str = ""
    ) -> None:
        """Creates it; `parameter` does this in a class body."""
        self.default = default
        self.unit = unit
        self.help = help
        self.limits = dict(limits)
        self.tighter = tighter
        self.name = ""
        self.annotation: Any = None  # known once there is an instance, also where its file is not

    def __set_name__(self, owner: type, name: str) -> None:
        """Is told the name by Python."""
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Returns the value of an instance, and of a class the parameter itself."""
        if instance is None:
            return self
        return vars(instance).get("_parameters", {}).get(self.name, self.default)

    def __set__(self, instance: Any, value: Any) -> None:
        """Refuses to change an instance.

        Raises:
            InputError: Always: the name and the hash of an instance stand for its parameters.
        """
        message = (
            f"parameter {self.name} of {type(instance).__name__} cannot be set on an instance: "
            f"give it to the constructor, {type(instance).__name__}({self.name}=...), or use "
            f"variant(name, {self.name}=...)"
        )
        raise InputError(message, code="processor.fixed-parameter", path=self.name)


def parameter(
    default: Any,
    *,
    unit: str = "",
    help: str,
    tighter: Literal["up", "down", "inside", ""] = "",
    **limits: Any,
) -> Any:
    """Returns a parameter, to be assigned in the body of a class with the type as annotation.

    Args:
        default: Its value unless another one is given.
        unit: Its unit, such as "GeV".
        help: What it is, in a few words.
        tighter: Which other values never let more candidates pass: larger ones (`up`), smaller ones
            (`down`), or of a `Window` or a list of alternatives, parts of it (`inside`). By it is
            known whether derived data hold all that a processor selects; without it, only an equal
            value is.
        **limits: What pydantic's `Field` takes, such as `gt=0` or `max_length=3`.
    """
    return Parameter(default, unit, help, limits, tighter)


def declared(cls: type) -> dict[str, Parameter]:
    """Returns the parameters of a class by name, those of its bases first."""
    found: dict[str, Parameter] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Parameter):
                found[name] = value
            else:
                found.pop(name, None)
    return found


def parameter_model(cls: type) -> type[BaseModel]:
    """Returns the pydantic model of the parameters of a class.

    Raises:
        InputError: A parameter has no type, a name that is taken, or a default that its type or
            limits exclude.
    """
    if cls not in _models:
        fields: dict[str, Any] = {}
        for name, one in declared(cls).items():
            if name in _TAKEN:
                message = (
                    f"{cls.__name__} has a parameter {name!r}, a name that is taken: rename it"
                )
                raise InputError(
                    message, code="processor.taken-name", path=f"{cls.__name__}.{name}"
                )
            if one.annotation is None:
                one.annotation = _annotation(cls, name)
            extra: Any = {"unit": one.unit} if one.unit else None
            field = Field(one.default, description=one.help, json_schema_extra=extra, **one.limits)
            fields[name] = (one.annotation, field)
        _models[cls] = create_model(cls.__name__, __config__=_CONFIG, **fields)
    return _models[cls]


def json_patch(cls: type, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a patch of parameters as JSON values.

    Args:
        cls: The class.
        name: The name of the processor, for messages.
        given: A merge patch (RFC 7396): nested dictionaries change single values.

    Raises:
        InputError: There is no such parameter, or a value cannot be JSON.
    """
    known = declared(cls)
    for key in given:
        if key not in known:
            has = f"; it has {', '.join(known)}" if known else "; it has no parameters"
            message = f"{name} has no parameter {key!r}{suggest(key, known)}{has}"
            raise InputError(message, code="processor.unknown-parameter", path=f"{name}.{key}")
    return {key: _given(value, f"{name}.{key}", known[key]) for key, value in given.items()}


def checked(cls: type, name: str, values: Mapping[str, Any]) -> BaseModel:
    """Returns all parameters of a class, of JSON values, as a checked model.

    Raises:
        InputError: A value is not what it should be.
    """
    try:
        # From JSON, where lists may be tuples and sets, and Window is a pair.
        return parameter_model(cls).model_validate_json(json.dumps(values))
    except ValidationError as error:
        raise _explained(error, name, declared(cls)) from error


def defaults(cls: type) -> dict[str, Any]:
    """Returns the defaults of the parameters of a class, as JSON values."""
    return {name: _jsonable(one.default) for name, one in declared(cls).items()}


def values_of(instance: Any) -> dict[str, Any]:
    """Returns the parameters of an instance, as JSON values."""
    return {name: _jsonable(getattr(instance, name)) for name in declared(type(instance))}


def patch_between(before: Any, after: Any) -> Any:
    """Returns the merge patch that makes one JSON value of another."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    gone = dict.fromkeys(before.keys() - after.keys())
    return gone | {key: patch_between(before.get(key), value) for key, value in after.items()}


def merge_patch(target: Any, patch: Any) -> Any:
    """Returns JSON values with a merge patch (RFC 7396) applied.

    Null removes a key that holds an object, and is a value like others elsewhere.
    """
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None and isinstance(merged.get(key), dict | None):
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def with_hash(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a configuration of JSON values with a hash of it, the same for equal ones."""
    text = json.dumps(configuration, sort_keys=True, allow_nan=False)
    return {**configuration, "hash": hashlib.sha256(text.encode()).hexdigest()[:16]}


def _given(value: Any, key: str, declaration: Parameter) -> Any:
    try:
        return _jsonable(value)
    except TypeError as error:
        message = f"parameter {key} ({declaration.help}): {error}"
        raise InputError(message, code="processor.wrong-parameter", path=key) from error


def _jsonable(value: Any) -> Any:
    return to_jsonable_python(value, fallback=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    message = f"{value!r} is a {type(value).__name__}, which no JSON value stands for"
    raise TypeError(message)


def _annotation(cls: type, name: str) -> Any:
    for base in cls.__mro__:
        if name in vars(base).get("__annotations__", {}):
            scope = {**vars(sys.modules.get(base.__module__, typing)), **vars(typing)}
            one = type(name, (), {"__annotations__": {name: vars(base)["__annotations__"][name]}})
            return typing.get_type_hints(one, scope, vars(base), include_extras=True)[name]
    message = (
        f"parameter {name} of {cls.__name__} has no type: write {name}: float = parameter(...)"
    )
    raise InputError(message, code="processor.untyped-parameter", path=f"{cls.__name__}.{name}")


def _explained(error: ValidationError, name: str, known: Mapping[str, Parameter]) -> InputError:
    first = error.errors()[0]
    keys = ".".join(map(str, first["loc"]))
    one = known[str(first["loc"][0])]
    unit = f" in {one.unit}" if one.unit else ""
    code = "processor.wrong-parameter"
    if first["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        near = suggest(str(first["loc"][-1]), _keys(one.default, first["loc"][1:-1]))
        message, code = f"{name} has no parameter {keys}{near}", "processor.unknown-parameter"
    else:
        expected = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        if expected == "a valid array":  # in the words of JSON
            example = [] if len(first["loc"]) > 1 else _jsonable(one.default)
            expected = f"a list, such as {json.dumps(example)}" if example else "a list"
        message = (
            f"parameter {name}.{keys} ({one.help}{unit}): got {first['input']!r}, expected "
            f"{expected}"
        )
    return InputError(message, code=code, path=f"{name}.{keys}")


def _keys(default: Any, path: typing.Sequence[int | str]) -> list[str]:
    value = _jsonable(default)
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return list(value) if isinstance(value, dict) else []
