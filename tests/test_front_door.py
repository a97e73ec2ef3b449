"""`import tau3mu`: a run from Python, what it returns, and the same read back later."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pickle
import pydoc
import subprocess
import sys
from pathlib import Path

import awkward as ak
import cloudpickle
import pytest
from errors import raises

import tau3mu
from tau3mu.errors import RunError
from tau3mu.run import main

CALLABLE = ("run", "datasets", "fit")


def python(program):
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_it_imports_nothing_else():
    heavy = "{'numpy', 'pydantic', 'awkward', 'rich', 'argparse', 'zfit', 'dask', 'matplotlib'}"
    program = f"import sys, tau3mu; dir(tau3mu); print(sorted({heavy} & set(sys.modules)))"
    assert python(program) == "[]\n"


@pytest.mark.parametrize("program", ["tau3mu", "tau3mu.run"])
def test_help_imports_nothing_heavy(program):
    heavy = "{'numpy', 'awkward', 'coffea', 'uproot', 'hist', 'zfit', 'dask', 'matplotlib'}"
    code = (
        f"import sys; from {program}.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print('heavy:', sorted({heavy} & set(sys.modules)))"
    )
    assert python(code).endswith("heavy: []\n")


@pytest.mark.parametrize(
    "program",
    [
        "import tau3mu.fit, tau3mu.run, tau3mu.datasets",
        "from tau3mu.fit import load_model\nfrom tau3mu.run import Settings\nimport tau3mu",
        "import tau3mu\nfrom tau3mu.datasets.dataset import Dataset",
        "import tau3mu, importlib\nimportlib.reload(tau3mu.run)\nimportlib.reload(tau3mu)",
        "from tau3mu import run, fit, datasets\nimport tau3mu",
    ],
)
def test_packages_can_be_called_in_whatever_order_they_are_imported(program):
    check = "print(len(tau3mu.datasets('demo')), callable(tau3mu.run), callable(tau3mu.fit))"
    assert python(f"{program}\n{check}") == "1 True True\n"


@pytest.mark.parametrize("name", CALLABLE)
def test_packages_that_can_be_called_stay_packages(name):
    package = getattr(tau3mu, name)
    assert inspect.ismodule(package)
    assert package is sys.modules[f"tau3mu.{name}"] is importlib.import_module(f"tau3mu.{name}")
    assert pickle.loads(pickle.dumps(package)) is package
    assert cloudpickle.loads(cloudpickle.dumps(lambda: package))() is package
    assert package.__path__


@pytest.mark.parametrize(("name", "parameter"), [("run", "processors"), ("datasets", "prefix")])
def test_help_shows_how_to_call_a_package(name, parameter):
    package = getattr(tau3mu, name)
    assert parameter in inspect.signature(package).parameters
    text = pydoc.plain(pydoc.render_doc(package))
    assert f"tau3mu.{name}(" in text
    assert f"{parameter}: " in text


def test_types_are_declared_for_each_name():
    tree = ast.parse(Path(tau3mu.__file__).with_suffix(".pyi").read_text())
    declared = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            declared |= {alias.asname for alias in node.names if alias.asname}
        if isinstance(node, ast.AnnAssign):
            declared.add(node.target.id)
    assert declared == set(tau3mu.__all__)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run from Python, and the same from the command line."""
    folder = tmp_path_factory.mktemp("front")
    run = tau3mu.run(
        tau3mu.datasets("demo", max_files=1), tau3mu.DsPhiPi(), no_fit=True, output=folder / "py",
        progress=False,
    )  # fmt: skip
    assert main(["--no-fit", "--max-files", "1", "--output", str(folder / "line")]) == 0
    return run, folder


def test_a_run_from_python_is_that_of_the_command_line(made):
    _, folder = made
    names = sorted(path.name for path in (folder / "line" / "dsphipi").iterdir())
    assert names == sorted(path.name for path in (folder / "py" / "dsphipi").iterdir())
    for name in names:
        if not name.endswith(".root"):
            before, now = (folder / way / "dsphipi" / name for way in ("line", "py"))
            assert before.read_bytes() == now.read_bytes()
    first, second = (json.loads((folder / way / "run.json").read_text()) for way in ("line", "py"))
    for name in ("key", "inputs", "datasets", "configuration", "exit_code", "version"):
        assert first[name] == second[name]
    assert first["options"]["max_files"] == 1
    assert second["options"] is None  # objects were given


@pytest.mark.parametrize("later", [False, True])
def test_the_results_of_a_run(made, later):
    run, folder = made
    if later:
        run = tau3mu.open(folder / "py")
    assert (run.exit_code, list(run), len(run.missing)) == (0, ["dsphipi"], 0)
    assert run.datasets["demo"].is_mc is False
    results = run["dsphipi"]
    assert results.cutflow["demo"][0]["events"] == 6000
    mass = results.histogram("mass")
    assert [axis.name for axis in mass.axes] == ["mass"]
    assert mass == results.histograms["mass"]["demo", "nominal", :]
    assert len(results.candidates) == results.cutflow["demo"][-1]["events"]
    assert results.counters["demo"]
    assert (results.fit, run.fits) == (None, {})
    assert list(run.plot()["dsphipi"]) == list(results.plot())
    assert list(results.plot("mass")) == ["mass"]
    with raises("results.unknown-name", path="mas"):
        results.plot("mas")
    assert "6000" in repr(run)
    assert f">{results.cutflow['demo'][-1]['events']:,}</td>" in run.cutflow._repr_html_()
    assert "<table" in run._repr_html_()


def test_what_is_in_memory_is_what_is_read_back(made):
    run, folder = made
    one, other = run["dsphipi"], tau3mu.open(folder / "py")["dsphipi"]
    assert one.histograms == other.histograms
    assert one.cutflow == other.cutflow
    assert one.counters == other.counters
    assert ak.array_equal(one.candidates, other.candidates, dtype_exact=True)


@pytest.mark.parametrize(
    ("ask", "path", "hint"),
    [
        (lambda run: run["dsphpi"], "dsphpi", "'dsphipi'"),
        (lambda run: run["dsphipi"].histogram("masss"), "masss", "'mass'"),
        (lambda run: run["dsphipi"].histogram("mass", "dmo"), "dmo", "'demo'"),
        (lambda run: run["dsphipi"].histogram("mass", variation="up"), "up", "nominal"),
    ],
)
def test_a_name_that_there_is_not(made, ask, path, hint):
    run, _ = made
    with raises("results.unknown-name", path=path, mentions=hint) as error:
        ask(run)
    assert isinstance(error.value, KeyError)
    assert run.get("nothing") is None


@pytest.fixture
def mixed(tmp_path, demo):
    """A run of data in two datasets, and simulation."""
    sets = {
        name: {"files": {str(path): None}, "metadata": {"is_mc": is_mc, "lumi": 1.5}}
        for name, path, is_mc in (("a", demo[0], False), ("mc", demo[1], True))
    }
    (tmp_path / "sets.json").write_text(json.dumps(sets))
    return tau3mu.run(tmp_path / "sets.json", no_fit=True, output=tmp_path / "out", progress=False)[
        "dsphipi"
    ]


def test_the_histogram_is_what_is_fitted_unless_a_dataset_is_named(mixed):
    full = mixed.histograms["mass"]
    assert mixed.histogram("mass") == full["a", "nominal", :]
    assert mixed.histogram("mass", "mc") == full["mc", "nominal", :]
    up = mixed.histogram("mass", "mc", variation="muon_sf_up")
    assert up == full["mc", "muon_sf_up", :]
    assert up != mixed.histogram("mass", "mc")


@pytest.fixture
def bad(tmp_path, demo):
    path = tmp_path / "bad.root"
    path.write_bytes(demo[0].read_bytes()[:100_000])
    return path


def test_without_results_an_error_says_how_to_go_on(tmp_path, demo, skim, bad, monkeypatch):
    output = tmp_path / "out"
    options = {"no_fit": True, "progress": False}
    path = tmp_path / "damaged.root"
    content = bytearray(demo[0].read_bytes())
    content[200_000:500_000] = bytes(300_000)
    path.write_bytes(content)
    with raises("run.no-results", RunError, path="out", mentions="damaged.root"):
        tau3mu.run([path, demo[1]], output=output, **options)
    with raises("results.incomplete-run", path="out"):
        tau3mu.open(output)
    run = tau3mu.run(resume=output, skip_bad_files=True, **options)
    assert (run.exit_code, [Path(file.path) for file in run.missing]) == (2, [path])
    assert run["dsphipi"].cutflow["files"][0]["events"] == 6000
    path.write_bytes(demo[0].read_bytes())
    again = tau3mu.run(resume=output, **options)
    assert (again.exit_code, again.missing) == (0, [])
    assert again["dsphipi"].cutflow["files"][0]["events"] == 12000
    complete = tau3mu.run(resume=output, **options)
    assert complete["dsphipi"].histograms == again["dsphipi"].histograms


def test_objects_are_resumed_with_the_same_objects(made):
    run, folder = made
    datasets = tau3mu.datasets("demo", max_files=1)
    options = {"no_fit": True, "progress": False, "resume": folder / "py"}
    again = tau3mu.run(datasets, [tau3mu.DsPhiPi()], **options)
    assert again["dsphipi"].histograms == run["dsphipi"].histograms
    with raises("run.nothing-recorded"):
        tau3mu.run(**options)
    with raises("run.other-run-complete", path="py"):
        tau3mu.run(datasets, [tau3mu.DsPhiPi()], **options, chunk_size=1000)


@pytest.mark.parametrize(
    ("options", "code", "path"),
    [
        ({"executr": "dask"}, "run.unknown-key", "executr"),
        ({"executor": "daks"}, "run.unknown-choice", "executor"),
        ({"workers": 2}, "run.contradicting-options", "workers"),
        ({"chunk_size": 0}, "run.out-of-range", "chunk_size"),
        ({"files": 3}, "run.wrong-type", "files"),
        ({"allow_missing": 2.0, "skip_bad_files": True}, "run.out-of-range", "allow_missing"),
    ],
)
def test_options_that_are_wrong(options, code, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with raises(code, path=path):
        tau3mu.run(**options)
    assert list(tmp_path.iterdir()) == []


def test_datasets_are_found_by_all_that_users_write(demo, tmp_path, monkeypatch):
    monkeypatch.chdir(demo[0].parent)
    (files,) = tau3mu.datasets("Tree_PhiPi_*.root")
    assert sorted(files.files) == [str(path) for path in demo]
    both = tau3mu.datasets("dsphipi_2017", demo[0], prefix="root://h//store", max_files=1)
    assert {dataset.name for dataset in both} > {"files"}
    assert all(len(dataset.files) == 1 for dataset in both)
    with pytest.raises(tau3mu.InputError, match="demo"):
        tau3mu.datasets("dmeo")


def test_datasets_are_not_mixed_with_names(demo):
    with raises("run.mixed-datasets"):
        tau3mu.run([*tau3mu.datasets("demo"), str(demo[0])])


def write(folder, **content):
    folder.mkdir(exist_ok=True)
    (folder / "run.json").write_text(json.dumps({"datasets": {}, **content}))


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (lambda _: None, "results.no-run"),
        (Path.mkdir, "results.no-run"),
        (lambda folder: (folder.mkdir(), (folder / "log.txt").touch()), "results.no-run"),
        (write, "results.damaged-file"),
        (lambda folder: write(folder, status="writing"), "results.incomplete-run"),
        (lambda folder: write(folder, status="incomplete"), "results.incomplete-run"),
        (lambda folder: write(folder, version=99), "results.out-of-range"),
        (lambda folder: write(folder, configuration={"processors": {"x": {}}}),
         "results.damaged-folder"),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_a_complete_run(prepare, code, tmp_path):
    folder = tmp_path / "out"
    prepare(folder)
    with raises(code, mentions="out"):
        tau3mu.open(folder)


def test_the_folder_of_a_processor_is_told_from_that_of_the_run(made):
    run, folder = made
    with raises("results.no-run", mentions=f"open {folder / 'py'}"):
        tau3mu.open(run["dsphipi"].folder)
    (run["dsphipi"].folder / "cutflow.json").rename(folder / "aside")
    with raises("config.cannot-read", mentions="cutflow.json"):
        repr(tau3mu.open(folder / "py"))
    (folder / "aside").rename(run["dsphipi"].folder / "cutflow.json")


def test_steps_of_several_cuts_are_shown_in_detail():
    from tau3mu.report import ProcessorCutflow

    row = {"events": 3, "candidates": 3, "sumw": 3.0}
    cuts = [{"name": "chi2", **row, "events": 5}, {"name": "mass", **row}]
    cutflow = ProcessorCutflow({"d": [{"name": "all", **row}, {"name": "v", **row, "cuts": cuts}]})
    assert [step["name"] for step in cutflow.details["d"]] == ["all", "- chi2", "- mass", "v"]
    assert "chi2" not in repr(cutflow)
    assert "- chi2" in repr(cutflow.details)
    assert "- chi2<" in cutflow.details._repr_html_()


def test_a_plan_that_is_closed_leaves_nothing_behind(tmp_path, processor_file):
    """Files stayed open, and users' modules registered, until a run of the plan ended."""
    from tau3mu.ntuples import open_files
    from tau3mu.run import Settings, prepare

    before = set(cloudpickle.list_registry_pickle_by_value())
    path = processor_file("    pass\n")
    settings = Settings(output=tmp_path / "out", no_fit=True)
    plan = prepare(tau3mu.datasets("demo"), [f"{path}:Mine"], settings)
    assert len(open_files._kept) == 2
    plan.close()
    assert not open_files._kept
    settings = settings.model_copy(update={"executor": "futures"})
    plan = prepare(tau3mu.datasets("demo"), [f"{path}:Mine"], settings)
    during = set(cloudpickle.list_registry_pickle_by_value())
    plan.close()
    after = set(cloudpickle.list_registry_pickle_by_value())
    assert not open_files._kept
    assert {name for name in after - before if name.count(".")} == set()
    assert {name for name in during - after if name.count(".")} != set()


@pytest.mark.integration
def test_a_fit_from_memory_is_that_of_the_folder(tmp_path):
    """Bit by bit: the run fits what it has in memory, others what they read back."""
    run = tau3mu.run(output=tmp_path / "out", progress=False)
    again = tau3mu.fit("dsphipi", tmp_path / "out")
    loaded = tau3mu.open(tmp_path / "out")["dsphipi"].fit
    in_memory = tau3mu.fit("dsphipi", run["dsphipi"].histogram("mass"))
    fitted = run["dsphipi"].fit
    assert fitted.valid
    for other in (again, loaded, in_memory, run.fits["dsphipi"]):
        assert other.values == fitted.values
        assert other.covariance == fitted.covariance
        assert other.nll == fitted.nll
