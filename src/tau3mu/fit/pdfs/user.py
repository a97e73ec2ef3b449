"""Pdfs of users: a Python file with the formula, found by its name beside the fit file."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError, suggest
from tau3mu.fit.pdfs.pdf import Pdf
from tau3mu.processing.user_code import is_interrupt, place, said
from tau3mu.processing.user_files import import_user_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

__all__ = ["find_user_pdf", "load_user_pdf"]

_EXPECTED = "formula(x, FIRST_PARAMETER, ..., xp)"


def find_user_pdf(name: str, folders: Iterable[Path]) -> Path | None:
    """Returns the file `name`.py in the first of the folders that has one, or None."""
    paths = (Path(folder) / f"{name}.py" for folder in folders)
    return next((path for path in paths if path.is_file()), None)


def load_user_pdf(path: Path) -> Pdf:
    '''Returns the pdf of a user's file; the name of the file is the name of the pdf.

    The parameters are those between `x` and `xp` of its `formula`, which is evaluated with NumPy
    and with TensorFlow: take functions from `xp` (exp, log, sqrt, where, ...). A file such as
    `turn_on.py`:

        """A step with the width `width` at `edge`, on an exponential."""

        def formula(x, edge, width, slope, xp):
            return xp.exp(slope * x) / (1 + xp.exp((edge - x) / width))

        positive = ("width",)  # parameters that have no meaning at zero or below

    Of these only `formula` is needed. The file may also have `peaks = True` for a peak,
    `scaled = True` for an `x` mapped to -1 ... 1 over the range of the observable, and the
    function `integral(edges, ...)` that gives the exact integrals of the formula between the
    edges, with NumPy. The first text of the file is the description.

    Raises:
        InputError: There is no such file, it fails to import, or what it defines is not as above.
    '''
    path = user_path(path)
    module = import_user_file(path, "pdf file")
    formula = getattr(module, "formula", None)
    if not inspect.isfunction(formula):
        functions = [name for name, value in vars(module).items() if inspect.isfunction(value)]
        message = (
            f"pdf file {path} has no function 'formula'{suggest('formula', functions)}; "
            f"define {_EXPECTED}"
        )
        raise InputError(message, code="fit.missing-formula", path=path)
    names = _argument_names(formula)
    if names is None or len(names) < 2 or (names[0], names[-1]) != ("x", "xp"):
        message = (
            f"pdf file {path}: the arguments of formula are {inspect.signature(formula)}, but "
            f"{_EXPECTED} is needed: x first, xp last, and the names of the parameters between"
        )
        raise InputError(message, code="fit.wrong-arguments", path=path)
    parameters = tuple(names[1:-1])
    return Pdf(
        name=path.stem,
        parameters=parameters,
        formula=_Guarded(formula, path),
        description=inspect.cleandoc(module.__doc__ or f"The formula in {path.name}."),
        positive=_positive(module, path, parameters),
        peaks=_flag(module, path, "peaks"),
        scaled=_flag(module, path, "scaled"),
        integral=_integral(module, path, parameters),
    )


@dataclass(frozen=True)
class _Guarded:
    """A function of a user's file; all that goes wrong in it is an error in this file."""

    function: Callable[..., Any]
    file: Path

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        try:
            return self.function(*arguments, **named)
        except BaseException as error:  # a user's code may raise anything, also SystemExit
            if is_interrupt(error):
                raise
            message = (
                f"the {self.function.__name__} of pdf {self.file.stem} fails"
                f"{place(error, self.file)}: {said(error)}; a formula has to work with the "
                "functions of `xp`, and not with those of math or numpy"
            )
            raise InputError(message, code="fit.formula-fails", path=self.file) from error


def _argument_names(function: Any) -> list[str] | None:
    """Returns the names of all arguments, or None if there is a *args or **kwargs."""
    arguments = inspect.signature(function).parameters.values()
    several = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    if any(argument.kind in several for argument in arguments):
        return None
    return [argument.name for argument in arguments]


def _positive(module: ModuleType, path: Path, parameters: tuple[str, ...]) -> tuple[str, ...]:
    names = getattr(module, "positive", ())
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        message = f"pdf file {path}: positive is {names!r}, but a tuple of names is needed"
        raise InputError(message, code="fit.wrong-positive", path=path)
    for name in names:
        if name not in parameters:
            message = (
                f"pdf file {path}: positive names {name!r}, which is not a parameter of formula"
                f"{suggest(name, parameters)}; they are {', '.join(parameters) or 'none'}"
            )
            raise InputError(message, code="fit.wrong-positive", path=path)
    return tuple(names)


def _flag(module: ModuleType, path: Path, name: str) -> bool:
    value = getattr(module, name, False)
    if not isinstance(value, bool):
        message = f"pdf file {path}: {name} is {value!r}, but True or False is needed"
        raise InputError(message, code="fit.wrong-flag", path=path)
    return value


def _integral(module: ModuleType, path: Path, parameters: tuple[str, ...]) -> Any:
    integral = getattr(module, "integral", None)
    if integral is None:
        return None
    expected = ["edges", *parameters]
    if not inspect.isfunction(integral) or _argument_names(integral) != expected:
        message = f"pdf file {path}: integral has to be a function ({', '.join(expected)})"
        raise InputError(message, code="fit.wrong-arguments", path=path)
    return _Guarded(integral, path)
