"""What can be wrong with a train file beside its wagons: the package, and datasets."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from tau3mu.config.problems import Problem
from tau3mu.errors import InputError
from tau3mu.train.finding import find

if TYPE_CHECKING:
    from tau3mu.train.language import TrainFile
    from tau3mu.train.store import Store

__all__ = ["dataset_problems", "version_problems"]


def version_problems(file: TrainFile) -> list[Problem]:
    """Returns why the installed package will not do for a train file.

    Args:
        file: Its content.
    """
    if not file.require:
        return []
    here = version("tau3mu")
    try:
        allowed = SpecifierSet(file.require).contains(here, prereleases=True)
    except InvalidSpecifier:
        text = f"expected versions such as '>=0.9', got {file.require!r}"
        return [Problem(("require",), "wrong-version", text)]
    if allowed:
        return []
    text = f"tau3mu {file.require} is required, installed is {here}: install another one"
    return [Problem(("require",), "other-version", text)]


def dataset_problems(file: TrainFile, store: Store | None) -> list[Problem]:
    """Returns what is wrong with the datasets of a train file; no file of data is opened.

    Args:
        file: Its content.
        store: In which datasets are registered; see `Store`.
    """
    settings = dict(file.settings)
    problems = []
    for number, name in enumerate(file.datasets):
        try:
            find([name], settings, store)
        except InputError as error:  # noqa: PERF203 - all problems at once
            problems.append(_problem(("datasets", number), error))
    if not problems:
        try:
            find(file.datasets, settings, store)
        except InputError as error:  # such as a file that is in two of them
            problems.append(_problem(("datasets",), error))
    return problems


def _problem(keys: tuple[str | int, ...], error: InputError) -> Problem:
    return Problem(keys, error.code or "wrong-value", str(error))
