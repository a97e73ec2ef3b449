"""Pileup weights: the ratio of the numbers of interactions in data and in simulation."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import awkward as ak
import correctionlib
import numpy as np

from tau3mu.config.input_files import read_text, user_path
from tau3mu.config.syntax import parse_json
from tau3mu.corrections.events import EventWeight
from tau3mu.corrections.table import read_correction
from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt
    from typing_extensions import Self

__all__ = ["PileupWeight"]

_KEYS: Final = ("nominal", "up", "down")
_INPUTS: Final = ("NumTrueInteractions", "weights")


class PileupWeight(EventWeight):
    """The pileup weight of simulation, with its uncertainty up and down.

    It is evaluated at `n_pileup_true`, the true number of interactions of an event. The table is in
    the form of CMS: inputs `NumTrueInteractions` and `weights`, which is nominal, up or down.
    """

    name = "pileup"
    columns = frozenset({"n_pileup_true"})
    varied = True

    def __init__(self, file: str | Path, correction: str | None = None) -> None:
        """Reads and checks the table.

        Args:
            file: A correctionlib file, `.json` or `.json.gz`, such as `puWeights.json.gz`.
            correction: The table in it, such as `Collisions17_UltraLegacy_goldenJSON`; not needed
                if it has one alone.

        Raises:
            InputError: The file or the table is not what was expected.
        """
        self._source = str(file)
        self._text = read_correction(user_path(file), correction)
        _table(self._text, self._source)

    @classmethod
    def from_histograms(
        cls,
        data: str | Path,
        simulation: str | Path,
        *,
        up: str | Path | None = None,
        down: str | Path | None = None,
    ) -> Self:
        """Returns the weights of histograms of the number of interactions, each of area 1.

        Numbers outside of them count in the first and the last bin.

        Args:
            data: That of data, as `pileupCalc.py` makes it: `FILE.root:NAME`, or a histogram as UHI
                JSON, `FILE.json`, perhaps one of several, `FILE.json:NAME`.
            simulation: That of the simulation, before any cut.
            up: That of data with the larger cross section of minimum-bias events; the nominal one
                by default.
            down: That of data with the smaller one.

        Raises:
            InputError: One of them cannot be read, or they do not have the same bins.
        """
        of_data = {"nominal": data, "up": data if up is None else up,
                   "down": data if down is None else down}  # fmt: skip
        edges, below = _profile(simulation)
        content = []
        for key, place in of_data.items():
            other, values = _profile(place)
            if not np.array_equal(edges, other):
                message = (
                    f"{place} and {simulation} have other bins: make both in the same ones, such "
                    "as 100 from 0 to 100"
                )
                raise InputError(message, code="corrections.other-bins", path=place)
            content.append({"key": key, "value": _ratio(edges, values, below, place, simulation)})
        made = cls.__new__(cls)
        made._source = f"{data} and {simulation}"
        made._text = _document(content)
        _table(made._text, made._source)
        return made

    def __eq__(self, other: object) -> bool:
        """Returns whether another object gives the same weights."""
        return isinstance(other, PileupWeight) and self._text == other._text

    def __hash__(self) -> int:
        """Returns the same number for objects that give the same weights."""
        return hash(self._text)

    def __repr__(self) -> str:
        """Returns the class and where the table is from."""
        return f"PileupWeight({self._source!r})"

    def evaluate(self, events: ak.Array) -> Any:
        """Returns the weights: nominal, up and down.

        Args:
            events: Of simulation.

        Raises:
            InputError: A number of interactions is missing, or outside of the table and the table
                does not say what to do with it.
        """
        try:
            numbers = np.asarray(ak.to_numpy(events.n_pileup_true, allow_missing=False), np.float64)
        except ValueError as error:
            message = (
                "pileup weights need n_pileup_true of every simulated event, and it is missing in "
                "some"
            )
            raise InputError(message, code="corrections.missing-values", path=self.name) from error
        table = _table(self._text, self._source)
        try:
            return tuple(table.evaluate(*_arguments(table, numbers, key)) for key in _KEYS)
        except (RuntimeError, IndexError) as error:
            most = f"{numbers.min():g} to {numbers.max():g}" if len(numbers) else "none"
            message = f"{self._source} has no weights for some of n_pileup_true, {most}: {error}"
            raise InputError(message, code="corrections.outside", path=self._source) from error


def _arguments(table: Any, numbers: npt.NDArray[np.float64], key: str) -> list[Any]:
    return [key if one.name == _INPUTS[1] else numbers for one in table.inputs]


@lru_cache(maxsize=8)
def _table(text: str, source: str) -> Any:
    """Returns a checked table, built once in each process."""
    try:
        (table,) = correctionlib.CorrectionSet.from_string(text).values()
    except RuntimeError as error:
        message = f"{source}: correctionlib refuses the table: {error}"
        raise InputError(message, code="corrections.bad-table", path=source) from error
    names = [one.name for one in table.inputs]
    if sorted(names) != sorted(_INPUTS):
        message = (
            f"{source}: correction {table.name!r} has the inputs {', '.join(names)}; a pileup "
            f"table has {' and '.join(_INPUTS)}"
        )
        raise InputError(message, code="corrections.wrong-inputs", path=table.name)
    if wrong := [w for w in _weights(json.loads(text)["corrections"][0]["data"]) if not _may_be(w)]:
        message = (
            f"{source}: correction {table.name!r} has the weight {wrong[0]:g}; pileup weights are "
            "ratios of numbers of events, so 0 or more: make the file again"
        )
        raise InputError(message, code="corrections.bad-weights", path=source)
    try:
        for key in _KEYS:
            table.evaluate(*_arguments(table, np.array([20.0]), key))
    except (RuntimeError, IndexError) as error:
        message = (
            f"{source}: correction {table.name!r} lacks one of {', '.join(_KEYS)}, or 20 "
            f"interactions: {error}"
        )
        raise InputError(message, code="corrections.missing-keys", path=table.name) from error
    return table


def _weights(node: Any) -> Iterator[float]:
    """Yields the numbers that a node of a table can give, other than those of formulas."""
    if isinstance(node, dict):
        content = node.get("content", node.get("value"))
        parts = [*(content if isinstance(content, list) else [content]), node.get("default")]
        if node.get("flow") not in {"clamp", "error", "wrap"}:
            parts.append(node.get("flow"))
        for part in parts:
            yield from _weights(part)
    elif isinstance(node, int | float):
        yield node


def _may_be(weight: float) -> bool:
    return 0 <= weight < np.inf


def _profile(place: str | Path) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Returns edges and contents of a histogram in a file."""
    text, dot, rest = str(place).rpartition(".")
    suffix, _, name = rest.partition(":")
    if not dot or suffix not in {"root", "json"}:
        message = f"{place}: expected FILE.root:NAME, FILE.json or FILE.json:NAME"
        raise InputError(message, code="corrections.no-histogram", path=place)
    file = user_path(f"{text}.{suffix}")
    found = _in_root(file, name) if suffix == "root" else _in_json(file, name)
    axes: Any = getattr(found, "axes", ())
    if len(axes) != 1 or not hasattr(axes[0], "edges"):
        message = f"{place} is not a histogram of one variable"
        raise InputError(message, code="corrections.no-histogram", path=place)
    edges = axes[0].edges() if callable(axes[0].edges) else axes[0].edges
    values = np.asarray(found.values(), np.float64)
    if not (np.isfinite(values).all() and (values >= 0).all() and values.sum() > 0):
        message = f"{place}: expected contents of 0 or more, and not all of them 0"
        raise InputError(message, code="corrections.bad-histogram", path=place)
    return np.asarray(edges, np.float64), values


def _in_root(file: Path, name: str) -> Any:
    import uproot

    try:
        with uproot.open(file) as root:
            histograms = root.keys(filter_classname="TH1*", cycle=False)
            if not name and len(histograms) == 1:
                name = histograms[0]
            if name in histograms:
                return root[name]
    except (OSError, ValueError) as error:
        message = f"cannot read the histogram {name} of {file}: {error}"
        raise InputError(message, code="corrections.no-histogram", path=file) from error
    message = f"{file} has no histogram {name!r}; it has {', '.join(histograms) or 'none'}"
    raise InputError(message, code="corrections.no-histogram", path=file)


def _in_json(file: Path, name: str) -> Any:
    import hist
    import uhi.io.json

    content = parse_json(read_text(file, "histogram"), object_hook=uhi.io.json.object_hook)
    if isinstance(content, dict) and "uhi_schema" not in content:
        if not name and len(content) == 1:
            name = next(iter(content))
        if name not in content:
            message = f"{file} has no histogram {name!r}; it has {', '.join(content) or 'none'}"
            raise InputError(message, code="corrections.no-histogram", path=file)
        content = content[name]
    try:
        return hist.Hist(content)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        message = f"{file} is not a histogram as UHI JSON: {error}"
        raise InputError(message, code="corrections.no-histogram", path=file) from error


def _ratio(
    edges: npt.NDArray[np.float64],
    data: npt.NDArray[np.float64],
    simulation: npt.NDArray[np.float64],
    place: str | Path,
    of_simulation: str | Path,
) -> dict[str, Any]:
    """Returns the weights as the node of a correction."""
    empty = simulation == 0
    above, below = data / data.sum(), simulation / simulation.sum()
    if (lost := float(above[empty].sum())) > 0.01:
        message = (
            f"{100 * lost:.1f} % of {place} are where {of_simulation} is empty: that is not the "
            "profile of the simulation for these data"
        )
        raise InputError(message, code="corrections.other-profile", path=of_simulation)
    weights = np.divide(above, below, out=np.zeros_like(above), where=~empty)
    return {
        "nodetype": "binning", "input": _INPUTS[0], "edges": edges.tolist(),
        "content": weights.tolist(), "flow": "clamp",
    }  # fmt: skip


def _document(content: list[dict[str, Any]]) -> str:
    inputs = [{"name": name, "type": kind} for name, kind in zip(_INPUTS, ("real", "string"),
                                                                  strict=True)]  # fmt: skip
    correction = {
        "name": "pileup",
        "version": 1,
        "inputs": inputs,
        "output": {"name": "weight", "type": "real"},
        "data": {"nodetype": "category", "input": _INPUTS[1], "content": content},
    }
    return json.dumps({"schema_version": 2, "corrections": [correction]})
