from __future__ import annotations

import math

import awkward as ak
import numpy as np
import pytest
import vector

from tau3mu.selection import MUON_MASS, delta_r, invariant_mass, passes_muon_acceptance

vector.register_awkward()


def momentum(pt, eta, phi):
    return ak.zip({"pt": [pt], "eta": [eta], "phi": [phi]}, with_name="Momentum3D")


@pytest.mark.parametrize(
    ("pt", "eta", "passes"),
    [
        (3.5, 0.0, False),
        (3.6, 1.19, True),
        (3.6, -1.19, True),
        (3.4, -1.19, False),
        (2.0, 1.2, False),
        (2.1, 1.2, True),
        (2.1, -2.39, True),  # endcap of negative eta is no barrel
        (50.0, 2.4, False),
        (50.0, -2.5, False),
    ],
)
def test_muon_acceptance(pt, eta, passes):
    assert passes_muon_acceptance(momentum(pt, eta, 0.0)).tolist() == [passes]


def test_missing_muons_stay_missing():
    muons = ak.mask(momentum(5.0, 0.0, 0.0), [False])
    assert passes_muon_acceptance(muons).tolist() == [None]


def test_distances_go_around_the_circle():
    a, b, c = momentum(1, 0, 3.1), momentum(1, 0.3, -3.1), momentum(1, 0.5, -3.1)
    assert delta_r(a, b).tolist() == pytest.approx([math.hypot(0.3, 2 * math.pi - 6.2)])
    assert delta_r(a, c).tolist() == pytest.approx([math.hypot(0.5, 2 * math.pi - 6.2)])
    assert delta_r(b, c).tolist() == pytest.approx([0.2])
    assert delta_r(a, a).tolist() == [0.0]


@pytest.mark.parametrize(
    ("limits", "passes"),
    [
        ({"barrel": 0.5}, True),
        ({"barrel_pt": 2.4}, True),
        ({"barrel": 0.5, "endcap": 0.9}, False),
        ({"barrel": 0.5, "endcap_pt": 2.6}, False),
        ({}, False),
    ],
)
def test_the_limits_of_the_acceptance_can_be_chosen(limits, passes):
    assert passes_muon_acceptance(momentum(2.5, -1.0, 0.0), **limits).tolist() == [passes]


def test_mass_of_two_muons_back_to_back():
    first, second = momentum(3.0, 0.0, 0.0), momentum(3.0, 0.0, math.pi)
    expected = 2 * math.sqrt(9 + MUON_MASS**2)
    assert invariant_mass(first, second, MUON_MASS).tolist() == pytest.approx([expected])


def test_flat_nested_and_partly_missing_momenta_give_the_same_numbers():
    random = np.random.default_rng(5)
    columns = {name: random.uniform(0.5, 3.0, 40) for name in ("pt", "eta", "phi")}
    flat = ak.zip(columns, with_name="Momentum3D")
    nested = ak.unflatten(flat, [4] * 10)
    partly = ak.mask(flat, np.arange(40) != 7)
    masses = invariant_mass(flat[:20], flat[20:], MUON_MASS).tolist()
    assert ak.flatten(invariant_mass(nested[:5], nested[5:], MUON_MASS)).tolist() == masses
    with_one_missing = [None if i == 7 else mass for i, mass in enumerate(masses)]
    assert invariant_mass(partly[:20], flat[20:], MUON_MASS).tolist() == with_one_missing
    distances = delta_r(flat[:20], flat[20:]).tolist()
    assert ak.flatten(delta_r(nested[:5], nested[5:])).tolist() == distances
    with_one_missing = [None if i == 7 else distance for i, distance in enumerate(distances)]
    assert delta_r(partly[:20], flat[20:]).tolist() == with_one_missing
    accepted = passes_muon_acceptance(flat).tolist()
    assert 0 < sum(accepted) < 40
    assert ak.flatten(passes_muon_acceptance(nested)).tolist() == accepted
