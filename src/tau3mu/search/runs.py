"""Runs of the steps of a search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.errors import RunError

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.processing import Processor
    from tau3mu.run import Run
    from tau3mu.search.state import Search

__all__ = ["generated_in", "run_in"]


def run_in(search: Search, path: str, processor: Processor, folder: Path, **more: Any) -> Run:
    """Runs a processor in the folder of a step; a run that was interrupted goes on.

    Args:
        search: Whose options it has.
        path: The dataset file.
        processor: What is run.
        folder: Of the step.
        more: Options of the run.

    Raises:
        RunError: Events are missing, or the processor fails.
    """
    from tau3mu import run

    output = folder / "results"
    options: dict[str, Any] = {"resume" if output.exists() else "output": output}
    found = run(path, processor, **options, **search.options, **more)
    if found.exit_code != 0:
        message = f"the run in {output} ended with exit code {found.exit_code}: see its log.txt"
        raise RunError(message, code="search.run-failed", path=str(output))
    return found


def generated_in(found: Run, processor: Processor) -> dict[str, float]:
    """Returns how many events were generated of each dataset, or the sums of their weights.

    Of a skim these are more than those that are in it, if the dataset file or the skim says so;
    otherwise they are the events that were read.

    Args:
        found: A run.
        processor: Which one of it; its weights decide whether those of the generator count.
    """
    weighted = getattr(processor, "generator_weight", False)
    known: dict[str, float] = {}
    for name, steps in found[processor.name].cutflow.items():
        facts = found.datasets[name].generated
        if facts is None or facts.source == "events":
            known[name] = float(steps[0]["sumw"])
        else:
            known[name] = facts.sumw if weighted else float(facts.events)
    return known
