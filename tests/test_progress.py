"""What a run shows while it works."""

from __future__ import annotations

import re

import pytest

from tau3mu.console import progress
from tau3mu.console.progress import Display, Stage
from tau3mu.execution import ChunkResult
from tau3mu.run import main


class Clock:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def stage(clock: Clock, total: int | None = 1000) -> Stage:
    return Stage("Reading", total, "events", clock)


def test_a_rate_is_of_what_was_done_in_this_run():
    clock = Clock()
    one = stage(clock)
    one.skip(400)
    assert one.rates() == (0, 0)
    assert one.left is None
    clock.now += 2
    one.advance(100, 4_000_000)
    assert one.rates() == (50, 2e6)
    assert one.left == 10
    clock.now += 8
    assert one.left == 50  # nothing came since
    one.advance(500, 6_000_000)
    one.end()
    clock.now += 100
    assert (one.rates(), one.seconds, one.left) == ((60, 1e6), 10, None)


def test_the_time_left_follows_the_rate_of_the_last_minute():
    clock = Clock()
    one = stage(clock, 100_000)
    for _ in range(100):  # one worker for a long time
        clock.now += 10
        one.advance(10)
    for _ in range(12):  # then a hundred
        clock.now += 10
        one.advance(1000)
    assert one.rates()[0] == 100
    assert one.left == (100_000 - 13_000) / 100
    one.end()
    assert one.rates()[0] == pytest.approx(13_000 / 1120)


@pytest.mark.parametrize(("total", "numbers"), [(None, ["0.0"]), (0, ["0", "0.0"])])
def test_nothing_is_divided_by_nothing(total, numbers):
    assert re.findall(r"[\d.]+", stage(Clock(), total).text) == numbers


def lines(text: str) -> list[str]:
    assert text.isascii()
    assert all(character.isprintable() or character == "\n" for character in text)
    return text.splitlines()


def test_lines_of_a_run(tmp_path, capsys):
    output = str(tmp_path / "out")
    assert main(["--no-fit", "--output", output]) == 0
    (files,) = (line for line in lines(capsys.readouterr().err) if "files/s" in line)
    assert re.search(r"\b2 files\b", files)
    assert main(["--no-fit", "--output", output + "2", "--max-files", "1"]) == 0
    (events,) = (line for line in lines(capsys.readouterr().err) if "events/s" in line)
    done, rate, megabytes, _ = (
        float(number.replace(",", "")) for number in re.findall(r"[\d,.]*\d", events)
    )
    assert done == 6000
    assert rate > 0
    assert megabytes > 0


def test_a_long_stage_is_told_of_while_it_goes_on(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_SOON", 0.01)
    monkeypatch.setattr(progress, "_PERIOD", 0.01)
    with Display() as display:
        display.begin("Waiting")
        said = ""
        while said.count("Waiting") < 3:
            said += capsys.readouterr().err
        display.entries = 30
        display.begin("Reading")
        display.read(ChunkResult(20, {}, resumed=True))
        display.read(ChunkResult(5, {}, bytes=10))
        while "25 of 30" not in said:
            said += capsys.readouterr().err
    assert lines(said)
    assert "Reading: 25 of 30" in capsys.readouterr().err


def test_without_a_terminal_a_call_from_python_shows_nothing(capsys):
    with Display(None) as display:
        display.begin("Waiting")
    with Display(False) as display:
        display.check_files(2)
        display.advance()
    assert capsys.readouterr().err == ""
