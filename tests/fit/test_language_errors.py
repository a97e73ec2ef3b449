"""One exact line for everything that can be wrong in a fit file."""

from __future__ import annotations

import json

import pytest

from tau3mu.errors import InputError
from tau3mu.fit.language import load_model

DROP = object()

PEAKS = {
    "schema_version": 2,
    "name": "peaks",
    "title": "Two peaks",
    "input": {"file": "masses.root", "histogram": "mass"},
    "observable": {"name": "mass", "label": "m", "unit": "GeV", "range": [2, 5], "bins": 60},
    "ranges": [[2.2, 4.8]],
    "blind": [[4.0, 4.2]],
    "parameters": {
        "mean": {"value": 3.1, "limits": [3, 3.2], "constraint": {
            "pdf": "normal", "mean": 3.0969, "sigma": 0.001}},
        "width": {"value": 0.07, "limits": [0.01, 0.2]},
        "wide": {"expression": "2*width"},
        "tail": {"value": "@tail"},
        "power": {"value": 3, "fixed": True},
        "core": {"value": 0.8, "limits": [0, 1]},
        "mean2": {"expression": "mean + 0.589"},
        "smear": {"value": 0.01, "fixed": True},
        "zero": {"value": 0, "fixed": True},
        "c1": {"value": 0.1, "limits": [-1, 1]},
        "c2": {"value": 0, "limits": [-1, 1]},
        "nSignal": {"value": 3000, "limits": [0, 1e5]},
    },
    "labels": {"file": "tails.root", "histogram": "mc"},
    "components": {
        "signal": {
            "label": "J/ψ",
            "sum": [
                {"pdf": "CrystalBall", "parameters": {
                    "mu": "mean", "sigma": "width", "alpha": "tail", "n": "power"}},
                {"pdf": "Gauss", "parameters": {"mu": "mean", "sigma": "wide"}},
            ],
            "fractions": ["core"],
            "yield": "nSignal",
        },
        "second": {
            "label": "ψ(2S)",
            "pdf": "Gauss",
            "parameters": {"mu": "mean2", "sigma": "width"},
            "resolution": {"pdf": "Gauss", "parameters": {"mu": "zero", "sigma": "smear"}},
            "yield": "nSecond",
        },
        "background": {
            "label": "Background",
            "pdf": "Chebyshev",
            "parameters": {"coefficients": ["c1", "c2"]},
            "yield": "nBkg",
        },
        "fake": {
            "label": "Fakes",
            "pdf": "Histogram",
            "template": {"file": "fakes.root", "histogram": "mass"},
            "yield": "nFake",
        },
    },
    "method": {
        "stages": [{"components": ["signal"], "ranges": [[2.9, 3.3]]}],
        "starts": {"number": 4, "seed": 3},
        "minos": ["nSignal"],
        "goodness_of_fit": {"toys": 100},
    },
    "derived": {"ratio": "nSecond / nSignal"},
    "windows": {"peak": {"signal": ["signal"], "range": ["mean - 3*width", 3.3]}},
    "outputs": {"scans": ["mean"]},
    "plot": {
        "style": "plain", "y_range": [1, 100], "parameters": {"mean": "m", "ratio": "R"},
        "text": [{"x": 0.1, "y": 0.9, "text": "toy"}],
    },
}  # fmt: skip
SPECTRUM = {
    "observable": PEAKS["observable"],
    "components": {"bkg": {
        "label": "Background", "pdf": "Exponential", "parameters": {"slope": "slope"},
        "yield": "nBkg",
    }},
}  # fmt: skip
SPECTRA = {
    "schema_version": 2,
    "name": "both",
    "title": "Two years",
    "parameters": {"slope": {"value": -1, "limits": [-5, 5]}},
    "spectra": {
        "y2017": SPECTRUM,
        "y2018": {**SPECTRUM, "components": {
            "bkg": {**SPECTRUM["components"]["bkg"], "yield": "nBkg18"}}},
    },
}  # fmt: skip


@pytest.fixture
def error_of(tmp_path):
    """The message for a document that is changed at the places "a.b.0.c", without the file name."""

    def message(changes, document=PEAKS):
        document = json.loads(json.dumps(document))
        for place, value in changes.items():
            *above, last = [int(key) if key.isdigit() else key for key in place.split(".")]
            part = document
            for key in above:
                part = part[key]
            if value is DROP:
                del part[last]
            else:
                part[last] = value
        path = tmp_path / "mine.json"
        path.write_text(json.dumps(document, ensure_ascii=False), "utf-8")
        with pytest.raises(InputError) as error:
            load_model(path)
        assert all(line.startswith(f"{path}: ") for line in str(error.value).splitlines())
        return str(error.value).replace(f"{path}: ", "")

    return message


def test_the_documents_of_these_tests_are_right(tmp_path):
    for document in (PEAKS, SPECTRA):
        path = tmp_path / "mine.json"
        path.write_text(json.dumps(document), "utf-8")
        assert load_model(path).to_dict() == document


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("observabel", 1,
         ("unknown key 'observabel' (did you mean 'observable'?); allowed: schema_version, name, "
         "title, description, input, observable, ranges, blind, components, spectra, parameters, "
         "labels, method, derived, windows, outputs, plot")),
        ("parameters.mean.limts", [1, 2],
         ("parameters.mean: unknown key 'limts' (did you mean 'limits'?); allowed: value, limits, "
         "fixed, expression, constraint")),
        ("components.second.yeild", "n",
         ("components.second: unknown key 'yeild' (did you mean 'yield'?); allowed: pdf, "
         "parameters, template, sum, fractions, resolution, label, yield, color")),
        ("title", DROP, "missing key 'title'"),
        ("components.second.yield", DROP, "components.second: missing key 'yield'"),
        ("schema_version", 3, "schema_version: 2 belongs here, not 3"),
        ("name", "two peaks",
         ('name: a name of letters, digits and _ that begins with a letter belongs here, not "two '
         'peaks"')),
        ("parameters.a b", {"value": 1, "fixed": True},
         ("parameters.a b: a name of letters, digits and _ that begins with a letter belongs here, "
         'not "a b"')),
        ("parameters.power.fixed", "no",
         'parameters.power.fixed: true or false belongs here, not "no"'),
        ("parameters.mean", 3, "parameters.mean: an object with keys belongs here, not 3"),
        ("observable.bins", 60.5, "observable.bins: a whole number belongs here, not 60.5"),
        ("observable.bins", 0, "observable.bins: a number above 0 belongs here, not 0"),
        ("observable.label", 3, "observable.label: text belongs here, not 3"),
        ("observable.range", [2], "observable.range: a list of 2 belongs here, not [2]"),
        ("observable.range", [], "observable.range: a list of 2 belongs here, not []"),
        ("observable.range", [2, 3, 4],
         "observable.range: a list of 2 belongs here, not [2, 3, 4]"),
        ("observable.range", 2, "observable.range: a list belongs here, not 2"),
        ("observable.range", ["2", 5], 'observable.range.0: a number belongs here, not "2"'),
        ("observable.range", [5, 2],
         "observable.range: the lower edge 5 is not below the upper edge 2"),
        ("components", {}, "components: at least one key belongs here, not {}"),
        ("plot.style", "LHCb", "plot.style: 'CMS', 'ALICE' or 'plain' belongs here, not \"LHCb\""),
        ("plot.y_range", [2, 1],
         "plot.y_range: the lower edge 2 is not below the upper edge 1"),
        ("method.starts.number", 0,
         "method.starts.number: a number above 0 belongs here, not 0"),
        ("method.minos", "everything",
         ("method.minos: 'all', a list of names of parameters and derived quantities, or an object "
          "with 'parameters' and 'levels' (of 68, 90 and 95) belongs here, not \"everything\"")),
        ("method.stages.0.ranges", [[3.3, 2.9]],
         "method.stages.0.ranges: the lower edge 3.3 is not below the upper edge 2.9"),
        ("method.stages.0.components", [],
         "method.stages.0.components: at least one item belongs here, not []"),
        ("windows.peak.range", [3.2, None],
         "windows.peak.range.1: a number or an expression belongs here, not null"),
        ("windows.peak.range", [3.2, 3.1],
         "windows.peak.range: the lower edge 3.2 is not below the upper edge 3.1"),
    ],
)  # fmt: skip
def test_keys_and_types(error_of, place, value, message):
    assert error_of({place: value}) == message


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("value", [1], "parameters.mean.value: a number or @label belongs here, not [1]"),
        ("value", True, "parameters.mean.value: a number or @label belongs here, not true"),
        ("value", "3.1", "parameters.mean.value: a number or @label belongs here, not '3.1'"),
        ("value", "@", "parameters.mean.value: a label is written @label"),
        ("value", 3.3, "parameters.mean.value: 3.3 lies outside the limits 3 to 3.2"),
        ("value", DROP, "parameters.mean: give either 'value' or 'expression'"),
        ("expression", "2", "parameters.mean: give either 'value' or 'expression'"),
        ("limits", [3.2, 3],
         "parameters.mean.limits: the lower edge 3.2 is not below the upper edge 3"),
        ("limits", [3, "4"], 'parameters.mean.limits.1: a number belongs here, not "4"'),
        ("limits", DROP,
         "parameters.mean: missing key 'limits', which a parameter that is not fixed needs"),
        ("constraint.sigma", 0,
         "parameters.mean.constraint.sigma: a number above 0 belongs here, not 0"),
        ("constraint", {"pdf": "lognormal", "mean": 0, "sigma": 1},
         "parameters.mean.constraint.mean: a lognormal mean is above 0, not 0"),
        ("constraint.pdf", "gauss",
         "parameters.mean.constraint.pdf: 'normal' or 'lognormal' belongs here, not \"gauss\""),
    ],
)  # fmt: skip
def test_parameters(error_of, place, value, message):
    assert error_of({f"parameters.mean.{place}": value}) == message


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400"])
def test_numbers_are_finite(tmp_path, number):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(PEAKS).replace("[3, 3.2]", f"[3, {number}]"), "utf-8")
    with pytest.raises(InputError, match=r"parameters\.mean\.limits\.1: a finite number belongs"):
        load_model(path)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("wide", {"expression": "2*width", "fixed": True},
         ": a parameter with an 'expression' has neither 'limits' nor 'fixed'"),
        ("wide", {"expression": "2*widht"},
         ".expression: 'widht' is not defined in 'parameters' (did you mean 'width'?)"),
        ("wide", {"expression": "2*(width"}, ".expression: formula '2*(width', position 3: "),
        ("wide", {"expression": "width.real"}, "'width.real': names with a dot are not known"),
    ],
)  # fmt: skip
def test_expressions(error_of, place, value, message):
    error = error_of({f"parameters.{place}": value})
    assert error.startswith(f"parameters.{place}")
    assert message in error


def test_circles_of_expressions(error_of):
    changes = {
        "parameters.width": {"expression": "wide / 2"},
        "method.stages": [],
    }
    assert error_of(changes) == (
        "parameters: the formulas need each other in a circle: width -> wide -> width; give one of "
        "them a value"
    )


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("input", {},
         "input: give either 'histogram' (a binned fit) or 'column' (an unbinned one)"),
        ("input.column", "mass",
         "input: give either 'histogram' (a binned fit) or 'column' (an unbinned one)"),
        ("input.weight", "w", "input.weight: belongs to 'column', not to 'histogram'"),
        ("input.tree", "t", "input.tree: belongs to 'column', not to 'histogram'"),
        ("observable", DROP, "missing key 'observable', or 'spectra' for several spectra"),
        ("ranges", [[4.8, 2.2]], "ranges: the lower edge 4.8 is not below the upper edge 2.2"),
        ("ranges", [[1, 3]], "ranges: 1 to 3 lies outside the observable's range 2 to 5"),
        ("blind", [[4, 6]], "blind: 4 to 6 lies outside the observable's range 2 to 5"),
        ("blind", [[2, 5]], "blind: the blinded windows leave nothing to fit"),
        ("blind", [[2.2, 3], [3, 4.8]], "blind: the blinded windows leave nothing to fit"),
        ("outputs.sweights", True,
         "outputs.sweights: sWeights belong to entries: give 'column' as input"),
        ("parameters.unused", {"value": 1, "fixed": True},
         "parameters.unused: no component uses it"),
        ("parameters.mena", {"value": 1, "fixed": True},
         "parameters.mena: no component uses it (did you mean 'mean'?)"),
        ("labels", DROP,
         "parameters.tail.value: @tail needs the key 'labels', which says where the labels are"),
        ("method.minos", ["maen"],
         "method.minos: 'maen' is not defined in 'parameters' (did you mean 'mean'?)"),
        ("method.stages.0.components", ["signla"],
         ("method.stages.0.components: unknown component 'signla' (did you mean 'signal'?); "
         "allowed: signal, second, background, fake")),
        ("method.stages.0.ranges", [[0, 1]],
         "method.stages.0.ranges: no bin has its centre there; the observable covers 2 to 5"),
        ("method.stages.0.spectrum", "peak",
         ("method.stages.0.spectrum: unknown spectrum 'peak' (did you mean 'peaks'?); allowed: "
         "peaks")),
        ("outputs.scans", ["nSecnd"],
         "outputs.scans: 'nSecnd' is not defined in 'parameters' (did you mean 'nSecond'?)"),
        ("plot.parameters", {"raito": "R"}, ("plot.parameters: 'raito' is not defined in "
         "'parameters'")),
        ("derived.ratio", "nSecond / nSignl",
         "derived.ratio: 'nSignl' is not defined in 'parameters' (did you mean 'nSignal'?)"),
        ("derived.mean", "2*mean2", "derived.mean: a parameter has this name already"),
        ("windows.peak.range", ["maen", 3.3],
         "windows.peak.range: 'maen' is not defined in 'parameters' (did you mean 'mean'?)"),
        ("windows.peak.signal", ["signl"],
         ("windows.peak.signal: unknown component 'signl' (did you mean 'signal'?); allowed: "
         "signal, second, background, fake")),
    ],
)  # fmt: skip
def test_what_must_hold_between_the_parts(error_of, place, value, message):
    assert error_of({place: value}) == message


@pytest.mark.parametrize("place", ["derived.ratio", "windows.peak.range"])
def test_formulas_outside_of_parameters_are_checked_too(error_of, place):
    broken = "nSignal +" if place == "derived.ratio" else ["nSignal +", 3.3]
    assert error_of({place: broken}).startswith(f"{place}: ")


def test_chi2_is_for_histograms(error_of):
    changes = {"method.loss": "chi2", "input": {"column": "mass"}, "outputs": {}}
    assert error_of(changes) == (
        "method.loss: chi2 is for histograms; the likelihood takes single entries"
    )


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("second.pdf", DROP, "second: give either 'pdf' or 'sum'"),
        ("signal.pdf", "Gauss", "signal: give either 'pdf' or 'sum'"),
        ("second.fractions", ["core"], "second.fractions: belongs to a 'sum', not to a 'pdf'"),
        ("signal.fractions", [], "signal.fractions: a sum of 2 shapes has 1 fractions"),
        ("signal.fractions", ["core", "core"],
         "signal.fractions: a sum of 2 shapes has 1 fractions"),
        ("signal.sum", [], "signal.sum: at least 2 items belong here, not []"),
        ("signal.parameters", {"mu": "mean"},
         "signal: 'parameters' and 'template' belong to a 'pdf', not to a 'sum'"),
        ("second.parameters.mean", "mean2",
         "second.parameters: Gauss has no 'mean'; allowed: mu, sigma"),
        ("second.parameters.sigm", "width",
         "second.parameters: Gauss has no 'sigm' (did you mean 'sigma'?); allowed: mu, sigma"),
        ("second.parameters.sigma", DROP, "second.parameters: Gauss also needs sigma"),
        ("second.parameters.sigma", 3,
         ("second.parameters.sigma: the name of a parameter or a list of such names belongs here, "
         "not 3")),
        ("second.parameters.sigma", ["width"],
         "second.parameters.sigma: the name of a parameter belongs here"),
        ("second.parameters.sigma", "widht",
         "second.parameters.sigma: 'widht' is not defined in 'parameters' (did you mean 'width'?)"),
        ("second.parameters.sigma", "nSecond",
         "second.parameters.sigma: 'nSecond' is not defined in 'parameters'"),
        ("second.parameters.sigma", "nSignal",
         "second.parameters.sigma: 'nSignal' is a yield, not a parameter of a shape"),
        ("second.parameters.sigma", "c2",
         "second.parameters.sigma: the sigma of a Gauss is above 0, not -1; see parameters.c2"),
        ("second.resolution.parameters.sigma", "zero",
         ("second.resolution.parameters.sigma: the sigma of a Gauss is above 0, not 0; see "
         "parameters.zero")),
        ("signal.sum.1.parameters.sigma", "zero",
         ("signal.sum.1.parameters.sigma: the sigma of a Gauss is above 0, not 0; see "
         "parameters.zero")),
        ("signal.sum.0.parameters.alpha", "tial",
         ("signal.sum.0.parameters.alpha: 'tial' is not defined in 'parameters' (did you mean "
         "'tail'?)")),
        ("background.parameters.coefficients", "c1",
         "background.parameters.coefficients: a list of names belongs here"),
        ("background.parameters.coefficients", [],
         ("background.parameters.coefficients: the name of a parameter or a list of such names "
         "belongs here, not []")),
        ("background.parameters.coefficients", ["c1", "c 2"],
         ("background.parameters.coefficients: the name of a parameter or a list of such names "
         'belongs here, not ["c1", "c 2"]')),
        ("fake.template", DROP,
         "fake.template: 'template' belongs to Histogram and KDE, and only to them"),
        ("second.template", {"file": "f.root", "histogram": "h"},
         "second.template: 'template' belongs to Histogram and KDE, and only to them"),
        ("fake.template", {"file": "f.root", "column": "mass"},
         "fake.template: Histogram takes a histogram"),
        ("fake.template", {"histogram": "mass"}, "fake.template: missing key 'file'"),
        ("fake.parameters", {"mu": "mean"}, "fake.parameters: Histogram has no parameters"),
        ("fake.pdf", "KDE", "fake.template: KDE takes a column"),
    ],
)  # fmt: skip
def test_shapes(error_of, place, value, message):
    assert error_of({f"components.{place}": value}) == f"components.{message}"


def test_yields_are_used_once(error_of):
    assert error_of({"components.fake.yield": "nSignal"}) == (
        "components.fake.yield: 'nSignal' is used twice; each yield is its own"
    )


def test_unknown_pdfs_are_named_with_those_there_are(error_of):
    error = error_of({"components.second.pdf": "Gaus"})
    assert error.startswith("components.second.parameters: Gaus has no 'mu'; allowed: mean, width")
    error = error_of({"components.second.pdf": "Guass"})
    assert error.startswith("components.second.pdf: unknown 'Guass' (did you mean 'Gauss'?); allow")
    assert error.endswith(", Histogram, KDE")
    assert "CrystalBall, DoubleCB" in error


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("spectra", {}, "spectra: at least one key belongs here, not {}"),
        ("observable", PEAKS["observable"],
         "observable: stands in each of the 'spectra', not beside them"),
        ("spectra.y2018.observable", DROP, "spectra.y2018: missing key 'observable'"),
        ("spectra.y2018.components.bkg.parameters.slope", "slpoe",
         ("spectra.y2018.components.bkg.parameters.slope: 'slpoe' is not defined in 'parameters' "
         "(did you mean 'slope'?)")),
        ("spectra.y2018.blind", [[1, 2]],
         "spectra.y2018.blind: 1 to 2 lies outside the observable's range 2 to 5"),
        ("windows", {"all": {"signal": ["bkg"], "range": [3, 4]}},
         "windows.all: missing key 'spectrum'; allowed: y2017, y2018"),
        ("windows", {"all": {"signal": ["bkg"], "range": [3, 4], "spectrum": "y2016"}},
         ("windows.all.spectrum: unknown spectrum 'y2016' (did you mean 'y2018'?); allowed: y2017, "
         "y2018")),
        ("method", {"stages": [{"components": ["bkg"], "ranges": [[3, 4]]}]},
         "method.stages.0: missing key 'spectrum'; allowed: y2017, y2018"),
    ],
)  # fmt: skip
def test_spectra(error_of, place, value, message):
    assert error_of({place: value}, SPECTRA) == message


def test_all_wrong_keys_are_named_at_once(error_of):
    changes = {
        "title": 3,
        "plot.style": "LHCb",
        "parameters.mean.value": [1],
        "parameters.core.limits": [1, 0],
        "components.second.yield": DROP,
        "method.starts.seeds": 3,
    }
    assert error_of(changes).splitlines() == [
        "title: text belongs here, not 3",
        "components.second: missing key 'yield'",
        "parameters.mean.value: a number or @label belongs here, not [1]",
        "parameters.core.limits: the lower edge 1 is not below the upper edge 0",
        "method.starts: unknown key 'seeds' (did you mean 'seed'?); allowed: number, seed",
        "plot.style: 'CMS', 'ALICE' or 'plain' belongs here, not \"LHCb\"",
    ]


def test_all_contradictions_are_named_at_once(error_of):
    changes = {
        "ranges": [[1, 3]],
        "blind": [],
        "components.second.parameters.sigma": "widht",
        "components.background.parameters.coefficients": ["c1", "c3"],
        "parameters.tail.value": "@tails",
        "labels": DROP,
        "derived.mean": "2*maen",
        "outputs.scans": ["mena"],
        "windows.peak.signal": ["peak"],
    }
    # That nothing uses c2 now is not said: it follows from c3.
    assert error_of(changes).splitlines() == [
        "ranges: 1 to 3 lies outside the observable's range 2 to 5",
        (
            "components.second.parameters.sigma: 'widht' is not defined in 'parameters' (did you "
            "mean 'width'?)"
        ),
        "components.background.parameters.coefficients: 'c3' is not defined in 'parameters'",
        "parameters.tail.value: @tails needs the key 'labels', which says where the labels are",
        "outputs.scans: 'mena' is not defined in 'parameters' (did you mean 'mean'?)",
        "derived.mean: 'maen' is not defined in 'parameters' (did you mean 'mean'?)",
        "windows.peak.signal: unknown component 'peak'; allowed: signal, second, background, fake",
    ]


def test_files_of_the_first_version_are_named_as_such(error_of):
    assert error_of({"schema_version": 1}) == (
        "schema_version: 1 is of an older tau3mu; in 2, 'histogram' stands under 'input', and "
        "'stages' and 'starts' stand under 'method'"
    )
