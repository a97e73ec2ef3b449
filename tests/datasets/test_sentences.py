"""The messages of typical mistakes in dataset files and layout tables."""

from __future__ import annotations

import json

import pytest

from tau3mu.datasets import load_datasets
from tau3mu.errors import InputError
from tau3mu.ntuples.layout import own_layout


def of_dataset(files=("a.root",), **metadata):
    return json.dumps({"d": {"files": files, "metadata": metadata}})


DATASET_FILES = {
    "not JSON": '{"d": {"files": ["a.root",]}}',
    "no datasets": "{}",
    "a list of datasets": "[]",
    "a key twice": '{"d": {"files": ["a.root"]}, "d": {"files": ["b.root"]}}',
    "a misspelled key": '{"d": {"file": ["a.root"]}}',
    "a misspelled key of the metadata": of_dataset(is_MC=True),
    "an own key beside the metadata": of_dataset(generator="pythia"),
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


@pytest.mark.parametrize("case", DATASET_FILES)
def test_sentences_of_dataset_files(case, tmp_path, sentences):
    path = tmp_path / "sets.json"
    path.write_text(DATASET_FILES[case])
    with pytest.raises(InputError) as error:
        load_datasets(str(path))
    sentences.check("dataset_files", case, error.value, path)


@pytest.mark.parametrize("case", LAYOUT_TABLES)
def test_sentences_of_layout_tables(case, tmp_path, sentences):
    path = tmp_path / "mine.tsv"
    lines = TABLE.replace(*LAYOUT_TABLES[case], 1).splitlines(keepends=True)
    path.write_text("".join(lines[:3] if case == "no rows" else lines))
    with pytest.raises(InputError) as error:
        own_layout(str(path))
    sentences.check("layout_tables", case, error.value, path)


def test_every_sentence_belongs_to_a_case(sentences):
    sentences.check_cases("dataset_files", DATASET_FILES)
    sentences.check_cases("layout_tables", LAYOUT_TABLES)
