"""Writes what a run is made of into its folder, so that it can be made again from there."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from dataclasses import asdict
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from tau3mu.datasets import dataset_version
from tau3mu.ntuples.layout import layout
from tau3mu.processing.catalogue import installed_name
from tau3mu.processing.described import Description
from tau3mu.processing.own_code import library_versions, package_hashes
from tau3mu.processing.parameters import defaults, patch_between, values_of
from tau3mu.processing.user_code import PREFIX, is_users, plain_name
from tau3mu.processing.user_files import source_of
from tau3mu.redaction import redact, redacted
from tau3mu.run.code_copy import CodeCopy
from tau3mu.run.frozen import (
    Fingerprints,
    FrozenDataset,
    FrozenFile,
    FrozenFit,
    FrozenProcessor,
    FrozenRun,
)
from tau3mu.run.imported import needed_modules
from tau3mu.run.places import shipped_path
from tau3mu.storage.files import json_text, make_folder, write_text
from tau3mu.storage.names import CONFIGURATION, FULL_CONFIG, INPUT_DATA

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.datasets import CheckedFile, Dataset
    from tau3mu.derived import SkimRequest
    from tau3mu.processing import Processor
    from tau3mu.run.plan import RunPlan

__all__ = ["freeze", "made_again"]


def freeze(plan: RunPlan, folder: Path) -> FrozenRun:
    """Writes what a plan is made of into a folder, and returns it.

    `full_config.json` and `code/` suffice to make the run again. `configuration.json` (the
    parameters by processor) and `input_data.txt` (a file in each line) are made of it, for people
    and other programs.

    Args:
        plan: Of the run.
        folder: Of its results, or of a train; what it had of these files is replaced.

    Raises:
        RunError: A file cannot be written.
    """
    make_folder(folder)
    inputs = [path for dataset in plan.datasets for path in dataset.places()]
    if plan.settings.proxy:
        inputs.append(str(plan.settings.proxy))
    copy = CodeCopy(inputs)
    copy.add_processors(plan.processors)
    processors = tuple(_processor(one, copy, plan.skims.get(one.name)) for one in plan.processors)
    for one in processors:
        copy.add_values(one.parameters)
    copy.add_values({one.name: one.brilcalc for one in plan.datasets if one.brilcalc})
    fits = {
        name: FrozenFit(document=model.to_dict(), folder=copy.add_fit(model))
        for name, model in plan.models.items()
    }
    frozen = FrozenRun(
        datasets=tuple(_dataset(dataset, plan) for dataset in plan.datasets),
        processors=processors,
        fits=fits,
        settings=plan.settings.recorded(),
        code=tuple(copy.write(folder)),
        moved=copy.moved,
        directory=copy.directory,
        fingerprints=_fingerprints(plan),
    )
    document = frozen.model_dump(mode="json")
    write_text(folder / FULL_CONFIG, json_text(document))
    parameters = {one.name: one.parameters for one in frozen.processors}
    write_text(folder / CONFIGURATION, json_text(parameters))
    files = [file.path for dataset in frozen.datasets for file in dataset.files]
    write_text(folder / INPUT_DATA, "".join(f"{file}\n" for file in files))
    return frozen


def made_again(cls: type[Processor], name: str, values: dict[str, Any]) -> Processor:
    """Returns a new processor of a class.

    Args:
        cls: The class.
        name: Of the processor.
        values: Of all of its parameters.
    """
    patch = patch_between(defaults(cls), values)
    return cls(**patch) if cls.name == name else cls(name=name, **patch)


def _dataset(dataset: Dataset, plan: RunPlan) -> FrozenDataset:
    checked = {
        file.listed or file.path: file for file in plan.files if file.dataset == dataset.name
    }
    files = tuple(_file(dataset, path, checked.get(path)) for path in dataset.files)
    lumi = dataset.whole_lumi if dataset.fraction < 1 else dataset.lumi
    return FrozenDataset(
        name=dataset.name,
        files=files,
        era=dataset.era,
        is_mc=dataset.is_mc,
        lumi=None if lumi is None else float(lumi),
        extra=json.loads(json.dumps(redacted(dataset.extra), default=str)),
        layout=dataset.layout,
        certification=dataset.certification.document() if dataset.certification else None,
        fraction=dataset.fraction,
        linked=dataset.linked,
        energy=dataset.energy,
        cross_section=dataset.cross_section,
        lumi_source=dataset.lumi_source,
        brilcalc=dataset.brilcalc,
        generated=dataset.generated,
        readers=None if dataset.readers is None else tuple(sorted(dataset.readers)),
    )


def _file(dataset: Dataset, path: str, checked: CheckedFile | None) -> FrozenFile:
    details = dataset.details_of(path)
    read = redact(checked.path) if checked and checked.listed else None
    return FrozenFile(
        path=redact(path),
        tree=dataset.files[path],
        layout=layout(checked.layout).name if checked else "",
        uuid=checked.uuid if checked else "",
        entries=checked.entries if checked else details.entries,
        replicas=tuple(redact(replica) for replica in details.replicas),
        checksum=details.checksum,
        sorted_as=details.sorted_as or read,
        shipped=shipped_path(path),
    )


def _processor(processor: Processor, copy: CodeCopy, skim: SkimRequest | None) -> FrozenProcessor:
    source, root, reason = _source(type(processor), copy)
    if source and not reason:
        reason = _why_not_again(processor)
    return FrozenProcessor(
        name=processor.name,
        source=source,
        root=root,
        reason=reason,
        parameters=values_of(processor),
        columns=tuple(sorted(processor.columns)),
        needs=tuple(processor.needs),
        skim=asdict(skim) if skim else None,
        hash=str(processor.configuration.get("hash", "")),
    )


def _source(cls: type[Processor], copy: CodeCopy) -> tuple[str | None, str | None, str]:
    """Returns source and root of a class, and why it cannot be found again."""
    if (name := installed_name(cls)) is not None:
        return name, None, ""
    module, label = cls.__module__, cls.__qualname__
    if "<locals>" in label or not _is_found(cls):
        return None, None, f"class {label} is made inside a function of {plain_name(module)}"
    if (place := copy.place_of(module)) is not None:
        return f"{place[0]}:{label}", place[1], ""
    if module == "__main__" or is_users(module):
        where = "a notebook or the main script" if module == "__main__" else module
        return None, None, f"class {label} is defined in {where}, whose file is not known"
    return f"{module}:{label}", None, ""


def _is_found(cls: type) -> bool:
    try:
        return attrgetter(cls.__qualname__)(sys.modules.get(cls.__module__)) is cls
    except AttributeError:
        return False


def _why_not_again(processor: Processor) -> str:
    """Returns why a processor is not made again by its name and parameters, empty if it is."""
    cls = type(processor)
    try:
        again = made_again(cls, processor.name, values_of(processor))
        same = again.configuration == processor.configuration and _state(again) == _state(processor)
    except Exception as error:  # noqa: BLE001 - a user's constructor may raise anything
        return f"{cls.__qualname__} cannot be made of its parameters: {type(error).__name__}"
    if same:
        return ""
    return f"{cls.__qualname__} was given more than its declared parameters, or has been changed"


def _state(processor: Processor) -> bytes:
    """Returns a description of the attributes of a processor, empty if they cannot be described."""
    given = {k: v for k, v in vars(processor).items() if k not in {"name", "needs", "sharing"}}
    try:
        return b"\0".join(Description().of(given))
    except (TypeError, ValueError, AttributeError, NotImplementedError, RecursionError):
        return b""


def _fingerprints(plan: RunPlan) -> Fingerprints:
    return Fingerprints(
        package=package_hashes(),
        versions={"python": platform.python_version(), **library_versions()},
        processors={one.name: _hash_of_processor(one) for one in plan.processors},
        datasets={one.name: dataset_version(one, plan.files) for one in plan.datasets},
        fits={name: model.hash for name, model in plan.models.items()},
    )


def _hash_of_processor(processor: Processor) -> str:
    modules = [
        (plain_name(name) if name.startswith(PREFIX) else name, _digest(source_of(module)))
        for name, module in needed_modules([processor]).items()
    ]
    facts = [processor.configuration, sorted(processor.columns), sorted(modules)]
    return _digest(json_text(facts).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
