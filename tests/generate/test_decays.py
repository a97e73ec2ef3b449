from __future__ import annotations

import numpy as np
import pytest

from tau3mu.generate.particles import (
    DS_MASS,
    MUON_MASS,
    PHI_MASS,
    PHI_WIDTH,
    PION_MASS,
    Momentum,
    draw_phi_mass,
    radiate,
    smear,
    two_body_decay,
    wrap,
)

N = 50_000


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def mesons(rng):
    pt, eta, phi = rng.uniform(1, 60, N), rng.uniform(-2.4, 2.4, N), rng.uniform(-3, 3, N)
    return Momentum(pt, eta, phi).with_mass(DS_MASS)


def test_four_vectors_have_the_given_mass_and_direction(mesons):
    assert np.sqrt(mesons.px**2 + mesons.py**2).max() == pytest.approx(60, rel=1e-3)
    energy = np.sqrt(DS_MASS**2 + mesons.px**2 + mesons.py**2 + mesons.pz**2)
    np.testing.assert_allclose(mesons.E, energy, rtol=1e-12)


def test_decay_conserves_energy_and_momentum(rng, mesons):
    phi_mass = draw_phi_mass(rng, np.full(N, DS_MASS - PION_MASS))
    phi, pion = two_body_decay(rng, mesons, phi_mass, PION_MASS)
    mu1, mu2 = two_body_decay(rng, phi, MUON_MASS, MUON_MASS)
    for component in ("px", "py", "pz", "E"):
        total = sum(getattr(p4, component) for p4 in (mu1, mu2, pion))
        difference = np.abs(total - getattr(mesons, component)) / mesons.E
        assert difference.max() < 1e-9, component
    np.testing.assert_allclose(phi.mass, phi_mass, rtol=1e-9)
    np.testing.assert_allclose(pion.mass, PION_MASS, rtol=1e-6)
    np.testing.assert_allclose(mu1.mass, MUON_MASS, rtol=1e-6)
    np.testing.assert_allclose(mu2.mass, MUON_MASS, rtol=1e-6)


def test_decay_is_isotropic_in_the_rest_frame(rng, mesons):
    pion = two_body_decay(rng, mesons, PHI_MASS, PION_MASS)[1]
    in_rest_frame = pion.boostCM_of(mesons)
    cosine = in_rest_frame.pz / in_rest_frame.p
    # Means and standard errors of a uniform cosine: 0 ± 0.577/√N, its square 1/3 ± 0.298/√N.
    assert abs(cosine.mean()) < 4 * 0.577 / np.sqrt(N)
    assert abs((cosine**2).mean() - 1 / 3) < 4 * 0.298 / np.sqrt(N)
    assert abs(np.cos(in_rest_frame.phi).mean()) < 4 * 0.707 / np.sqrt(N)


def test_phi_mass_is_a_breit_wigner_within_the_kinematic_range(rng):
    highest = DS_MASS - PION_MASS
    mass = draw_phi_mass(rng, np.full(N, highest))
    lower, median, upper = np.percentile(mass, [25, 50, 75])
    # The quartiles of a Breit-Wigner are half a width away from its peak.
    assert median == pytest.approx(PHI_MASS, abs=1e-4)
    assert upper - lower == pytest.approx(PHI_WIDTH, rel=0.03)
    assert mass.min() >= 2 * MUON_MASS
    assert mass.max() <= highest
    assert mass.min() < 0.6
    assert mass.max() > 1.4


def test_smearing_has_the_resolution_of_the_detector(rng, mesons):
    measured = smear(rng, mesons)
    ratio = measured.pt / mesons.pt
    assert ratio.mean() == pytest.approx(1, abs=3e-4)
    assert ratio.std() == pytest.approx(0.0115, rel=0.03)
    assert (measured.eta - mesons.eta).std() == pytest.approx(5e-4, rel=0.03)
    assert wrap(measured.phi - mesons.phi).std() == pytest.approx(5e-4, rel=0.03)


def test_an_eighth_of_the_muons_radiates(rng):
    before = Momentum(np.full(N, 10.0), np.zeros(N), np.zeros(N))
    after = radiate(rng, before)
    lost = 1 - after.pt / before.pt
    assert (lost > 0).mean() == pytest.approx(0.125, abs=0.006)
    assert lost[lost > 0].mean() == pytest.approx(0.04, rel=0.05)
    assert lost.min() == 0
    assert lost.max() <= 0.5


@pytest.mark.parametrize(
    ("angle", "wrapped"), [(0.0, 0.0), (3.5, 3.5 - 2 * np.pi), (-3.5, 2 * np.pi - 3.5)]
)
def test_wrap(angle, wrapped):
    assert wrap(np.array([angle]))[0] == pytest.approx(wrapped)
