"""How histograms are filled may be fixed without running the chunks again."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tau3mu.errors import RunError
from tau3mu.execution import execute
from tau3mu.outputs import load_histograms
from tau3mu.processing.filling import without_filling
from tau3mu.run import main

SOURCE = b"""
class Mine(Base):
    cut = 3

    def select(self, events, cutflow):
        return self.made(events)

    @timed
    def histograms(self):
        return {"x": Hist(2)}

    def fill(self, histograms, candidates, **facts):
        histograms["x"] = super().fill(candidates)


class Other:
    def fill(self):
        return 1
"""


def kept(source):
    return without_filling([source], {"Mine", "Base"})[0]


def test_only_the_methods_that_fill_are_cut_out():
    left = kept(SOURCE).decode()
    for part in ("cut = 3", "self.made(events)", "class Other", "return 1"):
        assert part in left
    for part in ("timed", "Hist(2)", "super().fill"):
        assert part not in left


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Hist(2)", b"Hist(3, 'more')"),
        (b"super().fill(candidates)", b"candidates.x\n        return None"),
    ],
)
def test_what_is_left_does_not_depend_on_them(before, after):
    assert kept(SOURCE.replace(before, after)) == kept(SOURCE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"self.made(events)", b"self.histograms()"),
        (b"self.made(events)", b"getattr(self, 'fill')(events)"),
        (b"return 1", b"return Mine().fill(3)"),
    ],
)
def test_what_is_used_elsewhere_stays(before, after):
    source = SOURCE.replace(before, after)
    assert kept(source) == source


@pytest.mark.parametrize("line", [b"self.x = candidates", b"global CUT", b"del self.x"])
def test_methods_that_change_something_else_stay(line):
    source = SOURCE.replace(b'histograms["x"] = super().fill(candidates)', line)
    assert line in kept(source)
    assert b"Hist(2)" not in kept(source)


def test_what_another_file_uses_stays():
    assert without_filling([SOURCE, b"mine.fill(1)"], {"Mine"}) == [SOURCE, b"mine.fill(1)"]


RIGHT = "dataset=dataset, variation="


def test_a_fill_that_is_fixed_needs_no_chunk_again(counting, demo, tmp_path, capsys):
    """The fourth chunk fails to be filled; after the fix, the first three are taken as they are."""
    given = ["--processor", counting.write(), "--no-fit", "--chunk-size", "1000", str(demo[0])]
    source = counting.file.read_text()
    early = "not len(candidates) or int(candidates.event[0]) < 3000"
    wrong = source.replace(RIGHT, f"dataset=dataset if {early} else None, variation=")
    assert wrong != source
    counting.file.write_text(wrong)
    folder = tmp_path / "out"
    assert main([*given, "--output", str(folder)]) == 1
    error = capsys.readouterr().err
    assert "Mine failed on" in error
    assert "entries 3000 to 4000" in error
    assert len(list((folder / "checkpoints").iterdir())) == 3
    assert counting.calls() == [1, 1001, 2001, 3001]

    counting.forget()
    counting.file.write_text(source)
    assert main([*given, "--resume", str(folder)]) == 0
    assert counting.calls() == [3001, 4001, 5001]
    fresh = tmp_path / "fresh"
    assert main([*given, "--output", str(fresh)]) == 0
    assert load_histograms(folder) == load_histograms(fresh)
    for name in ("cutflow.json", "histograms.json"):
        assert (folder / "Mine" / name).read_bytes() == (fresh / "Mine" / name).read_bytes()


def test_a_complete_run_of_other_histograms_is_another_one(counting, demo, tmp_path, capsys):
    given = ["--processor", counting.write(), "--no-fit", str(demo[0])]
    assert main([*given, "--output", str(tmp_path / "out")]) == 0
    counting.forget()
    counting.file.write_text(counting.file.read_text().replace("Regular(20,", "Regular(40,"))
    assert main([*given, "--resume", str(tmp_path / "out")]) == 1
    assert "have changed" in capsys.readouterr().err


def test_a_fill_that_fails_at_the_end_is_named_and_its_chunks_are_kept(counting, demo, tmp_path):
    """It fails on the sum of the chunks alone."""
    (mine,) = counting.load()
    chunks = counting.chunks([demo[0]], 1000)
    whole = execute(chunks, [mine]).processors["Mine"]
    fill = mine.fill

    def fails(histograms, candidates, **facts):
        if len(candidates) == len(whole.candidates):
            message = "too many"
            raise ValueError(message)
        fill(histograms, candidates, **facts)

    mine.fill = fails
    with pytest.raises(RunError) as error:
        execute(chunks, [mine], folder=tmp_path)
    assert "Mine" in str(error.value)
    assert "too many" in str(error.value)
    assert len(list((tmp_path / "checkpoints").iterdir())) == len(chunks)


@pytest.mark.parametrize("size", [331, 1000, 6000])
def test_sums_of_weights_are_the_same_bits_for_every_chunk_size(size, counting, demo):
    """Those of the cutflow, and those in the histograms; the weights are square roots."""
    whole, parts = (
        execute(counting.chunks([demo[0]], n), counting.load()).processors["Mine"]
        for n in (6000, size)
    )
    assert parts.cutflow == whole.cutflow
    assert parts.histograms == whole.histograms
    roots = np.sqrt([event for event in range(1, 6001) if event % 7 == 0])
    (_, cut) = parts.cutflow["toy"]

    assert cut["sumw"] == math.fsum(roots)
    assert json.loads(json.dumps(cut)) == cut
