"""`run FILE`: composes a train and runs it; `run --resume NUMBER` goes on with one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tau3mu.console.cli import (
    Parser,
    first_import,
    path_of,
    print_error,
    print_warning,
    run_main,
    text_of,
)  # fmt: skip
from tau3mu.train.printing import add_store_option

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["add_record_options", "add_run_options", "main", "run_folder"]

_DESCRIPTION = """\
Composes a train of tested wagons and runs it: one pass over the data for all wagons. What runs is
what is frozen in the folder of the train; later changes of files do not matter to it."""
_EPILOG = """\
exit codes:
  0  all events were read, every wagon ran and every fit is valid; also with warnings (WARN)
  1  wrong usage, bad input, a failed run, a wagon that was set apart, an invalid fit; with
     --strict also warnings
  2  events are missing; their files are named, with the reasons"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: The words after the command.
    """
    parser = Parser("python -m tau3mu.train run", _DESCRIPTION, epilog=_EPILOG)
    parser.add_argument(
        "file", nargs="?", type=path_of, metavar="FILE", help="train file, YAML or JSON"
    )
    parser.add_argument("wagons", nargs="*", metavar="WAGON", help="only these (default: all)")
    parser.add_argument(
        "--resume", metavar="NUMBER", type=text_of,
        help="go on with a train that was killed, lost or has failed, or start a composed one",
    )  # fmt: skip
    parser.add_argument(
        "--short", type=_fraction, metavar="FRACTION",
        help="read the first events of each file only, such as 0.01 of them; `promote` then runs "
        "the same on all",
    )  # fmt: skip
    parser.add_argument(
        "--force", action="append", default=[], metavar="WAGON", type=text_of,
        help="run a wagon whatever its test says, which is recorded; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--approve", default="", metavar="NAME",
        help="who has approved more CPU time than the limits of the wagons, which is recorded",
    )  # fmt: skip
    parser.add_argument(
        "--compose-only", action="store_true", help="do not run: print the folder of the train"
    )
    add_record_options(parser)
    add_run_options(parser)
    add_store_option(parser)
    options = parser.parse_args(arguments)
    if (options.file is None) == (options.resume is None):
        parser.error("give either a train file or --resume NUMBER")
    if options.resume:
        for name in ("short", "force", "approve", "compose_only", "label", "comment"):
            if getattr(options, name):
                parser.error(f"--resume excludes --{name.replace('_', '-')}")
        return run_main(_resume, options)
    with first_import("tau3mu.run.analysis"):
        return run_main(_run, options)


def add_record_options(parser: argparse.ArgumentParser) -> None:
    """Adds what a user says about a train.

    Args:
        parser: Of a command.
    """
    parser.add_argument("--label", default="", metavar="TEXT", help="what `ls` calls the train")
    parser.add_argument("--comment", default="", metavar="TEXT", help="a note about the train")
    parser.add_argument(
        "--strict", action="store_true", help="the exit code is 1 also for warnings"
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of a run that say how and where, as `python -m tau3mu.run` has them.

    Args:
        parser: Of a command.
    """
    from tau3mu.run.options import argument
    from tau3mu.run.settings import Settings, option_of
    from tau3mu.train.language import SETTINGS

    groups: dict[str, Any] = {}
    for name in SETTINGS:
        if name not in Settings.model_fields:
            continue
        option = option_of(name)
        if option.group not in groups:
            groups[option.group] = parser.add_argument_group(option.group)
        flags, how = argument(name, Settings.model_fields[name].annotation)
        groups[option.group].add_argument(*flags, help=option.help, **how)


def run_folder(folder: Path, settings: dict[str, Any], *, strict: bool) -> int:
    """Runs a composed train, shows how it goes, and returns the exit code.

    Args:
        folder: Of the train.
        settings: Options of the run instead of those that are frozen.
        strict: Whether warnings are failures.
    """
    from tau3mu.train.following import shown_progress
    from tau3mu.train.states import State, read_status
    from tau3mu.train.trains import start

    number = int(folder.name)
    with shown_progress(folder) as tick:
        code = start(folder, settings, on_tick=tick)
    status = read_status(folder)
    because = f": {status.reason}" if status.reason else ""
    line = f"Train {number} is {status.state.value}{because}"
    if status.state is State.OK:
        from tau3mu.console.terminal import PlainConsole

        PlainConsole().print(line, soft_wrap=True, highlight=False)
    else:
        say = print_warning if status.state is State.WARN else print_error
        say(f"{line}\nsee: python -m tau3mu.train doctor {number}")
    if status.state is State.WARN:
        return 1 if strict else code
    return code or (0 if status.state is State.OK else 1)


def _run(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.train.composition import compose
    from tau3mu.train.store import Store
    from tau3mu.train.wagon import Train

    train = Train.load(options.file)
    if options.wagons:
        train = train.only(*options.wagons)
    folder = compose(
        train,
        Store(options.store),
        force=options.force,
        short=options.short,
        approved=options.approve,
        label=options.label,
        comment=options.comment,
        file=str(options.file.absolute()),
        **_settings(options),
    )
    PlainConsole().print(f"Train {int(folder.name)}: {folder}", soft_wrap=True, highlight=False)
    if options.compose_only:
        return 0
    return run_folder(folder, {}, strict=options.strict)


def _resume(options: argparse.Namespace) -> int:
    from tau3mu.train.store import Store
    from tau3mu.train.trains import resume

    folder = resume(Store(options.store), options.resume)
    return run_folder(folder, _settings(options), strict=options.strict)


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """Returns the options of the run that are given."""
    from tau3mu.run.settings import is_given
    from tau3mu.train.language import SETTINGS

    given = {name: getattr(options, name, None) for name in SETTINGS}
    return {name: value for name, value in given.items() if is_given(value)}


def _fraction(text: str) -> float:
    try:
        fraction = float(text)
    except ValueError:
        fraction = -1.0
    if not 0 < fraction <= 1:
        message = f"expected a fraction above 0 and up to 1, such as 0.01, not {text!r}"
        raise argparse.ArgumentTypeError(message)
    return fraction
