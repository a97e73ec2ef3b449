"""Muon tables of correction files: one correction taken out, checked, and what it covers.

A table is binned in |η|, then in pt, and gives one number per key of `scale_factors`. A file is
read where the analysis starts; the workers get the text of the one table that they need, since
they may not see the file.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import correctionlib
import numpy as np

from tau3mu.config.input_files import read_bytes
from tau3mu.config.syntax import parse_json
from tau3mu.errors import InputError, suggest

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["KEYS", "MuonTable", "muon_table", "read_correction"]

_INPUTS = ("abseta", "pt", "scale_factors")
_OLDER_INPUTS = ("year", "abseta", "pt", "ValType")
# The nominal value and the bounds of statistical and systematic uncertainty together.
KEYS = ("nominal", "systup", "systdown")


@dataclass(frozen=True)
class MuonTable:
    """A correction in |η| and pt, with the edges of what it covers.

    `pt_low` and `pt_high` hold one value per bin in |η|.
    """

    correction: Any
    eta_edges: npt.NDArray[np.float64]
    pt_low: npt.NDArray[np.float64]
    pt_high: npt.NDArray[np.float64]

    def nearest(
        self, abseta: npt.NDArray[np.float64], pt: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Returns |η| and pt moved into the nearest bin, which changes nothing inside the table."""
        abseta = _clip(abseta, self.eta_edges[0], self.eta_edges[-1])
        eta_bin = np.searchsorted(self.eta_edges, abseta, side="right") - 1
        return abseta, _clip(pt, self.pt_low[eta_bin], self.pt_high[eta_bin])

    def evaluate(
        self, abseta: npt.NDArray[np.float64], pt: npt.NDArray[np.float64], key: str
    ) -> npt.NDArray[np.float64]:
        """Returns the entries of a key for muons inside the table."""
        values = {"abseta": abseta, "pt": pt, "scale_factors": key}
        return np.asarray(
            self.correction.evaluate(*(values[v.name] for v in self.correction.inputs))
        )


def read_correction(file: Path, name: str | None, year: str | None = None) -> str:
    """Returns one correction of a file, `.json` or `.json.gz`, as a correction file of its own.

    Without a name, it is the only one.

    A table of the older form, with the inputs `year` and `ValType`, becomes one of the newer.

    Raises:
        InputError: The file cannot be read, is not a correction file or has no such correction, or
            several years and none is chosen.
    """
    raw = read_bytes(file, "correction file")
    try:
        content = parse_json(gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw)
    except gzip.BadGzipFile as error:
        message = f"{file} is not a correction file: {error}"
        raise InputError(message, code="corrections.no-correction-file", path=file) from error
    except (ValueError, EOFError, zlib.error) as error:
        message = f"{file} is not a correction file: expected correctionlib JSON ({error})"
        raise InputError(message, code="corrections.no-correction-file", path=file) from error
    if not isinstance(content, dict) or not isinstance(content.get("corrections"), list):
        message = f"{file} is not a correction file: it has no list 'corrections'"
        raise InputError(message, code="corrections.no-correction-file", path=file)
    found = {str(item["name"]): item for item in content["corrections"] if "name" in item}
    if name is None and len(found) == 1:
        name = next(iter(found))
    if name not in found:
        message = (
            f"{file} has no correction {name!r}{suggest(str(name), found)}; "
            f"it has: {', '.join(found) or 'none'}"
        )
        raise InputError(message, code="corrections.unknown-correction", path=name)
    correction = _newer(file, found[name], year)
    content = {"schema_version": content.get("schema_version"), "corrections": [correction]}
    return json.dumps(content, separators=(",", ":"))


def _newer(file: Path, correction: dict[str, Any], year: str | None) -> dict[str, Any]:
    """Returns a correction of the older form as one of the newer, every other as it is."""
    inputs = {item.get("name"): item for item in correction.get("inputs", [])}
    if sorted(map(str, inputs)) != sorted(_OLDER_INPUTS):
        if year is not None:
            message = (
                f"{file}: correction {correction['name']!r} is not divided by year, so that "
                f"year={year!r} chooses nothing: leave it out"
            )
            raise InputError(message, code="corrections.no-years", path="year")
        return correction
    data = correction["data"]
    is_year = data.get("nodetype") == "category" and data.get("input") == "year"
    years = {str(item["key"]): item["value"] for item in data["content"]} if is_year else {}
    if year is None and len(years) == 1:
        year = next(iter(years))
    if year not in years:
        message = (
            f"{file}: correction {correction['name']!r} has the years {', '.join(years) or 'none'}"
            f"{suggest(year, years) if year else ''}: choose one with year=..."
        )
        raise InputError(message, code="corrections.unknown-year", path="year")
    kinds = {**inputs["ValType"], "name": _INPUTS[-1]}
    return {
        **correction,
        "inputs": [inputs["abseta"], inputs["pt"], kinds],
        "data": _renamed(years[year]),
    }


def _renamed(node: Any) -> Any:
    """Returns a node of a correction with the names of the newer form."""
    if not isinstance(node, dict) or "content" not in node:
        return node
    if node.get("input") != "ValType":
        return {**node, "content": [_renamed(item) for item in node["content"]]}
    items = [{**one, "key": "nominal" if one["key"] == "sf" else one["key"]}
             for one in node["content"]]  # fmt: skip
    return {**node, "input": _INPUTS[-1], "content": items}


@lru_cache(maxsize=8)
def muon_table(text: str) -> MuonTable:
    """Returns the muon table of a text of `read_correction`, built once in each process.

    Raises:
        InputError: correctionlib refuses it, or it is not binned as a muon table is.
    """
    try:
        (correction,) = correctionlib.CorrectionSet.from_string(text).values()
    except RuntimeError as error:
        message = f"correctionlib refuses the table: {error}"
        raise InputError(message, code="corrections.bad-table") from error
    names = [variable.name for variable in correction.inputs]
    if sorted(names) != sorted(_INPUTS):
        message = (
            f"correction {correction.name!r} has the inputs {', '.join(names)}; "
            f"a muon table has {', '.join(_INPUTS)}"
        )
        raise InputError(message, code="corrections.wrong-inputs", path=correction.name)
    eta_edges, eta_bins = _bins(correction.name, json.loads(text)["corrections"][0]["data"], 0)
    rows = [_bins(correction.name, node, 1) for node in eta_bins]
    for leaf in (leaf for _, leaves in rows for leaf in leaves):
        _check_keys(correction.name, leaf)
    return MuonTable(
        correction=correction,
        eta_edges=eta_edges,
        pt_low=np.array([edges[0] for edges, _ in rows]),
        pt_high=np.array([edges[-1] for edges, _ in rows]),
    )


def _clip(
    values: npt.NDArray[np.float64], low: Any, high: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    # Bins hold their lower edge but not their upper one.
    return np.clip(values, low, np.nextafter(high, -np.inf))


def _bins(name: str, node: Any, level: int) -> tuple[npt.NDArray[np.float64], list[Any]]:
    kind = node.get("nodetype") if isinstance(node, dict) else "number"
    if kind != "binning" or node["input"] != _INPUTS[level]:
        message = (
            f"correction {name!r} is not a muon table: expected bins in {_INPUTS[level]}, "
            f"found a {kind}" + (f" in {node['input']}" if kind == "binning" else "")
        )
        raise InputError(message, code="corrections.wrong-bins", path=name)
    edges = node["edges"]
    if isinstance(edges, dict):
        return np.linspace(edges["low"], edges["high"], edges["n"] + 1), node["content"]
    return np.array([float(edge) for edge in edges]), node["content"]


def _check_keys(name: str, node: Any) -> None:
    category = isinstance(node, dict) and node.get("nodetype") == "category"
    found = [item["key"] for item in node["content"]] if category else []
    if missing := [key for key in KEYS if key not in found]:
        message = (
            f"correction {name!r} lacks the scale_factors {', '.join(missing)} in one of its bins; "
            f"found: {', '.join(map(str, found)) or 'none'}"
        )
        raise InputError(message, code="corrections.missing-keys", path=name)
