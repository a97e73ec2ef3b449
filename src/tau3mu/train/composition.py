"""The composition of a train: its wagons have been tested, and its configuration is frozen."""

from __future__ import annotations

import shutil
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tau3mu.errors import InputError, suggest
from tau3mu.redaction import redact
from tau3mu.run.freezing import freeze
from tau3mu.run.preparation import prepare
from tau3mu.run.settings import Settings, option_of, recordable
from tau3mu.train.record import DatasetOfTrain, TrainRecord, now, person, write_record
from tau3mu.train.resolving import versions_of
from tau3mu.train.states import State, set_state
from tau3mu.train.tested import check_tests

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from tau3mu.run.frozen import FrozenRun
    from tau3mu.run.plan import RunPlan
    from tau3mu.train.store import Store
    from tau3mu.train.wagon import Train

__all__ = ["compose", "new_train", "where"]


def compose(
    train: Train,
    store: Store,
    *,
    force: Collection[str] = (),
    short: float | None = None,
    approved: str = "",
    label: str = "",
    comment: str = "",
    file: str = "",
    on_file: Callable[[], object] = lambda: None,
    **settings: Any,
) -> Path:
    """Returns the folder of a new train, which runs from what is frozen there and nothing else.

    Args:
        train: The wagons and datasets.
        store: Where tests and trains are.
        force: Wagons that may run whatever their tests say, which is recorded.
        short: A fraction of the events, from all files.
        approved: Who says yes to more CPU time than the limits of the wagons allow.
        label: What the train is called.
        comment: What there is to say about it.
        file: The train file.
        on_file: Is called after each file that has been checked.
        **settings: Options of `tau3mu.run` instead of those of the train.

    Raises:
        InputError: Something is wrong with the train or its files, or a wagon has no good test of
            exactly this configuration; nothing was written.
        RunError: The folder cannot be written.
    """
    train = train.with_settings(**settings) if settings else train
    found = train.check(store)
    for name in force:
        if name not in train.wagons:
            message = (
                f"--force {name}: the train has no wagon {name!r}{suggest(name, train.wagons)}; it "
                f"has {', '.join(train.wagons)}"
            )
            raise InputError(message, code="train.unknown-wagon", path=name)
    datasets = train.found_datasets(short=short, store=store)
    plan = prepare(
        [one.dataset for one in datasets], train.processors(), train.settings(),
        fits=train.fits(), skims=train.skims(), isolate=True, on_file=on_file,
    )  # fmt: skip
    with closing(plan):
        versions = versions_of(datasets, plan)
        analysis = train.file.analysis
        record = TrainRecord(
            name=analysis.name or "",
            title=analysis.title,
            authors=analysis.authors,
            contact=analysis.contact,
            label=label,
            comment=comment,
            file=file,
            document=train.document(),
            asked=tuple(train.dataset_names(short=short)),
            readers=tuple(train.readers()),
            hash=train.hash,
            wagons={one.name: one.hash for one in found.values()},
            tests=check_tests(train, plan, store, force=force, approved=approved),
            approved=approved,
        )
        return new_train(store, plan, record, versions)


def new_train(
    store: Store, plan: RunPlan, record: TrainRecord, versions: Mapping[str, str]
) -> Path:
    """Returns the folder of a new train, with its frozen configuration and its record.

    Args:
        store: Where trains are.
        plan: What it does.
        record: What is known of it beside the plan.
        versions: Of its datasets, by name.

    Raises:
        InputError: A processor cannot be frozen, such as a class of a notebook.
        RunError: The folder cannot be written; it is removed.
    """
    folder = store.new_train()
    try:
        _refuse_lost(freeze(plan, folder))
        record = record.model_copy(
            update={
                "datasets": _datasets(plan, versions),
                "events": sum(chunk.entries for chunk in plan.chunks),
                "chunks": len(plan.chunks),
                "composed": now(),
                "by": person(),
                "command": tuple(redact(word) for word in sys.orig_argv),
                "settings": where(plan.settings),
            }
        )
        write_record(folder, record)
        set_state(folder, State.QUEUED, "composed")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def where(settings: Settings) -> dict[str, Any]:
    """Returns the options that say where a train runs, which no frozen configuration has.

    Args:
        settings: Of the train.
    """
    names = [name for name in Settings.model_fields if option_of(name).place or name == "proxy"]
    given = {name: recordable(name, getattr(settings, name)) for name in names}
    return {name: value for name, value in given.items() if value not in (None, False)}


def _refuse_lost(frozen: FrozenRun) -> None:
    """Refuses processors that cannot be made again from what is frozen."""
    for one in frozen.processors:
        if one.source is None or one.reason:
            message = (
                f"{one.name} cannot be frozen: {one.reason or 'its class is in no file'}; put its "
                "class into a Python file and give path/to/file.py:Class"
            )
            raise InputError(message, code="train.class-of-session", path=one.name)


def _datasets(plan: RunPlan, versions: Mapping[str, str]) -> dict[str, DatasetOfTrain]:
    return {
        dataset.name: DatasetOfTrain(
            version=versions[dataset.name],
            files=len(dataset.files),
            events=sum(chunk.entries for chunk in plan.chunks if chunk.dataset == dataset.name),
            fraction=dataset.fraction,
        )
        for dataset in plan.datasets
    }
