"""The account of a run: its exit code, and its manifest."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tau3mu.datasets.energy import lhc_energy
from tau3mu.ntuples.layout import layout
from tau3mu.outputs.counted import Counted
from tau3mu.processing.cuts import CutProcessor
from tau3mu.processing.user_code import class_name
from tau3mu.results.manifest import (
    CertificationFacts,
    ChunkCounts,
    DatasetFacts,
    DerivedVerdict,
    FailedProcessor,
    FitVerdict,
    InputFile,
    Manifest,
    MissingFile,
    ProcessorResources,
    ReaderResources,
    Resources,
)
from tau3mu.results.normalization import not_normalized
from tau3mu.results.provenance import provenance
from tau3mu.run.generated import generated_facts
from tau3mu.run.luminosity import luminosities, sections_read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path
    from typing import Literal

    from tau3mu.datasets import Dataset
    from tau3mu.execution import FileRead, RunResult
    from tau3mu.fit import FitResult
    from tau3mu.processing import Processor
    from tau3mu.results.manifest import GeneratedFacts
    from tau3mu.run.plan import RunPlan

__all__ = ["exit_code", "manifest_of"]


def exit_code(plan: RunPlan, result: RunResult, missing: Sequence[FileRead], *, valid: bool) -> int:
    """Returns the exit code of a run.

    It is 2 if more events are missing than allowed, 1 if a fit is not valid, a processor was set
    apart or what was to be derived is not there, else 0.

    Args:
        plan: Which says the allowed fraction of all events.
        result: What was read.
        missing: The files of which nothing is in the results.
        valid: Whether all fits are valid, and all is there that was to be derived.
    """
    if missing:
        known = [file.expected for file in missing if file.expected is not None]
        lost = sum(known)
        total = lost + sum(file.read for file in result.files)
        fraction = lost / total if total else 0.0
        if len(known) < len(missing) or fraction > (plan.settings.allow_missing or 0.0):
            return 2
    return 0 if valid and not (plan.set_apart or result.set_apart) else 1


def manifest_of(
    plan: RunPlan,
    result: RunResult,
    missing: Sequence[FileRead],
    status: Literal["writing", "fitting", "finished", "incomplete"],
    started: datetime,
    *,
    folder: Path,
    exit_code: int | None = None,
    fits: Mapping[str, FitResult] | None = None,
    failed: Mapping[str, str] | None = None,
    derived: Mapping[str, DerivedVerdict] | None = None,
) -> Manifest:
    """Returns the manifest of a run.

    Args:
        plan: What was to be done.
        result: What was found and read.
        missing: The files of which nothing is in the results.
        status: How far the run has come; see `Manifest`.
        started: When the run began.
        folder: The results folder.
        exit_code: That of the run, None until it has ended.
        fits: The fits by processor.
        failed: Why fits could not be made, by processor.
        derived: What was derived, by name.
    """
    read = {(file.dataset, file.path): file for file in result.files}
    counted = luminosities(plan, sections_read(plan, result))
    inputs = [(file, read.get((file.dataset, file.path))) for file in plan.files]
    linked = {dataset.name for dataset in plan.datasets if dataset.linked}
    verdicts = {
        name: FitVerdict(valid=fit.valid, messages=list(fit.messages))
        for name, fit in (fits or {}).items()
    }
    facts = {
        dataset.name: DatasetFacts(
            era=dataset.era,
            is_mc=dataset.is_mc,
            lumi=counted[dataset.name].recorded
            if dataset.name in counted
            else _number(dataset.lumi),
            lumi_source=dataset.lumi_source or dataset.brilcalc,
            luminosity=counted.get(dataset.name),
            energy=_number(dataset.energy) or lhc_energy(dataset.era),
            cross_section=_number(dataset.cross_section),
            fraction=dataset.fraction,
            certification=_certification(dataset),
            generated=_generated(plan, dataset, result, missing),
            readers=None if dataset.readers is None else sorted(dataset.readers),
            triggers={
                column: list(paths)
                for column, paths in result.triggers.get(dataset.name, {}).items()
            },
        )
        for dataset in plan.datasets
    }
    return Manifest(
        status=status,
        complete=not missing and (bool(result.processors) or not result.set_apart),
        exit_code=exit_code,
        key=plan.key(result.keys),
        configuration=_configuration(plan),
        options=plan.options,
        datasets=facts,
        inputs=[
            InputFile(
                dataset=file.dataset,
                path=file.path,
                tree=file.tree,
                layout=layout(file.layout).name,
                uuid=file.uuid,
                entries=(
                    (done.expected or 0)
                    if done and file.dataset in linked
                    else plan.view_entries(file) or 0
                ),
                read=done.read if done else 0,
                errors=list(done.errors) if done else [],
            )
            for file, done in inputs
        ],
        missing=[
            MissingFile(
                dataset=file.dataset,
                path=file.path,
                events=file.expected,
                reasons=list(file.errors),
            )
            for file in missing
        ],
        chunks=ChunkCounts(total=result.chunks, resumed=result.resumed, attempts=result.attempts),
        warnings=[*result.warnings, *_not_normalized(plan, facts)],
        derived=dict(derived or {}),
        counters={p.name: dict(p.counters) for p in plan.processors if p.counters},
        fits=verdicts
        | {name: FitVerdict(valid=False, messages=[text]) for name, text in (failed or {}).items()},
        set_apart={
            name: [FailedProcessor(**asdict(group)) for group in groups]
            for name, groups in {**plan.set_apart, **result.set_apart}.items()
        },
        resources=_resources(result, folder),
        **provenance(started=started),
    )


def _not_normalized(plan: RunPlan, facts: Mapping[str, DatasetFacts]) -> list[str]:
    own = ([one.name for one in plan.read_by(processor)] for processor in plan.processors)
    texts = (not_normalized({name: facts[name] for name in names}) for names in own)
    return list(dict.fromkeys(text for some in texts for text in some))


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _certification(dataset: Dataset) -> CertificationFacts | None:
    if (found := dataset.certification) is None:
        return None
    return CertificationFacts(hash=found.hash, source=found.source, runs=len(found.runs))


def _generated(
    plan: RunPlan, dataset: Dataset, result: RunResult, missing: Sequence[FileRead]
) -> GeneratedFacts | None:
    """Returns the sums of weights of the files of a dataset of which the results are."""
    out = {(file.dataset, file.path) for file in missing}
    own = [file for file in plan.files if file.dataset == dataset.name]
    read = [f for f in own if not out & {(f.dataset, f.path), (f.dataset, f.listed)}]
    return generated_facts(plan, dataset, read, result.counted.get(dataset.name, Counted()))


def _resources(result: RunResult, folder: Path) -> Resources:
    """Returns what reading and each processor took, and the size of the files of each."""
    timing = result.timing
    return Resources(
        reader=ReaderResources(cpu=timing.read_cpu, wall=timing.read_wall, bytes=result.bytes),
        processors={
            name: ProcessorResources(
                cpu=seconds,
                wall=timing.wall[name],
                written=sum(
                    file.stat().st_size for file in (folder / name).glob("*") if file.is_file()
                ),
            )
            for name, seconds in timing.cpu.items()
        },
    )


def _cut_values(processor: Processor) -> dict[str, list[float]]:
    return processor.cut_values if isinstance(processor, CutProcessor) else {}


def _configuration(plan: RunPlan) -> dict[str, Any]:
    settings = plan.settings
    return {
        "executor": settings.executor,
        "workers": plan.workers,
        "scheduler": settings.scheduler,
        "cluster": settings.cluster,
        "chunk_size": settings.chunk_size,
        "candidates": settings.candidates,
        "per_run": settings.per_run,
        "skip_bad_files": settings.skip_bad_files,
        "allow_missing": settings.allow_missing or 0.0,
        "processors": {
            processor.name: {
                "class": class_name(type(processor)),
                "columns": sorted(processor.columns),
                **processor.configuration,
                **({"needs": list(processor.needs)} if processor.needs else {}),
                **({"cut_values": values} if (values := _cut_values(processor)) else {}),
            }
            for processor in plan.processors
        },
        "fits": {name: model.name for name, model in plan.models.items()},
    }
