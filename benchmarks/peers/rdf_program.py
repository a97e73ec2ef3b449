"""What the RDataFrame programs share: their options, functions in C++, cutflow and output.

A program hands over a `Selection`. It is run by a python that has ROOT. With --workers it is
distributed on a local Dask cluster, with --scheduler on a running one of which the workers have
ROOT too. The files have the skims' own branches, as a TTree or as an RNTuple. Prints one JSON
object, see `measuring.runs.run_program`; with --list-events also the events left after each step.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field

SHIFT = 2**32
CPP = r"""
#ifndef TAU3MU_PEER
#define TAU3MU_PEER
#include <ROOT/RVec.hxx>
#include <cmath>
#include <initializer_list>
#include <string>
namespace peer {
using ROOT::RVecD;
using ROOT::RVecF;
using Flags = ROOT::RVecI;  // per triplet, whether it has passed so far
using Names = ROOT::RVec<std::string>;

const double muon_mass = 0.1056583755;

bool fired(const Names &names, const ROOT::RVecI &decisions,
           std::initializer_list<const char *> parts, bool begins = false) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (decisions[i] != 1) continue;
    for (const char *part : parts)
      if (begins ? names[i].rfind(part, 0) == 0 : names[i].find(part) != std::string::npos)
        return true;
  }
  return false;
}
bool any(const Flags &passes) {
  for (int p : passes)
    if (p) return true;
  return false;
}
double distance(double eta1, double phi1, double eta2, double phi2) {
  return std::hypot(eta1 - eta2, std::remainder(phi1 - phi2, 2 * M_PI));
}
// The object of which a leg is a copy, -1 without one; all are compared as floats.
template <typename T>
int find(double pt, double eta, double phi, const T &pts, const T &etas, const T &phis) {
  for (size_t j = 0; j < pts.size(); ++j)
    if (float(pt) == float(pts[j]) && float(eta) == float(etas[j]) && float(phi) == float(phis[j]))
      return j;
  return -1;
}
struct Momentum {
  double e = 0, x = 0, y = 0, z = 0;
  Momentum() = default;
  Momentum(double pt, double eta, double phi)
      : e(std::hypot(pt * std::cosh(eta), muon_mass)), x(pt * std::cos(phi)),
        y(pt * std::sin(phi)), z(pt * std::sinh(eta)) {}
  Momentum &operator+=(const Momentum &other) {
    e += other.e, x += other.x, y += other.y, z += other.z;
    return *this;
  }
  double mass2() const { return e * e - x * x - y * y - z * z; }
};
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


@dataclass(frozen=True)
class Selection:
    """A selection of triplets; PASSES in an expression stands for the flags of the step before.

    Attributes:
        tree: The path of the tree in the files.
        functions: Its own in C++.
        event_cuts: For each step its expression, true if the event passes.
        triplet_cuts: For each step its expression, the flags of all triplets.
        columns: Columns that are defined before a step, by its name.
        mass: The branch with the masses of triplets.
        chi2: The branch of which the smallest value makes the best triplet.
        axis: Bins and range of the histogram of masses.
        numbers: Further whole numbers of candidates, as doubles; `triplet` is the index of the
            best one in the vectors.
        quantities: Further quantities of candidates, which are doubles.
    """

    tree: str
    functions: str
    event_cuts: dict[str, str]
    triplet_cuts: dict[str, str]
    mass: str
    chi2: str
    axis: tuple[int, float, float]
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    quantities: dict[str, str] = field(default_factory=dict)


def book(frame, selection, *, list_events=False):
    """Returns what is to be computed of the events.

    These are the counts, the mass spectrum, the rows of the candidates, and the events left after
    each step, if they are asked for.
    """
    counts, events = {}, {}

    def count(step):
        counts[step] = frame.Count()
        if list_events:
            events[step] = frame.AsNumpy(["of_run", "event"], lazy=True)

    frame = frame.Define("event", "peer::pair(lumi, evt)")
    if list_events:
        frame = frame.Define("of_run", "1. * run")
    count("all")
    for name, expression in selection.event_cuts.items():
        frame = frame.Filter(expression, name)
        count(name)
    passes = ""
    for name, expression in selection.triplet_cuts.items():
        more = {**selection.columns.get(name, {}), f"passes_{name}": expression}
        for column, definition in more.items():
            frame = frame.Define(column, definition.replace("PASSES", passes))
        passes = f"passes_{name}"
        frame = frame.Filter(f"peer::any({passes})", name)
        count(name)
    frame = frame.Define("triplet", f"peer::best({passes}, {selection.chi2})")
    frame = frame.Define("mass", f"{selection.mass}[triplet]")
    frame = frame.Define("place", "peer::pair(run, triplet)")
    more = {**selection.numbers, **selection.quantities}
    for name, expression in more.items():
        frame = frame.Define(name, expression)
    histogram = frame.Histo1D(("mass", "mass", *selection.axis), "mass")
    rows = frame.AsNumpy(["place", "event", "mass", *more], lazy=True)
    return counts, histogram, rows, events


def numbers_of(columns):
    """Returns run, luminosity section and number of events."""
    pairs = zip(columns["of_run"].tolist(), columns["event"].tolist(), strict=True)
    return [[int(run), int(event // SHIFT), int(event % SHIFT)] for run, event in pairs]


def distributed(selection, options):
    """Returns a data frame whose events are processed by Dask workers, and when it was ready."""
    import ROOT
    from dask.distributed import Client, LocalCluster

    cluster = options.scheduler or LocalCluster(
        n_workers=options.workers, threads_per_worker=1, dashboard_address=None
    )
    client = Client(cluster)
    ready = time.time()
    code = CPP, selection.functions

    def declare():
        for each in code:
            ROOT.gInterpreter.Declare(each)

    ROOT.RDF.Distributed.initialize(declare)
    workers = len(client.scheduler_info(n_workers=-1)["workers"])
    frame = ROOT.RDataFrame(selection.tree, options.files, executor=client, npartitions=4 * workers)
    return frame, ready


def arguments():
    """Returns the parser of the options that all programs have."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--scheduler")
    parser.add_argument("--list-events", action="store_true")
    parser.add_argument("files", nargs="+")
    return parser


def main(selection, options):
    """Makes the selection and prints what it found."""
    import ROOT

    ROOT.gROOT.SetBatch(True)
    imported = time.time()
    if options.workers or options.scheduler:
        frame, begin = distributed(selection, options)
    else:
        if options.threads > 1:
            ROOT.EnableImplicitMT(options.threads)
        for code in (CPP, selection.functions):
            ROOT.gInterpreter.Declare(code)
        frame, begin = ROOT.RDataFrame(selection.tree, options.files), time.time()
    counts, histogram, found, events = book(frame, selection, list_events=options.list_events)
    entries = int(histogram.GetValue().GetEntries())
    steps = {name: int(count.GetValue()) for name, count in counts.items()}
    found = found.GetValue()
    numbers = [found[name].astype(int).tolist() for name in selection.numbers]
    rows = [
        [place // SHIFT, event // SHIFT, event % SHIFT, place % SHIFT, mass, *more]
        for place, event, mass, *more in zip(
            *(found[name].tolist() for name in ("place", "event", "mass")), *numbers, strict=True
        )
    ]
    if entries != len(rows):
        sys.exit(f"{len(rows)} candidates, but a histogram with {entries} entries")
    times = {"imported": imported, "reading": begin, "read": time.time()}
    answer = {"steps": steps, "candidates": rows, "times": times}
    answer["quantities"] = {name: found[name].tolist() for name in selection.quantities}
    if options.list_events:
        answer["events"] = {step: numbers_of(left.GetValue()) for step, left in events.items()}
    print(json.dumps(answer))
