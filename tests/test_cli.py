from __future__ import annotations

import subprocess
import sys

import pytest

from tau3mu.console.cli import Parser, run_main
from tau3mu.errors import InputError, RunError


@pytest.fixture
def parser() -> Parser:
    parser = Parser("python -m tau3mu.example", "Shows\n  its lines.")
    parser.add_argument("name", nargs="?")
    parser.add_argument("--input", required=True)
    parser.add_argument("--chunk-size", type=int)
    return parser


def _usage_error(parser: Parser, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(arguments)
    assert stopped.value.code == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err


def test_known_options_are_parsed(parser):
    arguments = parser.parse_args(["dsphipi", "--input=a--b", "--chunk-size", "-5"])
    assert vars(arguments) == {"name": "dsphipi", "input": "a--b", "chunk_size": -5}


def test_unknown_option_is_named_with_a_suggestion(parser, capsys):
    printed = _usage_error(parser, capsys, "--inptu", "x")
    assert printed == (
        "error: unknown option --inptu (did you mean '--input'?)\n"
        "see: python -m tau3mu.example --help\n"
    )


def test_unknown_option_with_a_value_and_without_a_close_name(parser, capsys):
    printed = _usage_error(parser, capsys, "--input", "x", "--zzz=--qq")
    assert printed.startswith("error: unknown option --zzz\n")


def test_options_are_not_abbreviated(parser, capsys):
    printed = _usage_error(parser, capsys, "--input", "x", "--chunk", "5")
    assert printed.startswith("error: unknown option --chunk (did you mean '--chunk-size'?)\n")


def test_what_follows_two_dashes_is_no_option(parser):
    assert parser.parse_args(["--input", "x", "--", "--name"]).name == "--name"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: --input"),
        (["--input", "x", "--chunk-size", "many"], "argument --chunk-size: invalid int value"),
        (["--input", "x", "-q"], "unrecognized arguments: -q"),
    ],
)
def test_other_wrong_usage_exits_with_1(parser, capsys, arguments, message):
    assert _usage_error(parser, capsys, *arguments).startswith(f"error: {message}")


def test_options_of_sub_commands_are_known(capsys):
    parser = Parser("tau3mu")
    command = parser.add_subparsers(dest="command").add_parser("check")
    command.add_argument("--strict", action="store_true")
    assert parser.parse_args(["check", "--strict"]).strict
    assert "did you mean '--strict'" in _usage_error(parser, capsys, "check", "--strct")


def test_help_keeps_the_lines_of_the_description(parser, capsys):
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(["--help"])
    assert stopped.value.code == 0
    assert "Shows\n  its lines." in capsys.readouterr().out


def test_run_main_returns_what_the_function_returns():
    assert run_main(lambda code, *, plus: code + plus, 1, plus=1) == 2


def _raise(error: BaseException) -> int:
    raise error


@pytest.mark.parametrize("kind", [InputError, RunError])
def test_run_main_prints_the_message_as_it_is(capsys, kind):
    message = (
        "a.json: [red] is no branch" + " of this very long list" * 10 + "; 'mass' was expected"
    )
    assert run_main(_raise, kind(message)) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"error: {message}\n")


def test_run_main_maps_ctrl_c_to_130(capsys):
    assert run_main(_raise, KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_run_main_lets_defects_through():
    with pytest.raises(ZeroDivisionError):
        run_main(_raise, ZeroDivisionError())


def test_import_is_light():
    heavy = "{'rich', 'numpy', 'coffea'}"
    code = f"import sys, tau3mu.console.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("error", [None, ValueError])
def test_the_first_import_of_a_module_is_not_disturbed(error):
    """In a process of its own: what has been frozen stays so."""
    code = (
        "import gc\n"
        "from contextlib import suppress\n"
        "from tau3mu.console.cli import first_import\n"
        "with suppress(ValueError), first_import('fractions'):\n"
        "    import fractions\n"
        "    assert not gc.isenabled()\n"
        f"    {'raise ValueError' if error else 'pass'}\n"
        "assert gc.isenabled()\n"
        "frozen = gc.get_freeze_count()\n"
        "assert frozen > 1000\n"
        "with first_import('fractions'):\n"
        "    assert gc.isenabled()\n"
        "assert gc.get_freeze_count() <= frozen\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
