"""The content of a block of events, drawn from its own source of random numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.generate.block import Block, all_columns, rank_in_event
from tau3mu.generate.candidates import build_candidates
from tau3mu.generate.columns import (
    empty_columns,
    gen_match_columns,
    growing_column,
    muon_columns,
    parking_columns,
    track_columns,
    triplet_columns,
)
from tau3mu.generate.particles import draw_particles
from tau3mu.generate.triggers import draw_decisions, draw_trigger_objects, nearest_object

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from tau3mu.generate.particles import Decays, Particles
    from tau3mu.generate.triggers import TriggerObjects

__all__ = ["NO_PILEUP", "draw_events", "event_columns", "object_columns"]

NO_PILEUP = 4294966297  # -999 in an unsigned integer: data do not know their pileup
_MEAN_PILEUP = 33
_VERTICES_PER_PILEUP = 0.7

_FIRST_RUN, _N_RUNS = 297_050, 2_000
_SECTION_EVENTS = 200  # per luminosity section
_RUN_SECTIONS = 10

_SOFT_PT = 2.0
_SOFT_LOST = 0.2

_GEN_IDS = (431, 333, 13, -13, 211)  # meson, phi, the muons and the pion of a positive meson
_GEN_MOTHERS = (4, 431, 333, 333, 431)
_OWN_CHARGE = (13, -13, 333)  # the same for both charges of the meson


def draw_events(rng: Generator, first: int, size: int, *, simulation: bool) -> Block:
    """Returns the columns of some events.

    Args:
        rng: The source of the random numbers.
        first: The number of the first event, counted from zero.
        size: How many events.
        simulation: Whether they are simulated signal rather than data.
    """
    decays, muons, tracks = draw_particles(rng, size, simulation=simulation)
    candidates = build_candidates(rng, muons, tracks)
    n_good = np.bincount(candidates.event[~candidates.padded], minlength=size)
    counted = {
        "n_muons_reconstructed": muons.counts,
        "n_triplets_built": candidates.n_built,
        "n_triplets_selected": n_good,
        "n_good_triplets": n_good,
    }
    block = Block({}, event_columns(rng, first, size, simulation=simulation) | counted)
    decisions = draw_decisions(rng, block.columns["run"], simulation=simulation)
    objects = draw_trigger_objects(rng, decisions, muons, tracks)
    distances = {
        year: (nearest_object(muons, objects[year]), nearest_object(tracks, objects[year]))
        for year in ("2017", "2018")
    }
    block |= Block({}, dict(decisions))
    block |= object_columns(objects)
    block |= muon_columns(rng, muons, simulation=simulation)
    block |= track_columns(rng, tracks[_listed(rng, muons, tracks)])
    block |= triplet_columns(rng, candidates, muons, tracks, distances)
    if simulation:
        block |= _gen_columns(decays)
    block |= gen_match_columns(candidates, muons, decays if simulation else None)
    block |= growing_column(objects["bparking_mu12_ip6"])
    block |= parking_columns(candidates.event[candidates.padded], size)
    return block | empty_columns(block)


def event_columns(
    rng: Generator, first: int, size: int, *, simulation: bool
) -> dict[str, NDArray[Any]]:
    """Returns the columns with one value per event that say nothing about its particles.

    Args:
        rng: The source of the random numbers.
        first: The number of the first event, counted from zero.
        size: How many events.
        simulation: Whether they are simulated.
    """
    number = first + np.arange(size)
    section = number // _SECTION_EVENTS
    run, lumi = np.ones_like(section), 1 + section
    if not simulation:
        cycle, run_number = np.divmod(section // _RUN_SECTIONS, _N_RUNS)
        run = _FIRST_RUN + run_number
        lumi = 1 + section % _RUN_SECTIONS + cycle * _RUN_SECTIONS
    pileup = rng.poisson(_MEAN_PILEUP, size)
    return {
        "event": number + 1,
        "run": run,
        "lumi": lumi,
        "n_pileup_true": pileup if simulation else np.full(size, NO_PILEUP),
        "n_vertices": np.maximum(1, np.round(_VERTICES_PER_PILEUP * pileup)),
    }


def _listed(rng: Generator, muons: Particles, tracks: Particles) -> NDArray[np.bool_]:
    """Returns which tracks are listed: some soft ones are not, even if they are in candidates.

    Each event keeps at least as many tracks as it has muons, as real events do.
    """
    spare = rank_in_event(tracks.event) >= muons.counts[tracks.event]
    lost = rng.random(len(tracks.event)) < _SOFT_LOST
    listed: NDArray[np.bool_] = ~(spare & lost & (tracks.momentum.pt < _SOFT_PT))
    return listed


def object_columns(objects: dict[str, TriggerObjects], skim: str = "t3m") -> Block:
    """Returns the columns of trigger objects that the layout of a skim has."""
    part = Block({}, {})
    for name, listed in objects.items():
        collection = f"trigger_object_{name}"
        views = (f"{collection}.{component}" for component in ("pt", "eta", "phi"))
        columns = dict(zip(views, listed.momentum, strict=True))
        known = {view: values for view, values in columns.items() if view in all_columns(skim)}
        part |= Block({collection: listed.counts}, known)
    return part


def _gen_columns(decays: Decays) -> Block:
    """Returns the generated particles of a simulation, in which every event has a decay."""
    size, per_event = len(decays.event), len(_GEN_IDS)
    particles = (decays.meson, decays.phi, *decays.legs)
    pt, eta, phi = (
        np.stack([getattr(p4, component) for p4 in particles], axis=1).ravel()
        for component in ("pt", "eta", "phi")
    )
    sign = decays.charge[:, np.newaxis]
    ids = np.where(np.isin(_GEN_IDS, _OWN_CHARGE), 1, sign) * _GEN_IDS
    mothers = np.where(np.isin(_GEN_MOTHERS, _OWN_CHARGE), 1, sign) * _GEN_MOTHERS
    is_meson = np.tile(np.arange(per_event) == 0, size)
    columns = {
        "gen.pdg_id": ids.ravel(),
        "gen.mother_pdg_id": mothers.ravel(),
        "gen.pt": pt,
        "gen.eta": eta,
        "gen.phi": phi,
        "gen.is_ds": is_meson,
        "gen.is_b": np.zeros_like(is_meson),
        "gen.is_b_decay": np.zeros_like(is_meson),
    }
    return Block({"gen": np.full(size, per_event)}, columns)
