"""Trains as processes: started, resumed, promoted, run again, ended."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from codecs import getincrementaldecoder
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tau3mu.errors import InputError, RunError, suggest
from tau3mu.run.settings import is_given, recordable
from tau3mu.train.language import SETTINGS
from tau3mu.train.record import STDERR, STDOUT, read_record
from tau3mu.train.states import State, read_status, set_state
from tau3mu.train.summary import manifest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from tau3mu.run.thawing import Thawed
    from tau3mu.train.resolving import ResolvedDataset
    from tau3mu.train.states import Status
    from tau3mu.train.store import Store

__all__ = ["kill", "promote", "rerun", "resume", "start"]

_PATIENCE: Final = 30.0
"""Seconds between the signals to a driver that does not end."""


def start(
    folder: Path,
    settings: Mapping[str, Any] | None = None,
    *,
    on_tick: Callable[[], object] | None = None,
) -> int:
    """Runs a composed train in a process of its own, and returns its exit code.

    What the process prints goes to `stdout.log` and `stderr.log`, and from there to the streams of
    this process. If this process is killed, the train runs on.

    Args:
        folder: Of the train.
        settings: Options of the run instead of those that are frozen.
        on_tick: Is called several times a second.

    Raises:
        RunError: The process cannot be started.
        KeyboardInterrupt: Somebody pressed Ctrl-C, which the process got as well.
    """
    command = [sys.executable, "-m", "tau3mu.train.driver", str(folder)]
    if given := {name: value for name, value in (settings or {}).items() if is_given(value)}:
        absolute = {name: recordable(name, value) for name, value in given.items()}
        command += ["--settings", json.dumps(absolute)]
    # Nothing is imported from the working directory, and none of it is named in the code.
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
    with (folder / STDOUT).open("ab") as out, (folder / STDERR).open("ab") as err:
        places = out.tell(), err.tell()
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        except OSError as error:
            message = f"cannot start {sys.executable}: {error.strerror or error}"
            raise RunError(message, code="train.cannot-start", path=folder) from error
    with (folder / STDOUT).open("rb") as out, (folder / STDERR).open("rb") as err:
        out.seek(places[0])
        err.seek(places[1])
        try:
            _follow(process, out, err, on_tick or (lambda: None))
        except KeyboardInterrupt:
            with suppress(KeyboardInterrupt):
                process.wait()
            sys.stderr.write(err.read().decode("utf-8", "replace"))
            raise
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def _follow(
    process: subprocess.Popen[bytes], out: BinaryIO, err: BinaryIO, on_tick: Callable[[], object]
) -> None:
    """Copies what a process prints until it ends; a character may come in two parts."""
    decoder = getincrementaldecoder("utf-8")
    streams = (out, sys.stdout, decoder("replace")), (err, sys.stderr, decoder("replace"))
    while True:
        ended = process.poll() is not None
        for file, stream, part in streams:
            if text := part.decode(file.read(), final=ended):
                stream.write(text)
                stream.flush()
        if ended:
            return
        on_tick()
        time.sleep(0.1)


def resume(store: Store, number: int | str) -> Path:
    """Returns the folder of a train that can go on.

    Args:
        store: Where the trains are.
        number: Of the train.

    Raises:
        InputError: There is no such train, it runs, or it is complete.
    """
    folder = store.train(number)
    state = read_status(folder).state
    if state is State.RUNNING:
        message = f"train {number} is running: wait for it, or end it with `kill {number}`"
        raise InputError(message, code="train.running", path=number)
    manifest = manifest_of(folder)
    # Events may be missing by permission, and the files have been repaired since.
    if state in {State.OK, State.WARN} and (manifest is None or manifest.complete):
        message = f"train {number} is complete: nothing is left to do; `rerun {number}` repeats it"
        raise InputError(message, code="train.complete", path=number)
    return folder


def promote(store: Store, number: int | str, **record: Any) -> Path:
    """Returns the folder of a new train: a short one, on the whole of its datasets.

    The configuration is the frozen one, and so are the files: their UUIDs and numbers of events
    are compared.

    Args:
        store: Where the trains are.
        number: Of the short train.
        **record: Such as `label` and `comment`.

    Raises:
        InputError: There is no such train, it is not short, it did not end well, or files have
            changed.
    """
    from tau3mu.train.tested import whole

    folder = store.train(number)
    old = read_record(folder)
    if all(one.fraction == 1 for one in old.datasets.values()):
        message = f"train {number} is not a short one: it reads its datasets whole already"
        raise InputError(message, code="train.not-short", path=number)
    status = read_status(folder)
    if status.state not in {State.OK, State.WARN}:
        message = (
            f"train {number} is {status.state.value}{_because(status)}: a short train has to end "
            "well before it is promoted"
        )
        raise InputError(message, code="train.not-ok", path=number)
    thawed = _thawed(folder)
    thawed = replace(thawed, datasets=[whole(dataset) for dataset in thawed.datasets])
    asked = tuple(name.partition("@short:")[0] for name in old.asked)
    facts = {"relation": "promote", "asked": asked, **record}
    return _again(store, folder, thawed, facts, {})


def rerun(
    store: Store,
    number: int | str,
    *,
    settings: Mapping[str, Any] | None = None,
    datasets_now: bool = False,
    **record: Any,
) -> Path:
    """Returns the folder of a new train with the frozen configuration of another one.

    Args:
        store: Where the trains are.
        number: Of the other train.
        settings: Options of the run instead of those that are frozen, such as `executor`.
        datasets_now: Whether to read the datasets as they are now, by their names, instead of the
            files that are frozen.
        **record: Such as `label` and `comment`.

    Raises:
        InputError: There is no such train, an option is not known, or files have changed.
    """
    for name in settings or {}:
        if name not in SETTINGS:
            message = f"a train has no option {name!r}{suggest(name, SETTINGS)}"
            raise InputError(message, code="train.unknown-option", path=name)
    folder = store.train(number)
    thawed = _thawed(folder)
    facts = {"relation": "rerun", **record}
    if not datasets_now:
        return _again(store, folder, thawed, facts, settings or {})
    from tau3mu.train.finding import find

    old = read_record(folder)
    found = find(old.asked, old.document.get("settings", {}), store, readers=old.readers)
    now = replace(thawed, datasets=[one.dataset for one in found], places={})
    return _again(store, folder, now, facts, settings or {}, found)


def _thawed(folder: Path) -> Thawed:
    from tau3mu.run.thawing import thaw

    return thaw(folder)


def _again(
    store: Store,
    folder: Path,
    thawed: Thawed,
    record: Mapping[str, Any],
    settings: Mapping[str, Any],
    found: Sequence[ResolvedDataset] | None = None,
) -> Path:
    """Returns the folder of a train like another one; `found` are other datasets than its own."""
    from tau3mu.run.frozen_plan import changed_files, prepare_thawed
    from tau3mu.train.composition import new_train
    from tau3mu.train.resolving import versions_of

    old = read_record(folder)
    # Another executor works somewhere else.
    places = {} if "executor" in settings else old.settings
    chosen: dict[str, Any] = {**places, **settings}
    with closing(prepare_thawed(thawed, isolate=True, **chosen)) as plan:
        if changed := changed_files(thawed, plan):
            place, problem = next(iter(changed.items()))
            raise InputError(problem, code="frozen.changed-file", path=place)
        update = {"parent": int(folder.name), "label": "", "comment": "", **record}
        versions = {name: one.version for name, one in old.datasets.items()}
        versions = versions_of(found, plan) if found is not None else versions
        return new_train(store, plan, old.model_copy(update=update), versions)


def kill(store: Store, number: int | str, *, patience: float = _PATIENCE) -> Status:
    """Ends a train and returns its status; what was done is kept.

    Args:
        store: Where the trains are.
        number: Of the train.
        patience: Seconds between the signals SIGINT, SIGTERM and SIGKILL.

    Raises:
        InputError: There is no such train, it does not run, or it runs on another machine.
    """
    folder = store.train(number)
    status = read_status(folder)
    if status.state is State.QUEUED:
        return set_state(folder, State.KILLED, "it had not begun")
    if status.state.ended:
        message = f"train {number} is {status.state.value}{_because(status)}: it does not run"
        raise InputError(message, code="train.not-running", path=number)
    if status.host != platform.node():
        message = f"train {number} runs on {status.host}: kill it there"
        raise InputError(message, code="train.other-host", path=number)
    for number_of_signal in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(status.pid, number_of_signal)
        end = time.monotonic() + patience
        while time.monotonic() < end:
            now = read_status(folder)
            if now.state is State.LOST:  # it had no time to say so
                return set_state(folder, State.KILLED, "the process was told to end")
            if now.state.ended:
                return now
            time.sleep(0.1)
    return set_state(folder, State.KILLED, f"process {status.pid} did not end")


def _because(status: Status) -> str:
    return f" ({status.reason})" if status.reason else ""
