"""Small files with branches of central NanoAOD, version 9 and version 12."""

from __future__ import annotations

import awkward as ak
import numpy as np
import uproot

# Of each branch the type in version 9 and in version 12; the names are those of central NanoAOD.
MUON = {
    "pt": "f4 f4", "eta": "f4 f4", "phi": "f4 f4", "mass": "f4 f4", "charge": "i4 i4",
    "dxy": "f4 f4", "dz": "f4 f4", "sip3d": "f4 f4", "isGlobal": "? ?", "isTracker": "? ?",
    "isPFcand": "? ?", "looseId": "? ?", "mediumId": "? ?", "softId": "? ?", "nStations": "i4 u1",
    "nTrackerLayers": "i4 u1", "tightCharge": "i4 u1", "jetIdx": "i4 i2", "pfIsoId": "u1 u1",
    "softMva": "f4 f4", "pfRelIso04_all": "f4 f4", "segmentComp": "f4 f4",
}  # fmt: skip
JET = {"pt": "f4 f4", "eta": "f4 f4", "phi": "f4 f4", "mass": "f4 f4", "jetId": "i4 u1",
       "nConstituents": "u1 u1", "puId": "i4 u1"}  # fmt: skip
GEN = {"pt": "f4 f4", "eta": "f4 f4", "phi": "f4 f4", "mass": "f4 f4", "pdgId": "i4 i4",
       "status": "i4 i4", "statusFlags": "i4 u2", "genPartIdxMother": "i4 i2"}  # fmt: skip
SCALARS = {"MET_pt": "f4 f4", "MET_phi": "f4 f4", "PV_npvs": "i4 u1", "PV_x": "f4 f4",
           "PV_y": "f4 f4", "PV_z": "f4 f4", "fixedGridRhoFastjetAll": "f4 f4"}  # fmt: skip


def write_nanoaod(
    path, *, version=9, n=40, seed=1, is_mc=False, run=1, paths=("HLT_IsoMu24",), blocks=None
):
    """Writes a file with the trees `Events` and `Runs`; returns the sums of its weights.

    Args:
        path: The file.
        version: 9 or 12.
        n: The number of events.
        seed: Of the values.
        is_mc: Whether there are generator particles, weights and their sums.
        run: The run number.
        paths: The triggers.
        blocks: The luminosity sections of the tree `LuminosityBlocks`, if there is one.
    """
    rng = np.random.default_rng(seed)
    column = 0 if version == 9 else 1

    def values(kind, number):
        kind = np.dtype(kind.split()[column])
        if kind.kind == "f":
            return rng.normal(10, 5, number).astype(kind)
        return rng.integers(0, 2 if kind.kind == "b" else 100, number).astype(kind)

    def lists(fields, most):
        counts = rng.integers(0, most, n)
        total = counts.sum()
        return ak.zip({k: ak.unflatten(values(t, total), counts) for k, t in fields.items()})

    data = {
        "run": np.full(n, run, np.uint32),
        "luminosityBlock": np.ones(n, np.uint32),
        "event": np.arange(n, dtype=np.uint64) + 2**40 * seed,
        "Muon": lists(MUON, 4),
        "Jet": lists(JET, 6),
        **{name: values(kind, n) for name, kind in SCALARS.items()},
        **{name: rng.random(n) > 0.5 for name in paths},
    }
    runs = {"run": np.full(2, run, np.uint32)}
    if is_mc:
        data["genWeight"] = rng.choice([-2.5, 7.25], n).astype(np.float32)
        data["GenPart"] = lists(GEN, 8)
        data["Pileup_nTrueInt"] = (np.arange(n) * 7 % 25 + 0.5).astype(np.float32)
        runs |= {
            "genEventCount": rng.integers(100, 10**6, 2).astype(np.int64),
            "genEventSumw": rng.normal(1e9, 1e7, 2),
            "genEventSumw2": rng.normal(1e15, 1e12, 2),
        }
    with uproot.recreate(path) as file:
        file.mktree("Events", {k: _type(v) for k, v in data.items()}).extend(data)
        file.mktree("Runs", {k: v.dtype for k, v in runs.items()}).extend(runs)
        if blocks is not None:
            lumis = {"run": np.full(len(blocks), run, np.uint32),
                     "luminosityBlock": np.array(blocks, np.uint32)}  # fmt: skip
            file.mktree("LuminosityBlocks", {k: v.dtype for k, v in lumis.items()}).extend(lumis)
    return {name: runs[name].sum() for name in runs if name != "run"}


def _type(values):
    return values.type.content if isinstance(values, ak.Array) else values.dtype
