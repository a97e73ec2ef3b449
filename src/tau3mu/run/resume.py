"""`--resume DIR`: the options that the folder of a run recorded, and those that are given now."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from tau3mu.errors import InputError
from tau3mu.results.manifest import read_json
from tau3mu.run.checked_files import read_checked_files, refuse_other_folders
from tau3mu.run.settings import Settings, is_given, option_of, recordable
from tau3mu.storage.names import RUN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["recorded_options", "resumed_options"]

_BY_KEY = {"values": "=", "variants": ":"}
"""Options that add to the record, with the end of their keys: what changes is done again alone."""


class _Recorded(BaseModel):
    model_config = ConfigDict(strict=True)

    options: Settings | None = None


def recorded_options(folder: Path) -> Settings | None:
    """Returns the options of the run in a folder, None if it has not recorded any.

    `checked_files.json` has those of the last start; `run.json` has those by which the results
    were made.

    Args:
        folder: The results folder.

    Raises:
        InputError: No run began in the folder, or what it recorded cannot be read.
    """
    refuse_other_folders(folder)
    checked = read_checked_files(folder)
    if checked is not None and checked.options is not None:
        return checked.options
    run = folder / RUN
    return read_json(run, _Recorded).options if run.is_file() else None


def resumed_options(given: Mapping[str, Any], record: Settings | None) -> dict[str, Any]:
    """Returns the options of a run that is resumed: those that are given, else those recorded.

    Args:
        given: The options that are given, with `resume`, the folder.
        record: What the folder has recorded.

    Raises:
        InputError: Nothing is recorded and the data are not given either, an option contradicts
            the record, or it held a secret, which is not recorded.
    """
    folder = given["resume"]
    given = {name: value for name, value in given.items() if is_given(value)}
    if record is None:
        if not (given.get("files") or given.get("datasets")):
            message = (
                f"{folder} does not say what its run was about: give FILES or --dataset, and "
                "all other options of that run"
            )
            raise InputError(message, code="run.nothing-recorded", path=folder)
        return given
    parsed = Settings.parsed(**given)
    for name, end in _BY_KEY.items():
        if name in given:
            given[name] = _added(getattr(record, name), getattr(parsed, name), end)
    _refuse_contradictions(given, record)
    moved = any(
        name in given and given[name] != getattr(record, name)
        for name in ("executor", "scheduler", "cluster")
    )
    merged = dict(given)
    for name in Settings.model_fields:
        option, value = option_of(name), getattr(record, name)
        if not option.recorded or name in given or (moved and option.place):
            continue
        if "***" in str(value) and "://" in str(value):
            message = (
                f"{folder}: the recorded {_shown(name, value)} holds a secret, which is not "
                "recorded: give this option again"
            )
            raise InputError(message, code="run.secret-not-recorded", path=name)
        merged[name] = value
    return merged


def _added(before: list[str], now: list[str], end: str) -> list[str]:
    """Returns the recorded texts without those of which the key is given again, and the given."""
    keys = {text.partition(end)[0].strip() for text in now}
    return [*(text for text in before if text.partition(end)[0].strip() not in keys), *now]


def _refuse_contradictions(given: Mapping[str, Any], record: Settings) -> None:
    """Raises an error if results would be of other data or processors, or in another form."""
    problems = {}
    for name, value in given.items():
        before = recordable(name, getattr(record, name))
        now = recordable(name, getattr(Settings(**{name: value}), name))
        # Processors may be added.
        more = name in _BY_KEY or (name == "processors" and set(_real(before)) <= set(_real(now)))
        if option_of(name).results and _real(before) != _real(now) and not more:
            then = _shown(name, before)
            problems[name] = f"{_shown(name, now)} is given, recorded is {then}"
    if problems:
        message = (
            f"the run in {given['resume']} is another one: {'; '.join(problems.values())}. Leave "
            "out what is recorded to go on with it, or begin a new run with --output"
        )
        raise InputError(message, code="run.contradicts-record", path=next(iter(problems)))


def _real(value: Any) -> Any:
    """Returns a value with its paths as the file system has them: `a/../b` is `b`."""
    if isinstance(value, list):
        return [_real(one) for one in value]
    is_path = isinstance(value, str) and value.startswith("/")
    return os.path.realpath(value) if is_path else value


def _shown(name: str, value: Any) -> str:
    """Returns an option and its value as on the command line."""
    option = option_of(name).flag or f"--{name.replace('_', '-')}"
    option = "FILES" if name == "files" else option
    if not is_given(value):
        return f"a run without {option}"
    if value is True:
        return option
    values = value if isinstance(value, list) else [value]
    if name == "files":
        return f"FILES {' '.join(values)}"
    return " ".join(f"{option} {one}" for one in values)
