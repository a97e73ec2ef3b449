"""Every kind of bad input gives one clear error, exit code 1, no traceback and no output."""

from __future__ import annotations

import json
import re
import shutil
import time
from importlib.resources import files
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from figures import record_figure

from tau3mu.ntuples.layout import layout
from tau3mu.processors.columns import DSPHIPI
from tau3mu.run import main

TAU_SKIM = Path(__file__).parent / "data" / "skim" / "TreeData_1.root"


@pytest.fixture
def refused(tmp_path, capsys, monkeypatch, request):
    """Runs the command line and returns its error, which has to be the only thing it leaves."""
    monkeypatch.chdir(tmp_path)

    def there():
        paths = (path for path in tmp_path.rglob("*") if "__pycache__" not in path.parts)
        return {path: path.stat().st_mtime_ns for path in paths}

    def run(*arguments):
        before = there()
        begin = time.monotonic()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            code = exit_.code
        output = capsys.readouterr()
        assert code == 1
        assert output.err.count("error:") == 1
        assert "Traceback" not in output.err
        after = there()
        assert after == before
        record_figure(
            f"refused: {request.node.name}", exit_code=code, written=len(after) - len(before),
            seconds=round(time.monotonic() - begin, 2),
        )  # fmt: skip
        return re.sub(r"\s+", " ", output.err)

    return run


@pytest.fixture
def good(demo, tmp_path):
    path = tmp_path / "good.root"
    shutil.copy(demo[0], path)
    return path


def small(path, **changes):
    """Writes a small RNTuple with the branches that dsphipi reads, save for changes."""
    table = layout("t3m")
    arrays = {}
    for name, branch in table.resolve(DSPHIPI, []).items():
        inner = branch.type.removeprefix("var * ")
        if inner == "string":
            arrays[name] = ak.Array([["HLT_x_v1"], ["HLT_x_v1"]])
        elif branch.type.startswith("var"):
            arrays[name] = ak.values_astype(ak.Array([[1.0], [2.0]]), np.dtype(inner))
        else:
            arrays[name] = np.zeros(2, dtype=inner)
    arrays |= changes
    with uproot.recreate(path) as file:
        file.mkdir("Tree3Mu").mkrntuple(
            "ntuple", {key: value for key, value in arrays.items() if value is not None}
        )
    return path


def test_missing_file(refused, good, tmp_path):
    error = refused(good, tmp_path / "nothing.root")
    assert "nothing.root" in error
    assert "no such file" in error.lower()


def test_a_pattern_without_files(refused):
    assert "none*.root" in refused("none*.root")


def test_not_a_root_file(refused, tmp_path):
    path = tmp_path / "page.root"
    path.write_text("<html><body>404 Not Found</body></html>" * 50)
    error = refused(path)
    assert "page.root" in error
    assert "ROOT" in error


@pytest.mark.parametrize("part", [0.02, 0.3, 0.5, 0.9, 0.9999])
def test_truncated_file(refused, good, tmp_path, part):
    content = good.read_bytes()
    path = tmp_path / "cut.root"
    path.write_bytes(content[: int(len(content) * part)])
    error = refused(good, path)
    assert "cut.root" in error
    assert "good.root" not in error


def test_empty_file(refused, tmp_path):
    path = tmp_path / "empty.root"
    path.touch()
    assert "empty.root" in refused(path)


def test_a_folder(refused, tmp_path):
    (tmp_path / "folder.root").mkdir()
    assert "folder.root" in refused(tmp_path / "folder.root")


def test_a_skim_of_the_search_lacks_what_the_control_channel_reads(refused):
    error = refused(TAU_SKIM)
    assert "t3m_tau" in error  # what it is
    assert "'track." in error  # what is missing


def test_a_tree_that_is_not_in_the_file(refused, good):
    error = refused(f"{good}:Tree3Mu/tuple")
    assert "Tree3Mu/tuple" in error
    assert "Tree3Mu/ntuple" in error


def test_missing_branches_are_all_named(refused, tmp_path):
    error = refused(small(tmp_path / "few.root", MuonPt=None, Track_dz=None))
    assert "few.root" in error
    assert "MuonPt" in error
    assert "Track_dz" in error


def test_wrong_branch_type(refused, tmp_path):
    wrong = ak.values_astype(ak.Array([[1.0], [2.0]]), np.float64)
    error = refused(small(tmp_path / "types.root", MuonPt=wrong))
    assert "MuonPt" in error
    assert "float64" in error
    assert "float32" in error


def test_only_files_without_events(refused, tmp_path):
    path = tmp_path / "none.root"
    arrays = small(tmp_path / "two.root")
    with uproot.open(arrays) as file, uproot.recreate(path) as new:
        new.mkdir("Tree3Mu").mkrntuple("ntuple", file["Tree3Mu/ntuple"].arrays()[:0])
    (tmp_path / "two.root").unlink()
    assert "none.root" in refused(path)


def test_a_file_listed_twice_in_other_words(refused, good, tmp_path):
    link = tmp_path / "link.root"
    link.symlink_to(good)
    assert "link.root" in refused(good, link)
    error = refused(good, f"{good.parent}//{good.name}")
    assert "good.root" in error


def test_a_copy_of_a_file(refused, good, tmp_path):
    shutil.copy(good, tmp_path / "copy.root")
    error = refused(good, tmp_path / "copy.root")
    assert "copy.root" in error
    assert "good.root" in error


def test_all_problems_of_all_files_come_at_once(refused, good, tmp_path):
    (tmp_path / "empty.root").touch()
    error = refused(tmp_path / "empty.root", TAU_SKIM, good, tmp_path / "missing.root")
    for name in ("empty.root", "TreeData_1.root", "missing.root"):
        assert name in error
    assert "good.root" not in error


def test_unknown_processor(refused):
    assert "did you mean 'dsphipi'?" in refused("--processor", "dsphpi")


def test_processor_file_that_is_missing(refused):
    assert "mine.py does not exist" in refused("--processor", "mine.py:Mine")


def test_processor_file_that_fails_to_import(refused, tmp_path):
    (tmp_path / "mine.py").write_text("import nothing_of_this_name\n")
    error = refused("--processor", "mine.py:Mine")
    assert "mine.py fails to import (line 1: import nothing_of_this_name)" in error
    (kept,) = re.findall(r"(\S*tau3mu-traceback-\S*\.txt)", error)
    assert "ModuleNotFoundError: No module named 'nothing" in Path(kept).read_text()


def test_processor_class_that_is_missing(refused, processor_file):
    path = processor_file("")
    assert "has no class 'Min' (did you mean 'Mine'?)" in refused("--processor", f"{path}:Min")


def test_class_that_is_no_processor(refused, tmp_path):
    (tmp_path / "mine.py").write_text("class Mine:\n    pass\n")
    error = refused("--processor", "mine.py:Mine")
    assert "mine.py:Mine" in error
    assert "tau3mu.processing.Processor" in error


def test_two_processors_of_one_name(refused, processor_file):
    first = processor_file("    name = 'dsphipi'\n")
    error = refused("--processor", "dsphipi", "--processor", f"{first}:Mine")
    assert "both called 'dsphipi'" in error


def test_two_processors_that_differ_in_case_alone(refused, processor_file):
    path = processor_file("    pass\n\n\nclass MINE(Mine):\n    pass\n")
    error = refused("--processor", f"{path}:Mine", "--processor", f"{path}:MINE")
    assert "would share a folder" in error


def test_processor_with_an_unknown_column(refused, processor_file):
    path = processor_file("    columns = frozenset({'muon.ptt', 'run'})\n")
    error = refused("--processor", f"{path}:Mine")
    assert "muon.ptt" in error
    assert "muon.pt" in error


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "sets.json"),
        ("[]", "sets.json"),
        ('{"a": {"file": {}}}', "did you mean 'files'?"),
        ('{"a": {"files": {"x.root": null}, "metadata": {"is_mc": "False"}}}', "is_mc"),
        ('{"a/b": {"files": {"x.root": null}}}', "a/b"),
        ('{"..": {"files": {"x.root": null}}}', ".."),
        ('{"a": {"files": {}}}', "a"),
        ('{"a": {"files": {"x.root": null}}, "a": {"files": {"x.root": null}}}', "a"),
        ("{}", "sets.json"),
    ],
)
def test_bad_json(refused, tmp_path, content, expected):
    (tmp_path / "sets.json").write_text(content)
    error = refused("--dataset", "sets.json")
    assert expected in error
    assert "sets.json" in error


def test_unknown_dataset(refused):
    assert "did you mean 'demo'?" in refused("--dataset", "dmeo")


def test_files_of_a_dataset_that_are_missing(refused, tmp_path):
    sets = {"a": {"files": {"x.root": "Tree3Mu/ntuple"}, "metadata": {"is_mc": False}}}
    (tmp_path / "sets.json").write_text(json.dumps(sets))
    assert str(tmp_path / "x.root") in refused("--dataset", "sets.json")


def test_output_folder_in_use(refused, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious.txt").write_text("do not touch")
    error = refused("--output", "out")
    assert "out exists already" in error


@pytest.mark.integration
def test_scheduler_that_does_not_answer(refused, tmp_path):
    error = refused("--executor", "dask", "--scheduler", "tcp://127.0.0.1:9", "--output", "out")
    assert "tcp://127.0.0.1:9" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("address", ["nonsense", "tcp://", "http://127.0.0.1:80"])
def test_scheduler_address_that_is_none(refused, address):
    assert address in refused("--executor", "dask", "--scheduler", address)


@pytest.mark.parametrize("option", ["--workers", "--chunk-size", "--max-files"])
@pytest.mark.parametrize("number", ["0", "-1", "1.5", "many", "", "1e3", "٣"])
def test_nonsense_numbers(refused, option, number):
    error = refused("--executor", "futures", f"{option}={number}")
    assert option in error
    assert "whole number" in error


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--exector", "dask"], "did you mean --executor?"),
        (["--executor", "daks"], "daks"),
        (["--prefix", "x"], "--prefix needs --dataset"),
        (["--scheduler", "tcp://a:1"], "--scheduler needs --executor dask"),
        (["--workers", "2"], "--workers needs --executor"),
        (["--fit", "dsphipi", "--no-fit"], "exclude each other"),
        (["--fit", "dsphpi"], "did you mean 'dsphipi'?"),
        (["--fit", "missing.json"], "missing.json"),
        (["--candidates", "csv"], "csv"),
        (["--resume", "a", "--output", "b"], "--resume excludes --output"),
        (["--resume", "nowhere"], "no run began there"),
        (["--allow-missing", "0.1"], "--allow-missing needs --skip-bad-files"),
        (["--allow-missing", "2", "--skip-bad-files"], "from 0 to below 1"),
        (["--retries", "-1"], "whole number of at least 0"),
        (["--timeout", "0"], "whole number of at least 1"),
        (["--cluster", "slurm"], "--cluster needs --executor dask"),
        (["--performance-report", "x.html"], "--performance-report needs --executor dask"),
        (["--executor", "dask", "--insecure"], "--insecure needs"),
        (["--executor", "dask", "--site", "x.toml"], "--site needs"),
        (
            ["--executor", "dask", "--cluster", "a", "--scheduler", "tcp://a:1"],
            "exclude each other",
        ),
        (["--executor", "dask", "--cluster", "a", "--workers", "2"], "--workers is for a local"),
    ],
)
def test_wrong_usage(refused, arguments, expected):
    error = refused(*arguments)
    assert expected.replace("?", "") in error.replace("'", "").replace("?", "") or expected in error


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "    def select(self, events, cutflow):\n        return events.nothing\n",
            "AttributeError",
        ),
        ("    def select(self, events, cutflow):\n        return {}\n", "Selection"),
        ("    def select(self, events, cutflow):\n        raise SystemExit(2)\n", "SystemExit"),
        ("    def fill(self, histograms, candidates):\n        pass\n", "TypeError"),
        (
            (
                "    def fill(self, histograms, candidates, *, dataset, is_mc):\n"
                "        candidates.masss\n"
            ),
            "masss",
        ),
        ("    def histograms(self):\n        return None\n", "None"),
        ("    def __init__(self):\n        raise ValueError('no table')\n", "no table"),
        ("    columns = 'run'\n", "a set"),
        ("    name = 'a b/c'\n", "cannot name its folder"),
        *(
            (f"    name = {name!r}\n", "cannot name its folder")
            for name in (
                "run.json",
                "checked_files.json",
                "ledger.jsonl",
                "log.txt",
                "checkpoints",
                "Checkpoints",
                "RUN.JSON",
                ".lock",
                ".plan.123.json",
                "",
                "m" * 201,
                5,
            )
        ),
    ],
)
def test_mistakes_in_a_processor_show_before_the_work(refused, processor_file, body, expected):
    path = processor_file(body)
    assert expected in refused("--processor", f"{path}:Mine", "--output", "out")


def test_a_processor_without_a_method(refused, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from tau3mu.processing import Processor\n\n\nclass Mine(Processor):\n"
        "    columns = frozenset({'run'})\n"
    )
    assert "lacks select" in refused("--processor", "mine.py:Mine")


def test_a_fit_of_other_bins_than_the_histogram(refused, processor_file):
    path = processor_file(
        "    def histograms(self):\n"
        "        import hist\n"
        "        found = super().histograms()\n"
        "        axes = found['mass'].axes\n"
        "        other = hist.axis.Regular(10, 1.65, 2.01, name='mass')\n"
        "        found['mass'] = hist.Hist(axes[0], axes[1], other, storage='Weight')\n"
        "        return found\n"
    )
    error = refused("--processor", f"{path}:Mine", "--fit", "dsphipi", "--output", "out")
    assert "the histogram has 10 bins" in error


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ("*axes, hist.axis.Regular(3, 0, 1, name='pt')", "2 axes"),
        ("axes[0], hist.axis.StrCategory(['up'], name='variation'), axes[2]", "'nominal'"),
    ],
)
def test_a_fit_of_what_cannot_be_fitted(refused, processor_file, axes, expected):
    path = processor_file(
        "    def histograms(self):\n"
        "        import hist\n"
        "        axes = super().histograms()['mass'].axes\n"
        f"        return {{'mass': hist.Hist({axes}, storage='Weight')}}\n"
    )
    error = refused("--processor", f"{path}:Mine", "--fit", "dsphipi", "--output", "out")
    assert expected in error
    assert "processor Mine" in error


@pytest.mark.parametrize(("key", "column"), [("column", "masss"), ("weight", "wight")])
def test_a_fit_of_a_column_that_there_is_not(refused, tmp_path, key, column):
    model = json.loads((files("tau3mu.fits") / "dsphipi.json").read_text())
    model["input"] = {"column": "mass", "weight": "weight", key: column}
    (tmp_path / "mine.json").write_text(json.dumps(model))
    error = refused("--fit", "mine.json", "--output", "out")
    assert f"the column {column!r}, which processor dsphipi does not return" in error


@pytest.mark.parametrize("option", ["--dataset", "--processor", "--fit", "--output"])
def test_empty_texts(refused, option):
    assert "empty text" in refused(f"{option}=")
