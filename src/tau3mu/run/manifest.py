"""`run.json`: what a run was asked for, what it read, and what it came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.ntuples.layout import layout
from tau3mu.processing.user_code import class_name
from tau3mu.results import provenance
from tau3mu.run.completed import run_key

if TYPE_CHECKING:
    from datetime import datetime

    from tau3mu.run.analysis import Outcome, Plan

__all__ = ["run_record"]


def run_record(plan: Plan, outcome: Outcome, started: datetime, status: str) -> dict[str, Any]:
    """Returns what `run.json` holds.

    Args:
        plan: What was to be done.
        outcome: What it came to so far.
        started: When the run began.
        status: `writing` while files take their places, `fitting`, `finished`, or `incomplete` if
            there are no results.
    """
    result = outcome.result
    return {
        "status": status,
        "complete": not outcome.missing,
        "exit_code": None if status in {"writing", "fitting"} else outcome.exit_code,
        "key": run_key(plan, result.keys),
        "configuration": _configuration(plan),
        "options": plan.settings.options and plan.settings.options.model_dump(mode="json"),
        "datasets": {
            dataset.name: {
                "era": dataset.era,
                "is_mc": dataset.is_mc,
                "lumi": dataset.lumi,
                "triggers": result.triggers.get(dataset.name, {}),
            }
            for dataset in plan.datasets
        },
        "inputs": _inputs(plan, outcome),
        "missing": [
            {
                "dataset": file.dataset,
                "path": file.path,
                "events": file.expected,
                "reasons": list(file.errors),
            }
            for file in outcome.missing
        ],
        "chunks": {
            "total": result.chunks,
            "resumed": result.resumed,
            "attempts": result.attempts,
        },
        "warnings": list(result.warnings),
        "fits": _validity(outcome) if status == "finished" else {},
        **provenance(started=started),
    }


def _configuration(plan: Plan) -> dict[str, Any]:
    settings = plan.settings
    return {
        "executor": settings.executor,
        "workers": plan.workers,
        "scheduler": settings.scheduler,
        "cluster": settings.cluster,
        "chunk_size": settings.chunk_size,
        "candidates": settings.candidates,
        "skip_bad_files": settings.skip_bad_files,
        "allow_missing": settings.allow_missing,
        "processors": {
            processor.name: {
                "class": class_name(type(processor)),
                "columns": sorted(processor.columns),
                **processor.configuration,
            }
            for processor in plan.processors
        },
        "fits": {name: model.name for name, model in plan.models.items()},
    }


def _inputs(plan: Plan, outcome: Outcome) -> list[dict[str, Any]]:
    read = {(file.dataset, file.path): file for file in outcome.result.files}
    inputs = []
    for file in plan.files:
        done = read.get((file.dataset, file.path))
        inputs.append(
            {
                "dataset": file.dataset,
                "path": file.path,
                "tree": file.tree,
                "layout": layout(file.layout).name,
                "uuid": file.uuid,
                "entries": file.entries,
                "read": done.read if done else 0,
                "errors": list(done.errors) if done else [],
            }
        )
    return inputs


def _validity(outcome: Outcome) -> dict[str, dict[str, Any]]:
    fitted = {
        name: {"valid": fit.valid, "messages": list(fit.messages)}
        for name, fit in outcome.fits.items()
    }
    failed = {
        name: {"valid": False, "messages": [text]} for name, text in outcome.not_fitted.items()
    }
    return fitted | failed
