"""Evaluates and fits models in HS3 with RooFit; run with a Python that has ROOT.

    python roofit_hs3.py JOB.json > ANSWER.json

A job is a list of `{"hs3": FILE, "points": [{NAME: VALUE}], "r": [VALUE]}`. For each, the answer
has the NLL at all points, and 2 ΔNLL of fits with fixed r over that of the best fit with r ≥ 0.
"""

from __future__ import annotations

import json
import sys

import ROOT


def answer(job):
    workspace = ROOT.RooWorkspace("workspace")
    ROOT.RooJSONFactoryWSTool(workspace).importJSON(job["hs3"])
    with open(job["hs3"], encoding="utf-8") as file:  # noqa: PTH123 - an old Python may do
        content = json.load(file)
    likelihood = content["likelihoods"][0]
    terms = []
    for channel, data in zip(likelihood["distributions"], likelihood["data"], strict=True):
        pdf = workspace.pdf(channel)
        terms.append(pdf.createNLL(workspace.data(data), Extended=bool(pdf.canBeExtended())))
    kept = [
        ROOT.RooFormulaVar(f"log_{name}", "-log(@0)", ROOT.RooArgList(workspace.pdf(name)))
        for name in likelihood["aux_distributions"]
    ]
    everything = ROOT.RooArgList()
    for term in [*terms, *kept]:
        everything.add(term)
    total = ROOT.RooAddition("total", "total", everything)
    variables = {
        one["name"]: workspace.var(one["name"])
        for one in content["parameter_points"][0]["parameters"]
    }
    start = {name: variable.getVal() for name, variable in variables.items()}

    def put(point):
        for name, value in (start | point).items():
            variables[name].setVal(value)

    values = []
    for point in job["points"]:
        put(point)
        values.append(total.getVal())

    def fitted(r):
        put(job["points"][0] | ({} if r is None else {"r": r}))
        variables["r"].setConstant(r is not None)
        for strategy in (1, 2):
            minimizer = ROOT.RooMinimizer(total)
            minimizer.setPrintLevel(-1)
            minimizer.setEps(1e-3)
            minimizer.setStrategy(strategy)
            minimizer.minimize("Minuit2", "migrad")
        return total.getVal()

    best = fitted(None) if job["r"] else 0.0
    return {"nll": values, "q": [2 * (fitted(r) - best) for r in job["r"]]}


if __name__ == "__main__":
    ROOT.RooMsgService.instance().setGlobalKillBelow(ROOT.RooFit.FATAL)
    with open(sys.argv[1], encoding="utf-8") as jobs:  # noqa: PTH123
        answers = [answer(job) for job in json.load(jobs)]
    # C++ writes to the output too.
    print("\nANSWER " + json.dumps({"root": ROOT.gROOT.GetVersion(), "answers": answers}))
