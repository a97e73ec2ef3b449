"""The ledger of a train, read while it grows: equal to reading all of it each time."""

from __future__ import annotations

import json
import os
import random

import pytest
from errors import raises

from tau3mu.train.ledger import LedgerReader, LedgerTotals

KINDS = ("done", "done", "done", "resumed", "transient", "bad_file")


def line(chance):
    start = 100 * chance.randrange(4)
    return json.dumps(
        {
            "dataset": chance.choice("ab"), "file": f"/data/f_{chance.randrange(5)}.root",
            "start": start, "stop": start + chance.choice((50, 100)), "attempt": 1,
            "outcome": chance.choice(KINDS), "seconds": chance.random(), "entries": 3,
            "reason": f"HTTP {chance.choice((500, 503))} of /data/f_1.root, {chance.choice('xy')}",
        }
    ).encode() + b"\n"  # fmt: skip


def reference(path):
    """All lines that are complete, in the most obvious way."""
    if not path.exists():
        return LedgerTotals()
    done, before, failures = {}, set(), 0
    for one in path.read_bytes().split(b"\n")[:-1]:
        try:
            attempt = json.loads(one)
        except ValueError:
            continue
        chunk = tuple(attempt[key] for key in ("dataset", "file", "start", "stop"))
        if attempt["outcome"] not in {"done", "resumed"}:
            failures += 1
            continue
        if attempt["outcome"] == "resumed" or chunk in done:
            before.add(chunk)
        done[chunk] = attempt["stop"] - attempt["start"]
    files = {chunk[:2] for chunk in done}
    datasets = {
        name: (
            sum(one == name for one, _ in files),
            sum(events for chunk, events in done.items() if chunk[0] == name),
        )
        for name in {chunk[0] for chunk in done}
    }
    new = sum(events for chunk, events in done.items() if chunk not in before)
    return sum(done.values()), len(done), new, failures, datasets


def figures(totals):
    return totals.events, totals.chunks, totals.new, totals.failed, totals.datasets


def change(path, chance):
    """Does one of the things that happen to a ledger."""
    lines = b"".join(line(chance) for _ in range(chance.randrange(1, 6)))
    kind = chance.choice(("append",) * 6 + ("half",) * 3 + ("cut", "rewrite", "replace", "remove"))
    if kind == "append":
        with path.open("ab") as file:
            file.write(lines)
    elif kind == "half":
        with path.open("ab") as file:
            file.write(lines[: chance.randrange(len(lines))])
        if chance.random() < 0.5:  # as who resumes does
            with path.open("ab") as file:
                file.write(b"\n")
    elif kind == "cut" and path.exists():
        os.truncate(path, chance.randrange(path.stat().st_size + 1))
    elif kind == "rewrite":
        path.write_bytes(lines * chance.randrange(4))
    elif kind == "replace":
        other = path.with_name("other")
        other.write_bytes(lines * 3)
        other.replace(path)
    elif kind == "remove":
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_read_step_by_step_equals_what_is_read_at_once(tmp_path, seed):
    chance = random.Random(seed)
    path = tmp_path / "ledger.jsonl"
    reader = LedgerReader(path)
    for _ in range(60):
        change(path, chance)
        found = reader.totals()
        expected = reference(path)
        assert found == LedgerReader(path).totals()
        assert figures(found) == expected if isinstance(expected, tuple) else found == expected
        assert sum(group.count for group in found.failures) == found.failed


def test_a_line_that_is_being_written_counts_when_it_is_complete(tmp_path):
    path = tmp_path / "ledger.jsonl"
    attempt = line(random.Random(1))
    path.write_bytes(attempt[:-1])
    reader = LedgerReader(path)
    assert reader.totals().chunks == 0
    with path.open("ab") as file:
        file.write(b"\n")
    assert reader.totals().chunks == 1


def test_each_line_is_parsed_once(tmp_path, monkeypatch):
    path = tmp_path / "ledger.jsonl"
    chance = random.Random(2)
    path.write_bytes(b"".join(line(chance) for _ in range(50)))
    reader = LedgerReader(path)
    before = reader.totals()
    parsed = []
    monkeypatch.setattr(
        "tau3mu.train.ledger.from_json", lambda text: parsed.append(text) or json.loads(text)
    )
    assert reader.totals() == before
    assert not parsed
    with path.open("ab") as file:
        file.write(line(chance))
    assert reader.totals() != before
    assert len([text for text in parsed if text]) == 1


def test_long_lines_and_large_files_are_read_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("tau3mu.train.ledger._BLOCK", 64)
    path = tmp_path / "ledger.jsonl"
    chance = random.Random(3)
    path.write_bytes(b"".join(line(chance) for _ in range(50)))
    assert figures(LedgerReader(path).totals()) == reference(path)


def test_a_ledger_that_cannot_be_read(tmp_path):
    with raises("config.special-file", path=str(tmp_path)):
        LedgerReader(tmp_path).totals()
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with raises("train.unreadable-ledger", path=str(loop)):
        LedgerReader(loop).totals()
