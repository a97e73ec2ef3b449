"""What has failed in a train, in groups, and what to do about each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tau3mu.train.ledger import read_ledger, similar
from tau3mu.train.record import STDERR
from tau3mu.train.states import State, read_status
from tau3mu.train.summary import manifest_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tau3mu.results.manifest import Manifest
    from tau3mu.train.states import Status

__all__ = ["problems_of", "problems_of_results", "with_problems_of_now"]

_ADVICE: Final = {
    "transient": "it was tried again; if it goes on, look at the server, or raise `retries`",
    "bad_file": "repair the file and resume, or resume with --skip-bad-files",
    "resources": "memory, processes or open files ran out: lower `chunk_size` or `workers`, rerun",
    "fatal": "the error is in the code: correct it, test the wagon, and compose a new train",
}
_LONGEST: Final = 300


def problems_of(folder: Path) -> list[dict[str, Any]]:
    """Returns a row for each group of problems: kind, place, count, an example, what to do.

    Args:
        folder: Of the train.

    Raises:
        InputError: Its status or its results cannot be read.
    """
    manifest = manifest_of(folder)
    found = [] if manifest is None else problems_of_results(manifest, int(folder.name))
    return with_problems_of_now(folder, read_status(folder), found)


def with_problems_of_now(
    folder: Path, status: Status, of_results: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Returns the rows of `problems_of`, of which those of the results are known.

    Args:
        folder: Of the train.
        status: Its states.
        of_results: What `problems_of_results` returns.

    Raises:
        InputError: Its ledger cannot be read.
    """
    return [*_of_state(folder, status), *of_results, *_of_chunks(folder)]


def _of_state(folder: Path, status: Status) -> Iterator[dict[str, Any]]:
    number = int(folder.name)
    resume = f"go on with `run --resume {number}`"
    advice = {
        State.QUEUED: f"it was composed and not started: `run --resume {number}`",
        State.KILLED: resume,
        State.LOST: f"{resume}; the kernel may have ended it for want of memory (dmesg)",
        State.FAILED: f"see below and {folder / STDERR}; then {resume}",
    }.get(status.state)
    if advice:
        yield _row("train", "state", status.state.value, 1, status.reason, advice)


def problems_of_results(manifest: Manifest, number: int) -> list[dict[str, Any]]:
    """Returns the rows of `problems_of` that the results tell.

    Args:
        manifest: Of the results.
        number: Of the train.
    """
    return [*_of_manifest(manifest, number)]


def _of_manifest(manifest: Manifest, number: int) -> Iterator[dict[str, Any]]:
    for name, errors in manifest.set_apart.items():
        for error in errors:
            yield _row(
                "wagon", name, f"{error.kind} at {error.place}", error.count,
                f"{error.message} ({error.example})" if error.example else error.message,
                "correct it, test the wagon, and compose a new train; the other results are good",
            )  # fmt: skip
    for name, fit in manifest.fits.items():
        if not fit.valid:
            yield _row(
                "fit", name, "not valid", 1, "; ".join(fit.messages),
                "change the fit file and fit the results: `python -m tau3mu.fit`",
            )  # fmt: skip
    groups: dict[tuple[str, str], list[tuple[str, int | None]]] = {}
    for file in manifest.missing:
        reason = file.reasons[0] if file.reasons else ""
        key = file.dataset, similar(reason, file.path)
        groups.setdefault(key, []).append((f"{file.path}: {reason}", file.events))
    for (dataset, _), files in groups.items():
        events = [number for _, number in files]
        known = sum(number for number in events if number is not None)
        more = "" if None not in events else " and more"
        yield _row(
            "file", dataset, f"{known:,} events{more} missing", len(files), files[0][0],
            f"repair them and `run --resume {number}`; --skip-bad-files gives results without them",
        )  # fmt: skip


def _of_chunks(folder: Path) -> Iterator[dict[str, Any]]:
    for group in read_ledger(folder).failures:
        advice = _ADVICE.get(group.kind, "see the log")
        yield _row("chunk", "", group.kind, group.count, group.example, advice)


def _row(what: str, name: str, kind: str, count: int, example: str, advice: str) -> dict[str, Any]:
    example = example if len(example) <= _LONGEST else f"{example[: _LONGEST - 3]}..."
    return {
        "what": what, "name": name, "kind": kind, "count": count, "example": example,
        "what to do": advice,
    }  # fmt: skip
