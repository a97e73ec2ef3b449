"""Files of the folder that is shown, and nothing else."""

from __future__ import annotations

import os

import pytest
from errors import raises

from tau3mu.web.paths import confined

FILE = "/file/trains/0001/numbers.root"
OUTSIDE = [
    *("..", "../secret.txt", "trains/../../secret.txt", "/etc/passwd", "//etc/passwd", "trains/.."),
    *(".lock", ".lock/pid", "trains/0001/.hidden", "within/.hidden", "within-hidden"),
    *("out", "out/file.txt", "secret", "circle", "circle/x", "nothing", "trains/0001/run.json/x"),
    *("trains\0", "trains\\0001", "..\\secret.txt", "x" * 300, "x/" * 3000, "~", "~root"),
]


@pytest.mark.parametrize("text", OUTSIDE)
def test_no_path_leads_out(root, text):
    with raises("web.not-found", path=text):
        confined(root, text)


@pytest.mark.parametrize("text", ["", ".", "./trains", "trains//0001/", "within/run.json"])
def test_paths_within_are_found(root, text):
    parts = [part for part in text.split("/") if part not in {"", "."}]
    assert confined(root, text) == root.joinpath(*parts).resolve()


def test_the_folder_itself_may_be_a_link(root, tmp_path):
    (tmp_path / "link").symlink_to(root)
    assert confined(tmp_path / "link", "trains") == root / "trains"


def test_several_folders_have_names(root, tmp_path):
    folders = {"one": root, "τ": root / "trains"}
    assert confined(folders, "one/trains/0001") == confined(folders, "τ/0001")
    for text in ("", "two", "one/../τ", "one/../../secret.txt", "secret.txt"):
        with raises("web.not-found", path=text):
            confined(folders, text)


@pytest.mark.parametrize(
    "path",
    [
        *("..%2fsecret.txt", "%2e%2e/secret.txt", "..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd"),
        *("trains/%2e%2e/%2e%2e/secret.txt", "%252e%252e/secret.txt", "..%5csecret.txt", "%00"),
        *(
            "trains/0001/run.json%00.png",
            "out/file.txt",
            "secret",
            "%2elock/pid",
            "trains",
            "",
            "/",
        ),
        *("trains/0001/%2ehidden", "within-hidden", "circle", "%ff%fe", "x" * 5000, "/etc/passwd"),
    ],
)
def test_no_address_leads_out(visitor, path):
    answer = visitor.get(f"/file/{path}")
    assert answer.status_code == 404
    assert "web.not-found" in answer.text


def test_a_pipe_is_not_a_file(visitor, root):
    os.mkfifo(root / "pipe")
    assert visitor.get("/file/pipe").status_code == 404


def test_ranges(visitor):
    whole = visitor.get(FILE)
    assert (whole.status_code, whole.content) == (200, bytes(range(100)))
    assert whole.headers["accept-ranges"] == "bytes"
    for asked, content in (
        ("10-19", range(10, 20)),
        ("90-", range(90, 100)),
        ("-5", range(95, 100)),
    ):
        part = visitor.get(FILE, headers={"range": f"bytes={asked}"})
        assert (part.status_code, part.content) == (206, bytes(content))
        first, last = content[0], content[-1]
        assert part.headers["content-range"] == f"bytes {first}-{last}/100"
    several = visitor.get(FILE, headers={"range": "bytes=0-1,50-51"})
    assert several.status_code == 206
    assert bytes([50, 51]) in several.content
    beyond = visitor.get(FILE, headers={"range": "bytes=100-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */100")
    changed = visitor.get(FILE, headers={"range": "bytes=0-1", "if-range": '"other"'})
    assert (changed.status_code, len(changed.content)) == (200, 100)


@pytest.mark.parametrize("path", [FILE, "/static/page.css", "/style.css", "/static/jsroot.min.js"])
def test_what_a_browser_has_is_not_sent_again(visitor, path):
    first = visitor.get(path)
    assert "no-cache" in first.headers["cache-control"]
    again = visitor.get(path, headers={"if-none-match": f'"x", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert visitor.get(path, headers={"if-none-match": '"x"'}).status_code == 200


@pytest.mark.parametrize("path", ["/shown/x", FILE, "/static/page.css", "/style.css", "/nothing"])
def test_head(visitor, path):
    head, get = visitor.head(path), visitor.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize(
    ("name", "kind", "how"),
    [
        ("run.json", "text/plain", "inline"), ("plot.png", "image/png", "inline"),
        ("page.html", "application/octet-stream", "attachment"),
        ("plot.svg", "application/octet-stream", "attachment"),
        ("numbers.root", "application/octet-stream", "attachment"),
        ("τ→μμμ <b>.txt", "text/plain", "inline"),
    ],
)  # fmt: skip
def test_nothing_is_shown_that_could_run(visitor, name, kind, how):
    answer = visitor.get(f"/file/trains/0001/{name}")
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert answer.headers["content-disposition"].startswith(f"{how};")
    assert answer.headers["content-security-policy"].startswith("sandbox;")
    saved = visitor.get(f"/file/trains/0001/{name}?download")
    assert saved.headers["content-disposition"].startswith("attachment;")


def test_a_file_that_grows_is_sent_as_it_was(visitor, root, monkeypatch):
    path = root / "trains" / "0001" / "numbers.root"
    before = path.stat()
    path.write_bytes(bytes(300))
    monkeypatch.setattr(type(path), "stat", lambda _path, **_how: before)
    answer = visitor.get(FILE)
    assert answer.headers["content-length"] == "100"
    assert len(answer.content) == 100
