"""Cards of Combine: its documented numbers, templates, and what is refused with its line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import uproot
from errors import raises
from hist import Hist

from tau3mu.limits import from_card, limit
from tau3mu.limits.__main__ import main

# Combine's example of a counting experiment, which its documentation has limits of.
REALISTIC = """\
imax 1  number of channels
jmax 3  number of backgrounds
kmax 5  number of nuisance parameters
------------
bin bin1
observation 0
------------
bin             bin1 bin1  bin1  bin1
process         ggH  qqWW  ggWW  others
process          0     1     2     3
rate           1.47  0.64  0.06  0.22
------------
lumi    lnN    1.11    -   1.11    -    luminosity
xs_ggH  lnN    1.16    -     -     -    # cross section
WW_norm gmN 4    -   0.16    -     -
xs_ggWW lnN      -     -   1.50    -
others  lnN      -     -     -   1.30
"""
DOCUMENTED = {"observed": 1.6281, -2: 0.9640, -1: 1.4329, 0: 2.3281, 1: 3.9800, 2: 6.6194}

TEMPLATES = """\
imax *
jmax *
kmax *
shapes *        *  shapes.root $CHANNEL/$PROCESS $CHANNEL/$PROCESS_$SYSTEMATIC
bin         a    b
observation -1   30
bin         a    a    b    b
process     sig  bkg  sig  bkg
process     0    1    0    1
rate        -1   -1   4    30
eff   lnN   1.1  -    0.9/1.2  -
tilt  shape -    1    -    -
scale shape? 1   -    1.05 -
norm  rateParam * bkg 1 [0.2,5]
all group = eff tilt
"""


def histogram(values):
    made = Hist.new.Reg(len(values), 1.6, 2.0).Double()
    made.values()[:] = values
    return made


@pytest.fixture
def card(tmp_path):
    """A function that writes a card beside its templates and returns its path."""
    with uproot.recreate(tmp_path / "shapes.root") as file:
        for name, values in {
            "a/sig": [1, 4, 1], "a/bkg": [20, 15, 10], "a/data_obs": [22, 13, 9],
            "a/bkg_tiltUp": [24, 15, 8], "a/bkg_tiltDown": [17, 15, 12],
            "a/sig_scaleUp": [0.5, 4, 1.5], "a/sig_scaleDown": [1.5, 4, 0.5],
            "b/sig": [1.0, 3], "b/bkg": [15.0, 15], "b/data_obs": [13, 17], "negative": [-1.0, 3],
        }.items():  # fmt: skip
            file[name] = histogram(values)
        file["tree"] = {"x": np.arange(3)}

    def write(text):
        path = tmp_path / "card.txt"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_limits_are_those_that_combine_documents(card):
    found = limit(from_card(card(REALISTIC)), cl=0.95, observed=True)
    assert found.observed == pytest.approx(DOCUMENTED["observed"], rel=0.002)
    for n in (-1, 0, 1):
        assert found.expected[n] == pytest.approx(DOCUMENTED[n], rel=0.005)
    for n in (-2, 2):
        assert found.expected[n] == pytest.approx(DOCUMENTED[n], rel=0.02)


def test_templates_are_those_of_the_file(card):
    model = from_card(card(TEMPLATES))
    a, b = model.channels["a"], model.channels["b"]
    assert a.processes["bkg"].counts == (20, 15, 10)
    assert a.observed == (22, 13, 9)
    assert b.observed == (13, 17)
    assert a.processes["sig"].signal
    assert not a.processes["bkg"].signal
    for one in (a, b):
        assert one.processes["bkg"].free == "norm"
        assert one.processes["bkg"].bounds == (0.2, 5)
    assert model.nuisances["eff"].rate == {"a/sig": 1.1, "b/sig": (0.9, 1.2)}
    assert model.nuisances["tilt"].template["a/bkg"].up == (24, 15, 8)
    assert model.nuisances["scale"].rate == {"b/sig": 1.05}
    assert model.nuisances["scale"].template["a/sig"].down == (1.5, 4, 0.5)
    like = limit(model).compiled.likelihood
    assert like.free == ["norm"]
    sets = np.array([[1.0, 0.0, 0.0, 0.0, 2.0]])
    np.testing.assert_allclose(like.templates.expected(sets)[0], [41, 34, 21, 31, 33])


def test_the_command_decides_by_content(card, tmp_path, capsys):
    path = card(TEMPLATES)
    assert main(["import", str(path), "--output", str(tmp_path / "model.json")]) == 0
    written = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert set(written["channels"]) == {"a", "b"}
    assert main(["check", str(tmp_path / "model.json")]) == 0
    capsys.readouterr()


def test_a_sideband_without_events_is_one_without_events(card):
    text = REALISTIC.replace("kmax 5", "kmax *").replace("gmN 4", "gmN 0").replace("0.64", "0.00")
    model = from_card(card(text))
    assert model.channels["WW_norm_sideband"].observed == (0,)
    found = limit(model, cl=0.95, observed=True)
    # Nothing was seen anywhere: the limit is that of −ln 0.05 signal events, but for the nuisances.
    known = limit(from_card(card(text.replace("WW_norm", "#"))), cl=0.95, observed=True)
    assert found.observed == pytest.approx(known.observed, rel=0.02)


REFUSED = {
    "imax": (REALISTIC, "imax 1 ", "imax 2 ", "limits.wrong-length", 1),
    "kmax": (REALISTIC, "kmax 5 ", "kmax 4 ", "limits.wrong-length", 3),
    "rates": (REALISTIC, "rate           1.47", "rate  ", "limits.wrong-length", 11),
    "a word as a rate": (REALISTIC, "0.22", "many", "limits.not-a-number", 11),
    "columns of a nuisance": (REALISTIC, "1.11    -    luminosity", "1.11",
                              "limits.wrong-length", 13),
    "kappa": (REALISTIC, "1.50", "-1.5", "limits.out-of-range", 16),
    "twice": (REALISTIC, "xs_ggH", "lumi", "limits.listed-twice", 14),
    "sideband": (REALISTIC, "gmN 4", "gmN 5", "limits.not-the-same", 15),
    "uniform": (REALISTIC, "xs_ggWW lnN", "xs_ggWW lnU", "limits.not-supported", 16),
    "unknown type": (REALISTIC, "xs_ggWW lnN", "xs_ggWW lNn", "limits.unknown-line", 16),
    "no template": (TEMPLATES, "$CHANNEL/$PROCESS ", "$CHANNEL/x$PROCESS ", "limits.no-template",
                    4),
    "no file": (TEMPLATES, "shapes.root", "other.root", "limits.unreadable", 4),
    "workspace": (TEMPLATES, "$CHANNEL/$PROCESS ", "w:$PROCESS ", "limits.workspace", 4),
    "mass": (TEMPLATES, "$CHANNEL/$PROCESS ", "$MASS/$PROCESS ", "limits.not-supported", 4),
    "tree": (TEMPLATES, "$CHANNEL/$PROCESS ", "tree ", "limits.no-template", 4),
    "negative": (TEMPLATES, "$CHANNEL/$PROCESS ", "negative ", "limits.out-of-range", 4),
    "normalization": (TEMPLATES, "4    30", "4    40", "limits.not-the-same", 4),
    "observation": (TEMPLATES, "-1   30", "-1   40", "limits.not-the-same", 6),
    "two sigma": (TEMPLATES, "-    1    -    -", "-    0.5  -    -", "limits.not-supported", 12),
    "no moved template": (TEMPLATES, "tilt  shape -    1    -", "tilt  shape -    1    1",
                          "limits.no-template", 12),
    "statistics": (TEMPLATES, "all group = eff tilt", "* autoMCStats 10", "limits.not-supported",
                   15),
    "formula": (TEMPLATES, "bkg 1 [0.2,5]", "bkg (@0*2) other", "limits.not-supported", 14),
    "factor of nothing": (TEMPLATES, "* bkg", "* bgk", "limits.unknown-name", 14),
    "edit": (TEMPLATES, "all group = eff tilt", "nuisance edit add a b lnN 1.1",
             "limits.not-supported", 15),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_model_cannot_express_is_refused_with_its_line(card, name):
    text, old, new, code, line = REFUSED[name]
    assert old in text
    with raises(code, path=f"card.txt:{line}"):
        from_card(card(text.replace(old, new)))


def test_a_card_without_rates_is_no_card(card):
    text = "\n".join(line for line in REALISTIC.splitlines() if not line.startswith("rate"))
    with raises("limits.missing-line", path="card.txt"):
        from_card(card(text))
