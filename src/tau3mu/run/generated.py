"""The sums of generator weights of simulation, for the files of which the results are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from tau3mu.datasets.generated import Generated, total
from tau3mu.datasets.origin import parse_origin
from tau3mu.derived.rows import counted_in
from tau3mu.processing.needs import that_read
from tau3mu.results.manifest import GeneratedFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.datasets import CheckedFile, Dataset
    from tau3mu.outputs.counted import Counted
    from tau3mu.run.plan import RunPlan

__all__ = ["generated_facts", "sums_in_files", "unweighted"]


_WEIGHTS: Final = {"gen_weight", "gen_weight?", "raw.genWeight", "raw.genWeight?"}


def sums_in_files(plan: RunPlan) -> dict[tuple[str, str], Generated]:
    """Returns the sums that files hold, by dataset and path; in short views, a part of them.

    Args:
        plan: Of the run.
    """
    return {
        (file.dataset, file.path): _part(file.generated, plan, file)
        for file in plan.files
        if file.generated is not None
    }


def generated_facts(
    plan: RunPlan, dataset: Dataset, read: Sequence[CheckedFile], counted: Counted
) -> GeneratedFacts | None:
    """Returns the sums of a dataset, None for data and where they are not known.

    What the dataset file says comes first, then what the files hold, then what was counted.

    Args:
        plan: Of the run.
        dataset: One of its datasets.
        read: The files of which the results are.
        counted: What was counted of their events.
    """
    if not dataset.is_mc:
        return None
    if dataset.generated is not None:
        share = _share(plan, dataset, read)
        if share is None:
            return None
        number = dataset.generated * share
        return GeneratedFacts(events=round(number), sumw=number, sumw2=number, source="metadata")
    of_files = total(_in_file(plan, dataset, file) for file in read)
    if of_files is not None:
        return _facts(of_files, "files")
    if counted.generated is None or any(file.origin for file in read):
        return None  # of derived data, most events are not there to be counted
    return _facts(counted.generated.rounded, "events")


def unweighted(plan: RunPlan) -> list[str]:
    """Returns warnings about simulation with generator weights that a processor does not read.

    Its histograms would be normalized to the sum of weights that they do not have.

    Args:
        plan: Of the run.
    """
    texts = []
    for dataset in plan.datasets:
        sums = [one for (name, _), one in sums_in_files(plan).items() if name == dataset.name]
        if dataset.cross_section is None or dataset.generated is not None:
            continue
        if all(math.isclose(one.sumw, one.events, rel_tol=1e-6) for one in sums):
            continue
        working = that_read(plan.working, dataset)
        names = [one.name for one in working if not _WEIGHTS & set(one.columns)]
        if names:
            texts.append(
                f"simulation {dataset.name} has generator weights, which {', '.join(names)} does "
                "not read: add GeneratorWeight() to event_weights, or its normalization is wrong"
            )
    return texts


def _in_file(plan: RunPlan, dataset: Dataset, file: CheckedFile) -> Generated | None:
    if file.generated is not None:
        return _part(file.generated, plan, file)
    if not file.origin or dataset.fraction < 1:
        return None
    sums = counted_in(parse_origin(file.origin, file.path)).generated
    return None if sums is None else sums.rounded


def _part(whole: Generated, plan: RunPlan, file: CheckedFile) -> Generated:
    """Returns the sums of the events of a file that are read, as far as a view has a part."""
    entries = plan.view_entries(file)
    if entries is None or entries == file.entries:
        return whole
    share = entries / file.entries
    return Generated(round(whole.events * share), whole.sumw * share, whole.sumw2 * share)


def _share(plan: RunPlan, dataset: Dataset, read: Sequence[CheckedFile]) -> float | None:
    """Returns the part of the entries of all files that was read, None if it is not known."""
    known = {file.listed or file.path: file.entries for file in plan.files
             if file.dataset == dataset.name}  # fmt: skip
    every = [known.get(path, dataset.details_of(path).entries) for path in dataset.files]
    numbers = [number for number in every if number is not None]
    if len(numbers) < len(every) or not sum(numbers):
        return None
    return sum(plan.view_entries(file) or 0 for file in read) / sum(numbers)


def _facts(found: Generated, source: str) -> GeneratedFacts:
    values = {"events": found.events, "sumw": found.sumw, "sumw2": found.sumw2}
    return GeneratedFacts.model_validate({**values, "source": source})
