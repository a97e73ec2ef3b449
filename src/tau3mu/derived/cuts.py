"""The cuts behind derived data, and whether those of a reader are looser."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any

from tau3mu.datasets.origin import CutRecord
from tau3mu.processing.cuts import CutProcessor
from tau3mu.processing.declarations import cuts_of
from tau3mu.processing.parameters import Axis, Window, declared, values_of
from tau3mu.processing.processor import Processor
from tau3mu.processing.user_code import class_name, plain_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tau3mu.datasets.origin import Origin
    from tau3mu.processing.survivors import CutReads

__all__ = ["Difference", "classes_of", "codes", "cut_records", "is_related", "looser_cuts"]

Difference = tuple[str, str]
"""The parameter or cut, and how it differs."""


def classes_of(cls: type) -> tuple[str, ...]:
    """Returns the names of a class and of those of its bases that are processors themselves."""
    ours = [base for base in cls.__mro__ if issubclass(base, Processor)]
    return tuple(class_name(base) for base in ours if base not in {Processor, CutProcessor})


def is_related(processor: Processor, origin: Origin) -> bool:
    """Returns whether a processor is of the class behind derived data, or of a related one.

    Args:
        processor: Which reads the data.
        origin: That of the data.
    """
    own = classes_of(type(processor))
    return origin.classes[0] in own or own[0] in origin.classes


def codes(processor: Processor, needed: Iterable[Processor] = ()) -> dict[str, str]:
    """Returns what stands for the methods of a processor, by their names.

    Workers may lack the files in which they are written.

    Args:
        processor: The processor.
        needed: Those that it needs, on which all that it selects may depend.
    """
    bases = [b for b in type(processor).__mro__ if class_name(b) in classes_of(type(processor))]
    names = {
        name
        for base in bases
        for name, value in vars(base).items()
        if isinstance(value, FunctionType | property) and not name.startswith("__")
    }
    return {name: identity(processor, name) for name in sorted(names)} | _needed(needed)


def _needed(needed: Iterable[Processor]) -> dict[str, str]:
    return {f"{_NEEDS}{one.name}": one.configuration["hash"] for one in needed}


def cut_records(
    processor: Processor, cuts: tuple[CutReads, ...] | None, code: Mapping[str, str]
) -> tuple[CutRecord, ...] | None:
    """Returns the cuts of a processor with the parameters and the code that they depend on.

    Args:
        processor: The processor.
        cuts: What its cuts have read, None if that is not known.
        code: What stands for its methods.
    """
    if cuts is None:
        return None
    values = values_of(processor)
    return tuple(
        CutRecord(
            name=one.name,
            step=one.step,
            parameters={name: values[name] for name in sorted(one.reads & values.keys())},
            code={
                name: code.get(name) or identity(processor, name)
                for name in sorted((one.reads - values.keys()) | {one.name})
            },
        )
        for one in cuts
    )


def looser_cuts(
    processor: Processor, origin: Origin, needed: Iterable[Processor] = ()
) -> Iterator[Difference]:
    """Yields where events may be missing in derived data that a processor would select.

    Args:
        processor: Of the class behind the data, or related to it.
        origin: That of the data.
        needed: The processors that it needs.
    """
    own = _needed(needed)
    if origin.cuts is None:
        for name, code in origin.code.items():
            now = own.get(name) if name.startswith(_NEEDS) else identity(processor, name)
            if now != code:
                yield name, f"the code of {name} is another one"
        names = [n for n, one in declared(type(processor)).items() if type(one.default) is not Axis]
        yield from _looser(processor, {n: origin.parameters.get(n) for n in names}, "")
        return
    known, active = _names_of_cuts(processor)
    for record in origin.cuts:
        if record.name not in active:
            how = "is skipped" if record.name in known else "is missing"
            yield record.name, f"the cut {how}, and the events of the skim have passed it"
            continue
        for name, code in record.code.items():
            if identity(processor, name) != code:
                yield name, f"the code of {name}, which cut {record.name} runs, is another one"
        yield from _looser(processor, record.parameters, f" of cut {record.name}")


def _names_of_cuts(processor: Any) -> tuple[set[str], set[str]]:
    """Returns the names of all cuts of a processor, and of those that it applies."""
    if not isinstance(processor, CutProcessor):
        return set(), set()
    cls: Any = type(processor)
    return {one.name for one in cuts_of(cls)}, {one.name for one in processor.active_cuts}


def _looser(processor: Processor, before: dict[str, Any], of: str) -> Iterator[Difference]:
    values, parameters = values_of(processor), declared(type(processor))
    for name, then in before.items():
        if name not in parameters:
            yield name, f"the parameter{of} was {then!r}, and does not exist now"
            continue
        now, one = values[name], parameters[name]
        if now == then or _is_tighter(one.tighter, now, then, window=type(one.default) is Window):
            continue
        why = {"": "only an equal value is known to be safe", "inside": "it may only be inside"}
        rule = why.get(one.tighter, f"it may only go {one.tighter}")
        yield name, f"{name}{of} is {now!r}, and {then!r} in the skim: {rule}"


def _is_tighter(direction: str, now: Any, then: Any, *, window: bool) -> bool:
    """Returns whether no more candidates pass with a value than with the one before."""
    if direction == "inside" and isinstance(now, list) and isinstance(then, list):
        if window:
            return bool(then[0] <= now[0] and now[1] <= then[1])
        return all(item in then for item in now)
    numbers = isinstance(now, int | float) and isinstance(then, int | float)
    if not numbers or isinstance(now, bool) or isinstance(then, bool):
        return False
    return bool((direction == "up" and now >= then) or (direction == "down" and now <= then))


def identity(processor: Processor, name: str) -> str:
    """Returns what stands for an attribute that is not a parameter: equal only if it is the same.

    Of a method this is its name and a hash of its code, without comments and its docstring.

    Args:
        processor: Whose attribute it is.
        name: The name of the attribute.
    """
    static = inspect.getattr_static(type(processor), name, None)
    if isinstance(static, property):
        static = static.fget
    if isinstance(static, FunctionType) and name not in vars(processor):
        return f"{plain_name(static.__module__)}.{static.__qualname__} {_code_hash(static)}"
    value = getattr(processor, name, None)
    if isinstance(value, type):
        return class_name(value)
    return repr(value) if isinstance(value, _PLAIN) else class_name(type(value))


_NEEDS = "needs "
_PLAIN = (bool, int, float, str, bytes, tuple, frozenset, type(None))


@cache
def _code_hash(function: FunctionType) -> str:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return hashlib.sha256(function.__code__.co_code).hexdigest()[:16]
    body = getattr(tree.body[0], "body", [])
    if len(body) > 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        del body[0]
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:16]
