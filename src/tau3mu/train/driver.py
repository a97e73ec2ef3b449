"""The process of a train: `python -m tau3mu.train.driver FOLDER`.

It knows nothing but the folder of the train: what is frozen there is what runs. `tau3mu.train.run`
starts it; so can a batch system.
"""

from __future__ import annotations

import json
import signal
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any, NoReturn

from tau3mu.console.cli import Parser, path_of, run_main
from tau3mu.errors import Tau3muError
from tau3mu.storage.lock import locked
from tau3mu.train.record import RESULTS, read_record
from tau3mu.train.states import State, alive, set_state
from tau3mu.train.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tau3mu.run.plan import RunPlan
    from tau3mu.run.stored import Run

__all__ = ["main", "run_train", "verdict"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a train and returns the exit code.

    Args:
        arguments: The folder of the train, and options of the run as JSON.
    """
    parser = Parser("python -m tau3mu.train.driver", "Runs a composed train from its folder.")
    parser.add_argument("folder", type=path_of, metavar="FOLDER", help="of the train")
    parser.add_argument(
        "--settings", type=json.loads, default={}, metavar="JSON", help="options of the run"
    )
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):  # the first is ignored in jobs of scripts
        signal.signal(number, _interrupt)
    return run_main(run_train, options.folder.absolute(), **options.settings)


def run_train(folder: Path, **settings: Any) -> int:
    """Runs a train in this process, goes on with one, and returns the exit code.

    Args:
        folder: Of the train.
        **settings: Options of `tau3mu.run` instead of those that are frozen.

    Raises:
        InputError: It runs already, is complete, or cannot run; the state says why.
        RunError: It failed.
        KeyboardInterrupt: It was killed.
    """
    with locked(folder):
        set_state(folder, State.RUNNING)
        try:
            with alive(folder):
                run = _run(folder, settings)
        except KeyboardInterrupt:
            set_state(folder, State.KILLED, "the process was told to end; what was done is kept")
            message = (
                f"interrupted; what was done is kept: go on with `run --resume {int(folder.name)}`"
            )
            raise KeyboardInterrupt(message) from None
        except Tau3muError as error:
            set_state(folder, State.FAILED, str(error).partition("\n")[0])
            raise
        except BaseException as error:
            set_state(folder, State.FAILED, f"{type(error).__name__}: {error}")
            raise
        set_state(folder, *_with_skims(folder, run))
    return run.exit_code or 0


def _run(folder: Path, settings: dict[str, Any]) -> Run:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.run.__main__ import report
    from tau3mu.run.analysis import analyse
    from tau3mu.run.stored import Run

    with closing(_plan(folder, settings)) as plan:
        if plan.done is not None:
            return Run(plan.folder, plan.done)
        run = analyse(plan)
    console = PlainConsole(soft_wrap=True, highlight=False)
    report(console, run)
    console.print(f"Reproduce it with: python -m tau3mu.train reproduce {run.folder}")
    return run


def _plan(folder: Path, settings: dict[str, Any]) -> RunPlan:
    from tau3mu.run.frozen_plan import prepare_frozen

    results = folder / RESULTS
    there = results.is_dir() and any(results.iterdir())
    place: dict[str, Any] = {"resume": results} if there else {"output": results}
    place |= read_record(folder).settings | settings
    return prepare_frozen(folder, isolate=True, **place)


def verdict(run: Run) -> tuple[State, str]:
    """Returns the state of a train that has ended, and why.

    Args:
        run: Its results.
    """
    manifest = run.manifest
    reasons = [f"wagon {name} was set apart" for name in manifest.set_apart]
    if manifest.missing:
        reasons.append(f"{len(manifest.missing)} files are missing")
    reasons += [f"the fit of {name} failed" for name, fit in manifest.fits.items() if not fit.valid]
    if run.exit_code:
        return State.FAILED, "; ".join(reasons) or f"exit code {run.exit_code}"
    reasons += manifest.warnings
    return (State.WARN, "; ".join(reasons)) if reasons else (State.OK, "")


def _with_skims(folder: Path, run: Run) -> tuple[State, str]:
    """Returns the state of a train, after registering what it has derived of all events."""
    from tau3mu.train.skims import register_skims

    state, reason = verdict(run)
    if state is State.FAILED or not run.manifest.complete:
        return state, reason
    try:
        for added in register_skims(folder, Store(folder.parent.parent)):
            name, version = added.dataset.name, added.dataset.version
            sys.stdout.write(f"Registered: {name}@{version} ({added.text})\n")
    except Tau3muError as error:
        text = f"derived data are not registered: {error}"
        return State.WARN, "; ".join(filter(None, (reason, text.partition("\n")[0])))
    return state, reason


def _interrupt(_: int, frame: object) -> NoReturn:  # noqa: ARG001 - as Python calls it
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
