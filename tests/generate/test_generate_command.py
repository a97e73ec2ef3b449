from __future__ import annotations

import re
import subprocess
import sys

import pytest
import uproot

from tau3mu.generate.__main__ import main


def test_command_writes_files_and_says_so(tmp_path):
    directory = tmp_path / "toys"
    options = {"--events": 150, "--files": 2, "--workers": 2, "--layout": "nano", "--seed": 5}
    arguments = [str(word) for option in options.items() for word in option]
    finished = subprocess.run(
        [sys.executable, "-m", "tau3mu.generate", directory, "--simulation", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    closing = rf"{directory}: 2 files, 300 events, \d+\.\d MB, \d+ events/s\n"
    assert re.fullmatch(closing, finished.stdout)
    for number in (1, 2):
        with uproot.open(directory / f"Tree_PhiPi_MC_{number}.root") as file:
            assert file["Events"].num_entries == 150


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--events", "0"], "error: events: 0 given, 1 is the least\n"),
        (["--layout", "nanp"], "error: unknown layout 'nanp' (did you mean 'nano'?)"),
        (["--workers", "0"], "error: workers: 0 given, 1 is the least\n"),
    ],
)
def test_bad_values_are_one_message_and_exit_code_1(tmp_path, capsys, arguments, message):
    assert main([str(tmp_path / "new"), *arguments]) == 1
    assert capsys.readouterr().err.startswith(message)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["toys", "--event", "5"], "error: unknown option --event (did you mean '--events'?)"),
        (["toys", "--events", "many"], "error: argument --events: invalid int value: 'many'"),
        ([], "error: the following arguments are required: OUTDIR"),
    ],
)
def test_wrong_usage_is_exit_code_1(capsys, arguments, message):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 1
    assert capsys.readouterr().err.startswith(message)


def test_help_teaches_and_loads_no_heavy_package():
    code = (
        "import sys; from tau3mu.generate.__main__ import main\n"
        "try: main(['--help'])\n"
        "finally: print(sorted({'numpy', 'awkward', 'uproot', 'vector'} & set(sys.modules)))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert finished.stdout.endswith("[]\n")
    for option in ("--events", "--files", "--layout", "--simulation", "--seed", "--compression"):
        assert option in finished.stdout
    assert "examples:" in finished.stdout
