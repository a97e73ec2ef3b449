"""The page about the store can be followed: its commands, in their order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tau3mu.run import main as run
from tau3mu.train import Store
from tau3mu.train.__main__ import main as train
from tau3mu.train.index import Index

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "store.md"
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("TAU3MU_STORE", "TAU3MU_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    lines = [line for block in BLOCK.findall(PAGE.read_text()) for line in block.splitlines()]
    assert len(lines) == 8
    for line in lines:
        _, _, module, *words = shlex.split(line)
        assert {"tau3mu.run": run, "tau3mu.train": train}[module](words) == 0, line
    datasets = Index(Store("trains")).datasets()
    assert [(row["name"], row["parent_dataset"]) for row in datasets] == [
        ("demo", None),
        ("dsphipi_vertex", "demo"),
    ]
