"""D_s→φ(μμ)π with RDataFrame: the same selection, just-in-time compiled by ROOT.

usage: rdataframe.py [--threads N | --workers N | --scheduler ADDRESS] FILES...

Run by a python that has ROOT. With --workers it is distributed on a local Dask cluster, with
--scheduler on a running one of which the workers have ROOT too. The files have the skims' own
branches, as a TTree or as an RNTuple. Prints one JSON object, see `measuring.runs.run_program`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

TREE = "Tree3Mu/ntuple"
SHIFT = 2**32
CPP = r"""
#ifndef TAU3MU_PEER
#define TAU3MU_PEER
#include <ROOT/RVec.hxx>
#include <cmath>
#include <string>
namespace peer {
using ROOT::RVecD;
using Flags = ROOT::RVecI;  // per triplet, whether it has passed so far
using Names = ROOT::RVec<std::string>;

bool fired(const Names &names, const ROOT::RVecI &decisions, const char *a, const char *b) {
  for (size_t i = 0; i < names.size(); ++i)
    if (decisions[i] == 1 &&
        (names[i].find(a) != std::string::npos || names[i].find(b) != std::string::npos))
      return true;
  return false;
}
bool any(const Flags &passes) {
  for (int p : passes)
    if (p) return true;
  return false;
}
Flags vertex(const RVecD &mass, const RVecD &tracks, const RVecD &flight) {
  Flags passes(mass.size());
  for (size_t i = 0; i < mass.size(); ++i)
    passes[i] = mass[i] > 1.62 && mass[i] < 2.02 && tracks[i] > 1 && flight[i] > 2;
  return passes;
}
bool accepted(double pt, double eta) {
  return std::abs(eta) < 2.4 && pt > (std::abs(eta) < 1.2 ? 3.5 : 2.0);
}
Flags acceptance(Flags passes, const RVecD &pt1, const RVecD &eta1, const RVecD &pt2,
                 const RVecD &eta2, const RVecD &pt3) {
  for (size_t i = 0; i < passes.size(); ++i)
    passes[i] = passes[i] && accepted(pt1[i], eta1[i]) && accepted(pt2[i], eta2[i]) && pt3[i] > 1.2;
  return passes;
}
bool apart(double eta1, double phi1, double eta2, double phi2) {
  const double distance = std::hypot(eta1 - eta2, std::remainder(phi1 - phi2, 2 * M_PI));
  return distance > 1e-4 && distance < 0.8;
}
Flags separated(Flags passes, const RVecD &eta1, const RVecD &phi1, const RVecD &eta2,
                const RVecD &phi2, const RVecD &eta3, const RVecD &phi3) {
  for (size_t i = 0; i < passes.size(); ++i)
    passes[i] = passes[i] && apart(eta1[i], phi1[i], eta2[i], phi2[i]) &&
                apart(eta1[i], phi1[i], eta3[i], phi3[i]) &&
                apart(eta2[i], phi2[i], eta3[i], phi3[i]);
  return passes;
}
// The object of which a leg is a copy, -1 without one; all are compared as floats.
template <typename T>
int find(double pt, double eta, double phi, const T &pts, const T &etas, const T &phis) {
  for (size_t j = 0; j < pts.size(); ++j)
    if (float(pt) == float(pts[j]) && float(eta) == float(etas[j]) && float(phi) == float(phis[j]))
      return j;
  return -1;
}
Flags good_muons(Flags passes, const RVecD &pt, const RVecD &eta, const RVecD &phi,
                 const ROOT::RVecF &pts, const ROOT::RVecF &etas, const ROOT::RVecF &phis,
                 const RVecD &global, const RVecD &pf) {
  for (size_t i = 0; i < passes.size(); ++i) {
    if (!passes[i]) continue;
    const int j = find(pt[i], eta[i], phi[i], pts, etas, phis);
    passes[i] = j >= 0 && global[j] && pf[j];
  }
  return passes;
}
Flags good_tracks(Flags passes, const RVecD &pt, const RVecD &eta, const RVecD &phi,
                  const RVecD &pts, const RVecD &etas, const RVecD &phis, const RVecD &dz,
                  const RVecD &dxy) {
  for (size_t i = 0; i < passes.size(); ++i) {
    if (!passes[i]) continue;
    const int j = find(pt[i], eta[i], phi[i], pts, etas, phis);
    passes[i] = j >= 0 && std::abs(dz[j]) < 20 && std::abs(dxy[j]) < 0.3;
  }
  return passes;
}
Flags phi(Flags passes, const RVecD &pt1, const RVecD &eta1, const RVecD &phi1, const RVecD &pt2,
          const RVecD &eta2, const RVecD &phi2) {
  const double m = 0.1056583755;
  for (size_t i = 0; i < passes.size(); ++i) {
    if (!passes[i]) continue;
    const double x = pt1[i] * std::cos(phi1[i]) + pt2[i] * std::cos(phi2[i]);
    const double y = pt1[i] * std::sin(phi1[i]) + pt2[i] * std::sin(phi2[i]);
    const double z = pt1[i] * std::sinh(eta1[i]) + pt2[i] * std::sinh(eta2[i]);
    const double e = std::hypot(pt1[i] * std::cosh(eta1[i]), m) +
                     std::hypot(pt2[i] * std::cosh(eta2[i]), m);
    const double mass = std::sqrt(e * e - x * x - y * y - z * z);
    passes[i] = mass > 1.00 && mass < 1.04;
  }
  return passes;
}
Flags trigmatch(Flags passes, const RVecD &dr1, const RVecD &dr2) {
  for (size_t i = 0; i < passes.size(); ++i)
    passes[i] = passes[i] && dr1[i] < 0.03 && dr2[i] < 0.03;
  return passes;
}
int best(const Flags &passes, const RVecD &chi2) {
  int found = -1;
  for (size_t i = 0; i < chi2.size(); ++i)
    if (passes[i] && (found < 0 || chi2[i] < chi2[found])) found = i;
  return found;
}
// Two whole numbers in one double, since ROOT has compiled code for taking doubles.
double pair(unsigned high, unsigned low) { return high * 4294967296. + low; }
}
#endif
"""
EVENT_CUTS = {
    "hlt": 'peer::fired(Trigger_hltname, Trigger_hltdecision, "HLT_DoubleMu3_Trk_Tau3mu_v", '
    '"HLT_DoubleMu3_Trk_Tau3mu_v")',
    "l1": 'peer::fired(Trigger_l1name, Trigger_l1decision, "L1_DoubleMu", "L1_TripleMu")',
}
DIRECTIONS = ", ".join(f"{leg}_{name}" for leg in ("Mu01", "Mu02", "Tr") for name in ("Eta", "Phi"))
REFITTED = ", ".join(f"RefTrack{i}_{name}" for i in (1, 2) for name in ("Pt", "Eta", "Phi"))
MUONS = "MuonPt, MuonEta, MuonPhi, Muon_isGlobal, Muon_isPF"
TRACKS = "Track_pt, Track_eta, Track_phi, Track_dz, Track_dxy"
TRIPLET_CUTS = {  # PASSES stands for the flags of the step before
    "vertex": "peer::vertex(Triplet2_Mass, RefittedPV2_NTracks, FlightDistBS_SV_Significance)",
    "acceptance": "peer::acceptance(PASSES, Mu01_Pt, Mu01_Eta, Mu02_Pt, Mu02_Eta, Tr_Pt)",
    "deltaR": f"peer::separated(PASSES, {DIRECTIONS})",
    "id_ip": "peer::good_tracks(peer::good_muons(peer::good_muons(PASSES, "
    f"Mu01_Pt, Mu01_Eta, Mu01_Phi, {MUONS}), Mu02_Pt, Mu02_Eta, Mu02_Phi, {MUONS}), "
    f"Tr_Pt, Tr_Eta, Tr_Phi, {TRACKS})",
    "phi": f"peer::phi(PASSES, {REFITTED})",
    "trigmatch": "peer::trigmatch(PASSES, Mu1_dRtriggerMatch_2017, Mu2_dRtriggerMatch_2017)",
}


def book(frame):
    """Returns the counts, the mass spectrum and the rows of the candidates, not yet computed."""
    counts = {"all": frame.Count()}
    for name, expression in EVENT_CUTS.items():
        frame = frame.Filter(expression, name)
        counts[name] = frame.Count()
    passes = ""
    for name, expression in TRIPLET_CUTS.items():
        frame = frame.Define(f"passes_{name}", expression.replace("PASSES", passes))
        passes = f"passes_{name}"
        frame = frame.Filter(f"peer::any({passes})", name)
        counts[name] = frame.Count()
    frame = frame.Define("triplet", f"peer::best({passes}, TripletVtx2_Chi2)")
    frame = frame.Define("mass", "Triplet2_Mass[triplet]")
    frame = frame.Define("place", "peer::pair(run, triplet)").Define(
        "event", "peer::pair(lumi, evt)"
    )
    histogram = frame.Histo1D(("mass", "mass", 62, 1.65, 2.01), "mass")
    return counts, histogram, frame.AsNumpy(["place", "event", "mass"], lazy=True)


def distributed(options):
    """Returns a data frame whose events are processed by Dask workers."""
    import ROOT
    from dask.distributed import Client, LocalCluster

    cluster = options.scheduler or LocalCluster(
        n_workers=options.workers, threads_per_worker=1, dashboard_address=None
    )
    client = Client(cluster)
    ready = time.time()

    def declare():
        ROOT.gInterpreter.Declare(CPP)

    ROOT.RDF.Distributed.initialize(declare)
    workers = len(client.scheduler_info(n_workers=-1)["workers"])
    frame = ROOT.RDataFrame(TREE, options.files, executor=client, npartitions=4 * workers)
    return frame, ready


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--scheduler")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    import ROOT

    ROOT.gROOT.SetBatch(True)
    imported = time.time()
    if options.workers or options.scheduler:
        frame, begin = distributed(options)
    else:
        if options.threads > 1:
            ROOT.EnableImplicitMT(options.threads)
        ROOT.gInterpreter.Declare(CPP)
        frame, begin = ROOT.RDataFrame(TREE, options.files), time.time()
    counts, histogram, found = book(frame)
    entries = int(histogram.GetValue().GetEntries())
    steps = {name: int(count.GetValue()) for name, count in counts.items()}
    found = found.GetValue()
    rows = [
        [place // SHIFT, event // SHIFT, event % SHIFT, place % SHIFT, mass]
        for place, event, mass in zip(
            *(found[name].tolist() for name in ("place", "event", "mass")), strict=True
        )
    ]
    if entries != len(rows):
        sys.exit(f"{len(rows)} candidates, but a histogram with {entries} entries")
    times = {"imported": imported, "reading": begin, "read": time.time()}
    print(json.dumps({"steps": steps, "candidates": rows, "times": times}))


if __name__ == "__main__":
    main()
