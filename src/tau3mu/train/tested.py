"""Which wagons may run in a train: those with a good test of exactly what is going to run."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tau3mu.errors import InputError
from tau3mu.processing.cuts import with_options
from tau3mu.processing.needs import that_read
from tau3mu.run.data import with_data_options
from tau3mu.run.freezing import freeze
from tau3mu.run.plan import RunPlan
from tau3mu.train.parts import changed_parts, parts_of
from tau3mu.train.past_tests import last_test
from tau3mu.train.record import WagonTest
from tau3mu.train.states import STATUS, State, read_status
from tau3mu.train.verdict import needs_approval

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tau3mu.datasets import Dataset
    from tau3mu.train.store import Store
    from tau3mu.train.wagon import Train

__all__ = ["check_tests", "known_tests", "whole"]


def check_tests(
    train: Train,
    plan: RunPlan,
    store: Store,
    *,
    force: Collection[str] = (),
    approved: str = "",
) -> dict[str, WagonTest]:
    """Returns the tests that let the wagons of a train run.

    Args:
        train: The wagons.
        plan: Of the train, whose files are checked.
        store: Where the tests are.
        force: Wagons that may run all the same.
        approved: Who says yes to more CPU time than the limits allow.

    Raises:
        InputError: A wagon has no good test of this configuration, or needs more CPU time than its
            limit and nobody has approved it.
    """
    wagons = list(dict.fromkeys(one.wagon for one in train.resolved.values()))
    tests = {name: _test_of(train, name, store, _parts(train, name, plan)) for name in wagons}
    refused = {name: one.forced for name, one in tests.items() if one.forced}
    if wrong := {name: reason for name, reason in refused.items() if name not in force}:
        lines = [f"wagon {name} must not run: {reason}" for name, reason in wrong.items()]
        names = " ".join(f"--force {name}" for name in wrong)
        lines.append(f"test them with `python -m tau3mu.train test`, or run them with {names}")
        raise InputError("\n".join(lines), code="train.not-tested", path=next(iter(wrong)))
    large = {
        name: one
        for name, one in tests.items()
        if one.cpu_hours is not None and one.limit is not None and one.cpu_hours > one.limit
    }
    if large and not approved:
        lines = [
            f"wagon {name} needs {one.cpu_hours:.3g} h of CPU time, its limit is {one.limit:g} h"
            for name, one in large.items()
        ]
        lines.append("say who has approved it, with --approve NAME, or raise `limits.cpu_hours`")
        raise InputError("\n".join(lines), code="train.not-approved", path=next(iter(large)))
    return tests


def known_tests(train: Train, store: Store) -> dict[str, WagonTest]:
    """Returns the tests of the wagons of a train as `check_tests` would, opening no file of data.

    The files of datasets that are not registered may have changed since, which this does not see.

    Args:
        train: The wagons, which have been checked.
        store: Where the tests are.

    Raises:
        InputError: A dataset cannot be found, or the options of the train do not go together.
    """
    found = train.found_datasets(store=store)
    settings = train.settings()
    datasets = with_data_options([one.dataset for one in found], settings)
    plan = RunPlan(
        folder=store.root,
        named=False,
        settings=settings,
        options=None,
        processors=with_options(
            train.processors(), n_minus_one=settings.n_minus_one, sharing=not settings.no_sharing
        ),
        datasets=list(datasets),
        files=[],
        failed=[],
        chunks=[],
        models={},
        expected={},
        skims=train.skims(),
    )
    versions = {f"dataset {one.dataset.name}": one.version for one in found}
    known = {name: version for name, version in versions.items() if version is not None}
    wagons = dict.fromkeys(one.wagon for one in train.resolved.values())
    found_tests = {}
    for name in wagons:
        parts = _parts(train, name, plan)
        parts |= {part: version for part, version in known.items() if part in parts}
        unknown = versions.keys() - known.keys()
        found_tests[name] = _test_of(train, name, store, parts, unknown=unknown)
    return found_tests


def whole(dataset: Dataset) -> Dataset:
    """Returns the dataset of which another one is a short view, or which it is.

    Args:
        dataset: Whose files are those of the whole.
    """
    if dataset.fraction == 1:
        return dataset
    return replace(dataset, fraction=1.0, lumi=dataset.whole_lumi, whole_lumi=None)


def _test_of(
    train: Train,
    name: str,
    store: Store,
    parts: Mapping[str, str],
    *,
    unknown: Collection[str] = (),
) -> WagonTest:
    """Returns the last test of what runs, or of others, with the reason why it does not count."""
    if not store.tests(name):
        return WagonTest(forced="it has not been tested")
    last = last_test(store, name, parts, unknown=unknown)
    if last is None:
        return _without_end(store, name)
    folder, metrics = last
    state = read_status(folder).state
    known = WagonTest(number=int(folder.name), state=state.value)
    if state not in {State.OK, State.WARN}:
        return known.model_copy(update={"forced": f"test {known.number} is {state.value}"})
    if changed := changed_parts(metrics.parts, parts, unknown=unknown):
        reason = f"since test {known.number}, {', '.join(changed)} changed"
        return known.model_copy(update={"forced": reason})
    hours = metrics.expected.cpu_hours if metrics.expected else None
    limit = train.wagons[name].entry.limits.cpu_hours if name in train.wagons else None
    if limit is None and needs_approval(metrics):
        limit = metrics.limits.cpu_hours
    return known.model_copy(update={"cpu_hours": hours, "limit": limit})


def _without_end(store: Store, name: str) -> WagonTest:
    """Returns the last test of a wagon if none has come to its end."""
    for folder in reversed(store.tests(name)):
        if (folder / STATUS).is_file():
            number, state = int(folder.name), read_status(folder).state.value
            return WagonTest(number=number, state=state, forced=f"test {number} is {state}")
    return WagonTest(forced="it has not been tested")


def _parts(train: Train, name: str, plan: RunPlan) -> dict[str, str]:
    """Returns what a test of a wagon would depend on now: the whole datasets, without fits."""
    needed = train.only(name).resolved
    processors = [one for one in plan.processors if one.name in needed]
    alone = replace(
        plan,
        processors=processors,
        datasets=[whole(one) for one in plan.datasets if that_read(processors, one)],
        models={},
        skims={name: skim for name, skim in plan.skims.items() if name in needed},
    )
    with tempfile.TemporaryDirectory(prefix="tau3mu-train-") as folder:
        frozen = freeze(alone, Path(folder))
    return parts_of(frozen, {one.name for one in needed.values() if one.wagon == name})
