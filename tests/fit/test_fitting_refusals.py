"""Bad input is one clear error, before anything slow is imported."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import hist
import numpy as np
import pytest
import uproot
from both_engines import counted, described, made
from errors import raises
from fitted_dimuons import DIMUON, document, histogram, masses

from tau3mu.errors import InputError
from tau3mu.fit import fit, sources

TWO = {
    **{k: v for k, v in DIMUON.items() if k not in {"observable", "components", "windows"}},
    "spectra": {
        name: {"observable": DIMUON["observable"], "components": DIMUON["components"]}
        for name in ("barrel", "endcap")
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "data", "code", "mentions"),
    [
        (TWO, lambda: {"barrel": histogram()}, "no-data", "endcap"),
        (TWO, histogram, "no-data", "endcap"),
        (
            TWO, lambda: {"barrel": histogram(), "endcaps": histogram()},
            "unknown-spectrum", ("'endcaps'", "'endcap'", "barrel"),
        ),
        (document(input={"column": "m"}), histogram, "histogram-for-entries", "'column'"),
        (document(method={"loss": "chi2"}), masses, "chi2-of-entries", "chi2"),
        (document(), lambda: counted([]), "empty-histogram", ()),
        (document(), lambda: np.array([1.0, 5.0]), "nothing-in-ranges", ("2 values", "2.2 to 4.8")),
        (
            document(), lambda: np.array([3.0, np.nan, 3.1]),
            "not-finite", ("1 of 3", "entry 1", "nan"),
        ),
        (document(), lambda: (masses(), np.ones(3)), "weights-differ", "3 weights"),
        (
            document(), lambda: hist.Hist(hist.axis.Regular(52, 2.5, 5.0)).fill([3.0]),
            "too-narrow-histogram", "2.2 to 4.8",
        ),
        (
            {**TWO, "spectra": {**TWO["spectra"]}},
            lambda: {"barrel": histogram(), "endcap": np.array([])},
            "nothing-in-ranges", "spectrum endcap",
        ),
    ],
)  # fmt: skip
def test_data_that_do_not_fit_the_model(given, data, code, mentions):
    with raises(f"fit.{code}", InputError, mentions=mentions) as error:
        fit(made(given), data())
    assert str(error.value).startswith("fit dimuon")


def test_a_window_that_leaves_the_range_is_cut_there():
    windows = {
        "left": {"signal": ["Jpsi"], "range": ["mean - 20*width", "mean"]},
        "reversed": {"signal": ["Jpsi"], "range": ["mean + width", "mean"]},
        "background": {"signal": [], "range": ["mean - width", "mean + width"]},
    }
    model = made(document(windows=windows), engine="numpy")
    result = fit(model, histogram())
    lower = model.observable.range[0]
    mean = result.parameters["mean"].value
    assert result.windows["left"].range == pytest.approx((lower, mean))
    assert list(result.windows) == ["left", "background"]
    assert any("window left (" in text and "is cut at the" in text for text in result.messages)
    assert any("window reversed is empty" in text for text in result.messages)
    counted = result.windows["background"]
    assert (counted.signal.value, counted.signal.error) == (0, 0)
    assert counted.background.value > 0
    assert counted.background.error > 0


@pytest.fixture
def labelled(tmp_path):
    with uproot.recreate(tmp_path / "tails.root") as file:
        axis = hist.axis.StrCategory(["slope", "mean_MC"], name="x")
        file["tails"] = hist.Hist(axis, data=np.array([-0.5, 3.1]))
    return tmp_path


def _labelled(label, **labels):
    slope = {"value": label, "limits": [-3, 3]}
    parameters = {**DIMUON["parameters"], "slope": slope}
    return document(
        parameters=parameters, labels={"file": "tails.root", "histogram": "tails"} | labels
    )


def test_values_of_labels_are_those_of_the_file(labelled):
    model = made(_labelled("@slope"), labelled, engine="numpy")
    free = fit(model, histogram())
    assert free.valid
    plain = fit(made(document(), engine="numpy"), histogram())
    assert free.values == pytest.approx(plain.values, rel=1e-3)
    fixed = _labelled("@slope")
    del fixed["parameters"]["slope"]["limits"]
    result = fit(made(fixed, labelled, engine="numpy"), histogram())
    assert result.parameters["slope"].fixed
    assert result.values["slope"] == -0.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            _labelled("@slop"),
            r"has no label 'slop' \(did you mean 'slope'\?\); it has slope, mean_MC",
        ),
        (_labelled("@slope", file="tail.root"), r"tail\.root"),
        (_labelled("@slope", histogram="tail"), "'tail'"),
    ],
)
def test_labels_that_are_not_there(labelled, given, message):
    with pytest.raises(InputError, match=message):
        fit(made(given, labelled), histogram())


@pytest.mark.parametrize(
    ("pdf", "template", "message"),
    [
        ("Histogram", {"file": "mc.root", "histogram": "peak"}, r"mc\.root"),
        ("KDE", {"file": "tails.root", "column": "m"}, r"tails\.root"),
    ],
)
def test_templates_that_are_not_there(labelled, pdf, template, message):
    peak = {"label": "S", "yield": "S", "pdf": pdf, "template": template}
    with pytest.raises(InputError, match=message):
        fit(made(described({"S": peak}, {}), labelled), histogram())


def test_a_limit_of_a_label_outside_of_its_limits(labelled):
    given = _labelled("@slope")
    given["parameters"]["slope"]["limits"] = [0, 3]
    with pytest.raises(InputError, match=r"-0\.5 lies outside the limits 0 to 3"):
        fit(made(given, labelled), histogram())


def test_a_model_without_input_says_how_to_give_one():
    with pytest.raises(InputError, match="fit dimuon: there are no data: give them by --input"):
        sources(made(document()))


HEAVY = "sorted({'zfit', 'tensorflow', 'matplotlib.pyplot'} & set(sys.modules))"


def _printed(program):
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


PROGRAMS = {
    "load": "from tau3mu.fit import load_model; load_model('dsphipi')",
    "check": "from tau3mu.fit.__main__ import main; main(['dsphipi', '--check'])",
    "help": """
from tau3mu.fit.__main__ import main
for command in ([], ['toys'], ['trials'], ['generate'], ['import']):
    try:
        main([*command, '--help'])
    except SystemExit:
        pass
""",
    "refusal": """
import hist
from tau3mu.fit import fit, load_model
empty = hist.Hist(hist.axis.Regular(62, 1.65, 2.01))
try:
    fit(load_model('dsphipi'), empty)
except ValueError as error:
    print(error)
""",
    "engine of numpy": """
from pathlib import Path
import numpy as np
from tau3mu.fit import fit, load_model
from tau3mu.fit.language import model_of
document = load_model('dsphipi').to_dict()
document['method'] = {'engine': 'numpy'}
values = 1.65 + 0.36 * np.random.default_rng(1).random(500)
print(fit(model_of(document, 'test', Path()), values).engine)
""",
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_nothing_but_a_fit_with_zfit_imports_it(program):
    assert _printed(f"import sys\n{program}\nprint({HEAVY})") == "[]"


RAISER = """def formula(x, mean, xp):
    return xp.foo(x - mean)
"""
NEGATIVE = """def formula(x, mean, xp):
    return x - mean
"""
NOWHERE = """def formula(x, mean, xp):
    return xp.sqrt(mean - 100 - 0 * x)
"""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (RAISER, r"the formula of pdf Own fails \(line 2.*\): AttributeError"),
        (NEGATIVE, "pdf Own is negative, such as -1 at 2,"),
        (NOWHERE, "pdf Own is nowhere a number in"),
    ],
    ids=["raises", "negative", "nowhere"],
)
def test_a_users_formula_is_tried_before_the_work(tmp_path, capsys, source, message):
    from tau3mu.fit.__main__ import main

    (tmp_path / "Own.py").write_text(source)
    changed = {
        "schema_version": 2,
        "name": "own",
        "title": "A pdf of a user",
        "observable": {"name": "m", "label": "m", "range": [2, 4], "bins": 20},
        "parameters": {"mean": {"value": 3, "limits": [2.5, 3.5]}},
        "components": {
            "Jpsi": {"label": "", "pdf": "Own", "parameters": {"mean": "mean"}, "yield": "n"}
        },
    }
    file = tmp_path / "own.json"
    file.write_text(json.dumps(changed))
    assert main(["--check", str(file)]) == 1
    text = " ".join(capsys.readouterr().err.split())
    assert re.search(f"component Jpsi: {message}", text), text
