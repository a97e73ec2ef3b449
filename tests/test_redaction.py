"""Secrets of URLs reach no text that leaves the process."""

from __future__ import annotations

import json
import pickle
import re

import pytest

from tau3mu.config.printable import printable
from tau3mu.datasets import Dataset, make_chunks
from tau3mu.datasets.checked import CheckedFile
from tau3mu.errors import InputError, RunError
from tau3mu.execution import ProcessorError
from tau3mu.execution.ledger import Attempt, Ledger
from tau3mu.ntuples import ReadError
from tau3mu.redaction import redact, redacted
from tau3mu.results import Manifest, write_manifest
from tau3mu.run.checked_files import remembered_files, write_checked_files

SECRET = "S3cr\"e't"
URLS = [
    f"https://host/x.root?token={SECRET}",
    f"https://host/x.root?a=1&access_token={SECRET}&b=2",
    f"root://host:1094//x.root?authz=Bearer%20{SECRET}",
    f"https://host/x.root?X-Amz-Credential=AKIA&X-Amz-Signature={SECRET}",
    f"https://host/x.root?se=2026&sig={SECRET}",
    f"https://host/x.root?AWSAccessKeyId=AKIA&Signature={SECRET}&Expires=1",
    f"https://user:{SECRET}@host/x.root",
    f"https://user:p@{SECRET}@host/x.root",
    f"https://{SECRET.replace(chr(34), '').replace(chr(39), '')}@host/x.root",
    f"root://user:{SECRET}@host:1094//x.root",
]
PIECES = re.compile(r"S3cr|e't|S3cret")


@pytest.mark.parametrize("url", URLS)
def test_the_secret_goes_and_the_rest_stays(url):
    label = redact(url)
    assert PIECES.search(label) is None
    assert (label.count("***") >= 1, "x.root" in label, "host" in label) == (True, True, True)
    assert redact(label) == label
    assert redact(f"{label}, entries 0 to 10: no") == f"{label}, entries 0 to 10: no"


@pytest.mark.parametrize(
    "text",
    [
        "root://user@eos.cern.ch//store/a.root",  # a name without a password
        "https://host:8443/a@b.root?version=2&svcClass=default",
        "/data/monkey=3/keys.root",
        "Bearer of news, authorized by nobody",
        "m(μμ) [GeV]",
    ],
)
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abc123.def",
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl",
        "--token=abc123",
    ],
)
def test_secrets_outside_of_urls(text):
    assert re.search("abc123|eyJ", redact(text)) is None


def test_bytes_that_are_not_utf8_can_be_written():
    assert redact("out\udcff").encode() == b"out\\udcff"


@pytest.mark.parametrize("url", URLS)
def test_documents_stay_documents(url):
    document = {"a": [url, {"b": url}], url: 1}
    text = json.dumps(redacted(document))
    assert (PIECES.search(text), json.loads(text)["a"]) == (None, [redact(url), {"b": redact(url)}])


@pytest.mark.parametrize("url", URLS)
def test_messages(url):
    errors = [
        InputError(f"{url} is not a file"),
        RunError(f"{url}: no"),
        ReadError(f"{url}: no", "bad_file", "x"),
        ProcessorError(f"{url}: no", f"Traceback ... {url}"),
    ]
    for error in errors:
        again = pickle.loads(pickle.dumps(error))
        assert PIECES.search(f"{error} {again} {getattr(again, 'details', '')}") is None
    assert PIECES.search(printable(url)) is None


@pytest.mark.parametrize("url", URLS)
def test_ledger_and_run_json_can_be_read(tmp_path, url):
    attempt = Attempt("d", url, "t", "u", 0, 1, 1, "bad_file", replica=url, reason=f"no {url}")
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        ledger.write(attempt)
    write_manifest(
        tmp_path, Manifest(datasets={}, directory=url, warnings=[f"{url}: odd"], options={"x": url})
    )
    line = json.loads((tmp_path / "ledger.jsonl").read_text())
    run = json.loads((tmp_path / "run.json").read_text())
    assert (line["file"], run["directory"]) == (redact(url), redact(url))
    assert PIECES.search(json.dumps([line, run])) is None


def checked(path, **facts):
    return CheckedFile("d", path, "t", "t3m", "u", 10, ("run",), **facts)


@pytest.mark.parametrize("url", URLS)
def test_labels_of_chunks(url):
    (chunk,) = make_chunks([checked(url)], [Dataset("d", {url: None})], 100)
    assert (chunk.path, PIECES.search(chunk.label)) == (url, None)


def test_a_plan_is_resumed_with_the_tokens_of_now(tmp_path):
    """Those of the start may have expired; `checked_files.json` has neither."""
    names = ("a.root?token={}", "b.root?token={}", "c.root?x=1&token={}")
    then, now = ([f"https://h/{name}".format(token) for name in names] for token in "12")
    about = {"processors": ["p"], "columns": {"d": ["run"]}}
    files = [checked(then[0], replicas=(then[1],)), checked(then[2])]
    write_checked_files(tmp_path, options=None, datasets=["d"], files=files, **about)
    assert "token=1" not in (tmp_path / "checked_files.json").read_text()
    dataset = Dataset("d", dict.fromkeys([now[0], now[2]]))
    remembered = remembered_files(tmp_path, datasets=[dataset], **about)
    assert {path: file.path for (_, path), file in remembered.items()} == {
        now[0]: now[0], now[2]: now[2],
    }  # fmt: skip
    assert remembered["d", now[0]].replicas == ()  # no place of the dataset any more


def test_files_that_only_a_secret_tells_apart_are_checked_again(tmp_path):
    urls = ["https://h/get?key=1", "https://h/get?key=2"]
    about = {"processors": ["p"], "columns": {"d": ["run"]}}
    files = [checked(url) for url in urls]
    write_checked_files(tmp_path, options=None, datasets=["d"], files=files, **about)
    assert remembered_files(tmp_path, datasets=[Dataset("d", dict.fromkeys(urls))], **about) == {}
