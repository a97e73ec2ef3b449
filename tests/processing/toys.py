"""A processor with parameters of every kind, for the tests of this folder."""

from __future__ import annotations

from tau3mu.processing import Axis, Processor, Table, Window, parameter


class Toy(Processor):
    """Muons above a transverse momentum."""

    columns = frozenset({"run", "lumi", "event", "muon.pt", "muon.eta"})
    min_pt: float = parameter(4.0, unit="GeV", help="of each muon", ge=0)
    window: Window = parameter(Window(1.62, 2.02), unit="GeV", help="mass")
    mass_axis: Axis = parameter(Axis(10, 0.0, 5.0, "m [GeV]"), help="axis of the mass")
    paths: tuple[str, ...] = parameter(("HLT_A", "HLT_B"), help="triggers")
    axes_by_name: dict[str, Axis] = parameter({"pt": Axis(5, 0.0, 10.0)}, help="axes")
    tag: str | None = parameter(None, help="any text")

    @property
    def axes(self):
        return dict(self.axes_by_name)

    def select(self, events, cutflow):
        muons = cutflow.cut("pt", events.muon, events.muon.pt > self.min_pt)
        cutflow.count(muons=len(muons))
        return Table(pt=muons.pt, eta=muons.eta)
