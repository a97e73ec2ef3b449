"""The messages of typical mistakes in dataset files and layout tables.

They are in two golden files; `python tests/datasets/test_sentences.py` writes them.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from tau3mu.datasets import load_datasets
from tau3mu.errors import InputError
from tau3mu.ntuples.layout import own_layout

FOLDER = Path(__file__).parents[1] / "golden"


def of_dataset(files=("a.root",), **metadata):
    return json.dumps({"d": {"files": files, "metadata": metadata}})


DATASET_FILES = {
    "not JSON": '{"d": {"files": ["a.root",]}}',
    "no datasets": "{}",
    "a list of datasets": "[]",
    "a key twice": '{"d": {"files": ["a.root"]}, "d": {"files": ["b.root"]}}',
    "a misspelled key": '{"d": {"file": ["a.root"]}}',
    "a misspelled key of the metadata": of_dataset(is_MC=True),
    "an own key beside the metadata": of_dataset(cross_section=1.5),
    "a text for a truth value": of_dataset(is_mc="yes"),
    "a negative luminosity": of_dataset(lumi=-4.8),
    "an unknown layout": of_dataset(layout="nanno"),
    "no files": of_dataset(files=[]),
    "a number for a tree": of_dataset(files={"a.root": 3}),
    "a file twice": of_dataset(files=["root://h//a.root", "root://h:1094///a.root"]),
    "a checksum of another kind": of_dataset(files={"a.root": {"checksum": "md5:00"}}),
    "two trees": of_dataset(files=[["a.root:A", "b.root:B"]]),
    "a name with a slash": json.dumps({"a/b": {"files": ["a.root"]}}),
    "a file of two datasets": json.dumps({d: {"files": ["/a.root"]} for d in "de"}),
}

TABLE = """\
#tree\tEvents
#pad\tmuon.pt\t-99
branch\ttype\tview\tmissing
run\tuint32\trun
Muon_pt\tvar * float32\tmuon.pt\t-99
Muon_tight\tvar * float32\tmuon.tight\tflag
HLT_*\tbool\thlt.*
"""

LAYOUT_TABLES = {
    "no rows": ("run", "#"),
    "no tree": ("#tree\tEvents\n", ""),
    "no pads": ("#pad\tmuon.pt\t-99\n", ""),
    "blanks for a tab": ("#tree\t", "#tree "),
    "a misspelled line": ("#tree", "#tre"),
    "blanks between cells": ("run\tuint32\trun", "run uint32 run"),
    "a misspelled title": ("missing", "mising"),
    "a misspelled type": ("uint32", "uint31"),
    "a column that is not one": ("\trun\n", "\t2run\n"),
    "a branch twice": ("Muon_tight", "Muon_pt"),
    "a column twice": ("muon.tight", "muon.pt"),
    "pads of a column that is not there": ("#pad\tmuon.pt", "#pad\tmuon.ptt"),
    "a word for a value": ("\tflag", "\tflog"),
    "a wildcard that is not a trigger": ("hlt.*", "muon.hlt"),
    "the column of positions": ("muon.tight", "muon.index"),
}


def error_of(language, case, folder):
    """Returns the entry of a case in the golden file, in which FILE is the user's file."""
    if language == "dataset_files":
        path, read = folder / "sets.json", load_datasets
        path.write_text(DATASET_FILES[case])
    else:
        path, read = folder / "mine.tsv", own_layout
        old, new = LAYOUT_TABLES[case]
        lines = TABLE.replace(old, new, 1).splitlines(keepends=True)
        path.write_text("".join(lines[:3] if case == "no rows" else lines))
    with pytest.raises(InputError) as error:
        read(str(path))
    texts = {"path": error.value.path, "sentence": str(error.value)}
    shown = {name: text.replace(str(path), "FILE") for name, text in texts.items()}
    return {"case": case, "code": error.value.code, **shown}


CASES = [("dataset_files", case) for case in DATASET_FILES]
CASES += [("layout_tables", case) for case in LAYOUT_TABLES]


@pytest.mark.parametrize(("language", "case"), CASES)
def test_sentences(language, case, tmp_path):
    entries = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    (expected,) = (entry for entry in entries if entry["case"] == case)
    assert error_of(language, case, tmp_path) == expected


@pytest.mark.parametrize("language", ["dataset_files", "layout_tables"])
def test_every_sentence_belongs_to_a_case(language):
    entries = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    assert [(language, entry["case"]) for entry in entries] == [
        each for each in CASES if each[0] == language
    ]


if __name__ == "__main__":
    for name in ("dataset_files", "layout_tables"):
        with tempfile.TemporaryDirectory() as work:
            found = [error_of(name, case, Path(work)) for each, case in CASES if each == name]
        text = json.dumps(found, indent=2, ensure_ascii=False)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
