from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from tau3mu.generate.candidates import build_candidates
from tau3mu.generate.particles import (
    DPLUS_MASS,
    DS_MASS,
    MUON_1,
    MUON_2,
    MUON_MASS,
    PHI_MASS,
    PION,
    PION_MASS,
    draw_particles,
)


def draw(size, *, simulation):
    rng = np.random.default_rng(3)
    decays, muons, tracks = draw_particles(rng, size, simulation=simulation)
    return decays, muons, tracks, build_candidates(rng, muons, tracks)


def masses(muons, tracks, candidates):
    legs = [
        muons.momentum[candidates.mu1].with_mass(MUON_MASS),
        muons.momentum[candidates.mu2].with_mass(MUON_MASS),
        tracks.momentum[candidates.track].with_mass(PION_MASS),
    ]
    return (legs[0] + legs[1]).mass, (legs[0] + legs[1] + legs[2]).mass


def test_every_simulated_event_has_one_decay():
    decays, muons, tracks, _ = draw(2_000, simulation=True)
    np.testing.assert_array_equal(decays.event, np.arange(2_000))
    np.testing.assert_allclose(decays.meson.mass, DS_MASS, rtol=1e-9)
    for particles, leg in ((muons, MUON_1), (muons, MUON_2), (tracks, PION)):
        np.testing.assert_array_equal(particles.event[particles.leg == leg], np.arange(2_000))


def test_data_are_a_mixture():
    decays, _, tracks, _ = draw(50_000, simulation=False)
    with_pion = decays.meson.mass[decays.has_pion]
    assert np.isclose(with_pion, DS_MASS).sum() / 50_000 == pytest.approx(0.06, abs=0.004)
    assert np.isclose(with_pion, DPLUS_MASS).sum() / 50_000 == pytest.approx(0.025, abs=0.003)
    assert (~decays.has_pion).sum() / 50_000 == pytest.approx(0.1, abs=0.005)
    np.testing.assert_array_equal(tracks.event[tracks.leg == PION], decays.event[decays.has_pion])


def test_signal_peaks_at_the_mass_of_the_ds_with_a_lower_tail():
    _, muons, tracks, candidates = draw(20_000, simulation=True)
    dimuon, mass = masses(muons, tracks, candidates)
    signal = mass[candidates.signal]
    assert len(signal) > 8_000
    assert np.median(signal) == pytest.approx(1.9655, abs=0.001)
    # Energy is only ever lost, so the upper side has the resolution alone.
    assert upper_width(signal, DS_MASS) == pytest.approx(0.014, abs=0.0007)
    assert (signal < DS_MASS - 0.05).mean() == pytest.approx(0.037, abs=0.006)
    assert (signal > DS_MASS + 0.05).mean() < 0.002
    pairs = dimuon[candidates.signal]
    assert np.median(pairs) == pytest.approx(1.0171, abs=0.001)
    assert upper_width(pairs, PHI_MASS) == pytest.approx(0.011, abs=0.0007)


def upper_width(masses, peak):
    """Returns the distance above the peak that holds 68.27 % of what is above."""
    return np.percentile(masses[masses > peak] - peak, 68.27)


def test_background_falls_with_the_mass():
    _, muons, tracks, candidates = draw(50_000, simulation=False)
    _, mass = masses(muons, tracks, candidates)
    counts = np.histogram(mass[~candidates.signal], bins=[1.6, 1.8, 2.0, 2.2, 2.4, 2.6, 2.8, 3.0])[
        0
    ]
    assert counts.min() > 500
    assert (np.diff(counts) < 0).all()


def test_candidates_are_among_the_combinations_of_the_skim():
    _, muons, tracks, candidates = draw(300, simulation=True)
    legs = (candidates.mu1, candidates.mu2, candidates.track)
    found = [tuple(map(int, combination)) for combination in zip(*legs, strict=True)]
    allowed = set(loop_over_combinations(muons, tracks))
    assert set(found) <= allowed
    assert len(set(found)) == len(found)
    assert 0.3 < len(found) / len(allowed) < 0.7  # those with a vertex
    signal = {
        (i, j, k)
        for i, j, k in allowed
        if {muons.leg[i], muons.leg[j]} == {MUON_1, MUON_2} and tracks.leg[k] == PION
    }
    assert {c for c, known in zip(found, candidates.signal, strict=True) if known} <= signal
    # Missing are those beyond the twelfth, and those that lost their primary vertex.
    assert candidates.signal.sum() / len(signal) == pytest.approx(0.98, abs=0.03)


def four_vector(momentum, index, mass):
    pt, eta, phi = (float(component[index]) for component in momentum)
    px, py, pz = pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)
    return math.sqrt(px**2 + py**2 + pz**2 + mass**2), px, py, pz


def mass_of(*vectors):
    energy, px, py, pz = (sum(component) for component in zip(*vectors, strict=True))
    return math.sqrt(max(energy**2 - px**2 - py**2 - pz**2, 0))


def accepted(particles, lowest_pt):
    pt, eta, _ = particles.momentum
    return [i for i in range(len(pt)) if pt[i] > lowest_pt and abs(eta[i]) < 2.4]


def loop_over_combinations(muons, tracks):
    good_tracks = accepted(tracks, 1)
    for i, j in itertools.combinations(accepted(muons, 2), 2):
        if muons.event[i] != muons.event[j] or muons.charge[i] == muons.charge[j]:
            continue
        pair = [four_vector(muons.momentum, muon, MUON_MASS) for muon in (i, j)]
        if not 0.5 < mass_of(*pair) < 1.5:
            continue
        for k in good_tracks:
            track = four_vector(tracks.momentum, k, PION_MASS)
            if tracks.event[k] == muons.event[i] and 0.8 < mass_of(*pair, track) < 3.0:
                yield i, j, k


def test_numbers_of_candidates():
    _, _, _, candidates = draw(50_000, simulation=False)
    assert candidates.counts.max() == 12
    assert (candidates.counts == 0).mean() == pytest.approx(0.72, abs=0.01)
    assert (candidates.counts > 1).mean() == pytest.approx(0.18, abs=0.01)
    assert candidates.padded.mean() == pytest.approx(0.03, abs=0.004)
    lost = candidates.n_built.sum() - candidates.counts.sum()
    assert lost / candidates.n_built.sum() == pytest.approx(0.02, abs=0.004)
    assert (candidates.n_built >= candidates.counts).all()
    assert (candidates.index < candidates.n_built[candidates.event]).all()
    assert (np.diff(candidates.index)[np.diff(candidates.event) == 0] > 0).all()
