"""Which histogram to fit: that of the data, or of simulation where there is no data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.errors import InputError, suggest
from tau3mu.results.histograms import NOMINAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hist import Hist

    from tau3mu.fit.model import FitModel

__all__ = ["Spectrum", "read_spectrum", "spectrum"]

_FILE = "histograms.root"


@dataclass(frozen=True)
class Spectrum:
    """A histogram to fit, and what is in it."""

    histogram: Hist[Any]
    datasets: tuple[str, ...]
    simulation: bool = False
    lumi: float | None = None
    source: str = ""
    remark: str = ""
    """What a user should know of the choice."""


def spectrum(histogram: Hist[Any], is_mc: Mapping[str, bool]) -> Spectrum:
    """Returns the nominal histogram of the data, or of simulation where there is no data.

    Args:
        histogram: With the axes `dataset` and `variation` before that of the variable.
        is_mc: For each dataset whether it is simulation.

    Raises:
        InputError: Nothing was filled for these datasets.
    """
    chosen, simulation = _choose(is_mc)
    filled = [name for name in chosen if name in histogram.axes["dataset"]]
    parts: list[Any] = [histogram[{"dataset": name, "variation": NOMINAL}] for name in filled]
    return Spectrum(_add(parts, chosen, "the histogram"), tuple(chosen), simulation)


def read_spectrum(path: str | Path, model: FitModel, name: str | None = None) -> Spectrum:
    """Returns the histogram of a model from files of a run.

    Args:
        path: A results folder, the folder of a processor in it, or `histograms.root`.
        model: It names the histogram, and the processor where there are several.
        name: A certain histogram of the file, such as `demo/mass`, instead of the sum.

    Raises:
        InputError: There is no such file or histogram, or the histograms cannot be added.
    """
    import uproot

    file = _find(Path(path).expanduser(), model.name)
    facts = _read_facts(file)
    try:
        with uproot.open(file) as content:
            keys = content.keys(cycle=False, filter_classname="TH1*")
            if name is not None:
                return _explicit(content, keys, name, file, facts)
            return _summed(content, keys, model, file, facts)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        message = f"cannot read {file} as a ROOT file: {error}"
        raise InputError(message) from error


def _explicit(
    content: Any, keys: Sequence[str], name: str, file: Path, facts: Mapping[str, Any] | None
) -> Spectrum:
    if name not in keys:
        message = f"{file} has no histogram {name!r}{suggest(name, keys)}; it has {', '.join(keys)}"
        raise InputError(message)
    dataset = name.rpartition("/")[0]
    fact = (facts or {}).get(dataset, {})
    return Spectrum(
        content[name].to_hist(),
        (dataset,) if dataset else (),
        bool(fact.get("is_mc", False)),
        fact.get("lumi"),
        source=f"{file}:{name}",
    )


def _summed(
    content: Any,
    keys: Sequence[str],
    model: FitModel,
    file: Path,
    facts: Mapping[str, Any] | None,
) -> Spectrum:
    suffix = f"/{model.histogram}"
    there = [key.removesuffix(suffix) for key in keys if key.endswith(suffix)]
    if not there:
        message = (
            f"{file} has no histogram {model.histogram!r} of any dataset; it has "
            f"{', '.join(keys) or 'none at all'}; --histogram chooses one"
        )
        raise InputError(message)
    if facts is None:
        chosen, simulation = there, False
        remark = f"there is no run.json, so all datasets are added: {', '.join(chosen)}"
    else:
        chosen, simulation = _choose({key: bool(f.get("is_mc")) for key, f in facts.items()})
        remark = ""
    parts = [content[key + suffix].to_hist() for key in chosen if key in there]
    lumis = [(facts or {}).get(key, {}).get("lumi") for key in chosen]
    return Spectrum(
        _add(parts, chosen, f"{file}: histogram {model.histogram!r}"),
        tuple(chosen),
        simulation,
        sum(lumis) if lumis and None not in lumis else None,
        source=f"{file}:{model.histogram}",
        remark=remark,
    )


def _choose(is_mc: Mapping[str, bool]) -> tuple[list[str], bool]:
    """Returns the datasets to add, and whether they are simulation."""
    data = [name for name, simulated in is_mc.items() if not simulated]
    return (data, False) if data else (list(is_mc), True)


def _add(parts: Sequence[Hist[Any]], datasets: Sequence[str], where: str) -> Hist[Any]:
    if not parts:
        message = f"{where} has nothing of {', '.join(datasets)}; there is nothing to fit"
        raise InputError(message)
    if any(part.axes != parts[0].axes for part in parts):
        message = f"{where} has other bins in other datasets ({', '.join(datasets)})"
        raise InputError(message)
    return reduce(add, parts)


def _find(path: Path, processor: str) -> Path:
    if path.is_file():
        return path
    if not path.exists():
        message = f"{path} does not exist; expected a results folder or {_FILE}"
        raise InputError(message)
    for file in (path / _FILE, path / processor / _FILE):
        if file.is_file():
            return file
    found = sorted(path.glob(f"*/{_FILE}"))
    if len(found) == 1:
        return found[0]
    if found:
        folders = ", ".join(str(file.parent) for file in found)
        message = f"{path} has several processors, none called {processor!r}; give one: {folders}"
        raise InputError(message)
    message = f"{path} is not a results folder: it holds no {_FILE}"
    raise InputError(message)


def _read_facts(file: Path) -> dict[str, Any] | None:
    """Returns what run.json says of the datasets, None without run.json."""
    for folder in (file.resolve().parent, file.resolve().parent.parent):
        run = folder / "run.json"
        if run.is_file():
            try:
                datasets = json.loads(run.read_text("utf-8"))["datasets"]
                return {str(name): dict(fact) for name, fact in datasets.items()}
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                message = f"{run} does not say which datasets were read: {error!r}"
                raise InputError(message) from error
    return None
