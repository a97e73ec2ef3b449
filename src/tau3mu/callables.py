"""Packages that can be called, as `tau3mu.run(...)`, and stay packages in every other way."""

from __future__ import annotations

import importlib
import inspect
import sys
from types import ModuleType
from typing import Any

__all__ = ["make_callable"]


class _CallableModule(ModuleType):
    """A module whose call is that of one of its functions, imported when it is needed."""

    def _function(self) -> Any:
        module, _, name = vars(self)["__called__"].partition(":")
        return getattr(importlib.import_module(module), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function."""
        return self._function()(*args, **kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._function())

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        """The text of `help`: that of the function, then that of the package."""
        name = vars(self)["__name__"]
        function = inspect.getdoc(self._function())
        return f"{name}{self.__signature__}\n\n{function}\n\n---\n{vars(self).get('__doc__')}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the module by its name."""
        return importlib.import_module, (self.__name__,)


def make_callable(module: str, function: str) -> None:
    """Makes a module callable.

    Args:
        module: The name of the module, which calls this itself.
        function: Its call, as `package.module:function`.
    """
    found = sys.modules[module]
    vars(found)["__called__"] = function
    found.__class__ = _CallableModule
