"""A store whose pages are asked in this process, and what their HTML says."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import TYPE_CHECKING, Any

from starlette.testclient import TestClient

from tau3mu.results.manifest import DatasetFacts, InputFile, Manifest, MissingFile, write_manifest
from tau3mu.train.page.site import store_site
from tau3mu.web.application import application

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.train.store import Store

__all__ = ["Pages", "text_of", "write_ledger", "write_results"]


class Pages:
    """The pages of a store."""

    def __init__(self, store: Store, database: str | None = None) -> None:
        self.client = TestClient(application(store_site(store, (), database)))

    def get(self, path: str, status: int = 200) -> str:
        answer = self.client.get(f"/{path}", follow_redirects=False)
        assert answer.status_code == status, answer.text
        return answer.text

    def redirected(self, path: str) -> str:
        answer = self.client.get(f"/{path}", follow_redirects=False)
        assert answer.status_code == 303
        return answer.headers["location"]

    def post(self, path: str, status: int = 303, **fields: str) -> Any:
        """Fills and sends the form of a page."""
        csrf = re.search(r'name="csrf" value="([^"]*)"', self.get(path))
        assert csrf
        answer = self.client.post(
            f"/{path}", data={"csrf": csrf[1], **fields}, follow_redirects=False
        )
        assert answer.status_code == status, answer.text
        return answer

    def numbers(self, query: str = "") -> list[int]:
        """The trains of the list, as they are shown."""
        found = re.findall(
            r'<th scope="row"[^>]*><a href="[^"]*">(\d+)</a>', self.get(f"trains{query}")
        )
        return [int(number) for number in found]


def text_of(html: str) -> str:
    """Returns what a reader sees, in one line."""
    body = re.sub(r"<(script|style|title)\b.*?</\1>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def write_results(folder: Path, *, files: int = 2, missing: int = 0, **manifest: Any) -> None:
    """Writes the manifest of results of a train with one dataset `a` of 100 events per file."""
    results = folder / "results"
    results.mkdir(exist_ok=True)
    names = [f"/data/a_{i}.root" for i in range(files)]
    read, failed = names[: files - missing], names[files - missing :]
    content: dict[str, Any] = {
        "status": "finished" if not missing else "incomplete",
        "complete": not missing,
        "exit_code": 2 if missing else 0,
        "datasets": {"a": DatasetFacts()},
        "inputs": [
            InputFile(
                dataset="a", path=name, tree="T", layout="t3m", uuid=name, entries=100, read=100
            )
            for name in read
        ],
        "missing": [
            MissingFile(dataset="a", path=name, events=100, reasons=["HTTP 500"]) for name in failed
        ],
        **manifest,
    }
    write_manifest(results, Manifest(**content))


def write_ledger(folder: Path, outcomes: list[str], *, events: int = 100) -> None:
    """Appends attempts at the first chunks of the files of dataset `a` to a ledger."""
    (folder / "results").mkdir(exist_ok=True)
    with (folder / "results" / "ledger.jsonl").open("a") as ledger:
        for number, outcome in enumerate(outcomes):
            attempt = {
                "dataset": "a", "file": f"/data/a_{number}.root", "start": 0, "stop": events,
                "outcome": outcome, "reason": "" if outcome == "done" else "HTTP 500",
            }  # fmt: skip
            ledger.write(json.dumps(attempt) + "\n")
