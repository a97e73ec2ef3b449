"""The picture of a histogram: data as points, simulation as a stack, their ratio below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.errors import InputError
from tau3mu.plotting.content import content_of, errors_of, helps_log
from tau3mu.plotting.heading import heading_of
from tau3mu.plotting.labels import check_formulas, entries_label, short_name
from tau3mu.plotting.panels import (
    draw_band,
    draw_cuts,
    draw_lines,
    draw_points,
    draw_ratio,
    draw_stack,
    finish,
    finish_ratio,
    two_panels,
)
from tau3mu.plotting.style import add_heading, styled_figure
from tau3mu.results.normalization import scales

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hist import Hist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tau3mu.plotting.content import Content
    from tau3mu.plotting.heading import Heading
    from tau3mu.plotting.panels import Legend
    from tau3mu.results.manifest import DatasetFacts

__all__ = ["plot_histogram"]

_MOST: Final = 8
"""Datasets that have a line or a part of the stack of their own."""

_BAND: Final = "Stat. unc.", "Stat. ⊕ syst. unc."


def plot_histogram(
    histogram: Hist[Any],
    facts: Mapping[str, DatasetFacts] | None = None,
    *,
    heading: Heading | None = None,
    log: bool | None = None,
    ratio: bool | None = None,
    cuts: Sequence[float] = (),
    blind: Sequence[tuple[float, float]] = (),
) -> Figure:
    """Returns a figure of a histogram of one variable.

    With data and simulation, the sum of data are points and simulation is stacked, with its
    uncertainty as a band and data / simulation below. Simulation without data is stacked where its
    normalization is known. Data without simulation are points, or lines by dataset with their sum
    as points.

    Args:
        histogram: With an axis `dataset`, maybe one `variation`, and that of the variable.
        facts: What a run knows of the datasets, by name; without it, each is a line.
        heading: What stands above it, and the looks; by default what follows from the facts.
        log: Whether the entries have a logarithmic scale. By default they have where more than half
            of the bins that are not empty would be lower than 2 % of the highest.
        ratio: Whether there is a ratio below: of data to simulation or, where one of them is
            missing, of each dataset to the first. By default where there are both.
        cuts: Values of the variable at which lines are drawn.
        blind: Intervals of the variable in which data are not drawn.

    Raises:
        InputError: It has none or several variables, or there is nothing to compare in a ratio.
    """
    facts = {} if facts is None else facts
    content = content_of(histogram, facts, blind)
    both = bool(content.data and content.simulation)
    of_datasets = ratio is True and not both
    if of_datasets and len(content.data or content.simulation) < 2:
        message = f"there is no ratio of {histogram.axes[0].size} dataset: it needs two"
        raise InputError(message, code="plotting.no-ratio", path=content.variable.name)
    own = {name: facts[name] for name in histogram.axes["dataset"] if name in facts}
    heading = heading_of(own) if heading is None else heading
    below = of_datasets or (both and ratio is not False)
    with styled_figure(heading.style, 10, 10) as figure:
        upper, lower = two_panels(figure, content.variable, below=below)
        upper.set_ylabel(entries_label(histogram, content.variable))
        lower.set_xlabel(content.variable.label)
        check_formulas(upper.yaxis.label, lower.xaxis.label)
        add_heading(upper, heading)
        named: Legend = {}
        if (line := draw_cuts(upper, cuts, content.variable.edges)) is not None:
            named["Cut"] = line
        for low, high in blind:
            named["Blinded"] = upper.axvspan(low, high, facecolor="0.92", zorder=0)
        if of_datasets:
            _draw_ratios(lower, {**content.data, **content.simulation})
        elif below:
            _draw_data_over_simulation(lower, content)
        if facts and (both or _is_one(content) or _is_normalized(content, facts)):
            _draw_all(upper, content, named, log=log)
        else:
            _draw_datasets(upper, content, named, facts, log=log)
    return figure


def _is_one(content: Content) -> bool:
    return len(content.data) + len(content.simulation) == 1


def _is_normalized(content: Content, facts: Mapping[str, DatasetFacts]) -> bool:
    if content.data or not content.simulation:
        return False
    known = scales(facts)
    return all(known[name] is not None for name in content.simulation)


def _draw_all(axes: Axes, content: Content, named: Legend, *, log: bool | None) -> None:
    """Draws data as points and simulation as a stack with a band."""
    edges, highest, contents = content.variable.edges, [], []
    if content.data:
        total = content.total_data
        points = draw_points(axes, total, content.shown)
        name = next(iter(content.data)) if len(content.data) == 1 else "Data"
        named = {name: points, **named}
        highest.append(np.where(content.shown, total.values() + errors_of(total)[1], 0.0))
        contents.append(np.where(content.shown, total.values(), 0.0))
    if content.simulation:
        stack = draw_stack(axes, _largest(content.simulation))
        band, middle = content.band(), content.total.values()
        what = _BAND[bool(content.varied)]
        named |= {**stack, what: draw_band(axes, edges, middle, band)}
        highest.append(middle + band[1])
        contents.append(middle)
    title = "Simulation scaled to the area of data" if content.to_area else ""
    log = helps_log(np.max(highest, axis=0)) if log is None else log
    finish(axes, content.example, named, highest, contents, log=log, title=title)


def _draw_datasets(
    axes: Axes, content: Content, named: Legend, facts: Mapping[str, DatasetFacts],
    *, log: bool | None,
) -> None:  # fmt: skip
    """Draws each dataset as a line, and the sum of data as points."""
    parts = {**content.data, **content.simulation}
    known_data = bool(facts) and not content.simulation
    total = content.total_data if known_data else None
    shown = _largest(parts)
    if log is None:
        log = helps_log((total or next(iter(shown.values()))).values())
    draw_lines(axes, shown, log=log, points=total, named=named)


def _draw_data_over_simulation(axes: Axes, content: Content) -> None:
    total, edges = np.asarray(content.total.values(), np.float64), content.variable.edges
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = (np.where(total > 0, one / total, 0.0) for one in content.band())
    draw_band(axes, edges, np.ones_like(total), (low, high))
    ends = draw_ratio(axes, content.total_data, content.total, shown=content.shown)
    finish_ratio(axes, ends, "Data / sim.")


def _draw_ratios(axes: Axes, parts: Mapping[str, Hist[Any]]) -> None:
    (name, first), *others = _largest(parts).items()
    ends = [
        end
        for number, (_, one) in enumerate(others, 1)
        for end in draw_ratio(axes, one, first, color=f"C{number % 10}")
    ]
    finish_ratio(axes, ends, f"/ {short_name(name, 14)}")
    axes.yaxis.label.set_parse_math(False)


def _largest(parts: Mapping[str, Hist[Any]]) -> dict[str, Hist[Any]]:
    """Returns the first histograms, and the sum of the others where there are too many."""
    if len(parts) <= _MOST:
        return dict(parts)
    names = list(parts)
    rest = names[_MOST - 1 :]
    shown = {name: parts[name] for name in names[: _MOST - 1]}
    total = parts[rest[0]]
    for name in rest[1:]:
        total = total + parts[name]
    return {**shown, f"{len(rest)} others": total}
