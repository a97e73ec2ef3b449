"""The selection as a plain loop over events: slow, obvious, and sharing no code with the package.

Only the names of branches are taken from the layout tables.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import uproot

from tau3mu.ntuples.layout import layout
from tau3mu.processors.columns import DSPHIPI

STEPS = ("all", "hlt", "l1", "vertex", "acceptance", "deltaR", "id_ip", "phi", "trigmatch")
HLT, L1 = "HLT_DoubleMu3_Trk_Tau3mu", ("L1_DoubleMu", "L1_TripleMu")


def read(path, name):
    """Returns the events as dictionaries of lists, by canonical column."""
    table = layout(name)
    with uproot.open(path) as file:
        tree = file[table.tree]
        plain = [c for c in DSPHIPI if not c.startswith(("hlt.", "l1."))]
        columns = {c: tree[table.by_view[c].name].array().tolist() for c in plain}
        if name == "t3m":
            for level in ("hlt", "l1"):
                names = tree[f"Trigger_{level}name"].array().tolist()
                decisions = tree[f"Trigger_{level}decision"].array().tolist()
                columns[level] = [
                    [n for n, d in zip(ns, ds, strict=True) if d == 1]
                    for ns, ds in zip(names, decisions, strict=True)
                ]
        else:
            for level in ("HLT", "L1"):
                flags = {
                    k: tree[k].array().tolist() for k in list(tree.keys()) if k.startswith(level)
                }
                columns[level.lower()] = [
                    [k + ("_v1" if level == "HLT" else "") for k in flags if flags[k][i]]
                    for i in range(tree.num_entries)
                ]
    for i in range(len(columns["run"])):
        yield {column: values[i] for column, values in columns.items()}


def muon_accepted(pt, eta):
    if abs(eta) < 1.2:
        return pt > 3.5
    return abs(eta) < 2.4 and pt > 2.0


def delta_r(event, i, a, b):
    deta = event[f"triplet.{a}.eta"][i] - event[f"triplet.{b}.eta"][i]
    dphi = event[f"triplet.{a}.phi"][i] - event[f"triplet.{b}.phi"][i]
    return math.hypot(deta, math.remainder(dphi, 2 * math.pi))


def find(event, i, leg, collection):
    """Returns the position of the object that a leg is a copy of, or None, and a verdict."""
    wanted = [event[f"triplet.{leg}.{x}"][i] for x in ("pt", "eta", "phi")]
    objects = list(zip(*(event[f"{collection}.{x}"] for x in ("pt", "eta", "phi")), strict=True))
    exact = [
        j
        for j, momentum in enumerate(objects)
        if all(np.float32(a) == np.float32(b) for a, b in zip(wanted, momentum, strict=True))
    ]
    if exact:
        return exact[0], "ambiguous" if len(exact) > 1 else "exact"
    close = []
    for j, (pt, eta, phi) in enumerate(objects):
        deta, dphi = abs(wanted[1] - eta), abs(math.remainder(wanted[2] - phi, 2 * math.pi))
        if deta < 1e-4 and dphi < 1e-4 and abs(wanted[0] - pt) < 1e-4 * pt:
            close.append((math.hypot(deta, dphi), j))
    if not close:
        return None, "unmatched"
    return min(close)[1], "ambiguous" if len(close) > 1 else "inexact"


def dimuon_mass(event, i):
    total = np.zeros(4)
    for leg in ("refit1", "refit2"):
        pt, eta, phi = (event[f"triplet.{leg}.{x}"][i] for x in ("pt", "eta", "phi"))
        if pt == -99:
            return None
        p = np.array([pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)])
        total += [math.sqrt(p @ p + 0.10566**2), *p]
    return math.sqrt(max(total[0] ** 2 - total[1:] @ total[1:], 0))


def vertex(event, i, _):
    return (
        1.62 < event["triplet.mass"][i] < 2.02
        and event["triplet.pv_refit_n_tracks"][i] > 1
        and event["triplet.flight_significance"][i] > 2
    )


def acceptance(event, i, _):
    muons = all(
        muon_accepted(event[f"triplet.{m}.pt"][i], event[f"triplet.{m}.eta"][i])
        for m in ("mu1", "mu2")
    )
    return muons and event["triplet.track.pt"][i] > 1.2


def close_legs(event, i, _):
    pairs = (("mu1", "mu2"), ("mu1", "track"), ("mu2", "track"))
    return all(1e-4 < delta_r(event, i, a, b) < 0.8 for a, b in pairs)


def identified(event, i, counts):
    passes = True
    for leg, collection in (("mu1", "muon"), ("mu2", "muon"), ("track", "track")):
        j, verdict = find(event, i, leg, collection)
        counts[f"{leg}_legs"] += 1
        counts[f"{leg}_{verdict}"] += 1
        if j is None:
            good = False
        elif collection == "muon":
            good = bool(event["muon.is_global"][j]) and bool(event["muon.is_pf"][j])
        else:
            good = abs(event["track.dz"][j]) < 20 and abs(event["track.dxy"][j]) < 0.3
        passes = passes and good
    return passes


def phi(event, i, _):
    mass = dimuon_mass(event, i)
    return mass is not None and 1.00 < mass < 1.04


def trigger_matched(event, i, _):
    distances = [event[f"triplet.{m}.trigger_dr_2017"][i] for m in ("mu1", "mu2")]
    return all(0 <= d < 0.03 for d in distances)


CUTS = (vertex, acceptance, close_legs, identified, phi, trigger_matched)


def select(path, name):
    """Returns the cutflow (events, candidates by step), the selected triplets and the counts."""
    n_events, n_candidates, counts, selected = Counter(), Counter(), Counter(), []
    for entry, event in enumerate(read(path, name)):
        alive = [i for i, mass in enumerate(event["triplet.mass"]) if mass != -99]

        def count(step, alive):
            n_events[step] += 1
            n_candidates[step] += len(alive)

        count("all", alive)
        if not any(path.startswith(f"{HLT}_v") for path in event["hlt"]):
            continue
        count("hlt", alive)
        if not any(part in seed for seed in event["l1"] for part in L1):
            continue
        count("l1", alive)
        for step, cut in zip(STEPS[3:], CUTS, strict=True):
            alive = [i for i in alive if cut(event, i, counts)]
            if not alive:
                break
            count(step, alive)
        if alive:
            best = min(alive, key=lambda i: event["triplet.vertex_chi2"][i])
            selected.append((entry, best, event["triplet.mass"][best]))
    cutflow = [(step, n_events[step], n_candidates[step]) for step in STEPS]
    return cutflow, selected, counts


def _found(event, i, leg, collection, good):
    j, _ = find(event, i, leg, collection)
    return j is not None and good(j)


def _of_track(event, i, name):
    j, _ = find(event, i, "track", "track")
    return math.nan if j is None else event[f"track.{name}"][j]


def _good_muon(event, i, leg):
    def good(j):
        return bool(event["muon.is_global"][j]) and bool(event["muon.is_pf"][j])

    return _found(event, i, leg, "muon", good)


def _accepts(event, i, leg):
    return muon_accepted(event[f"triplet.{leg}.pt"][i], event[f"triplet.{leg}.eta"][i])


def _value(name):
    return lambda event, i: event[f"triplet.{name}"][i]


def named_cuts():
    """Returns the value and the decision of each named cut, of an event and a triplet."""
    hlt, l1, mass, n_tracks, flight = (
        lambda event, _: any(path.startswith(f"{HLT}_v") for path in event["hlt"]),
        lambda event, _: any(part in seed for seed in event["l1"] for part in L1),
        _value("mass"),
        _value("pv_refit_n_tracks"),
        _value("flight_significance"),
    )
    cuts = {
        "hlt": (hlt, hlt),
        "l1": (l1, l1),
        "mass": (mass, lambda e, i: 1.62 < mass(e, i) < 2.02),
        "n_tracks": (n_tracks, lambda e, i: n_tracks(e, i) > 1),
        "flight": (flight, lambda e, i: flight(e, i) > 2),
    }
    for leg in ("mu1", "mu2"):
        accepts = lambda e, i, leg=leg: _accepts(e, i, leg)  # noqa: E731
        cuts[f"acceptance_{leg}"] = _value(f"{leg}.pt"), accepts
    cuts["acceptance_track"] = _value("track.pt"), lambda e, i: _value("track.pt")(e, i) > 1.2
    for a, b in (("mu1", "mu2"), ("mu1", "track"), ("mu2", "track")):
        distance = lambda e, i, a=a, b=b: delta_r(e, i, a, b)  # noqa: E731
        close = lambda e, i, d=distance: 1e-4 < d(e, i) < 0.8  # noqa: E731
        cuts[f"delta_r_{a}_{b}"] = distance, close
    for leg in ("mu1", "mu2"):
        good = lambda e, i, leg=leg: _good_muon(e, i, leg)  # noqa: E731
        cuts[f"id_{leg}"] = good, good
    for name, limit in (("dz", 20), ("dxy", 0.3)):
        value = lambda e, i, name=name: _of_track(e, i, name)  # noqa: E731
        small = lambda e, i, v=value, limit=limit: abs(v(e, i)) < limit  # noqa: E731
        cuts[f"track_{name}"] = value, small
    cuts["phi"] = dimuon_mass, lambda e, i: phi(e, i, None)
    for leg in ("mu1", "mu2"):
        near = _value(f"{leg}.trigger_dr_2017")
        cuts[f"trigmatch_{leg}"] = near, lambda e, i, near=near: near(e, i) < 0.03
    return cuts


def distributions(path, name):
    """Returns the values in N−1 and cut-by-cut distributions of each cut, NaN if it has none."""
    cuts = named_cuts()
    n_minus_one, cut_by_cut = ({cut: [] for cut in cuts} for _ in range(2))
    for event in read(path, name):
        for i, mass in enumerate(event["triplet.mass"]):
            if mass == -99:
                continue
            passed = {cut: bool(passes(event, i)) for cut, (_, passes) in cuts.items()}
            for number, (cut, (value, _)) in enumerate(cuts.items()):
                if all(ok for other, ok in passed.items() if other != cut):
                    n_minus_one[cut].append(value(event, i))
                if all(list(passed.values())[:number]):
                    cut_by_cut[cut].append(value(event, i))
    return n_minus_one, cut_by_cut
