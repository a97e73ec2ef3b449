"""Whether a run that is to be resumed has come to its end already, so that nothing is left to do.

A driver may die after its last result is written, and whoever starts it again, by hand or as a
batch system does, asks for what is there.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from tau3mu.errors import InputError
from tau3mu.execution.checkpoints import chunk_keys
from tau3mu.input_files import parse_json, read_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.preparation import Plan

__all__ = ["completed", "run_key"]


def run_key(plan: Plan, keys: Sequence[str]) -> str:
    """Returns a hash of all that the results of a run depend on, with the keys of its chunks."""
    facts = {
        "chunks": list(keys),
        "candidates": plan.settings.candidates,
        "fits": {name: model.hash for name, model in plan.models.items()},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def completed(plan: Plan) -> int | None:
    """Returns the exit code of the run in the plan's folder, None if there is something to do.

    A run of which events are missing is not complete: its files may have been mended since.

    Raises:
        InputError: The run there is complete, but not the one that is asked for.
    """
    if not plan.settings.resume:
        return None
    try:
        run = parse_json(read_text(plan.folder / "run.json", "record of the run"))
        done = run["status"] == "finished" and run["complete"]
    except (OSError, ValueError, KeyError, TypeError):  # none yet, or damaged: it is made again
        return None
    if not done:
        return None
    if run.get("key") != run_key(plan, chunk_keys(plan.chunks, plan.processors)):
        message = (
            f"the run in {plan.folder} is complete, and not what is asked for now: the "
            "processors, their configuration, the files, the chunk size, the fits or the format of "
            "the candidates have changed; choose another folder with --output"
        )
        raise InputError(message)
    return int(run["exit_code"])
