"""Fits in RooFit, for comparison: run by the python of an environment that has ROOT.

usage: roofit_peer.py HISTOGRAM.json   prints one JSON object with the numbers of both fits
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import ROOT
from ROOT import RooFit

QUIET = RooFit.PrintLevel(-1)
EXACT = RooFit.IntegrateBins(1e-6)


def spectrum(contents):
    """The D_s and D+ peaks with tails on the left, and an exponential."""
    x = ROOT.RooRealVar("m", "", 1.65, 2.01)
    x.setBins(len(contents))
    histogram = ROOT.TH1D("h", "", len(contents), 1.65, 2.01)
    for i, content in enumerate(contents):
        histogram.SetBinContent(i + 1, content)
    data = ROOT.RooDataHist("d", "", ROOT.RooArgList(x), histogram)
    keep = [x, histogram]
    pdfs, yields = ROOT.RooArgList(), ROOT.RooArgList()
    total = sum(contents)
    for name, mean, low, high, part in (
        ("Ds", 1.968, 1.94, 2.0, 0.4), ("Dplus", 1.869, 1.84, 1.89, 0.2),
    ):  # fmt: skip
        parameters = [
            ROOT.RooRealVar(f"mean_{name}", "", mean, low, high),
            ROOT.RooRealVar(f"sigma_{name}", "", 0.014, 0.005, 0.03),
            ROOT.RooRealVar(f"alpha_{name}", "", 1.5, 0.5, 5),
            ROOT.RooRealVar(f"power_{name}", "", 3),
        ]
        shape = ROOT.RooCBShape(f"pdf_{name}", "", x, *parameters)
        number = ROOT.RooRealVar(f"n{name}", "", part * total, 0, 2 * total)
        keep += [*parameters, shape, number]
        pdfs.add(shape)
        yields.add(number)
    slope = ROOT.RooRealVar("slope", "", -1, -10, 5)
    background = ROOT.RooExponential("pdf_bkg", "", x, slope)
    number = ROOT.RooRealVar("nBkg", "", 0.4 * total, 0, 2 * total)
    pdfs.add(background)
    yields.add(number)
    model = ROOT.RooAddPdf("model", "", pdfs, yields)
    return model, data, [*keep, slope, background, number]


def main():
    ROOT.RooMsgService.instance().setGlobalKillBelow(RooFit.ERROR)
    contents = json.loads(Path(sys.argv[1]).read_text())["hist"]
    model, data, _keep = spectrum(contents)
    start = model.getParameters(data).snapshot()
    seconds = []
    for _ in range(5):
        model.getParameters(data).assign(start)
        begin = time.perf_counter()
        result = model.fitTo(data, RooFit.Extended(True), RooFit.Save(True), EXACT, QUIET)
        seconds.append(time.perf_counter() - begin)
    values = {p.GetName(): [p.getVal(), p.getError()] for p in result.floatParsFinal()}
    print(json.dumps({"first": seconds[0], "again": min(seconds[1:]), "values": values}))


if __name__ == "__main__":
    main()
