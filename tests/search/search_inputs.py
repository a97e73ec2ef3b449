"""The files of a search, to be changed by tests."""

from __future__ import annotations

import json

from tau3mu.search import load_config, search

ORIGINS = ("ds", "bplus", "bzero")


def data(*files, era="2017B", lumi=1.0):
    facts = {"is_mc": False, "era": era} | ({} if lumi is None else {"lumi": lumi})
    return {"files": dict.fromkeys(files), "metadata": facts}


def simulation(file, era="2017B"):
    return {"files": {file: None}, "metadata": {"is_mc": True, "era": era}}


class Inputs:
    """The files of a search in a folder, to be changed before it is loaded."""

    def __init__(self, ntuples, folder):
        self.folder = folder
        control, tau = ntuples / "control", ntuples / "tau"
        self.control = {
            "Data": data(str(control / "Tree_PhiPi_1.root")),
            "Ds": simulation(str(control / "Tree_PhiPi_MC_1.root")),
        }
        self.tau = {"Data": data(str(tau / "TreeData_1.root"))}
        self.tau |= {one: simulation(str(tau / f"TreeMC_{one}_1.root")) for one in ORIGINS}
        self.search = {
            "schema_version": 1,
            "control": {"datasets": "control.json", "simulation": "Ds"},
            "search": {"datasets": "tau.json", "simulation": {one: one for one in ORIGINS}},
        }

    def load(self):
        for name in ("control", "tau", "search"):
            (self.folder / f"{name}.json").write_text(json.dumps(getattr(self, name)))
        return load_config(self.folder / "search.json")

    def datasets(self):
        return search(self.load(), self.folder / "out", until="datasets", resume=True)
