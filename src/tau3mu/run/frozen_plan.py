"""Prepares a run anew of what the folder of a run or a train recorded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError
from tau3mu.run.copied_files import hash_of
from tau3mu.run.preparation import prepare
from tau3mu.run.settings import Settings
from tau3mu.run.thawing import recorded_directory, thaw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tau3mu.run.plan import RunPlan
    from tau3mu.run.thawing import Thawed

__all__ = ["changed_files", "prepare_frozen", "prepare_thawed"]


def prepare_frozen(
    folder: str | Path,
    *,
    output: str | Path | None = None,
    prefix: str | None = None,
    files: str | Path | Mapping[str, str] | None = None,
    isolate: bool = False,
    on_file: Callable[[], object] = lambda: None,
    **settings: Any,
) -> RunPlan:
    """Returns the plan of a run as a folder recorded it.

    Args:
        folder: Of the results of a run, or of a train.
        output: The new results folder; None with `resume=FOLDER`.
        prefix: As for `thaw`.
        files: As for `thaw`.
        isolate: Whether the others go on when a processor fails.
        on_file: Is called after each file that has been checked.
        settings: Options of the run that are not as recorded, such as `executor`.

    Raises:
        InputError: Something is not there any more, copied code has been edited, or a file has
            another UUID or number of events than recorded.
    """
    thawed = thaw(folder, prefix=prefix, files=files)
    for copied in thawed.frozen.code:
        if hash_of(thawed.folder / copied.path) != copied.sha256:
            path = thawed.folder / copied.path
            message = f"{path} has been changed since it was recorded in {thawed.folder}"
            raise InputError(message, code="frozen.changed-code", path=path)
    plan = prepare_thawed(thawed, output=output, isolate=isolate, on_file=on_file, **settings)
    if changed := changed_files(thawed, plan):
        plan.close()
        place, problem = next(iter(changed.items()))
        more = f" ({len(changed)} files have changed)" if len(changed) > 1 else ""
        message = f"{problem}{more}"
        raise InputError(message, code="frozen.changed-file", path=place)
    return plan


def prepare_thawed(
    thawed: Thawed,
    *,
    output: str | Path | None = None,
    isolate: bool = False,
    on_file: Callable[[], object] = lambda: None,
    **settings: Any,
) -> RunPlan:
    """Returns the plan of a run of what was recorded, whether or not its files have changed.

    The plan keeps what stands for the working directory of that run as that of this process, if
    its code names files from there, until it is closed.

    Args:
        thawed: What was recorded.
        output: The new results folder; None with `resume=FOLDER`.
        isolate: Whether the others go on when a processor fails.
        on_file: Is called after each file that has been checked.
        settings: Options of the run that are not as recorded.

    Raises:
        InputError: As for `prepare`.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    if output is not None:
        given["output"] = output
    for name in ("output", "resume", "site", "proxy", "performance_report"):
        if given.get(name):
            given[name] = user_path(given[name]).absolute()
    kept = {name: getattr(thawed.settings, name) for name in thawed.settings.model_fields_set}
    if given.get("executor", kept.get("executor")) != kept.get("executor"):
        kept.pop("workers", None)
    chosen = Settings.of(**{**kept, **given})
    there = recorded_directory(thawed.folder, thawed.frozen)
    there.__enter__()
    try:
        plan = prepare(
            thawed.datasets, thawed.processors, chosen,
            fits=thawed.fits, skims=thawed.skims, isolate=isolate, on_file=on_file,
        )  # fmt: skip
    except BaseException:
        there.__exit__(*sys.exc_info())
        raise
    plan.resources.push(there)
    return plan


def changed_files(thawed: Thawed, plan: RunPlan) -> dict[str, str]:
    """Returns which files are not those that were recorded, and how they differ, by place.

    Args:
        thawed: What was recorded.
        plan: With the files as they were checked now.
    """
    now = {(file.dataset, file.listed or file.path): file for file in plan.files}
    found = {}
    for dataset in thawed.frozen.datasets:
        for then in dataset.files:
            place = thawed.places.get((dataset.name, then.path), "")
            file = now.get((dataset.name, place))
            if file is None or not then.uuid:
                continue
            if file.uuid != then.uuid:
                found[place] = f"{place} has the UUID {file.uuid}, recorded is {then.uuid}"
            elif file.entries != then.entries:
                found[place] = f"{place} has {file.entries} events, recorded are {then.entries}"
    return found
