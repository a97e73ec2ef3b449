"""τ→3μ with RDataFrame: the same selection, without blinding, just-in-time compiled by ROOT.

usage: rdataframe_tau3mu.py [--year 2018] [--inputs]
                            [--threads N | --workers N | --scheduler ADDRESS] FILES...

See `rdf_program` for the options and the output. Rows end with the number of global muons, 3 or 2
where one is a tracker muon, and with the category of the mass resolution, 0 to 2. With --inputs,
the inputs of the discriminant are computed too.
"""

from __future__ import annotations

from rdf_program import Selection, arguments, main

CPP = r"""
#ifndef TAU3MU_PEER_SEARCH
#define TAU3MU_PEER_SEARCH
#include <algorithm>
#include <vector>
namespace peer {
using Indices = ROOT::RVecI;  // per triplet, where the muon of a leg stands; -1 without one

Flags vertex(const RVecD &mass, const RVecD &chi2) {
  Flags passes(mass.size());
  for (size_t i = 0; i < mass.size(); ++i) passes[i] = mass[i] != -99 && chi2[i] >= 0;
  return passes;
}
Flags flight(Flags passes, const RVecD &significance) {
  for (size_t i = 0; i < passes.size(); ++i) passes[i] = passes[i] && significance[i] >= 2;
  return passes;
}
Indices muons_of(const Flags &passes, const RVecD &pt, const RVecD &eta, const RVecD &phi,
                 const RVecF &pts, const RVecF &etas, const RVecF &phis) {
  Indices found(passes.size(), -1);
  for (size_t i = 0; i < passes.size(); ++i)
    if (passes[i]) found[i] = find(pt[i], eta[i], phi[i], pts, etas, phis);
  return found;
}
int global_muons(int a, int b, int c, const RVecD &global) {
  return (global[a] != 0) + (global[b] != 0) + (global[c] != 0);
}
Flags identified(Flags passes, const Indices &one, const Indices &two, const Indices &three,
                 const RVecD &pf, const RVecD &global, const RVecD &tracker) {
  for (size_t i = 0; i < passes.size(); ++i) {
    if (!passes[i]) continue;
    bool good = true, only_tracker = false;
    for (int j : {one[i], two[i], three[i]}) {
      good = good && j >= 0 && pf[j];
      only_tracker = only_tracker || (good && tracker[j] && !global[j]);
    }
    const int n = good ? global_muons(one[i], two[i], three[i], global) : 0;
    passes[i] = n == 3 || (n == 2 && only_tracker);
  }
  return passes;
}
Flags acceptance(Flags passes, const RVecD &pt, const RVecD &eta) {
  for (size_t i = 0; i < passes.size(); ++i) {
    const double away = std::abs(eta[i]);
    passes[i] = passes[i] && pt[i] > 2 && away < 2.4 && (away >= 1.2 || pt[i] >= 3.5);
  }
  return passes;
}
Flags window(Flags passes, const RVecD &mass) {
  for (size_t i = 0; i < passes.size(); ++i)
    passes[i] = passes[i] && mass[i] > 1.62 && mass[i] < 2.02;
  return passes;
}
Flags near(Flags passes, const RVecD &eta1, const RVecD &phi1, const Indices &muon1,
           const RVecD &eta2, const RVecD &phi2, const Indices &muon2, const RVecD &z) {
  for (size_t i = 0; i < passes.size(); ++i)
    passes[i] = passes[i] && distance(eta1[i], phi1[i], eta2[i], phi2[i]) < 0.8 &&
                std::abs(z[muon1[i]] - z[muon2[i]]) < 0.5;
  return passes;
}
// Takes the closest leg and object again and again, until each leg has one of its own.
bool confirmed(const double (&pt)[3], const double (&eta)[3], const double (&phi)[3],
               const RVecD &pts, const RVecD &etas, const RVecD &phis) {
  std::vector<bool> used(pts.size());
  for (size_t j = 0; j < pts.size(); ++j)  // repetitions count once
    for (size_t k = 0; k < j && !used[j]; ++k)
      used[j] = pts[j] == pts[k] && etas[j] == etas[k] && phis[j] == phis[k];
  bool served[3] = {};
  for (int turn = 0; turn < 3; ++turn) {
    double smallest = 0.03;
    int leg = -1, object = -1;
    for (int i = 0; i < 3; ++i)
      for (size_t j = 0; j < pts.size() && !served[i]; ++j) {
        if (used[j] || !(std::abs(pts[j] / pt[i] - 1) < 0.1)) continue;
        const double away = distance(eta[i], phi[i], etas[j], phis[j]);
        if (away < smallest) smallest = away, leg = i, object = j;
      }
    if (leg < 0) return false;
    served[leg] = used[object] = true;
  }
  return true;
}
Flags trigmatch(Flags passes, const RVecD &pt1, const RVecD &eta1, const RVecD &phi1,
                const RVecD &pt2, const RVecD &eta2, const RVecD &phi2, const RVecD &pt3,
                const RVecD &eta3, const RVecD &phi3, const RVecD &pts, const RVecD &etas,
                const RVecD &phis) {
  for (size_t i = 0; i < passes.size(); ++i)
    passes[i] = passes[i] && confirmed({pt1[i], pt2[i], pt3[i]}, {eta1[i], eta2[i], eta3[i]},
                                       {phi1[i], phi2[i], phi3[i]}, pts, etas, phis);
  return passes;
}
// What the relative uncertainty of the pt of a leg makes of m²: m δm.
double share(const Momentum &total, double pt, double eta, double phi, double error) {
  const Momentum leg(pt, eta, phi);
  const double p2 = std::pow(pt * std::cosh(eta), 2);
  return error * (total.e * p2 / leg.e - total.x * leg.x - total.y * leg.y - total.z * leg.z);
}
// The category of the relative uncertainty of the mass: 0, 1 and 2 for A, B and C.
Indices categories(const Flags &passes, const RVecD &pt1, const RVecD &eta1, const RVecD &phi1,
                   const Indices &muon1, const RVecD &pt2, const RVecD &eta2, const RVecD &phi2,
                   const Indices &muon2, const RVecD &pt3, const RVecD &eta3, const RVecD &phi3,
                   const Indices &muon3, const RVecD &errors) {
  Indices found(passes.size(), -1);
  for (size_t i = 0; i < passes.size(); ++i) {
    if (!passes[i]) continue;
    Momentum total(pt1[i], eta1[i], phi1[i]);
    total += Momentum(pt2[i], eta2[i], phi2[i]);
    total += Momentum(pt3[i], eta3[i], phi3[i]);
    const double relative =
        std::hypot(share(total, pt1[i], eta1[i], phi1[i], errors[muon1[i]]),
                   share(total, pt2[i], eta2[i], phi2[i], errors[muon2[i]]),
                   share(total, pt3[i], eta3[i], phi3[i], errors[muon3[i]])) / total.mass2();
    found[i] = relative < 0.007 ? 0 : relative < 0.0105 ? 1 : 2;
  }
  return found;
}
// Leaves out triplets with an ω or a φ, if the charges are opposite.
Flags veto(Flags passes, const RVecD &pt1, const RVecD &eta1, const RVecD &phi1,
           const Indices &muon1, const RVecD &pt2, const RVecD &eta2, const RVecD &phi2,
           const Indices &muon2, const RVecD &charge, const Indices &category) {
  constexpr double low[] = {0.998, 0.991, 0.984}, high[] = {1.040, 1.047, 1.054};
  for (size_t i = 0; i < passes.size(); ++i) {
    if (!passes[i] || charge[muon1[i]] * charge[muon2[i]] >= 0) continue;
    Momentum both(pt1[i], eta1[i], phi1[i]);
    both += Momentum(pt2[i], eta2[i], phi2[i]);
    const double mass = std::sqrt(both.mass2());
    passes[i] = (mass <= 0.77266 || mass >= 0.79266) &&
                (mass <= low[category[i]] || mass >= high[category[i]]);
  }
  return passes;
}
double largest(double a, double b, double c) { return std::max({a, b, c}); }
double smallest(double a, double b, double c) { return std::min({a, b, c}); }
// The angle between a momentum and the way from one place to another.
double angle(double pt, double eta, double phi, double x, double y, double z) {
  const Momentum p(pt, eta, phi);
  const double cross =
      std::hypot(y * p.z - z * p.y, z * p.x - x * p.z, x * p.y - y * p.x);
  return std::atan2(cross, x * p.x + y * p.y + z * p.z);
}
}
#endif
"""
PATHS = {"2017": "HLT_DoubleMu3_Trk_Tau3mu_v", "2018": "HLT_DoubleMu3_TkMu_DsTau3Mu_v"}
SEEDS = (
    "L1_DoubleMu0er1p5_SQ_OS_dR_Max1p4",
    "L1_DoubleMu0er1p4_SQ_OS_dR_Max1p4",
    "L1_DoubleMu4_SQ_OS_dR_Max1p2",
    "L1_DoubleMu4p5_SQ_OS_dR_Max1p2",
    "L1_TripleMu_5_3_0_DoubleMu_5_3_OS_Mass_Max17",
    "L1_TripleMu_5SQ_3SQ_0_DoubleMu_5_3_SQ_OS_Mass_Max9",
)
OBJECTS = {
    year: ", ".join(f"Muon{name}_{label}" for name in ("Pt", "Eta", "Phi"))
    for year, label in {"2017": "HLT2017", "2018": "HLT"}.items()
}
MOMENTA = [f"Mu{i}_Pt, Mu{i}_Eta, Mu{i}_Phi" for i in (1, 2, 3)]
LEGS = [f"{momentum}, muon{i}" for i, momentum in enumerate(MOMENTA, 1)]
DIRECTIONS = [f"Mu{i}_Eta, Mu{i}_Phi, muon{i}" for i in (1, 2, 3)]
PAIRS = ((0, 1), (0, 2), (1, 2))


QUALITIES = ", ".join(f"NAME[muon{i}[triplet]]" for i in (1, 2, 3))
IMPACTS = ", ".join(f"std::abs(dxy_mu{i}[triplet] / dxyErr_mu{i}[triplet])" for i in (1, 2, 3))
FLIGHT = ", ".join(f"TripletVtx_{x}[triplet] - RefittedPV_{x}[triplet]" for x in "xyz")
INPUTS = {
    **{
        name: f"peer::{which}({QUALITIES.replace('NAME', branch)})"
        for name, which, branch in (
            ("max_chi2_local_position", "largest", "Muon_combinedQuality_chi2LocalPosition"),
            ("max_trk_kink", "largest", "Muon_combinedQuality_trkKink"),
            ("max_trk_rel_chi2", "largest", "Muon_combinedQuality_trkRelChi2"),
            ("min_segment_compatibility", "smallest", "Muon_segmentCompatibility"),
        )
    },
    "vertex_chi2_per_dof": "TripletVtx_Chi2[triplet] / 3",
    "pointing_angle": "peer::angle(Triplet_Pt[triplet], Triplet_Eta[triplet], "
    f"Triplet_Phi[triplet], {FLIGHT})",
    "min_dca_iso": "Triplet_mindca_iso[triplet] == 9999 ? NAN : Triplet_mindca_iso[triplet]",
    "min_dxy_significance": f"peer::smallest({IMPACTS})",
    "max_dxy_significance": f"peer::largest({IMPACTS})",
}


def nested(call, arguments):
    """Returns the flags of a function that is called with each of some arguments in turn."""
    expression = "PASSES"
    for each in arguments:
        expression = call.format(expression, each)
    return expression


def search(year, *, inputs=False):
    """Returns the selection of a year, maybe with the inputs of the discriminant."""
    seeds = ", ".join(f'"{seed}"' for seed in SEEDS)
    return Selection(
        tree="TreeMakerBkg/ntuple",
        functions=CPP,
        event_cuts={
            "hlt": f'peer::fired(Trigger_hltname, Trigger_hltdecision, {{"{PATHS[year]}"}})',
            "l1": f"peer::fired(Trigger_l1name, Trigger_l1decision, {{{seeds}}}, true)",
        },
        triplet_cuts={
            "vertex": "peer::vertex(Triplet_Mass, TripletVtx_Chi2)",
            "flight": "peer::flight(PASSES, FlightDistBS_SV_Significance)",
            "id": "peer::identified(PASSES, muon1, muon2, muon3, Muon_isPF, Muon_isGlobal, "
            "Muon_isTrackerMuon)",
            "acceptance": nested(
                "peer::acceptance({}, {})", [f"Mu{i}_Pt, Mu{i}_Eta" for i in (1, 2, 3)]
            ),
            "mass": "peer::window(PASSES, Triplet_Mass)",
            "pairs": nested(
                "peer::near({}, {}, Muon_vz)",
                [f"{DIRECTIONS[i]}, {DIRECTIONS[j]}" for i, j in PAIRS],
            ),
            "trigmatch": f"peer::trigmatch(PASSES, {', '.join(MOMENTA)}, {OBJECTS[year]})",
            "veto": nested(
                "peer::veto({}, {}, MuonCharge, categories)",
                [f"{LEGS[i]}, {LEGS[j]}" for i, j in PAIRS],
            ),
        },
        columns={
            "id": {
                f"muon{i}": f"peer::muons_of(PASSES, {momentum}, MuonPt, MuonEta, MuonPhi)"
                for i, momentum in enumerate(MOMENTA, 1)
            },
            "veto": {
                "categories": f"peer::categories(PASSES, {', '.join(LEGS)}, Muon_ptErrOverPt)"
            },
        },
        mass="Triplet_Mass",
        chi2="TripletVtx_Chi2",
        axis=(40, 1.62, 2.02),
        numbers={
            "n_global": "1. * peer::global_muons(muon1[triplet], muon2[triplet], "
            "muon3[triplet], Muon_isGlobal)",
            "category": "1. * categories[triplet]",
        },
        quantities=INPUTS if inputs else {},
    )


if __name__ == "__main__":
    parser = arguments()
    parser.add_argument("--year", choices=list(PATHS), default="2017")
    parser.add_argument("--inputs", action="store_true")
    options = parser.parse_args()
    main(search(options.year, inputs=options.inputs), options)
