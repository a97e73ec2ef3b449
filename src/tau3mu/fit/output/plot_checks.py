"""Whether a fit can be drawn as its file says: colours, mathematics in labels, logarithms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.errors import InputError, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tau3mu.fit.language import FitModel, SpectrumModel

__all__ = ["check_looks"]


def check_looks(model: FitModel) -> None:
    """Checks what only matplotlib can tell, so that no fit is made that cannot be drawn.

    Raises:
        InputError: A colour is unknown, a label has mathematics that cannot be set, or the range of
            a logarithmic scale reaches down to zero; the message names every such key.
    """
    problems = [*_colours(model), *_mathematics(model)]
    plot = model.plot
    if plot.log and plot.y_range is not None and plot.y_range[0] <= 0:
        problems.append(
            f"plot.y_range: with 'log' the lower end is above zero, not {plot.y_range[0]:g}"
        )
    if problems:
        raise InputError("\n".join(f"fit {model.name}: {problem}" for problem in problems))


def _colours(model: FitModel) -> Iterator[str]:
    from matplotlib.colors import CSS4_COLORS, is_color_like

    for path, part in _parts(model):
        for key, component in part.components.items():
            color = component.color
            if color is not None and not is_color_like(color):
                yield (
                    f"{path}components.{key}.color: unknown {color!r}{suggest(color, CSS4_COLORS)};"
                    " a name such as 'green' or a code such as '#3f90da' belongs here"
                )


def _mathematics(model: FitModel) -> Iterator[str]:
    from matplotlib.cbook import is_math_text
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    for path, text in _texts(model):
        if not is_math_text(text):
            continue
        try:
            parser.parse(text)
        except ValueError as error:
            reason = str(error).strip().splitlines()[-1]
            yield f"{path}: the mathematics of {text!r} cannot be set: {reason}"


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
