"""Candidates whose legs are positions in the lists of muons and tracks, as in the Run 3 NANO."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot
from errors import raises

import tau3mu
from tau3mu.ntuples.layout import layout, layouts, own_layout

N = 50


def write(path, *, candidate="Cand2MuTrk", third="tr", wrong=None):
    rng = np.random.default_rng(3)
    n_muons, n_tracks, n = (rng.integers(low, 5, N) for low in (2, 1, 0))

    def lists(counts, kind=np.float32, low=1.0, high=20.0):
        return ak.unflatten(rng.uniform(low, high, counts.sum()).astype(kind), counts)

    def index(sizes):
        values = [
            rng.integers(-1, size) for size, k in zip(sizes, n, strict=True) for _ in range(k)
        ]
        return ak.unflatten(np.array(values, np.int32), n)

    muons = {name: lists(n_muons) for name in ("pt", "eta", "phi", "mass", "GLnormChi2")}
    chi2 = ak.to_numpy(ak.flatten(muons["GLnormChi2"]))
    muons["GLnormChi2"] = ak.unflatten(np.where(chi2 < 8, np.float32(-99), chi2), n_muons)
    muons["isGlobal"] = ak.unflatten(rng.random(n_muons.sum()) > 0.3, n_muons)
    cands = {name: lists(n) for name in ("mass", "chi2")}
    cands |= {"mu1_idx": index(n_muons), "mu2_idx": index(n_muons)}
    cands[f"{third}_idx"] = index(n_tracks if third == "tr" else n_muons)
    if wrong is not None:
        cands["mu1_idx"] = ak.unflatten(np.full(n.sum(), wrong, np.int32), n)
    data = {
        "run": np.full(N, 370000, np.uint32),
        "luminosityBlock": np.ones(N, np.uint32),
        "event": np.arange(N, dtype=np.uint64),
        "Muon": ak.zip(muons),
        "Track": ak.zip({name: lists(n_tracks) for name in ("pt", "eta", "phi")}),
        candidate: ak.zip(cands),
        "Trigger_HLT_DoubleMu4_3_LowMass_v": (rng.random(N) < 0.5).astype(np.uint8),
    }
    with uproot.recreate(path) as file:
        types = {k: v.type.content if isinstance(v, ak.Array) else v.dtype for k, v in data.items()}
        file.mktree("Events", types).extend(data)
    return data


def by_loop(data, candidate, index, collection, field):
    """The values of a leg, found one by one."""
    lists = ak.to_list(data[collection][field])
    places = ak.to_list(data[candidate][index])
    return [
        [values[at] if at >= 0 else None for at in event]
        for values, event in zip(lists, places, strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "candidate", "third", "leg", "collection"),
    [
        ("nano_run3_phipi", "Cand2MuTrk", "tr", "track", "Track"),
        ("nano_run3_tau3mu", "Tau3Mu", "mu3", "mu3", "Muon"),
    ],
)
def test_legs_are_what_a_loop_finds(tmp_path, name, candidate, third, leg, collection):
    path = tmp_path / "run3.root"
    data = write(path, candidate=candidate, third=third)
    columns = {"triplet.mu1.pt", "triplet.mu2.is_global", f"triplet.{leg}.eta", "triplet.mass"}
    columns |= {"triplet.mu1.global_normalized_chi2", "hlt.HLT_DoubleMu4_3_LowMass"}
    events = tau3mu.events(path, columns)
    found = events.triplet
    assert ak.to_list(found.mu1.pt) == by_loop(data, candidate, "mu1_idx", "Muon", "pt")
    assert ak.to_list(found.mu2.is_global) == by_loop(
        data, candidate, "mu2_idx", "Muon", "isGlobal"
    )
    assert ak.to_list(found[leg].eta) == by_loop(data, candidate, f"{third}_idx", collection, "eta")
    chi2 = by_loop(data, candidate, "mu1_idx", "Muon", "GLnormChi2")
    expected = [[None if value == -99 else value for value in event] for event in chi2]
    assert ak.to_list(found.mu1.global_normalized_chi2) == expected
    assert any(None in event for event in expected)
    fires = ak.to_numpy(tau3mu.ntuples.fired(events.hlt, "HLT_DoubleMu4_3_LowMass"))
    assert fires.tolist() == (data["Trigger_HLT_DoubleMu4_3_LowMass_v"] == 1).tolist()
    assert layouts()[name].rows_of("triplet.mu1.pt")[0].leg == "muon"


def test_pads_do_not_move_the_legs(tmp_path):
    path, table = tmp_path / "run3.root", tmp_path / "mine.tsv"
    data = write(path)
    pad = ak.to_list(data["Cand2MuTrk"]["mass"])[ak.argmax(ak.num(data["Cand2MuTrk"]))][0]
    table.write_text(
        f"#tree\tEvents\n#pad\ttriplet.mass\t{pad!r}\nbranch\ttype\tview\tmissing\n"
        "Cand2MuTrk_mass\tvar * float32\ttriplet.mass\nMuon_pt\tvar * float32\tmuon.pt\n"
        "Cand2MuTrk_mu1_idx\tvar * int32\ttriplet.first_index\tindex:muon\n"
    )
    events = tau3mu.events(path, {"triplet.first.pt"}, layout=str(table))
    legs = by_loop(data, "Cand2MuTrk", "mu1_idx", "Muon", "pt")
    masses = ak.to_list(data["Cand2MuTrk"]["mass"])
    kept = [
        [leg for leg, mass in zip(*event, strict=True) if mass != np.float32(pad)]
        for event in zip(legs, masses, strict=True)
    ]
    assert ak.to_list(events.triplet.first.pt) == kept
    assert sum(map(len, kept)) == sum(map(len, legs)) - 1


def test_an_index_beyond_the_list_is_an_error(tmp_path):
    write(tmp_path / "run3.root", wrong=7)
    events = tau3mu.events(tmp_path / "run3.root", {"triplet.mu1.pt"})
    with raises("ntuples.misaligned", path="Cand2MuTrk_mu1_idx"):
        ak.materialize(events.triplet.mu1.pt)


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ("A_i\tvar * float32\ttriplet.a_index\tindex:muon", "3:19"),
        ("A_i\tvar * int32\ttriplet.a\tindex:muon", "3:17"),
    ],
)
def test_what_is_no_index_is_an_error_of_the_table(tmp_path, row, place):
    path = tmp_path / "mine.tsv"
    path.write_text(f"#tree\tEvents\nbranch\ttype\tview\tmissing\n{row}\n")
    with raises("ntuples.bad-table", path=f"mine.tsv:{place}"):
        own_layout(str(path))


def test_the_text_of_a_table_keeps_the_words(tmp_path):
    table = layouts()["nano_run3_phipi"]
    again = layout(own_layout_text(table))
    assert again.branches == table.branches
    assert again.needs == table.needs


def own_layout_text(table):
    return table.with_rows(()).reference(table.by_name)
