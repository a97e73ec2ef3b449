"""Which attributes of a processor its methods read, and what stands for their values."""

from __future__ import annotations

from functools import cache
from inspect import getattr_static
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from tau3mu.processing.parameters import Parameter

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Reader", "processor_of", "read_by", "value_of"]


def _class(processor: Any) -> Any:
    return type(processor)


@cache
def _static(cls: Any, name: str) -> Any:
    """Returns an attribute of a class as it is there, not bound to anything."""
    return getattr_static(cls, name, None)


class Reader:
    """A processor that notes which of its attributes are read; methods see it as `self`."""

    __slots__ = ("__processor", "__read")

    def __init__(self, processor: Any) -> None:
        """Creates a reader of a processor, which has read nothing."""
        object.__setattr__(self, "_Reader__processor", processor)
        object.__setattr__(self, "_Reader__read", set())

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The class of the processor, so that super() works in a method of a subclass."""
        return type(self.__processor)

    def __getattr__(self, name: str) -> Any:
        """Returns an attribute, and notes its name."""
        self.__read.add(name)
        processor = self.__processor
        static = _static(_class(processor), name)
        if isinstance(static, FunctionType) and name not in vars(processor):
            return MethodType(static, self)
        if isinstance(static, property) and static.fget:
            return static.fget(self)
        return getattr(processor, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuses to set an attribute.

        Raises:
            AttributeError: Always.
        """
        message = (
            f"a cut or quantity sets self.{name}: its answers may depend only on the candidates "
            "and on the parameters"
        )
        raise AttributeError(message)


def read_by(reader: Reader) -> set[str]:
    """Returns the names of the attributes that have been read, to be added to."""
    read: set[str] = object.__getattribute__(reader, "_Reader__read")
    return read


def processor_of(reader: Reader) -> Any:
    """Returns the processor behind a reader."""
    return object.__getattribute__(reader, "_Reader__processor")


def value_of(processor: Any, name: str) -> Hashable:
    """Returns what stands for an attribute: equal for two processors only if it is the same."""
    static = _static(_class(processor), name)
    if isinstance(static, Parameter):
        value = getattr(processor, name)
        return repr(value) if type(value).__hash__ is None else (type(value), value)
    if name not in vars(processor):
        value = static
    else:
        value = vars(processor)[name]
        kind: Any = type(value)
        if kind.__hash__ is object.__hash__:
            return id(processor)  # compared by identity, so that it may change
    try:
        hash(value)
    except TypeError:
        return id(processor)
    return type(value), value
