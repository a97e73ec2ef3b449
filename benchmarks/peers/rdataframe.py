"""D_s→φ(μμ)π with RDataFrame: the same selection, just-in-time compiled by ROOT.

usage: rdataframe.py [--threads N | --workers N | --scheduler ADDRESS] FILES...

See `rdf_program` for the options and the output.
"""

from __future__ import annotations

from rdf_program import Selection, arguments, main

CPP = r"""
#ifndef TAU3MU_PEER_CONTROL
#define TAU3MU_PEER_CONTROL
namespace peer {
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
  const double away = distance(eta1, phi1, eta2, phi2);
  return away > 1e-4 && away < 0.8;
}
Flags separated(Flags passes, const RVecD &eta1, const RVecD &phi1, const RVecD &eta2,
                const RVecD &phi2, const RVecD &eta3, const RVecD &phi3) {
  for (size_t i = 0; i < passes.size(); ++i)
    passes[i] = passes[i] && apart(eta1[i], phi1[i], eta2[i], phi2[i]) &&
                apart(eta1[i], phi1[i], eta3[i], phi3[i]) &&
                apart(eta2[i], phi2[i], eta3[i], phi3[i]);
  return passes;
}
Flags good_muons(Flags passes, const RVecD &pt, const RVecD &eta, const RVecD &phi,
                 const RVecF &pts, const RVecF &etas, const RVecF &phis, const RVecD &global,
                 const RVecD &pf) {
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
  for (size_t i = 0; i < passes.size(); ++i) {
    if (!passes[i]) continue;
    Momentum both(pt1[i], eta1[i], phi1[i]);
    both += Momentum(pt2[i], eta2[i], phi2[i]);
    const double mass = std::sqrt(both.mass2());
    passes[i] = mass > 1.00 && mass < 1.04;
  }
  return passes;
}
Flags trigmatch(Flags passes, const RVecD &dr1, const RVecD &dr2) {
  for (size_t i = 0; i < passes.size(); ++i)
    passes[i] = passes[i] && dr1[i] < 0.03 && dr2[i] < 0.03;
  return passes;
}
}
#endif
"""
DIRECTIONS = ", ".join(f"{leg}_{name}" for leg in ("Mu01", "Mu02", "Tr") for name in ("Eta", "Phi"))
REFITTED = ", ".join(f"RefTrack{i}_{name}" for i in (1, 2) for name in ("Pt", "Eta", "Phi"))
MUONS = "MuonPt, MuonEta, MuonPhi, Muon_isGlobal, Muon_isPF"
TRACKS = "Track_pt, Track_eta, Track_phi, Track_dz, Track_dxy"
CONTROL = Selection(
    tree="Tree3Mu/ntuple",
    functions=CPP,
    event_cuts={
        "hlt": 'peer::fired(Trigger_hltname, Trigger_hltdecision, {"HLT_DoubleMu3_Trk_Tau3mu_v"})',
        "l1": 'peer::fired(Trigger_l1name, Trigger_l1decision, {"L1_DoubleMu", "L1_TripleMu"})',
    },
    triplet_cuts={
        "vertex": "peer::vertex(Triplet2_Mass, RefittedPV2_NTracks, FlightDistBS_SV_Significance)",
        "acceptance": "peer::acceptance(PASSES, Mu01_Pt, Mu01_Eta, Mu02_Pt, Mu02_Eta, Tr_Pt)",
        "deltaR": f"peer::separated(PASSES, {DIRECTIONS})",
        "id_ip": "peer::good_tracks(peer::good_muons(peer::good_muons(PASSES, "
        f"Mu01_Pt, Mu01_Eta, Mu01_Phi, {MUONS}), Mu02_Pt, Mu02_Eta, Mu02_Phi, {MUONS}), "
        f"Tr_Pt, Tr_Eta, Tr_Phi, {TRACKS})",
        "phi": f"peer::phi(PASSES, {REFITTED})",
        "trigmatch": "peer::trigmatch(PASSES, Mu1_dRtriggerMatch_2017, Mu2_dRtriggerMatch_2017)",
    },
    mass="Triplet2_Mass",
    chi2="TripletVtx2_Chi2",
    axis=(62, 1.65, 2.01),
)


if __name__ == "__main__":
    main(CONTROL, arguments().parse_args())
