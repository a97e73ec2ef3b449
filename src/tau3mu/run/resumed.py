"""`--resume DIR`: the options that the folder of a run recorded, and those that are given."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.errors import InputError
from tau3mu.run.checked_files import recorded_options
from tau3mu.run.recorded_options import recordable

if TYPE_CHECKING:
    from tau3mu.run.recorded_options import RunOptions

__all__ = ["resumed_options"]

_RESULTS = (
    "files", "dataset", "prefix", "layout", "max_files", "processor", "fit", "no_fit", "chunk_size",
    "candidates",
)  # fmt: skip
"""On these the results depend, or the checkpoints; there may be more processors than before."""
_PLACE = ("workers", "scheduler", "cluster", "site", "insecure")
"""These say where the executor works: given again, none of the others is taken from the record."""
_PATHS = {"site", "proxy"}


def resumed_options(given: argparse.Namespace) -> argparse.Namespace:
    """Returns the options of a run that is resumed: those that are given, else those recorded.

    Args:
        given: The options of the command line, None, False or empty where they are not given.

    Raises:
        InputError: No run began in the folder, it recorded nothing and the data are not given, or
            an option contradicts the record; or another folder is given too.
    """
    if given.output is not None:
        message = "--resume excludes --output: it goes on in its own folder"
        raise InputError(message)
    record = recorded_options(given.resume)
    if record is None:
        if not (given.files or given.dataset):
            message = (
                f"{given.resume} does not say what its run was about: give FILES or --dataset, and "
                "all other options of that run"
            )
            raise InputError(message)
        return given
    _refuse_contradictions(given, record)
    return argparse.Namespace(**{**vars(given), **_merged(given, record)})


def _refuse_contradictions(given: argparse.Namespace, record: RunOptions) -> None:
    """Raises an error if results would be of other data or processors, or in another form."""
    problems = []
    for name in _RESULTS:
        value = getattr(given, name)
        before, now = _real(getattr(record, name)), _real(recordable(name, value))
        more = name == "processor" and set(before) <= set(now or ())
        if _is_given(value) and before != now and not more:
            then = _shown(name, getattr(record, name))
            problems.append(f"{_shown(name, recordable(name, value))} is given, recorded is {then}")
    if problems:
        message = (
            f"the run in {given.resume} is another one: {'; '.join(problems)}. Leave out what is "
            "recorded to go on with it, or begin a new run with --output"
        )
        raise InputError(message)


def _merged(given: argparse.Namespace, record: RunOptions) -> dict[str, Any]:
    moved = any(
        _is_given(value := getattr(given, name)) and value != getattr(record, name)
        for name in ("executor", "scheduler", "cluster")
    )
    merged = {}
    for name in type(record).model_fields:
        value = getattr(given, name)
        if not _is_given(value) and not (moved and name in _PLACE):
            value = getattr(record, name)
            if "***" in str(value) and "://" in str(value):
                message = (
                    f"{given.resume}: the recorded {_shown(name, value)} holds a secret, which is "
                    "not recorded: give this option again"
                )
                raise InputError(message)
        merged[name] = Path(value) if name in _PATHS and value is not None else value
    return merged


def _is_given(value: Any) -> bool:
    return value is not None and value is not False and value != []


def _real(value: Any) -> Any:
    """Returns a value with its paths as the file system has them: `a/../b` is `b`."""
    if isinstance(value, list):
        return [_real(one) for one in value]
    is_path = isinstance(value, str) and value.startswith("/")
    return os.path.realpath(value) if is_path else value


def _shown(name: str, value: Any) -> str:
    """Returns an option and its value as on the command line."""
    option = "FILES" if name == "files" else f"--{name.replace('_', '-')}"
    if not _is_given(value):
        return f"a run without {option}"
    if value is True:
        return option
    values = value if isinstance(value, list) else [value]
    if name == "files":
        return f"FILES {' '.join(values)}"
    return " ".join(f"{option} {one}" for one in values)
