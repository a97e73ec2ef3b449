from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from tau3mu.errors import InputError, RunError
from tau3mu.storage.files import atomic, find, json_text, write_text


def test_replaces_the_file_and_leaves_nothing_else(tmp_path):
    file = tmp_path / "cutflow.json"
    write_text(file, "old")
    write_text(file, "Σ new")
    assert file.read_text(encoding="utf-8") == "Σ new"
    assert list(tmp_path.iterdir()) == [file]


def test_the_old_content_is_there_until_the_end(tmp_path):
    file = tmp_path / "candidates.root"
    file.write_text("old")
    with atomic(file) as temporary:
        assert (temporary.parent, temporary.suffix) == (tmp_path, ".root")
        temporary.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"


def test_an_error_of_the_writer_keeps_the_old_content(tmp_path):
    file = tmp_path / "run.json"
    file.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic(file) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise ZeroDivisionError
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_replaced_is_a_run_error(tmp_path):
    folder = tmp_path / "run.json"
    folder.mkdir()
    with pytest.raises(RunError, match=r"cannot write .*run\.json: Is a directory"):
        write_text(folder, "text")
    assert list(tmp_path.iterdir()) == [folder]


def test_a_missing_folder_is_a_run_error(tmp_path):
    with pytest.raises(RunError, match=r"cannot write .*run\.json: No such file or directory"):
        write_text(tmp_path / "none" / "run.json", "text")


def test_json_is_strict():
    value = {
        "path": Path("a/b"),
        1: (np.int64(3), np.float32(0.5), np.bool_(True)),
        "none": [math.nan, -math.inf, np.float64("nan"), None],
        "array": np.array([[1, 2], [3, 4]], dtype=np.uint32),
        "names": {"x"},
        "text": "τ→3μ",
    }
    text = json_text(value)

    def refuse(constant):
        pytest.fail(f"{constant} is not JSON")

    assert json.loads(text, parse_constant=refuse) == {
        "path": "a/b",
        "1": [3, 0.5, True],
        "none": [None] * 4,
        "array": [[1, 2], [3, 4]],
        "names": ["x"],
        "text": "τ→3μ",
    }
    assert text.startswith('{\n  "path": "a/b",\n')
    assert text.endswith("}\n")


def test_finds_the_file_from_file_processor_and_run(tmp_path):
    file = tmp_path / "run" / "dsphipi" / "candidates.parquet"
    file.parent.mkdir(parents=True)
    file.touch()
    for path in (file, file.parent, str(tmp_path / "run")):
        assert find(path, "candidates.root", "candidates.parquet") == file


def test_tells_what_it_looked_for(tmp_path):
    with pytest.raises(InputError, match=r"none does not exist; expected .* a\.root or a\.json"):
        find(tmp_path / "none", "a.root", "a.json")
    with pytest.raises(InputError, match=r"is not a results folder: it holds no a\.root"):
        find(tmp_path, "a.root")


def test_does_not_choose_among_processors(tmp_path):
    for name in ("dsphipi", "dsphipi_notebook"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "histograms.json").touch()
    with pytest.raises(InputError, match=r"more than one .*dsphipi/hist.*dsphipi_notebook/hist"):
        find(tmp_path, "histograms.json")
