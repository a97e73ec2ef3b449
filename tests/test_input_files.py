"""Files of users: only regular ones, in bounds, and found where their names say."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tau3mu.clusters import load_site
from tau3mu.config.input_files import user_path
from tau3mu.config.syntax import check_depth, parse_json, parse_toml
from tau3mu.corrections.table import read_correction
from tau3mu.datasets.checksum import verify_checksum
from tau3mu.errors import InputError, Tau3muError
from tau3mu.fit import load_model
from tau3mu.fit.data.columns import parquet_columns
from tau3mu.fit.data.readers import read_data
from tau3mu.fit.data.root_files import open_root
from tau3mu.fit.dq import import_dq
from tau3mu.fit.language.model import Observable
from tau3mu.fit.output import load_fit_values
from tau3mu.fit.pdfs import load_user_pdf
from tau3mu.fit.studies import load_trials
from tau3mu.outputs import load_candidates, load_histograms
from tau3mu.processing import load_processor
from tau3mu.storage.locations import expand, locate

MASS = Observable(name="mass", label="m", range=(1.0, 2.0))
READERS = {
    "site.toml": load_site,
    "site.json": load_site,
    "fit.json": load_model,
    "fit.yaml": load_model,
    "trials.json": load_trials,
    "trials.yaml": load_trials,
    "dq.json": import_dq,
    "values.json": load_fit_values,
    "histograms.json": load_histograms,
    "correction.json": lambda path: read_correction(path, "muons"),
    "data.json": lambda path: read_data(path, MASS),
}
OTHERS = {
    "pdf.py": load_user_pdf,
    "p.py": lambda path: load_processor(f"{path}:P"),
    "candidates.root": load_candidates,
    "candidates.parquet": load_candidates,
    "x.parquet": lambda path: read_data(path, MASS, column="mass"),
    "x.root": lambda path: read_data(path, MASS, histogram="mass"),
    "url.root": lambda path: read_data(f"file://{path}", MASS, histogram="mass"),
    "y.root": lambda path: open_root(str(path)).__enter__(),
    "sum.root": lambda path: verify_checksum(str(path), "adler32:00000001"),
}


def make_special(path, kind):
    if kind == "a named pipe":
        os.mkfifo(path)
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as one:
            os.chdir(path.parent)  # the names of sockets are short
            one.bind(path.name)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["a named pipe", "a device", "a socket"])
@pytest.mark.parametrize("name", READERS | OTHERS)
def test_special_files_are_not_waited_for(tmp_path, monkeypatch, kind, name):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    make_special(path, kind)
    with pytest.raises((Tau3muError, OSError)) as error:
        (READERS | OTHERS)[name](path)
    assert (str(path) in str(error.value), kind in str(error.value)) == (True, True)


@pytest.mark.timeout(20)
def test_a_pipe_in_a_folder_of_parquet_files(tmp_path):
    pq.write_table(pa.table({"mass": [1.0]}), tmp_path / "a.parquet")
    os.mkfifo(tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet is a named pipe"):
        parquet_columns(str(tmp_path), ["mass"])


DEEP, LONG = 200_000, "1" * 5000


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("what", ["digits", "lists", "objects", "a few hundred"])
def test_numbers_and_nesting_out_of_bounds(tmp_path, name, what):
    texts = {
        "digits": f'{{"a": {LONG}}}',
        "lists": '{"a": ' + "[" * DEEP + "]" * DEEP + "}",
        "objects": '{"a":' * DEEP + "1" + "}" * DEEP,
        "a few hundred": '{"a":' * 300 + "1" + "}" * 300,
    }
    text = texts[what]
    if name.endswith(".toml"):
        text = "a = " + text.partition(":")[2].removesuffix("}").replace(":", "=")
    if name.endswith(".yaml") and what in {"lists", "objects"}:
        text = '{"a": ' + "[" * 150 + "]" * 150 + "}"  # a hundred times slower to read than JSON
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(Tau3muError) as error:
        READERS[name](path)
    assert str(path) in str(error.value)
    assert len(str(error.value)) < 1000


def test_places_of_long_numbers():
    with pytest.raises(InputError, match=r"line 3: .*an integer of 5000 digits"):
        parse_json(f'{{"b": 1,\n"c": 2,\n"a": {LONG}}}')
    with pytest.raises(InputError, match=r"line 2: .*an integer of 5000 digits"):
        parse_toml(f"b = 1\na = {LONG}")
    assert parse_json('{"a": ' + "1" * 400 + "}") == {"a": int("1" * 400)}


def test_depth_has_a_bound_and_parts_may_repeat():
    part = {"a": [1]}
    check_depth([part] * 5)
    document = []
    for _ in range(99):
        document = [document]
    check_depth(document)
    with pytest.raises(InputError):
        check_depth([[document]])


def test_homes_and_names_that_look_like_them(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert user_path("~/x.root") == Path("/home/me/x.root")
    assert user_path("~nosuchuser/x.root") == Path("~nosuchuser/x.root")
    assert user_path("~backup.root") == Path("~backup.root")
    assert user_path("file:///a/x.root") == user_path("FILE://localhost/a/x.root")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~backup.root").touch()
    assert expand("~backup.root") == expand("~back*.root") == [str(tmp_path / "~backup.root")]
    assert locate("~nosuchuser/x", folder=tmp_path, prefix=None) == str(tmp_path / "~nosuchuser/x")


@pytest.mark.parametrize("name", ["site.toml", "fit.json", "trials.json", "dq.json", "p.py"])
def test_no_reader_stumbles_over_users_that_do_not_exist(name):
    with pytest.raises(InputError, match="~nosuchuser"):
        (READERS | OTHERS)[name](Path(f"~nosuchuser/{name}"))


def test_folders_are_no_files(tmp_path):
    for name in ("fit.json", "site.toml", "dq.json"):
        (tmp_path / name).mkdir()
        with pytest.raises(InputError, match="is a folder"):
            READERS[name](tmp_path / name)
    assert stat.S_ISDIR((tmp_path / "fit.json").stat().st_mode)
