"""Upper limits by RooStats on an extra peak of the shipped fit dsphipi.

    python roostats_dsphipi_limits.py > roostats_dsphipi_limits.json

needs ROOT (`pip install ROOT`) and NumPy. Counts are drawn with fixed seeds from a truth without
signal; of "excess" the peak fits above zero, of "deficit" below.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import ROOT

EDGES = np.linspace(1.65, 2.01, 63)
SEEDS = {"excess": 3, "deficit": 5}
TRUTH = {"nDs": 2000.0, "nDplus": 900.0, "nBkg": 3000.0}
SCAN = 0.0, 120.0, 121
LOWEST = -200.0


def workspace(lowest):
    """Returns the fit with the yield of the extra peak from a lowest value on."""
    made = ROOT.RooWorkspace("w")
    for line in (
        "mass[1.65, 2.01]",
        (
            "RooCBShape::Ds(mass, mean_Ds[1.968, 1.94, 2.0], sigma_Ds[0.014, 0.005, 0.03], "
            "alpha_Ds[1.5, 0.5, 5], 3)"
        ),
        (
            "RooCBShape::Dplus(mass, mean_Dplus[1.869, 1.84, 1.89], "
            "sigma_Dplus[0.014, 0.005, 0.03], alpha_Dplus[1.5, 0.5, 5], 3)"
        ),
        "Exponential::Bkg(mass, slope[-1, -10, 5])",
        "Gaussian::Sig(mass, 1.777, 0.012)",
        (
            f"SUM::sum(nSig[0, {lowest}, 2000]*Sig, nDs[2000, 0, 10000]*Ds, "
            "nDplus[900, 0, 10000]*Dplus, nBkg[3000, 0, 10000]*Bkg)"
        ),
    ):
        made.factory(line)
    made["mass"].setBins(len(EDGES) - 1)  # bins of the integrals, not only of the data
    made.Import(ROOT.RooBinSamplingPdf("model", "", made["mass"], made["sum"], 1e-6))
    return made


def counts_of(seed):
    """Returns random counts without signal."""
    made = workspace(0.0)
    mass, centers = made["mass"], (EDGES[1:] + EDGES[:-1]) / 2
    for name, value in TRUTH.items():
        made[name].setVal(value)
    expected, observables = np.zeros(len(centers)), ROOT.RooArgSet(mass)
    for name, value in (("Ds", TRUTH["nDs"]), ("Dplus", TRUTH["nDplus"]), ("Bkg", TRUTH["nBkg"])):
        pdf = made.pdf(name)
        cumulative = pdf.createCdf(observables)
        at = []
        for edge in EDGES:
            mass.setVal(edge)
            at.append(cumulative.getVal())
        expected += value * np.diff(at) / (at[-1] - at[0])
    return np.random.default_rng(seed).poisson(expected)


def limits(counts, lowest, level):
    """Returns the limits of CLs at a level."""
    made = workspace(lowest)
    mass = made["mass"]
    histogram = ROOT.TH1D("h", "", len(EDGES) - 1, EDGES[0], EDGES[-1])
    for number, content in enumerate(counts, 1):
        histogram.SetBinContent(number, float(content))
    data = ROOT.RooDataHist("data", "", ROOT.RooArgList(mass), histogram)
    both = ROOT.RooStats.ModelConfig("both", made)
    both.SetPdf(made["model"])
    both.SetObservables(ROOT.RooArgSet(mass))
    both.SetParametersOfInterest(ROOT.RooArgSet(made["nSig"]))
    names = "mean_Ds sigma_Ds alpha_Ds mean_Dplus sigma_Dplus alpha_Dplus slope nDs nDplus nBkg"
    nuisances = ROOT.RooArgSet()
    for name in names.split():
        nuisances.add(made[name])
    both.SetNuisanceParameters(nuisances)
    made["nSig"].setVal(30.0)
    both.SetSnapshot(ROOT.RooArgSet(made["nSig"]))
    alone = both.Clone("alone")
    made["nSig"].setVal(0.0)
    alone.SetSnapshot(ROOT.RooArgSet(made["nSig"]))
    made["nSig"].setVal(1.0)
    best = made["model"].fitTo(data, ROOT.RooFit.Save(), ROOT.RooFit.PrintLevel(-1))
    calculator = ROOT.RooStats.AsymptoticCalculator(data, alone, both)
    calculator.SetOneSided(True)
    inverter = ROOT.RooStats.HypoTestInverter(calculator)
    inverter.SetConfidenceLevel(level)
    inverter.UseCLs(True)
    inverter.SetVerbose(False)
    low, high, points = SCAN
    inverter.SetFixedScan(points, low, high)
    found = inverter.GetInterval()
    return {
        "best": best.floatParsFinal().find("nSig").getVal(),
        "expected": {str(n): found.GetExpectedUpperLimit(n) for n in (-2, -1, 0, 1, 2)},
        "observed": found.UpperLimit(),
    }


def main():
    """Prints the limits as JSON."""
    ROOT.RooMsgService.instance().setGlobalKillBelow(ROOT.RooFit.ERROR)
    ROOT.RooStats.AsymptoticCalculator.SetPrintLevel(-1)
    content = {
        "comment": f"Limits of RooStats (ROOT {ROOT.gROOT.GetVersion()}, AsymptoticCalculator and "
        "HypoTestInverter, CLs, one-sided) on the yield of a Gaussian at 1.777 of width 0.012 in "
        "the fit dsphipi; made by roostats_dsphipi_limits.py. q_tilde: the yield is not below 0; "
        f"q: from {LOWEST:g} on.",
        "edges": [EDGES[0], EDGES[-1], len(EDGES) - 1],
        "data": {},
    }
    for name, seed in SEEDS.items():
        counts = counts_of(seed)
        content["data"][name] = {
            "counts": counts.tolist(),
            **{
                f"{kind} {level}": limits(counts, lowest, level)
                for kind, lowest in (("q_tilde", 0.0), ("q", LOWEST))
                for level in (0.9, 0.95)
            },
        }
    json.dump(content, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
