"""`python -m tau3mu.fit`, from the shell and in this process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import uproot

from tau3mu.fit.__main__ import main


@pytest.fixture
def results(tmp_path, spectra):
    """A results folder of the demo."""
    folder = tmp_path / "results"
    (folder / "dsphipi").mkdir(parents=True)
    with uproot.recreate(folder / "dsphipi" / "histograms.root") as file:
        file["demo/mass"] = spectra["demo"]
    facts = {"demo": {"is_mc": False, "lumi": None}}
    (folder / "run.json").write_text(json.dumps({"datasets": facts}))
    return folder


@pytest.mark.integration
def test_a_fit_is_repeated_without_noise(results, tmp_path, fits):
    done = subprocess.run(
        [sys.executable, "-m", "tau3mu.fit", "dsphipi", "--input", results,
         "--output", tmp_path / "again"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"written to {tmp_path / 'again'}\n"
    assert "779 ± 33" in done.stdout
    assert "The fit is valid." in done.stdout
    document = json.loads((tmp_path / "again" / "fit.json").read_text("utf-8"))
    assert document["parameters"]["nDs"]["value"] == pytest.approx(fits["demo"].values["nDs"])
    found = document["spectra"]["dsphipi"]["data_hash"]
    assert found == fits["demo"].spectra["dsphipi"].data_hash


@pytest.mark.integration
def test_an_invalid_fit_exits_with_1(results, tmp_path, capsys, notebook_fits):
    arguments = ["dsphipi_notebook", "--input", str(results), "--output", str(tmp_path / "again")]
    assert main([*arguments, "--histogram", "demo/mass"]) == 1
    printed = capsys.readouterr()
    assert "The fit is NOT VALID." in printed.out
    assert notebook_fits["demo"].messages[0] in printed.out
    assert (tmp_path / "again" / "mass_fit.png").exists()


def test_nothing_is_replaced(results, tmp_path, capsys):
    (tmp_path / "fit.json").write_text("mine")
    assert main(["dsphipi", "--input", str(results), "--output", str(tmp_path)]) == 1
    assert "fit.json exists already" in capsys.readouterr().err
    assert (tmp_path / "fit.json").read_text() == "mine"


def test_without_run_json_the_choice_is_noted(results, tmp_path, capsys, dsphipi):
    (results / "run.json").unlink()
    fit_file = tmp_path / "dsphipi.json"
    fit_file.write_text(json.dumps({**dsphipi.to_dict(), "method": {"engine": "numpy"}}))
    main([str(fit_file), "--input", str(results), "--output", str(tmp_path / "again")])
    printed = capsys.readouterr().err
    assert "warning: there is no run.json, so all datasets are added: demo" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["dspipi", "--input", "x", "--output", "y"],
            "unknown fit 'dspipi' (did you mean 'dsphipi'?)",
        ),
        (["dsphipi", "--input", "none", "--output", "y"], "none does not exist"),
        (["dsphipi", "--input", "x"], "--output is needed, or --check"),
        (
            ["dsphipi", "--output", "y"],
            "fit dsphipi: there are no data: give them by --input, or as ",
        ),
        (["tois", "jpsi_psi2s"], "unknown command 'tois' (did you mean 'toys'?)\nsee: python -m "),
        (["imports"], "unknown command 'imports' (did you mean 'import'?)"),
        (["toy.json", "--output", "y"], "cannot read the fit file toy.json: No such file"),
        (["dsphipi", "--inptu", "x"], "unknown option --inptu (did you mean '--input'?)"),
    ],
)
def test_wrong_usage_is_one_message(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(arguments)
    except SystemExit as end:
        code = end.code
    assert code == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: {message}")
    assert "Traceback" not in printed
    assert list(tmp_path.iterdir()) == []


def test_check_says_whether_a_file_is_a_fit(tmp_path, capsys):
    assert main(["dsphipi", "--check"]) == 0
    assert "dsphipi is a valid fit" in capsys.readouterr().out
    (tmp_path / "bad.json").write_text("{}")
    assert main([str(tmp_path / "bad.json"), "--check"]) == 1
    assert "bad.json: name: missing key" in capsys.readouterr().err


def test_help_is_fast_and_teaches():
    code = (
        "import sys, time\n"
        "from tau3mu.fit.__main__ import main\n"
        "begin = time.perf_counter()\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: print(end.code, time.perf_counter() - begin < 0.5)\n"
        "print(sorted({'zfit', 'tensorflow', 'matplotlib', 'uproot'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--histogram NAME" in done.stdout
    assert "exit codes:" in done.stdout
    assert done.stdout.endswith("0 True\n[]\n")
