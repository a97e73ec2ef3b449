"""What each step of a search depends on: its settings, its input files and the steps before it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.input_files import file_hash, user_path
from tau3mu.errors import InputError
from tau3mu.search.config import constants_of
from tau3mu.search.normalization import taus_per_ds
from tau3mu.storage.locations import is_url
from tau3mu.storage.states import state_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.datasets import Dataset
    from tau3mu.search.config import SearchConfig
    from tau3mu.search.state import Search

__all__ = ["BEFORE", "change_of", "datasets_of", "depends_of"]

BEFORE: Final[dict[str, tuple[str, ...]]] = {
    "datasets": (),
    "control": (),
    "selection": (),
    "training": ("selection",),
    "scores": ("selection", "training"),
    "bins": ("control", "scores"),
    "model": ("control", "scores", "bins"),
    "limit": ("model",),
}
"""The steps whose results each step reads."""
_CHANNELS: Final = {
    "datasets": ("control", "search"), "control": ("control",), "selection": ("search",),
}  # fmt: skip
"""The channels whose ntuples each step reads; `scores` reads those of `selection` again."""


def depends_of(search: Search, step: str) -> dict[str, Any]:
    """Returns all that a step depends on, as JSON values.

    Args:
        search: The search; the keys of the steps before are known.
        step: The name of the step.

    Raises:
        InputError: A dataset file cannot be read, or lacks a dataset of the search.
    """
    from tau3mu import __version__

    depends = {
        "step": step,
        "version": __version__,
        "settings": _settings_of(search.config, step),
        "before": {name: search.keys[name] for name in BEFORE[step]},
        "files": {
            getattr(search.config, channel).datasets: _datasets_in(search.config, channel)
            for channel in _CHANNELS.get(step, ())
        },
    }
    return dict(json.loads(json.dumps(depends)))


def _settings_of(config: SearchConfig, step: str) -> dict[str, Any]:
    """Returns the part of a search file that a step reads itself, under the names of the file.

    What the files named there hold is read for any step: a missing one is an error of the first.
    """
    whole = config.model_dump(mode="json")
    constants = constants_of(config)
    origins = config.search.simulation
    per_ds = taus_per_ds(constants)
    scored = {"parameters": config.search.parameters, "files": _files(config.search.parameters)}
    values = {name: one.value for name, one in sorted(constants.items())}
    expected = {"constants": values, "branching_fraction": config.branching_fraction,
                "search": {"simulation": origins}}  # fmt: skip
    parts: dict[str, dict[str, Any]] = {
        "datasets": {
            "control": {name: whole["control"][name] for name in ("datasets", "simulation")},
            "search": {"datasets": config.search.datasets, "simulation": origins,
                       "year": str(config.search.parameters.get("year", ""))},
        },
        "control": {"control": whole["control"], "fit": _content(config.control.fit),
                    "files": _files(config.control.parameters)},
        "selection": {"search": scored},
        "training": {"training": whole["training"], "search": {"simulation": origins},
                     "taus_per_ds": {name: per_ds[name] for name in origins}},
        "scores": {"search": scored},
        "bins": {"bins": config.bins, "seed": config.training.seed, **expected},
        "model": {"title": config.title, **expected,
                  "constants": {k: one.model_dump() for k, one in sorted(constants.items())}},
        "limit": {"cl": config.cl},
    }  # fmt: skip
    return parts[step]


def _content(fit: str | None) -> str | None:
    from tau3mu.fit.language.files import read_fit

    return None if fit is None else read_fit(fit)[0].text


def _files(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Returns hashes of the files that parameters of a processor name, such as `pileup_file`."""
    return {
        name: file_hash(user_path(value), f"file of the parameter {name}")
        for name, value in parameters.items()
        if name.endswith("_file") and isinstance(value, str)
    }


def datasets_of(path: str) -> list[Dataset]:
    """Returns the datasets of a file.

    Args:
        path: The file.

    Raises:
        InputError: It cannot be read.
    """
    from tau3mu.datasets.finding import datasets, is_dataset_file

    if not is_dataset_file(path):
        message = f"{path} is no dataset file: expected a JSON file that lists data and simulation"
        raise InputError(message, code="search.no-dataset-file", path=path)
    return datasets(path)


def _datasets_in(config: SearchConfig, channel: str) -> dict[str, Any]:
    """Returns the datasets of a channel with what changes when their files do: size and time."""
    path = getattr(config, channel).datasets
    wanted = (
        [config.control.simulation]
        if channel == "control"
        else list(config.search.simulation.values())
    )
    known = {one.name: one for one in datasets_of(path)}
    for name in wanted:
        if name not in known or not known[name].is_mc:
            message = (
                f"{path} has no simulated dataset {name!r}; it has "
                f"{', '.join(n for n, one in known.items() if one.is_mc) or 'none'}"
            )
            raise InputError(message, code="search.no-dataset", path=name)
    if all(one.is_mc for one in known.values()):
        message = f"{path} has no data; a search needs data and simulation"
        raise InputError(message, code="search.no-data", path=path)
    return {name: _facts_of(one) for name, one in known.items()}


def _facts_of(one: Dataset) -> dict[str, Any]:
    names = ("era", "is_mc", "lumi", "fraction", "energy", "cross_section", "generated", "layout")
    metadata = {name: getattr(one, name) for name in names}
    metadata |= {
        name: _state(path) for name in ("brilcalc", "linked") if (path := getattr(one, name))
    }
    metadata |= {"extra": dict(one.extra),
                 "certification": one.certification and one.certification.hash}  # fmt: skip
    files = {file: [tree, _state(file)] for file, tree in sorted(one.files.items())}
    return {"metadata": metadata, "files": files}


def _state(file: str) -> tuple[int, str] | None:
    """Returns the state of a local file; servers are asked when the file is read."""
    return None if is_url(file) else state_of(file)


def change_of(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Returns what makes a step another one than before; empty if that is a step before it.

    Args:
        before: What it depended on.
        now: What it depends on.
    """
    if before["version"] != now["version"]:
        return f"tau3mu was {before['version']} and is {now['version']}"
    if before["settings"] != now["settings"]:
        return _difference(before["settings"], now["settings"])
    for path, datasets in now["files"].items():
        old = before.get("files", {}).get(path, {})
        for name in sorted(datasets.keys() | old.keys()):
            one, other = (each.get(name, {"files": {}, "metadata": {}}) for each in (old, datasets))
            for file in sorted(one["files"].keys() | other["files"].keys()):
                if one["files"].get(file) != other["files"].get(file):
                    return f"the file {file} has changed"
            if one != other:
                return f"dataset {name}: {_difference(one['metadata'], other['metadata'])}"
    return ""


def _difference(before: Any, now: Any, name: str = "") -> str:
    """Returns the first of the values that differ, with its keys, as in `training.trees`."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key):
                return _difference(before.get(key), now.get(key), f"{name}.{key}".lstrip("."))
    texts = ["not set" if one is None else json.dumps(one, ensure_ascii=False)
             for one in (before, now)]  # fmt: skip
    return f"{name} was {texts[0]} and is {texts[1]}" if max(map(len, texts)) < 60 else name
