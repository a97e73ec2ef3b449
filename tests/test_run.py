"""The command line end to end, as a user has it: another process, another folder, real files."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from importlib.metadata import version

import numpy as np
import pytest
import uproot
from figures import record_figure

from tau3mu.fit.__main__ import main as fit_main
from tau3mu.outputs import load_candidates, load_histograms
from tau3mu.run import main


def command(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "tau3mu.run", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The run of the README: on a local Dask cluster, in an empty folder, with the fit."""
    folder = tmp_path_factory.mktemp("run")
    return command("--executor", "dask", "--chunk-size", "2500", cwd=folder), folder


@pytest.mark.integration
class TestTheRunOfTheReadme:
    def test_it_succeeds_and_names_its_results(self, finished):
        done, folder = finished
        assert done.returncode == 0, done.stderr
        (results,) = (folder / "results").iterdir()
        assert results.name.endswith("-dsphipi")
        assert f"Results: results/{results.name}" in done.stdout
        assert "Traceback" not in done.stderr
        assert "Warning" not in done.stderr
        assert {path.name for path in results.iterdir()} == {
            "run.json", "log.txt", "ledger.jsonl", "dsphipi", "sections",
            "full_config.json", "configuration.json", "input_data.txt",
        }  # fmt: skip
        assert {path.name for path in (results / "dsphipi").iterdir()} == {
            "cutflow.json", "cutflow.txt", "counters.json", "yields.json", "histograms.json",
            "histograms.root",
            "candidates.root", "fit.json", "fit.root", "mass_fit.png", "mass_fit.pdf",
            "residuals.png", "residuals.pdf", "correlation.png", "correlation.pdf",
        }  # fmt: skip

    def test_it_shows_cutflow_and_yields(self, finished, oracle):
        done, _ = finished
        expected = json.loads((oracle / "dsphipi_demo_intended.json").read_text())["cutflow"]
        rows = [line.split("│") for line in done.stdout.splitlines() if "│" in line]
        shown = {row[2].strip(): int(row[3]) for row in rows if len(row) == 9}
        assert shown == expected
        values = {row[1].strip(): row[2].strip() for row in rows if len(row) == 5}
        for name in ("nDs", "nDplus", "nBkg"):
            assert "±" in values[name]
        assert "The fit is valid." in done.stdout

    def test_files_hold_what_root_finds(self, finished, oracle):
        (results,) = (finished[1] / "results").iterdir()
        folder = results / "dsphipi"
        expected = json.loads((oracle / "dsphipi_demo_intended.json").read_text())
        with uproot.open(folder / "histograms.root") as file:
            values, edges = file["demo/mass"].to_numpy()
            assert "demo/mass_muon_sf_up" not in file.keys(cycle=False)
        assert values.tolist() == expected["hist"]
        np.testing.assert_allclose(edges, np.linspace(1.65, 2.01, 63), rtol=1e-15)
        histogram = load_histograms(folder)["mass"]
        assert histogram["demo", "nominal", :].values().tolist() == expected["hist"]
        cutflow = json.loads((folder / "cutflow.json").read_text())["demo"]
        assert {step["name"]: step["events"] for step in cutflow} == expected["cutflow"]
        candidates = load_candidates(folder)
        assert candidates.fields == [
            "dataset", "file", "run", "lumi", "event", "triplet", "mass", "vertex_chi2", "pt",
            "eta", "phi", "dimuon_mass", "flight_significance", "weight", "weight_muon_sf_up",
            "weight_muon_sf_down",
        ]  # fmt: skip
        with (oracle / "dsphipi_demo_intended_events.csv").open() as file:
            events = [
                (int(r["run"]), int(r["evt"]), int(r["triplet"])) for r in csv.DictReader(file)
            ]
        columns = (candidates[name].tolist() for name in ("run", "event", "triplet"))
        assert sorted(zip(*columns, strict=True)) == sorted(events)

    def test_run_json_says_how_it_was_made(self, finished, demo):
        (results,) = (finished[1] / "results").iterdir()
        run = json.loads((results / "run.json").read_text())
        assert run["complete"] is True
        assert [item["path"] for item in run["inputs"]] == [str(path) for path in demo]
        for item, path in zip(run["inputs"], demo, strict=True):
            assert item["entries"] == item["read"] == 6000
            assert item["uuid"] == str(uproot.open(path).file.uuid)
        assert run["configuration"]["executor"] == "dask"
        assert run["configuration"]["chunk_size"] == 2500
        assert run["versions"]["tau3mu"] == version("tau3mu")
        assert run["fits"]["dsphipi"]["valid"] is True
        assert run["command"][-4:] == ["--executor", "dask", "--chunk-size", "2500"]
        assert "12000 events in 2 files" in (results / "log.txt").read_text()

    def test_the_plot_is_a_picture(self, finished):
        (results,) = (finished[1] / "results").iterdir()
        assert (results / "dsphipi" / "mass_fit.png").read_bytes().startswith(b"\x89PNG")
        assert (results / "dsphipi" / "mass_fit.pdf").read_bytes().startswith(b"%PDF")

    def test_the_fit_can_be_repeated_without_events(self, finished):
        _, folder = finished
        (results,) = (folder / "results").iterdir()
        words = ["dsphipi", "--input", str(results), "--output", str(folder / "again")]
        assert fit_main(words) == 0
        first = json.loads((results / "dsphipi" / "fit.json").read_text())["parameters"]
        second = json.loads((folder / "again" / "fit.json").read_text())["parameters"]
        for name, parameter in first.items():
            assert second[name]["value"] == pytest.approx(parameter["value"], rel=1e-6)


@pytest.mark.parametrize(
    ("option", "needed"), [("--help", set()), ("--list", {"coffea", "dask"}), ("--version", set())]
)
def test_looking_around_imports_nothing_heavy(option, needed, tmp_path):
    """To list the parameters of processors, these have to be imported."""
    program = (
        "import sys\n"
        "from tau3mu.run import main\n"
        "try:\n"
        f"    code = main([{option!r}])\n"
        "except SystemExit as exit_:\n"
        "    code = exit_.code\n"
        "heavy = {'coffea', 'dask', 'distributed', 'zfit', 'tensorflow', 'matplotlib'}\n"
        f"print('heavy:', sorted((heavy - {needed!r}) & set(sys.modules)), 'code:', code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "heavy: [] code: 0" in done.stdout


def test_list_shows_all_that_ships(capsys):
    assert main(["--list"]) == 0
    shown = capsys.readouterr().out
    for name in ("dsphipi", "dsphipi_notebook", "dsphipi_2017", "demo", "triplet.vertex_chi2"):
        assert name in shown


def test_list_has_short_lines_and_shows_what_is_given(capsys, processor_file):
    """Processors of users are listed as well, and what two have in common once."""
    mine = processor_file("    pass\n")
    assert main(["--list", "--processor", f"{mine}:Mine"]) == 0
    lines = capsys.readouterr().out.splitlines()
    windows = [line.split() for line in lines if line.split()[:1] == ["mass_window"]]
    assert [line[1:4] for line in windows] == 2 * [["[1.62,", "2.02]", "GeV"]]  # also of tau3mu
    axes = [line for line in lines if line.split()[:1] == ["mass_axis"]]
    assert sorted("62 bins, 1.65 to 2.01" in line for line in axes) == [False, True]
    assert any(line.startswith(f"Parameters of {mine}:Mine") for line in lines)
    assert max(len(line) for line in lines if line.startswith("  ") and str(mine) not in line) < 110


def test_version(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out == f"tau3mu {version('tau3mu')}\n"


def test_processors_share_a_pass_and_have_a_folder_each(tmp_path, demo, processor_file):
    mine = processor_file("    columns = frozenset({*DsPhiPi.columns, 'muon.energy'})\n")
    code = main(
        ["--processor", "dsphipi", "--processor", "dsphipi_notebook", "--processor", f"{mine}:Mine",
         "--no-fit", "--candidates", "parquet", "--output", str(tmp_path / "out"), *map(str, demo)]
    )  # fmt: skip
    assert code == 0
    n = {
        name: len(load_candidates(tmp_path / "out" / name))
        for name in ("dsphipi", "dsphipi_notebook", "Mine")
    }
    assert n == {"dsphipi": 1480, "dsphipi_notebook": 2787, "Mine": 1480}
    assert (tmp_path / "out" / "dsphipi" / "candidates.parquet").exists()
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert list(run["datasets"]) == ["files"]


def test_files_and_datasets_together(tmp_path, skim):
    output = tmp_path / "out"
    code = main(
        [
            "--no-fit",
            "--dataset",
            "demo",
            "--max-files",
            "1",
            "--output",
            str(output),
            *map(str, skim),
        ]
    )
    assert code == 0
    cutflow = json.loads((output / "dsphipi" / "cutflow.json").read_text())
    assert {name: steps[0]["events"] for name, steps in cutflow.items()} == {
        "demo": 6000,
        "files": 1500,
    }


def test_simulation_has_variations_in_every_output(tmp_path, demo):
    sets = {"mc": {"files": {str(demo[0]): None}, "metadata": {"is_mc": True}}}
    (tmp_path / "sets.json").write_text(json.dumps(sets))
    output = tmp_path / "out"
    assert (
        main(["--no-fit", "--dataset", str(tmp_path / "sets.json"), "--output", str(output)]) == 0
    )
    candidates = load_candidates(output / "dsphipi")
    with uproot.open(output / "dsphipi" / "histograms.root") as file:
        for suffix in ("", "_muon_sf_up", "_muon_sf_down"):
            weights = candidates[f"weight{suffix}"].to_numpy()
            values, _ = np.histogram(candidates.mass, 62, (1.65, 2.01), weights=weights)
            np.testing.assert_allclose(file[f"mc/mass{suffix}"].values(), values, rtol=1e-12)
    counts = json.loads((output / "dsphipi" / "counters.json").read_text())["mc"]
    assert counts["muon_sf_legs"] == 2 * len(candidates)
    assert 0 < counts["muon_sf_outside"] < counts["muon_sf_legs"]


def test_files_without_events_count_nothing_and_are_warned_of(tmp_path, demo, write_t3m, caplog):
    from tau3mu.ntuples.layout import layout
    from tau3mu.processors.columns import DSPHIPI

    empty = write_t3m({name: [] for name in layout("t3m").resolve(DSPHIPI, [])}, "none.root")
    output = tmp_path / "out"
    assert main(["--no-fit", "--output", str(output), str(demo[0]), str(empty)]) == 0
    assert "no events" in caplog.text
    assert "none.root" in caplog.text
    inputs = json.loads((output / "run.json").read_text())["inputs"]
    assert {item["path"]: item["entries"] for item in inputs} == {str(demo[0]): 6000, str(empty): 0}
    (steps,) = json.loads((output / "dsphipi" / "cutflow.json").read_text()).values()
    assert steps[0]["events"] == 6000
    record_figure("file without events", events_in=6000, events_out=steps[0]["events"])


@pytest.fixture
def damaged(tmp_path, demo):
    """A file that is damaged in the middle, which passes the check of its header and trees."""
    path = tmp_path / "damaged.root"
    shutil.copy(demo[0], path)
    branch = uproot.open(demo[0])["Tree3Mu/ntuple"]["TripletVtx2_Chi2"]
    with path.open("r+b") as file:
        file.seek(branch.member("fBasketSeek")[0] + 90)
        file.write(os.urandom(200))
    return path


def test_without_leave_a_bad_file_leaves_no_results(tmp_path, demo, damaged, capsys):
    output = tmp_path / "out"
    assert main(["--no-fit", "--output", str(output), str(damaged), str(demo[1])]) == 2
    shown = capsys.readouterr()
    assert f"{damaged} [files]: 6000 of 6000 events are missing" in shown.err
    assert f"--resume {output}" in " ".join(shown.err.split())
    assert "Results:" not in shown.out
    assert {path.name for path in output.iterdir()} == {
        "run.json", "log.txt", "ledger.jsonl", "checked_files.json", "checkpoints",
        "full_config.json", "configuration.json", "input_data.txt",
    }  # fmt: skip
    run = json.loads((output / "run.json").read_text())
    assert (run["status"], run["complete"]) == ("incomplete", False)
    assert [item["read"] for item in run["inputs"]] == [0, 6000]


@pytest.mark.parametrize(
    ("allowed", "code"), [([], 2), (["--allow-missing", "0.4"], 2), (["--allow-missing", "0.5"], 0)]
)
def test_missing_events_are_named_and_give_exit_code_2(
    tmp_path, demo, damaged, capsys, allowed, code
):
    """A fraction that may be missing changes the exit code and nothing else."""
    path, output = damaged, tmp_path / "out"
    arguments = ["--no-fit", "--skip-bad-files", *allowed, "--output", str(output)]
    assert main([*arguments, str(path), str(demo[1])]) == code
    shown = capsys.readouterr()
    assert f"{path} [files]: 6000 of 6000 events are missing" in shown.err
    run = json.loads((output / "run.json").read_text())
    assert run["complete"] is False
    assert [item["read"] for item in run["inputs"]] == [0, 6000]
    assert "cannot be read" in run["inputs"][0]["errors"][0]
    assert run["missing"][0]["path"] == str(path)
    assert run["missing"][0]["events"] == 6000
    assert run["chunks"] == {"total": 2, "resumed": 0, "attempts": 2}
    cutflow = json.loads((output / "dsphipi" / "cutflow.json").read_text())
    assert cutflow["files"][0]["events"] == 6000


@pytest.mark.parametrize("tenths", [2, 5, 9])
def test_a_truncated_file_counts_nothing_rather_than_a_part(tmp_path, demo, tenths):
    """coffea's skipbadfiles keeps the first half of a file that was cut in two, and is silent."""
    cut, whole = tmp_path / "cut.root", tmp_path / "only"
    content = demo[0].read_bytes()
    cut.write_bytes(content[: len(content) * tenths // 10])
    output = tmp_path / "out"
    arguments = ["--no-fit", "--skip-bad-files", "--chunk-size", "1000"]
    assert main([*arguments, "--output", str(output), str(cut), str(demo[1])]) == 2
    assert main([*arguments, "--output", str(whole), str(demo[1])]) == 0
    for name in ("cutflow.json", "histograms.json", "counters.json"):
        assert (output / "dsphipi" / name).read_bytes() == (whole / "dsphipi" / name).read_bytes()
    run = json.loads((output / "run.json").read_text())
    assert run["missing"][0]["path"] == str(cut)
    record_figure(
        f"file cut at {tenths}/10", events_in=12000, exit_code=2,
        events_out=json.loads((output / "dsphipi" / "cutflow.json").read_text())["files"][0][
            "events"
        ],
    )  # fmt: skip


def test_events_that_are_unknown_in_number_are_not_allowed_to_be_missing(tmp_path, demo):
    """Of a file that cannot be opened, nobody knows which fraction it is."""
    torn = tmp_path / "torn.root"
    torn.write_bytes(b"")
    arguments = ["--no-fit", "--skip-bad-files", "--allow-missing", "0.99"]
    assert main([*arguments, "--output", str(tmp_path / "out"), str(torn), str(demo[0])]) == 2


def test_events_that_were_selected_twice_are_told(tmp_path, demo, capsys, remade):
    """The same events in two files of different UUIDs: no check of files can see them."""
    output = tmp_path / "out"
    other = remade(demo[0], tmp_path / "again.root")
    assert main(["--no-fit", "--output", str(output), str(demo[0]), str(other)]) == 0
    n = len(load_candidates(output / "dsphipi")) // 2
    warning = f"{n} candidates of dataset files are of events that were selected before"
    assert warning in " ".join(capsys.readouterr().out.split())
    assert warning in (output / "log.txt").read_text()
    assert warning in json.loads((output / "run.json").read_text())["warnings"][0]


def test_a_failing_processor_ends_the_run_and_leaves_its_traceback(
    tmp_path, processor_file, capsys
):
    path = processor_file(
        "    def select(self, events, cutflow):\n"
        "        return events.nothing if len(events) else super().select(events, cutflow)\n"
    )
    output = tmp_path / "out"
    assert main(["--no-fit", "--processor", f"{path}:Mine", "--output", str(output)]) == 1
    error = capsys.readouterr().err
    assert "Mine failed on" in error
    assert "Traceback" not in error
    assert "return events.nothing if" in (output / "log.txt").read_text()


def test_the_output_may_lie_at_home(tmp_path, skim, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(["--no-fit", "--output=~/mine", str(skim[0])]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert len(load_candidates("~/mine")) == 6


@pytest.mark.integration
def test_what_a_resumed_run_finds_takes_the_place_of_all_that_was_there(tmp_path, demo, damaged):
    """First without the events of a file; then with them, and fitted again."""
    output, whole = tmp_path / "out", tmp_path / "whole"
    files = [str(damaged), str(demo[1])]
    assert main(["--skip-bad-files", "--output", str(output), *files]) == 2
    few = json.loads((output / "dsphipi" / "fit.json").read_text())
    shutil.copy(demo[0], damaged)
    assert main(["--resume", str(output)]) == 0
    assert main(["--output", str(whole), *files]) == 0
    for name in ("cutflow.json", "histograms.json", "counters.json"):
        assert (output / "dsphipi" / name).read_bytes() == (whole / "dsphipi" / name).read_bytes()
    again, once = (json.loads((d / "dsphipi" / "fit.json").read_text()) for d in (output, whole))
    assert again["parameters"] == once["parameters"] != few["parameters"]
    names = [{p.relative_to(d) for p in d.rglob("*") if p.is_file()} for d in (output, whole)]
    assert names[0] == names[1]
    assert json.loads((output / "run.json").read_text())["complete"] is True


@pytest.mark.integration
def test_a_driver_that_died_in_its_fit_fits_again(tmp_path, demo):
    """Some of the files of the fit are there by then, and no word that the run is finished."""
    output = tmp_path / "out"
    assert main(["--output", str(output), str(demo[0])]) in {0, 1}
    fit = output / "dsphipi" / "fit.json"
    before, record = json.loads(fit.read_text()), json.loads((output / "run.json").read_text())
    record |= {"status": "fitting", "exit_code": None}
    (output / "run.json").write_text(json.dumps(record))
    (output / "dsphipi" / "correlation.pdf").unlink()
    assert main(["--resume", str(output), str(demo[0])]) == (0 if before["valid"] else 1)
    assert json.loads(fit.read_text())["parameters"] == before["parameters"]
    assert (output / "dsphipi" / "correlation.pdf").exists()
    assert json.loads((output / "run.json").read_text())["status"] == "finished"


def test_an_invalid_fit_gives_exit_code_1_and_keeps_the_results(tmp_path, capsys):
    """The original model has a slope that wants to go beyond its limit."""
    output = tmp_path / "out"
    code = main(["--fit", "dsphipi_notebook", "--output", str(output)])
    fit = json.loads((output / "dsphipi" / "fit.json").read_text())
    assert code == (0 if fit["valid"] else 1)
    assert fit["valid"] is False
    assert "NOT VALID" in capsys.readouterr().out
    assert (output / "dsphipi" / "mass_fit.png").exists()


def test_a_spectrum_without_entries_keeps_the_results_and_gives_exit_code_1(
    tmp_path, skim, processor_file, capsys
):
    path = processor_file(
        "    def select(self, events, cutflow):\n"
        "        return super().select(events[:0], cutflow)\n"
    )
    output = tmp_path / "out"
    arguments = ["--processor", f"{path}:Mine", "--fit", "dsphipi", "--output", str(output)]
    assert main([*arguments, str(skim[0])]) == 1
    shown = capsys.readouterr()
    assert "the fit of Mine could not be made" in shown.err
    assert "Cutflow of Mine" in shown.out
    assert (output / "Mine" / "candidates.root").exists()
    assert json.loads((output / "run.json").read_text())["fits"]["Mine"]["valid"] is False


@pytest.fixture
def scheduler(tmp_path):
    """The address of a scheduler with one worker, each a process of its own."""
    file = tmp_path / "scheduler.json"
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", *common, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tmp_path,
        )
        for kind, options in (
            ("scheduler", ["--host", "127.0.0.1", "--port", "0"]),
            ("worker", ["--host", "127.0.0.1", "--nthreads", "1"]),
        )
    ]
    deadline = time.monotonic() + 60
    while not file.exists() or not file.read_text():
        assert time.monotonic() < deadline, "the scheduler did not start"
        time.sleep(0.1)
    yield json.loads(file.read_text())["address"]
    for process in reversed(processes):  # a worker without its scheduler looks for it for long
        process.terminate()
        process.wait(30)


@pytest.mark.integration
def test_a_scheduler_that_runs_already_is_used_and_left_running(
    scheduler, tmp_path, demo, processor_file
):
    from distributed import Client

    path = processor_file("    pass\n")
    for name in ("first", "second"):
        code = main(
            ["--no-fit", "--executor", "dask", "--scheduler", scheduler, "--chunk-size", "3000",
             "--processor", f"{path}:Mine", "--output", str(tmp_path / name), str(demo[0])]
        )  # fmt: skip
        assert code == 0
    first, second = (load_candidates(tmp_path / name / "Mine") for name in ("first", "second"))
    assert first.tolist() == second.tolist()
    assert len(first) > 600
    with Client(scheduler, timeout="10s") as client:
        assert len(client.scheduler_info()["workers"]) == 1


WITHOUT_VARIATIONS = """
    def histograms(self):
        import hist

        dataset, _, mass = super().histograms()["mass"].axes
        others = [hist.axis.Regular(4, 0, 60, name="pt"), hist.axis.Regular(3, -3, 3, name="eta"),
                  hist.axis.Regular(5, 0, 60, name="flight_significance")]
        return {"mass": hist.Hist(mass, dataset, storage="Weight"),
                "four": hist.Hist(dataset, mass, *others, storage="Int64")}

    def fill(self, histograms, candidates, *, dataset, is_mc):
        for histogram in histograms.values():
            names = [name for name in histogram.axes.name if name != "dataset"]
            histogram.fill(dataset=dataset, **{name: candidates[name] for name in names})
"""


@pytest.mark.integration
@pytest.mark.parametrize("executor", ["dask", pytest.param("iterative", marks=pytest.mark.soak)])
def test_histograms_without_variations_are_stored_and_fitted(
    executor, processor_file, tmp_path, oracle
):
    path = processor_file(WITHOUT_VARIATIONS)
    given = ["--processor", f"{path}:Mine", "--fit", "dsphipi", "--executor", executor]
    assert main([*given, "--output", str(tmp_path / "out")]) == 0
    expected = json.loads((oracle / "dsphipi_demo_intended.json").read_text())["hist"]
    with uproot.open(tmp_path / "out" / "Mine" / "histograms.root") as file:
        assert file.keys(cycle=False) == ["demo", "demo/mass"]
        assert file["demo/mass"].values().tolist() == expected
    stored = load_histograms(tmp_path / "out")
    assert stored["mass"].project("mass").values().tolist() == expected
    assert stored["four"].project("mass").values().tolist() == expected
    assert stored["four"].sum(flow=True) == 1480
    assert json.loads((tmp_path / "out" / "run.json").read_text())["fits"]["Mine"]["valid"] is True
