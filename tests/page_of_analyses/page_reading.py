"""Pages in one process: their tables, links and forms; and stores with made-up tests."""

from __future__ import annotations

import re
import warnings
from html.parser import HTMLParser

from tau3mu.train.metrics import (
    DatasetUse,
    ErrorOfUser,
    Expected,
    MemoryUse,
    Metrics,
    PartUse,
    Times,
    write_metrics,
)
from tau3mu.train.page.site import store_site
from tau3mu.train.states import State, set_state
from tau3mu.train.verdict import judge
from tau3mu.web.application import application

with warnings.catch_warnings():  # the one with the other client is not here
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

HOSTILE = "<img src=x onerror=alert(1)>\u202e\"'&" + "x" * 200


def client(store, files=()):
    return TestClient(application(store_site(store, files)), follow_redirects=False)


class Page(HTMLParser):
    """The elements of a page: texts of cells by table, links, and fields of forms."""

    def __init__(self, answer):
        super().__init__()
        self.status, self.html = answer.status_code, answer.text
        self.tables, self.links, self.fields, self.tags = {}, [], [], []
        self._rows, self._text, self._caption = None, None, None
        self.feed(answer.text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag == "a":
            self.links.append(given.get("href"))
        if tag in {"input", "button"}:
            self.fields.append(given)
        if tag == "table":
            self._rows = []
        if tag == "tr" and self._rows is not None:
            self._rows.append([])
        if tag in {"td", "th", "caption"}:
            self._text = ""

    def handle_endtag(self, tag):
        if tag == "caption":
            self._caption = self._clean()
        elif tag in {"td", "th"}:
            self._rows[-1].append(self._clean())
        elif tag == "table":
            self.tables[self._caption], self._rows = self._rows, None

    def handle_data(self, data):
        if self._text is not None:
            self._text += data

    def _clean(self):
        text, self._text = " ".join(self._text.split()), None
        return text

    def field(self, name):
        return next(one.get("value") for one in self.fields if one.get("name") == name)

    def names(self):
        return [one.get("name") for one in self.fields]

    def facts(self):
        """Terms and their descriptions."""
        pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", self.html, re.DOTALL)
        return {name: re.sub(r"<[^>]*>", "", value).strip() for name, value in pairs}


def made_test(store, wagon, *, results=None, datasets=("demo",), state=None, reason="", **facts):
    """Writes a test of a wagon, as a process would, and returns its folder."""
    folder = store.new_test(wagon)
    set_state(folder, State.RUNNING)
    if state is not None:
        if state is not State.RUNNING:
            set_state(folder, state, reason)
        return folder
    known = {
        "wagon": wagon,
        "processors": tuple(results or [wagon]),
        "parts": {"wagon": "1", **{f"dataset {name}": "v" for name in datasets}},
        "started": "2026-01-02T03:04:05+00:00",
        "host": "here",
        "time_limit": 10.0,
        "events": 1234,
        "datasets": {name: DatasetUse(entries=5678, files=2, events=1234) for name in datasets},
        "loop": Times(cpu=2.5, wall=5.0),
        "events_per_second": 246.8,
        "memory": MemoryUse(pss_max=150_000_000, pss_average=140_000_000, start=90_000_000),
        "wagons": {wagon: PartUse(cpu=1.25, wall=2.0, fraction=0.5, bytes=3_000_000)},
        "expected": Expected(
            events=5678, chunks=3, cpu_hours=7.5, seconds_fixed=1.0, seconds_per_chunk=0.1,
            seconds_per_file=0.2, microseconds_per_event=300.0, output_bytes=9_000_000,
            candidates_bytes={}, memory_bytes=160_000_000, grams_co2=45.0,
        ),
        "merge": {"halves": (), "chunking": ()},
    }  # fmt: skip
    metrics = Metrics(**(known | facts))
    metrics = judge(metrics, metrics.limits)
    write_metrics(folder, metrics)
    set_state(folder, metrics.state, metrics.reason)
    return folder


def error_of(wagon, message):
    return ErrorOfUser(wagon=wagon, kind="ValueError", place="mine.py:7", message=message)


def hostile(page):
    """Whether a name of others has become an element."""
    return any(tag == "img" and given.get("src") == "x" for tag, given in page.tags)
