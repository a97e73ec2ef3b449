"""Models that are valid, but of which a colleague would ask whether they are meant."""

from __future__ import annotations

import json

import numpy as np
import pytest
from limit_models import counting, model, spectrum

from tau3mu.limits import lint
from tau3mu.limits.__main__ import main

WINDOWS = [[1.74, 1.82]]
PEAK = {"yield": 5.0, "mean": 1.777, "sigma": 0.015}


def found(channels, nuisances=None):
    return [
        (one.code.removeprefix("limits."), one.path) for one in lint(model(channels, nuisances))
    ]


def years(names="abcd"):
    return {f"{name}_{year}": spectrum() for name in names for year in (2017, 2018)}


def test_the_public_model_has_its_known_mistake_and_no_other(hf):
    """The W normalization of 2017 is called 2018 in the public cards."""
    assert [(one.code, one.path) for one in lint(hf)] == [
        ("limits.year-mismatch", "nuisances.CMS_mc_norm_wt3m_hf_3glb_2018")
    ]


SEVERAL = {"a_2017": 1.05, "b_2017": 1.2}
OTHERS = {"a_2018": 1.05, "b_2018": 1.2}


@pytest.mark.parametrize(
    ("nuisances", "expected"),
    [
        ({"eff_2018": {"yield": {"*_2018": 1.1}}}, []),
        ({"eff_2018": {"yield": {"*_2017": 1.1}}}, [("year-mismatch", "nuisances.eff_2018")]),
        ({"eff_2018": {"yield": {"*": 1.1}}}, [("year-mismatch", "nuisances.eff_2018")]),
        ({"eff_2017_2018": {"yield": {"*": 1.1}}}, []),
        # An efficiency is measured each year; a branching ratio is not.
        ({"eff_2017": {"yield": SEVERAL}, "eff_2018": {"yield": OTHERS}}, []),
        ({"BR_phi_2017": {"yield": SEVERAL}, "BR_phi_2018": {"yield": OTHERS}},
         [("copied-nuisance", "nuisances.BR_phi_2018")]),
        ({"eff": {"yield": SEVERAL}, "eff_new": {"yield": OTHERS}},
         [("copied-nuisance", "nuisances.eff_new")]),
        ({"eff": {"yield": SEVERAL}, "reco": {"yield": OTHERS}}, []),
        ({"BR_phi": {"yield": {"*": 1.1}}, "BR_tau": {"yield": {"*": 1.1}}}, []),
        ({"eff": {"yield": {"a_*": 1.1, "b_*": 1.1, "c_*": 1.1, "d_2017": 1.1, "d_2018": 1.01}}},
         [("uneven-nuisance", "nuisances.eff.yield")]),
        ({"BR_phi": {"yield": {"a_2017": 1.08, "b_2017": 1.02, "a_2018": 1.07, "b_2018": 1.02}}},
         [("uneven-nuisance", "nuisances.BR_phi.yield")]),
        ({"eff": {"yield": {"a_2017": 1.08, "b_2017": 1.02, "a_2018": 1.07, "b_2018": 1.02}}}, []),
        ({"eff": {"yield": {"*": 1.0}}}, [("without-effect", "nuisances.eff")]),
        ({"eff": {"mean": {"*": 0.0}, "yield": {"*": [1, 1]}}},
         [("without-effect", "nuisances.eff")]),
        ({"eff": {"yield": {"a_*": 1.1, "b_*": 1.0}}},
         [("without-effect", "nuisances.eff.yield[\"b_*\"]")]),
        ({"eff": {"yield": {"*": 1.1, "a_2017": 1.2}}},
         [("uneven-nuisance", "nuisances.eff.yield"),
          ("matched-twice", "nuisances.eff.yield.a_2017")]),
        ({"eff": {"yield": {"a_*": 0.1}}}, [("large-effect", "nuisances.eff.yield[\"a_*\"]")]),
        ({"eff": {"yield": {"a_*": [0.9, 4]}}}, [("large-effect", "nuisances.eff.yield[\"a_*\"]")]),
        ({"scale": {"mean": {"*": 0.1}}}, [("large-effect", "nuisances.scale.mean[\"*\"]")]),
        ({"width": {"width": {"*": 0.6}}}, [("large-effect", "nuisances.width.width[\"*\"]")]),
        ({"eff": {"yield": {"a_*": [1.1, 1.2]}}},
         [("one-sided-effect", "nuisances.eff.yield[\"a_*\"]")]),
    ],
)  # fmt: skip
def test_nuisances(nuisances, expected):
    assert found(years(), nuisances) == expected


EVENTS = "channels.a.background.events"


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        (spectrum(), []),
        (spectrum(background={"events": {"start": 100, "bounds": [99, 101]}}),
         [("fixed-background", EVENTS)]),
        (spectrum(background={"events": {"start": 100, "bounds": [10, 105]}}),
         [("fixed-background", EVENTS)]),
        (spectrum(background={"events": {"start": 100, "bounds": [0, 400]}}), []),
        (spectrum(background={"events": {"start": 2, "bounds": [0, 100]}}), []),
        (spectrum(background={"events": {"start": 100, "constraint": {"mean": 100, "sigma": 0.5}}}),
         [("fixed-background", EVENTS)]),
        (spectrum(background={"events": {"start": 100, "constraint": {"mean": 100, "sigma": 9}}}),
         []),
        (spectrum(background={"events": {"start": 9}, "shape": [{"start": 5, "bounds": [-5, 5]}]}),
         [("start-at-bound", "channels.a.background.shape[0].start")]),
        (spectrum(signal=PEAK | {"yield": 0}), [("no-signal", "channels.a.signal.yield")]),
        (spectrum(data={"masses": [1.7, 1.9]}), [("no-windows", "channels.a")]),
        (spectrum(windows=[[1.77, 1.785]]), [("narrow-windows", "channels.a.windows")]),
        (spectrum(windows=[[1.74, 1.78], [1.77, 1.82]]), []),
        (counting([1.0], [5.0]), [("fixed-background", "channels.a.processes.bkg")]),
        (counting([1.0], [5.0], free=True), []),
        # As `rateParam 1 [0.99,1.01]` of the public cards.
        (counting([1.0], [50.0], free=True, bounds=[0.99, 1.01]),
         [("fixed-background", "channels.a.processes.bkg.bounds")]),
        (counting([1.0], [50.0], free=True, bounds=[0.5, 2.0]), []),
        (counting([0.0], [5.0], free=True), [("no-signal", "channels.a.processes")]),
        # Stored with a norm of 73.8 for 9 events, as in the public workspaces.
        (spectrum(data={"count": 9}, background={"events": {"start": 73.8}}),
         [("start-not-best-fit", f"{EVENTS}.start")]),
        (spectrum(data={"count": 9}, background={"events": {"start": 12}}), []),
    ],
)  # fmt: skip
def test_channels(channel, expected):
    # A channel without signal is seen beside one with signal.
    assert found({"a": channel, "other": spectrum()}) == expected


def test_templates_that_do_not_move():
    same = {"down": [4, 6], "up": [4, 6]}
    channels = {"a": counting([1, 1], [4, 6])}
    assert found(channels, {"shape": {"template": {"a/bkg": same}}}) == [
        ("without-effect", "nuisances.shape")
    ]
    moved = {"down": [4, 6], "up": [5, 6]}
    assert found(channels, {"shape": {"template": {"a/bkg": moved}}}) == []


def masses(slope, number=400, seed=1):
    """Returns masses of an exponential, by inversion."""
    u = np.random.default_rng(seed).uniform(size=number)
    low, high = 1.62, 2.0
    return (low + np.log1p(u * np.expm1(slope * (high - low))) / slope).tolist()


def sideband_model(data, start, shape, kind):
    content = {"masses": data}
    if kind == "bins":
        edges = np.linspace(1.62, 2.0, 39)
        content = {"edges": edges.tolist(), "counts": np.histogram(data, edges)[0].tolist()}
    background = {"events": {"start": start}, "shape": [{"start": shape}]}
    return {"a": spectrum(windows=WINDOWS, data=content, background=background)}


@pytest.mark.parametrize("kind", ["masses", "bins"])
@pytest.mark.parametrize(
    ("start", "shape", "expected"),
    [
        (400, -4, []),
        (600, -4, ["events.start"]),
        (400, 4, ["shape[0].start"]),
        (40, 4, ["events.start", "shape[0].start"]),
    ],
)
def test_starts_are_compared_with_sidebands(kind, start, shape, expected):
    assert found(sideband_model(masses(-4), start, shape, kind)) == [
        ("start-not-best-fit", f"channels.a.background.{one}") for one in expected
    ]


def test_a_signal_in_the_windows_changes_no_warning():
    """Only sidebands are read, also by the lint."""
    peak = np.random.default_rng(3).normal(1.777, 0.005, 900).tolist()
    assert found(sideband_model([*masses(-4), *peak], 400, -4, "masses")) == []


@pytest.mark.parametrize("kind", ["masses", "bins"])
@pytest.mark.parametrize(("low", "high"), [(1.74, 1.82), (1.70, 1.82), (1.74, 1.86)])
def test_data_that_are_blind_in_wider_windows(kind, low, high):
    data = [mass for mass in masses(-4) if mass < low or mass > high]
    wider = (low, high) != (1.74, 1.82)
    warnings = found(sideband_model(data, 400, -4, kind))
    assert (("gap-at-window", "channels.a.windows") in warnings) == wider


def both(first, second):
    background = {"events": None, "shape": [{}]}
    return {name: spectrum(windows=WINDOWS, data=data, background=background)
            for name, data in (("a", first), ("b", second))}  # fmt: skip


SAME = [("same-events", "channels.b.data")]


def test_channels_with_the_same_masses():
    one, other = masses(-4, seed=1), masses(-4, seed=2)
    assert found(both({"masses": one}, {"masses": other})) == []
    assert found(both({"masses": one}, {"masses": [*other, *one[:8]]})) == SAME
    rounded = [[round(mass, 3) for mass in part] for part in (one, other)]
    assert found(both({"masses": rounded[0]}, {"masses": rounded[1]})) == []
    assert found(both({"masses": rounded[0]}, {"masses": rounded[0]})) == SAME


def test_channels_with_the_same_histogram():
    edges = np.linspace(1.62, 2.0, 39).tolist()
    bins = [{"edges": edges, "counts": np.histogram(masses(-4, seed=one), edges)[0].tolist()}
            for one in (1, 2)]  # fmt: skip
    assert found(both(*bins)) == []
    assert found(both(bins[0], bins[0])) == SAME


def test_the_command_prints_warnings_with_their_lines(tmp_path, capsys):
    file = tmp_path / "model.json"
    content = {"schema_version": 1, "channels": years("a"),
               "nuisances": {"eff_2018": {"yield": {"*": 1.1}}}}  # fmt: skip
    file.write_text(json.dumps(content, indent=1))
    line = file.read_text().splitlines().index('  "eff_2018": {') + 1
    assert main(["check", str(file)]) == 0
    shown = capsys.readouterr().out
    assert f"line {line}: nuisances.eff_2018:" in shown
    assert "[limits.year-mismatch]" in shown
