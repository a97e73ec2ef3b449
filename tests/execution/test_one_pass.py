"""What a processor does in a pass changes nothing that the others of the pass see."""

from __future__ import annotations

import numpy as np
import pytest
from users_processors import chunks_of, n_muons, write

from tau3mu.datasets import Dataset, make_chunks
from tau3mu.errors import InputError
from tau3mu.execution import ProcessorError, dry_run, execute
from tau3mu.execution.chunk import process_chunk
from tau3mu.processing import load_processors
from tau3mu.processors import DsPhiPi

TEXT = """

class Rude(Muons):
    def select(self, events, cutflow):
        {change}
        return super().select(events, cutflow)


class Meek(Muons):
    def select(self, events, cutflow):
        assert events.metadata["is_mc"] is False and "mark" not in events.metadata
        assert "mark" not in events.behavior
        return super().select(events, cutflow)
"""

N_MUONS = 17_909
N_ABOVE_5_GEV = 7_979


@pytest.fixture
def pair(tmp_path):
    """Loads a processor that changes something, and one to run after it."""

    def load(change):
        path = write(tmp_path, "pair.py", TEXT.format(change=change))
        return load_processors([f"{path}:Rude", f"{path}:Meek"])

    return load


@pytest.mark.parametrize(
    ("change", "rude"),
    [
        ('events["muon"] = events.muon[events.muon.pt > 5]', N_ABOVE_5_GEV),
        ('events["event"] = events.event * 0', N_MUONS),
        ('events["muon", "pt"] = events.muon.pt * 0', N_MUONS),
        ('events.metadata["mark"] = 1; events.metadata["is_mc"] = True', N_MUONS),
        ('events.behavior["mark"] = 1', N_MUONS),
        ('events.behavior["Momentum3D"] = None', N_MUONS),
    ],
)
def test_changed_events_are_of_one_processor(pair, demo, change, rude):
    chunks = chunks_of(demo[0])
    processors = pair(change)
    dry_run(chunks, processors)
    result = execute(chunks, processors)
    assert n_muons(result, "Rude") == rude
    assert n_muons(result, "Meek") == N_MUONS
    alone = execute(chunks, processors[1:]).processors["Meek"].candidates
    assert result.processors["Meek"].candidates.tolist() == alone.tolist()


@pytest.mark.parametrize(
    "change",
    [
        "ak.to_numpy(events.event)[:1] = 0",
        "np.asarray(ak.flatten(events.muon.pt))[...] *= 0",
        "events.muon.layout.offsets.data[1:2] = 0",
        "np.asarray(events.raw.run)[:] = 1",
        "ak.to_numpy(events.run).sort()",
    ],
)
def test_arrays_that_all_read_cannot_be_written_to(pair, demo, change):
    """Fails if an in-place change reaches the next processor, or does not name the one at fault."""
    processors = pair(change)
    (chunk,) = chunks_of(demo[0])
    with pytest.raises(ProcessorError, match=r"Rude failed on .*pair.py, line 36"):
        process_chunk(chunk, processors)
    assert n_muons(execute([chunk], pair("pass")), "Meek") == N_MUONS


def test_a_write_is_found_before_the_work(pair, demo):
    (chunk,) = chunks_of(demo[0])
    with pytest.raises(InputError, match=r"Rude .*pair.py, line 36"):
        dry_run([chunk], pair("np.asarray(events.run)[:] = 1"))


def test_what_is_returned_is_not_changed_by_the_next_chunk(tmp_path, demo):
    """Fails if a processor that uses its memory again overwrites what it has found before."""
    body = """

class Again(Muons):
    memory = np.zeros(10_000, dtype=np.int64)

    def select(self, events, cutflow):
        selection = super().select(events, cutflow)
        column = self.memory[: len(events)]
        column[...] = selection.candidates.event
        rows = ak.zip({"event": column, "n": selection.candidates.n}, depth_limit=1)
        return Selection(rows, selection.cutflow)
"""
    path = write(tmp_path, "again.py", body)
    result = execute(chunks_of(demo[0], 1500), load_processors([f"{path}:Again"]))
    expected = execute(chunks_of(demo[0]), load_processors([f"{path}:Muons"]))
    found = result.processors["Again"].candidates.event
    assert len(np.unique(found)) == 6000
    assert found.tolist() == expected.processors["Muons"].candidates.event.tolist()


def test_the_behaviors_of_all_cannot_be_changed(pair, demo, monkeypatch):
    import awkward as ak

    monkeypatch.setitem(ak.behavior, "OfTau3muTests", dict)
    (chunk,) = chunks_of(demo[0])
    with pytest.raises(ProcessorError, match=r"Rude .*ak.behavior\['OfTau3muTests'\]"):
        process_chunk(chunk, pair('ak.behavior["OfTau3muTests"] = list'))
    assert ak.behavior["OfTau3muTests"] is dict
    with pytest.raises(InputError, match=r"pair.py.*ak.behavior\['OfTau3muTests'\]"):
        pair('pass\n\nak.behavior.pop("OfTau3muTests")\nclass Rest:\n    def f(self):\n        0')
    assert ak.behavior["OfTau3muTests"] is dict


def test_two_processors_of_one_name_are_refused(demo):
    """Fails if the result of one of two configurations is dropped."""
    chunks = chunks_of(demo[0])
    for run in (
        lambda both: execute(chunks, both),
        lambda both: process_chunk(chunks[0], both),
    ):
        with pytest.raises(InputError, match=r"'dsphipi' \(DsPhiPi, DsPhiPi\)"):
            run([DsPhiPi(), DsPhiPi()])


def test_two_datasets_of_one_name_are_refused(demo):
    """Fails if data are filled as simulation since another dataset has the same name."""
    datasets = [
        Dataset("a", {str(demo[0]): None}),
        Dataset("a", {str(demo[1]): None}, is_mc=True),
    ]
    with pytest.raises(InputError, match="'a' is given twice"):
        make_chunks([], datasets, 1000)
