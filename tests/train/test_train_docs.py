"""What the pages show of `python -m tau3mu.train` exists."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from tau3mu.train.__main__ import main

ROOT = Path(__file__).parents[2]
PROGRAM = "python -m tau3mu.train "
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINES = [
    (page, line.partition(PROGRAM)[2])
    for page in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    for block in CONSOLE.findall(page.read_text("utf-8"))
    for line in block.replace("\\\n", " ").splitlines()
    if PROGRAM in line
]


@cache
def options_of(command):
    """The options of a command, from its help."""
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    return set(re.findall(r"--[a-z][a-z-]*", out.getvalue()))


@pytest.mark.parametrize(
    ("page", "line"), LINES, ids=[f"{page.stem}-{i}" for i, (page, _) in enumerate(LINES)]
)
def test_commands_and_their_options_exist(page, line):
    command, *words = shlex.split(line, comments=True)
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    sub = (words[0],) if command == "datasets" and not words[0].startswith("-") else ()
    assert given <= options_of((command, *sub))
