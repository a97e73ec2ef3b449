"""`python -m tau3mu.fit toys`, from the shell and in this process."""

from __future__ import annotations

import json
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from peak_models import document, parameters, peak

from tau3mu.fit.commands.toys import main
from tau3mu.fit.studies import generate, run_toys


@pytest.fixture
def fit_file(tmp_path):
    path = tmp_path / "peak.json"
    path.write_text(json.dumps(document()))
    return path


@pytest.fixture
def without_yields(tmp_path):
    """A fit whose yields have no values, and data of it."""
    path = tmp_path / "bare.json"
    bare = parameters(nSignal=None, nBackground=None)
    path.write_text(json.dumps(document(parameters=bare, method={"engine": "zfit"})))
    generate(peak(), tmp_path / "data.root", seed=51)
    return path, tmp_path / "data.root"


@pytest.mark.integration
def test_pulls_are_shown_and_the_study_is_written(fit_file, tmp_path, capsys):
    arguments = [str(fit_file), "--number", "30", "--seed", "2", "--workers", "2"]
    assert main([*arguments, "--output", str(tmp_path / "toys")]) == 0
    done = capsys.readouterr()
    assert "30 toys of peak" in done.out
    found = run_toys(peak(), 30, seed=2)
    summary = found.summary["nSignal"]
    (row,) = [line for line in done.out.splitlines() if "nSignal" in line]
    assert [cell.strip() for cell in row.split("│")[1:-1]] == [
        "nSignal",
        "400",
        "30",
        f"{summary.pull_mean:+.3f} ± {summary.pull_mean_error:.3f}",
        f"{summary.pull_width:.3f} ± {summary.pull_width_error:.3f}",
        f"{100 * summary.coverage:.1f} %",
    ]
    assert done.err == f"written to {tmp_path / 'toys'}\n"
    table = pq.read_table(tmp_path / "toys" / "toys.parquet")
    assert table["nSignal"].to_pylist() == found.table["nSignal"].tolist()


@pytest.mark.integration
def test_the_shell_fits_data_first_without_zfit(without_yields, tmp_path):
    path, data = without_yields
    code = (
        "import atexit, runpy, sys\n"
        "atexit.register(lambda: print('zfit' in sys.modules or 'tensorflow' in sys.modules))\n"
        "runpy.run_module('tau3mu.fit', run_name='__main__', alter_sys=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "toys", path, "--number", "4", "--input", data,
         "--output", tmp_path / "toys"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "4 toys of peak" in done.stdout
    assert done.stdout.endswith("\nFalse\n")
    assert done.stderr.strip().endswith(f"written to {tmp_path / 'toys'}")
    written = json.loads((tmp_path / "toys" / "toys.json").read_text("utf-8"))
    assert 300 < written["summary"]["nSignal"]["truth"] < 500


def test_fits_that_are_not_valid_are_listed(tmp_path, capsys):
    path = tmp_path / "peak.json"
    narrow = {"value": 5, "limits": [4.97, 5.03]}
    slope = {"value": -0.2, "fixed": True}
    few = document(parameters=parameters(mean=narrow, slope=slope), derived=None)
    path.write_text(json.dumps(few))
    arguments = [str(path), "--number", "20", "--output", str(tmp_path / "toys")]
    assert main(arguments) == 0
    number = json.loads((tmp_path / "toys" / "toys.json").read_text())["failed"]
    assert number > 0
    assert f"not valid: {number} of 20 toys: parameter at limit" in capsys.readouterr().err


def test_without_a_valid_fit_the_exit_code_is_1(tmp_path, capsys):
    path = tmp_path / "peak.json"
    few = {"value": 0.01, "limits": [0, 1]}
    held = parameters(nSignal=few, nBackground=few)
    path.write_text(json.dumps(document(parameters=held, derived=None)))
    assert main([str(path), "--number", "3", "--output", str(tmp_path / "toys")]) == 1
    assert "not valid: 3 of 3 toys: no entries" in capsys.readouterr().err
    written = json.loads((tmp_path / "toys" / "toys.json").read_text("utf-8"))
    assert written["summary"]["nSignal"]["pull_mean"] is None


def test_a_truth_that_is_not_valid_is_refused(without_yields, tmp_path, capsys):
    path, data = without_yields
    held = parameters(mean={"value": 4.2, "limits": [4, 4.5]})
    path.write_text(json.dumps(document(parameters=held)))
    arguments = [str(path), "--number", "3", "--input", str(data), "--output", str(tmp_path / "x")]
    assert main(arguments) == 1
    assert "the fit of the data is not valid" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--number", "0"], "error: expected 1 toy or more"),
        (["--number", "2", "--workers", "0"], "error: "),
        (["--number", "2", "--values", "none.json"], "error: none.json does not exist"),
        (["--number", "2", "--input", "none.root"], "error: none.root does not exist"),
    ],
)
def test_bad_input_is_one_message(fit_file, tmp_path, monkeypatch, capsys, more, message):
    monkeypatch.chdir(tmp_path)
    assert main([str(fit_file), "--output", "toys", *more]) == 1
    assert capsys.readouterr().err.startswith(message)
    assert not (tmp_path / "toys").exists()


def test_nothing_is_replaced(fit_file, tmp_path, capsys):
    (tmp_path / "toys.json").write_text("mine")
    assert main([str(fit_file), "--number", "2", "--output", str(tmp_path)]) == 1
    assert "toys.json exists already" in capsys.readouterr().err
    assert (tmp_path / "toys.json").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--output", "y"], "the following arguments are required: --number"),
        (
            ["x", "--number", "2", "--output", "y", "--sed", "1"],
            "unknown option --sed (did you mean",
        ),
        (
            ["x", "--number", "many", "--output", "y"],
            "argument --number: invalid int value: 'many'",
        ),
    ],
)
def test_wrong_usage_is_one_message(capsys, arguments, message):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 1
    assert message in capsys.readouterr().err


def test_help_is_fast_and_teaches():
    code = (
        "import sys\n"
        "from tau3mu.fit.__main__ import main\n"
        "for command in ('generate', 'toys', 'trials'):\n"
        "    try: main([command, '--help'])\n"
        "    except SystemExit as end: print(end.code)\n"
        "print(sorted({'zfit', 'tensorflow', 'matplotlib', 'numpy', 'dask'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("exit codes:") == 3
    assert done.stdout.endswith("0\n[]\n")
