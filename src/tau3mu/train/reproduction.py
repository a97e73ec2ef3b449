"""Runs again what a folder recorded, and compares the results with those that are there."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.compare import compare
from tau3mu.config.input_files import user_path
from tau3mu.console.progress import Display
from tau3mu.errors import InputError, RunError
from tau3mu.redaction import redact
from tau3mu.report.comparison import comparison_part
from tau3mu.report.notebook import in_notebook, part
from tau3mu.results.manifest import results_in
from tau3mu.run import analyse, open_run, thaw
from tau3mu.run.frozen_plan import changed_files, prepare_thawed
from tau3mu.storage.files import disk_error
from tau3mu.storage.locations import is_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Group

    from tau3mu.compare import Comparison
    from tau3mu.compare.configuration import Change
    from tau3mu.run import Run, Thawed

__all__ = ["Reproduction", "reproduce"]


@dataclass(frozen=True)
class Reproduction:
    """What came of running again what a folder recorded.

    Attributes:
        comparison: Of the recorded results, A, with the new ones, B.
        changed: The files that are not those that were read, and how they differ, by place.
        configuration: The keys of what decides the results that are not as in `run.json`.
        surroundings: Versions and code that are not those of the recorded run.
        folder: The new results, None if they were the same and nobody asked to keep them.
    """

    comparison: Comparison
    changed: Mapping[str, str]
    configuration: tuple[Change, ...]
    surroundings: tuple[str, ...]
    folder: Path | None

    @property
    def same(self) -> bool:
        """Whether all results, their configuration and all files that were read are the same."""
        return self.comparison.same and not self.changed and not self.configuration

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        if self.same or not self.comparison.same:
            return self.comparison.headline
        parts = (self.changed, "input files"), (self.configuration, "keys of the configuration")
        found = ", ".join(f"{len(part)} {what}" for part, what in parts if part)
        return f"DIFFERENT: {found}, with the same results"

    @property
    def messages(self) -> list[str]:
        """What differs in the files and around the run, a line each."""
        found = [*self.changed.values(), *self.surroundings]
        return [*found, f"the new results are in {self.folder}"] if self.folder else found

    def table(self) -> Group:
        """Returns the verdict and the tables for a terminal."""
        from rich.console import Group

        from tau3mu.console.terminal import plain

        style = "bold green" if self.same else "bold red"
        lines = [plain(redact(text)) for text in self.messages]
        own = [plain(self.headline, style)] if self.headline != self.comparison.headline else []
        return Group(self.comparison.table(), *own, *lines)

    def _repr_html_(self) -> str:
        lines = part("messages", [self.headline, *self.messages])
        return in_notebook(lines, comparison_part(self.comparison))

    def __repr__(self) -> str:
        """Returns the verdict with what differs around it."""
        return redact("\n".join([self.headline, *self.messages]))

    def document(self) -> dict[str, Any]:
        """Returns everything as JSON values."""
        return {
            "same": self.same,
            "headline": self.headline,
            "changed_files": {redact(place): redact(text) for place, text in self.changed.items()},
            "surroundings": list(self.surroundings),
            "folder": None if self.folder is None else redact(str(self.folder)),
            "comparison": self.comparison.document(),
        }


def reproduce(
    folder: str | Path,
    *,
    prefix: str | None = None,
    files: str | Path | Mapping[str, str] | None = None,
    executor: str | None = None,
    workers: int | None = None,
    chunk_size: int | None = None,
    output: str | Path | None = None,
    progress: bool | None = None,
) -> Reproduction:
    """Runs again what a folder recorded, and compares the results with those that are there.

    Histograms, cutflows and candidates have to be the same in every bit; with another chunk size,
    floats within 1e-12 of their size. The files may lie elsewhere: each is known by its UUID. What
    was skipped then is left out again.

    Args:
        folder: The results of a run, or a train.
        prefix: A folder or a URL below which the files are now; see `tau3mu.run.thaw`.
        files: Where files are now, by their recorded paths; or a JSON file of this.
        executor: Instead of the recorded one; that of a cluster becomes `futures`.
        workers: Of the executor.
        chunk_size: Instead of the recorded one.
        output: Where the new results go. By default they are written beside the folder, and
            removed if they are the same.
        progress: Whether to show the progress; by default in a terminal.

    Raises:
        InputError: There are no complete results, or something that was recorded is not there any
            more; the message names it.
        RunError: The run failed.
    """
    recorded = results_in(user_path(folder).absolute())
    original = _finished(recorded)
    where = files if files is None or not isinstance(files, str | Path) else user_path(files)
    without = {(file.dataset, file.path) for file in original.missing}
    thawed = thaw(recorded, prefix=prefix, files=where, without=without)
    thawed = replace(thawed, skims={})  # no result depends on what is derived beside it
    _check_there(thawed)
    made = _place(recorded) if output is None else user_path(output).absolute()
    try:
        changed, run = _run_again(
            thawed, original, made, progress,
            executor=executor or _executor(thawed), workers=workers, chunk_size=chunk_size,
        )  # fmt: skip
        comparison = compare(original, run, strict=True)
        if not comparison.same and chunk_size not in {None, thawed.settings.chunk_size}:
            # The last bits of sums over chunks depend on it; see "How outputs are added up".
            rounded = compare(original, run)
            comparison = rounded if rounded.same else comparison
        keys = tuple(_decisive(comparison, thawed))
        found = Reproduction(comparison, changed, keys, thawed.differences, made)
        kept = output is not None or not found.same
    except BaseException:
        if output is None:
            shutil.rmtree(made, ignore_errors=True)
        raise
    if kept:
        return found
    shutil.rmtree(made, ignore_errors=True)
    return replace(found, folder=None)


def _run_again(
    thawed: Thawed, original: Run, output: Path, progress: bool | None, **options: Any
) -> tuple[dict[str, str], Run]:
    """Returns the files that have changed, and the new results."""
    display = Display(progress)
    with display:
        display.check_files(sum(len(dataset.files) for dataset in thawed.datasets))
        isolate = bool(original.set_apart)
        with closing(
            prepare_thawed(
                thawed,
                output=output,
                isolate=isolate,
                on_file=display.advance,
                no_plots=True,
                **options,
            )
        ) as plan:
            changed = changed_files(thawed, plan)
            display.entries = plan.entries
            run = analyse(plan, on_result=display.read, on_stage=display.begin)
    if run.missing:
        lost = run.missing[0]
        message = (
            f"{lost.path} cannot be read now, and was read for {thawed.folder}: "
            f"{'; '.join(lost.reasons)}"
        )
        raise RunError(message, code="reproduction.not-read", path=lost.path)
    return changed, run


def _decisive(comparison: Comparison, thawed: Thawed) -> Iterator[Change]:
    """Yields the changes of the configuration, but for the places of copied code and files.

    Skims are not written again, and no result depends on them.
    """
    skims = tuple(f"{one.name}.skim." for one in thawed.frozen.processors)
    for change in comparison.configuration:
        copied = isinstance(change.a, str) and change.a in thawed.frozen.moved
        elsewhere = change.key.endswith(".source") or f"{change.key}.".startswith(skims)
        if change.results and not copied and not elsewhere:
            yield change


def _finished(folder: Path) -> Run:
    run = open_run(folder)
    if run.exit_code is None:
        message = f"the run in {folder} ended before its fits were made: go on with --resume"
        raise InputError(message, code="reproduction.not-finished", path=folder)
    return run


def _executor(thawed: Thawed) -> str:
    given = thawed.frozen.settings
    on_cluster = given.get("scheduler") or given.get("cluster")
    return "futures" if on_cluster else thawed.settings.executor


def _check_there(thawed: Thawed) -> None:
    """Checks that all files are there that lie on this machine, before anything is opened."""
    details = {dataset.name: dataset for dataset in thawed.datasets}
    gone = [
        (then, place)
        for (dataset, then), place in thawed.places.items()
        if not any(
            is_url(one) or Path(one).is_file()
            for one in (place, *details[dataset].details_of(place).replicas)
        )
    ]
    if gone:
        then, place = gone[0]
        more = f" ({len(gone)} files are missing)" if len(gone) > 1 else ""
        now = "" if place == then else f", nor at {then}"
        message = (
            f"{place} is not there{now}{more}: say with --prefix below which folder or URL the "
            "files are now, or with --files MAP.json where each of them is"
        )
        raise InputError(message, code="reproduction.missing-file", path=place)


def _place(folder: Path) -> Path:
    """Returns a new empty folder beside a folder, or where temporary files are."""
    name = f"{folder.name}-reproduced-"
    try:
        return Path(tempfile.mkdtemp(prefix=name, dir=folder.parent))
    except OSError:  # others' results may be read only
        try:
            return Path(tempfile.mkdtemp(prefix=name))
        except OSError as error:
            raise disk_error(Path(tempfile.gettempdir()), error) from error
