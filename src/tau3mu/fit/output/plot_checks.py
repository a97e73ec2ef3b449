"""Checks of what only matplotlib knows: colors, mathematics in labels, logarithmic scales."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.config.documents import Document
from tau3mu.errors import suggest
from tau3mu.fit.language.base import problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tau3mu.config.problems import Problem
    from tau3mu.fit.language import FitModel, SpectrumModel

__all__ = ["check_plot"]


def check_plot(model: FitModel) -> None:
    """Checks that a fit can be drawn, before it is made.

    Args:
        model: The fit.

    Raises:
        InputError: A color is unknown, the mathematics of a label cannot be drawn, or the range of
            a logarithmic scale reaches down to zero; the message names every such key.
    """
    problems = [*_colors(model), *_mathematics(model)]
    plot = model.plot
    if plot.log and plot.y_range is not None and plot.y_range[0] <= 0:
        message = f"expected a lower end above 0 with 'log', got {plot.y_range[0]:g}"
        problems.append(problem("wrong-value", "plot.y_range", message))
    if problems:
        raise Document(model.to_dict(), f"fit {model.name}", "fit").error(problems)


def _colors(model: FitModel) -> Iterator[Problem]:
    from matplotlib.colors import CSS4_COLORS, is_color_like

    for path, part in _parts(model):
        for key, component in part.components.items():
            color = component.color
            if color is not None and not is_color_like(color):
                message = (
                    f"unknown color {color!r}{suggest(color, CSS4_COLORS)}; expected a name such "
                    "as 'green' or a code such as '#3f90da'"
                )
                yield problem("unknown-color", f"{path}components.{key}.color", message)


def _mathematics(model: FitModel) -> Iterator[Problem]:
    from matplotlib.cbook import is_math_text
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    for path, text in _texts(model):
        if is_math_text(text):
            try:
                parser.parse(text)
            except ValueError as error:
                reason = str(error).strip().splitlines()[-1]
                message = f"the mathematics of {text!r} cannot be drawn: {reason}"
                yield problem("wrong-mathematics", path, message)


def _texts(model: FitModel) -> Iterator[tuple[str, str]]:
    """Yields the key path and the text of all that plots write."""
    for path, part in _parts(model):
        yield f"{path}label", part.label
        yield f"{path}observable.label", part.observable.label
        yield f"{path}observable.unit", part.observable.unit
        for key, component in part.components.items():
            yield f"{path}components.{key}.label", component.label
    yield "plot.experiment", model.plot.heading
    yield "plot.status", model.plot.status
    yield from ((f"plot.parameters.{name}", text) for name, text in model.plot.parameters.items())
    yield from ((f"plot.text.{i}.text", line.text) for i, line in enumerate(model.plot.text))


def _parts(model: FitModel) -> Iterator[tuple[str, SpectrumModel]]:
    """Yields the beginning of the key paths of every spectrum, and the spectrum."""
    for name, part in model.parts.items():
        yield ("" if model.spectra is None else f"spectra.{name}."), part
