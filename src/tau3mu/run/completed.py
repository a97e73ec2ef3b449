"""Whether a run that is to be resumed has come to its end already, so that nothing is left to do.

A driver may die after its last result is written, and whoever starts it again, by hand or as a
batch system does, asks for what is there.
"""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING

from tau3mu.errors import InputError
from tau3mu.execution.checkpoints import chunk_keys
from tau3mu.processing.fingerprint import source_hash
from tau3mu.results.run_file import read_run
from tau3mu.storage.names import PLAN, RUN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tau3mu.results.run_file import RunFile
    from tau3mu.run.preparation import Plan

__all__ = ["completed", "run_key"]

log = logging.getLogger(__name__)


def run_key(plan: Plan, keys: Sequence[str]) -> str:
    """Returns a hash of all that the results of a run depend on, with the keys of its chunks."""
    facts = {
        "chunks": list(keys),
        "filling": source_hash(plan.processors),
        "candidates": plan.settings.candidates,
        "fits": {name: model.hash for name, model in plan.models.items()},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def completed(plan: Plan) -> int | None:
    """Returns the exit code of the run in the plan's folder, None if there is something to do.

    A run of which events are missing is not complete: its files may have been repaired since.

    Raises:
        InputError: The run there is complete, but not the one that is asked for, or nothing says
            whether it is complete.
    """
    if not plan.settings.resume:
        return None
    run = _read(plan.folder)
    if run is None or run.status != "finished" or not run.complete:
        return None
    if run.key != run_key(plan, chunk_keys(plan.chunks, plan.processors)):
        message = (
            f"the run in {plan.folder} is complete, and not what is asked for now: the "
            "processors, their configuration, the files, the chunk size, the fits or the format of "
            "the candidates have changed; choose another folder with --output"
        )
        raise InputError(message)
    return run.exit_code


def _read(folder: Path) -> RunFile | None:
    path = folder / RUN
    if not path.is_file():
        return None
    try:
        return read_run(path)
    except InputError as error:
        if (folder / PLAN).is_file():  # which a complete run has not
            log.warning("%s; the run goes on, and writes it again", error)
            return None
        message = f"{error}; remove this file if the run is to be made again"
        raise InputError(message) from error
