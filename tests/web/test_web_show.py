"""What `python -m tau3mu.show` shows."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tau3mu.show import _site, main
from tau3mu.web.application import application


def opened(*folders):
    """Returns a client of the page of some folders, and where its first page is."""
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "own.txt").write_text(folder.parent.name)
    browser = TestClient(application(_site(folders)), "http://localhost")
    return browser, browser.get("/", follow_redirects=False).headers["location"]


def test_one_folder_begins_with_its_result(tmp_path):
    browser, first = opened(tmp_path / "one")
    assert first == "./result"
    assert browser.get("/file/own.txt").text == tmp_path.name


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (("one", "two"), ("one", "two")),
        (("a/x", "b/x"), ("x (A)", "x (B)")),
        ((".one", "τ"), ("one", "τ")),
    ],
)
def test_two_folders_begin_with_their_comparison(tmp_path, folders, names):
    (tmp_path / "beside.txt").write_text("of others")
    browser, first = opened(*(tmp_path / name for name in folders))
    assert first.startswith("./compare?a=")
    for name, folder in zip(names, folders, strict=True):
        text = browser.get(f"/file/{name}/own.txt").text
        assert text == (tmp_path / folder).parent.name
    for path in ("beside.txt", f"{names[0]}/../beside.txt", f"{names[0]}/%2e%2e/beside.txt", ""):
        assert browser.get(f"/file/{path}").status_code == 404


def test_a_folder_that_is_none(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for name in ("file", "missing"):
        assert main([str(tmp_path / name)]) == 1
        assert str(tmp_path / name) in capsys.readouterr().err
