"""`python -m tau3mu.fit trials`, from the shell and in this process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import uproot
from peak_models import TRIALS, document, spectrum

from tau3mu.fit.commands.trials import main
from tau3mu.fit.studies import run_trials


@pytest.fixture
def written(tmp_path):
    """A trials file, its base and its data; the path of the file, with some keys changed."""

    def write(**changes):
        (tmp_path / "peak.json").write_text(json.dumps(document()))
        with uproot.recreate(tmp_path / "data.root") as file:
            file["m"] = spectrum()
        path = tmp_path / "trials.json"
        path.write_text(json.dumps({**TRIALS, **changes}))
        return path

    return write


@pytest.mark.integration
def test_the_shell_shows_the_averages_and_writes_the_trials(written, tmp_path):
    path = written()
    code = (
        "import sys\n"
        "from tau3mu.fit.__main__ import main\n"
        "code = main(sys.argv[1:])\n"
        "print(code, 'zfit' in sys.modules or 'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "trials", path, "--input", tmp_path / "data.root",
         "--output", tmp_path / "out"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("12 of 12 trials are valid.\n0 False\n")
    assert done.stderr == f"written to {tmp_path / 'out'}\n"
    summary = run_trials(path, spectrum()).summary["nSignal"]
    (row,) = [line for line in done.stdout.splitlines() if "nSignal" in line]
    assert [cell.strip() for cell in row.split("│")[1:-1]] == [
        "nSignal",
        f"{summary.mean:.0f}",
        f"{summary.statistical:.0f}",
        f"{summary.systematic:.0f}",
        f"{summary.largest_deviation:+.0f}",
        "range",
    ]
    content = json.loads((tmp_path / "out" / "trials.json").read_text("utf-8"))
    assert content["summary"]["nSignal"]["mean"] == pytest.approx(summary.mean, rel=1e-12)


@pytest.mark.integration
def test_trials_that_are_not_valid_are_listed(written, tmp_path, capsys):
    held = {"parameters": {"mean": {"value": 5.5, "limits": [5.4, 5.6]}}}
    one = {"quantities": ["nSignal"]}
    path = written(**one, variations={"mean": {"free": {}, "held": held}})
    arguments = ["--input", str(tmp_path / "data.root"), "--output"]
    assert main([str(path), *arguments, str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "1 of 2 trials are valid.\n- not valid: held: mean is at its lower limit 5.4" in printed
    assert "- option mean=held: its only trial is not valid\n" in printed
    others = {"x": {}, "y": {}, "z": {}}
    path = written(**one, variations={"mean": {"free": {}, "held": held}, "other": others})
    assert main([str(path), *arguments, str(tmp_path / "several")]) == 0
    printed = capsys.readouterr().out
    (line,) = [line for line in printed.splitlines() if line.startswith("- not valid")]
    assert line.startswith("- not valid: held / x and 2 more: mean is at its lower limit 5.4")
    sentence = "option mean=held: none of its 3 trials is valid"
    assert printed.endswith(f"- {sentence}\n")
    content = json.loads((tmp_path / "several" / "trials.json").read_text("utf-8"))
    assert content["warnings"] == [sentence]
    path = written(**one, variations={"mean": {"held": held}})
    assert main([str(path), *arguments, str(tmp_path / "none")]) == 1
    assert capsys.readouterr().out.startswith("0 of 1 trials are valid.\n- not valid: held: mean")
    content = json.loads((tmp_path / "none" / "trials.json").read_text("utf-8"))
    assert content["results"][0]["status"] == "parameter at limit"
    assert content["summary"] == {}
    assert content["warnings"] == []


@pytest.mark.integration
@pytest.mark.integration
def test_a_cluster_can_do_the_work(written, tmp_path, open_cluster, capsys):
    path = written()
    arguments = ["--input", str(tmp_path / "data.root"), "--output", str(tmp_path / "out")]
    assert main([str(path), *arguments, "--scheduler", open_cluster]) == 0
    content = json.loads((tmp_path / "out" / "trials.json").read_text("utf-8"))
    expected = run_trials(path, spectrum()).summary["ratio"]
    assert content["summary"]["ratio"]["systematic"] == expected.systematic


def test_check_opens_no_data(written, tmp_path, capsys):
    path = written()
    (tmp_path / "data.root").unlink()
    assert main([str(path), "--check"]) == 0
    assert capsys.readouterr().out == f"{path} is valid: 12 trials\n"
    path = written(variations={"a": {"b": {"titel": "x"}}})
    assert main([str(path), "--check"]) == 1
    assert "trial b: titel: unknown key (did you mean 'title'?)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["--output", "out"],
            "error: trial exponential / wide / fine: fit peak: ",
        ),
        (["--output", "out", "--input", "none.root"], "none.root does not exist"),
        (["--output", "out", "--input", "data.root", "--workers", "0"], "or more"),
        (["--output", "data.root", "--input", "data.root"], "data.root"),
    ],
)
def test_bad_input_is_one_message(written, tmp_path, monkeypatch, capsys, more, message):
    path = written()
    monkeypatch.chdir(tmp_path)
    assert main([str(path), *more]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert message in printed
    assert not (tmp_path / "out").exists()


def test_nothing_is_replaced(written, tmp_path, capsys):
    path = written()
    assert main([str(path), "--input", str(tmp_path / "data.root"), "--output", str(tmp_path)]) == 1
    assert "trials.json exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.json"], "--output is needed, or --check"),
        (["x.json", "--inptu", "y"], "unknown option --inptu (did you mean '--input'?)"),
    ],
)
def test_wrong_usage_is_one_message(capsys, arguments, message):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 1
    assert capsys.readouterr().err.startswith(f"error: {message}")
