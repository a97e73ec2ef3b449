"""One problem with a code and a path for everything that can be wrong in a fit file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tau3mu.errors import InputError
from tau3mu.fit.language import load_model, model_of

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

CASES = {
    "a misspelled key": [{"observabel": 1}],
    "a misspelled key of a parameter": [{"parameters.mean.limts": [1, 2]}],
    "a missing title": [{"title": DROP}],
    "a missing yield": [{"components.second.yield": DROP}],
    "an old version": [{"schema_version": 1}],
    "a name with a space": [{"name": "two peaks"}],
    "a number in quotes": [{"observable.range": ["2", 5]}],
    "half a number of bins": [{"observable.bins": 60.5}],
    "no bins": [{"observable.bins": 0}],
    "a range the wrong way round": [{"observable.range": [5, 2]}],
    "a list for a number": [{"parameters.mean.value": [1]}],
    "a start outside of the limits": [{"parameters.mean.value": 3.3}],
    "no limits": [{"parameters.mean.limits": DROP}],
    "a parameter with value and expression": [{"parameters.mean.expression": "2"}],
    "a formula that ends early": [{"parameters.wide.expression": "2*(width"}],
    "formulas in a circle": [{"parameters.width": {"expression": "wide / 2"}}],
    "a misspelled parameter": [{"components.second.parameters.sigma": "widht"}],
    "a misspelled pdf": [{"components.second.pdf": "Guass"}],
    "a role that the pdf does not have": [{"components.second.parameters.mean": "mean2"}],
    "a role that is missing": [{"components.second.parameters.sigma": DROP}],
    "a width that may be negative": [{"components.second.parameters.sigma": "c2"}],
    "too few fractions": [{"components.signal.fractions": []}],
    "a parameter that nothing uses": [{"parameters.unused": {"value": 1, "fixed": True}}],
    "a label without a histogram of labels": [{"labels": DROP}],
    "histogram and column": [{"input.column": "mass"}],
    "a blind window outside of the range": [{"blind": [[4, 6]]}],
    "everything blind": [{"blind": [[2, 5]]}],
    "an unknown style": [{"plot.style": "LHCb"}],
    "a misspelled component of a window": [{"windows.peak.signal": ["signl"]}],
    "a window without its spectrum": [
        {"windows": {"all": {"signal": ["bkg"], "range": [3, 4]}}}, SPECTRA
    ],
    "several mistakes": [{"title": 3, "plot.style": "LHCb", "method.starts.seeds": 3}],
}  # fmt: skip


def changed(document, changes):
    """A document that is changed at the places "a.b.0.c"."""
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
    return document


def error_of(changes, document=PEAKS):
    """The error for a document that is changed."""
    with pytest.raises(InputError) as error:
        model_of(changed(document, changes), "FILE", Path())
    assert all(line.startswith("FILE: ") for line in str(error.value).splitlines())
    return error.value


def paths(error):
    """The paths of all problems that a message names."""
    return [line.split(": ")[1] for line in str(error).splitlines()]


@pytest.mark.parametrize("case", CASES)
def test_sentences(case, sentences):
    sentences.check("fit_files", case, error_of(*CASES[case]))


def test_the_golden_file_has_these_cases_and_no_others(sentences):
    sentences.check_cases("fit_files", CASES)


def test_the_documents_of_these_tests_are_right(tmp_path):
    for document in (PEAKS, SPECTRA):
        path = tmp_path / "mine.json"
        path.write_text(json.dumps(document), "utf-8")
        assert load_model(path).to_dict() == document


@pytest.mark.parametrize(
    ("place", "value", "code", "path"),
    [
        ("observabel", 1,
         "fit.unknown-key", "observabel"),
        ("parameters.mean.limts", [1, 2],
         "fit.unknown-key", "parameters.mean.limts"),
        ("components.second.yeild", "n",
         "fit.unknown-key", "components.second.yeild"),
        ("title", DROP, "fit.missing-key", "title"),
        ("components.second.yield", DROP, "fit.missing-key", "components.second.yield"),
        ("schema_version", 3, "fit.unknown-choice", "schema_version"),
        ("name", "two peaks",
         "fit.wrong-name", "name"),
        ("parameters.a b", {"value": 1, "fixed": True},
         "fit.wrong-name", 'parameters["a b"]'),
        ("parameters.power.fixed", "no",
         "fit.wrong-type", "parameters.power.fixed"),
        ("parameters.mean", 3, "fit.wrong-type", "parameters.mean"),
        ("observable.bins", 60.5, "fit.wrong-type", "observable.bins"),
        ("observable.bins", 0, "fit.out-of-range", "observable.bins"),
        ("observable.label", 3, "fit.wrong-type", "observable.label"),
        ("observable.range", [2], "fit.missing-key", "observable.range[1]"),
        ("observable.range", [2, 3, 4],
         "fit.wrong-length", "observable.range"),
        ("observable.range", 2, "fit.wrong-type", "observable.range"),
        ("observable.range", ["2", 5], "fit.wrong-type", "observable.range[0]"),
        ("observable.range", [5, 2],
         "fit.wrong-order", "observable.range"),
        ("components", {}, "fit.wrong-length", "components"),
        ("plot.style", "LHCb", "fit.unknown-choice", "plot.style"),
        ("plot.y_range", [2, 1],
         "fit.wrong-order", "plot.y_range"),
        ("method.starts.number", 0,
         "fit.out-of-range", "method.starts.number"),
        ("method.minos", "everything",
         "fit.wrong-type", "method.minos"),
        ("method.stages.0.ranges", [[3.3, 2.9]],
         "fit.wrong-order", "method.stages[0].ranges[0]"),
        ("method.stages.0.components", [],
         "fit.wrong-length", "method.stages[0].components"),
        ("windows.peak.range", [3.2, None],
         "fit.wrong-type", "windows.peak.range[1]"),
        ("windows.peak.range", [3.2, 3.1],
         "fit.wrong-order", "windows.peak.range"),
    ],
)  # fmt: skip
def test_keys_and_types(place, value, code, path):
    error = error_of({place: value})
    assert (error.code, error.path) == (code, path)
    assert paths(error) == [path]


@pytest.mark.parametrize(
    ("place", "value", "code", "path"),
    [
        ("value", [1], "fit.wrong-type", "parameters.mean.value"),
        ("value", True, "fit.wrong-type", "parameters.mean.value"),
        ("value", "3.1", "fit.wrong-value", "parameters.mean.value"),
        ("value", "@", "fit.wrong-value", "parameters.mean.value"),
        ("value", 3.3, "fit.outside-limits", "parameters.mean.value"),
        ("value", DROP, "fit.one-of-keys", "parameters.mean"),
        ("expression", "2", "fit.one-of-keys", "parameters.mean"),
        ("limits", [3.2, 3],
         "fit.wrong-order", "parameters.mean.limits"),
        ("limits", [3, "4"], "fit.wrong-type", "parameters.mean.limits[1]"),
        ("limits", DROP,
         "fit.missing-key", "parameters.mean.limits"),
        ("constraint.sigma", 0,
         "fit.out-of-range", "parameters.mean.constraint.sigma"),
        ("constraint", {"pdf": "lognormal", "mean": 0, "sigma": 1},
         "fit.wrong-value", "parameters.mean.constraint.mean"),
        ("constraint.pdf", "gauss",
         "fit.unknown-choice", "parameters.mean.constraint.pdf"),
    ],
)  # fmt: skip
def test_parameters(place, value, code, path):
    error = error_of({f"parameters.mean.{place}": value})
    assert (error.code, error.path) == (code, path)
    assert paths(error) == [path]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400"])
def test_numbers_are_finite(tmp_path, number):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(PEAKS).replace("[3, 3.2]", f"[3, {number}]"), "utf-8")
    with pytest.raises(InputError) as error:
        load_model(path)
    assert (error.value.code, error.value.path) == ("fit.out-of-range", "parameters.mean.limits[1]")


@pytest.mark.parametrize(
    ("place", "value", "code", "path"),
    [
        ("wide", {"expression": "2*width", "fixed": True},
         "fit.conflicting-keys", "parameters.wide"),
        ("wide", {"expression": "2*widht"},
         "fit.undefined-parameter", "parameters.wide.expression"),
        ("wide", {"expression": "2*(width"}, "fit.wrong-expression", "parameters.wide.expression"),
        ("wide", {"expression": "width.real"},
         "fit.wrong-expression", "parameters.wide.expression"),
    ],
)  # fmt: skip
def test_expressions(place, value, code, path):
    error = error_of({f"parameters.{place}": value})
    assert (error.code, error.path) == (code, path)
    assert paths(error) == [path]


def test_circles_of_expressions():
    changes = {
        "parameters.width": {"expression": "wide / 2"},
        "method.stages": [],
    }
    error = error_of(changes)
    assert (error.code, error.path) == ("fit.circular-expressions", "parameters")
    assert "width -> wide -> width" in str(error)


@pytest.mark.parametrize(
    ("place", "value", "code", "path"),
    [
        ("input", {},
         "fit.one-of-keys", "input"),
        ("input.column", "mass",
         "fit.one-of-keys", "input"),
        ("input.weight", "w", "fit.conflicting-keys", "input.weight"),
        ("input.tree", "t", "fit.conflicting-keys", "input.tree"),
        ("observable", DROP, "fit.missing-key", "observable"),
        ("ranges", [[4.8, 2.2]], "fit.wrong-order", "ranges[0]"),
        ("ranges", [[1, 3]], "fit.outside-range", "ranges[0]"),
        ("blind", [[4, 6]], "fit.outside-range", "blind[0]"),
        ("blind", [[2, 5]], "fit.all-blinded", "blind"),
        ("blind", [[2.2, 3], [3, 4.8]], "fit.all-blinded", "blind"),
        ("outputs.sweights", True,
         "fit.needs-entries", "outputs.sweights"),
        ("parameters.unused", {"value": 1, "fixed": True},
         "fit.unused-parameter", "parameters.unused"),
        ("parameters.mena", {"value": 1, "fixed": True},
         "fit.unused-parameter", "parameters.mena"),
        ("labels", DROP,
         "fit.missing-labels", "parameters.tail.value"),
        ("method.minos", ["maen"],
         "fit.undefined-parameter", "method.minos"),
        ("method.stages.0.components", ["signla"],
         "fit.unknown-component", "method.stages[0].components"),
        ("method.stages.0.ranges", [[0, 1]],
         "fit.outside-range", "method.stages[0].ranges"),
        ("method.stages.0.spectrum", "peak",
         "fit.unknown-spectrum", "method.stages[0].spectrum"),
        ("outputs.scans", ["nSecnd"],
         "fit.undefined-parameter", "outputs.scans"),
        ("plot.parameters", {"raito": "R"}, "fit.undefined-parameter", "plot.parameters"),
        ("derived.ratio", "nSecond / nSignl",
         "fit.undefined-parameter", "derived.ratio"),
        ("derived.mean", "2*mean2", "fit.repeated-name", "derived.mean"),
        ("windows.peak.range", ["maen", 3.3],
         "fit.undefined-parameter", "windows.peak.range"),
        ("windows.peak.signal", ["signl"],
         "fit.unknown-component", "windows.peak.signal"),
    ],
)  # fmt: skip
def test_what_must_hold_between_the_parts(place, value, code, path):
    error = error_of({place: value})
    assert (error.code, error.path) == (code, path)
    assert paths(error) == [path]


@pytest.mark.parametrize("place", ["derived.ratio", "windows.peak.range"])
def test_formulas_outside_of_parameters_are_checked_too(place):
    broken = "nSignal +" if place == "derived.ratio" else ["nSignal +", 3.3]
    error = error_of({place: broken})
    assert error.code == "fit.wrong-expression"
    assert error.path in {"derived.ratio", "windows.peak.range[0]"}


def test_chi2_is_for_histograms():
    error = error_of({"method.loss": "chi2", "input": {"column": "mass"}, "outputs": {}})
    assert (error.code, error.path) == ("fit.needs-histogram", "method.loss")


@pytest.mark.parametrize(
    ("place", "value", "code", "path"),
    [
        ("second.pdf", DROP, "fit.one-of-keys", "components.second"),
        ("signal.pdf", "Gauss", "fit.one-of-keys", "components.signal"),
        ("second.fractions", ["core"], "fit.conflicting-keys", "components.second.fractions"),
        ("signal.fractions", [], "fit.wrong-number", "components.signal.fractions"),
        ("signal.fractions", ["core", "core"],
         "fit.wrong-number", "components.signal.fractions"),
        ("signal.sum", [], "fit.wrong-length", "components.signal.sum"),
        ("signal.parameters", {"mu": "mean"},
         "fit.conflicting-keys", "components.signal"),
        ("second.parameters.mean", "mean2",
         "fit.unknown-role", "components.second.parameters.mean"),
        ("second.parameters.sigm", "width",
         "fit.unknown-role", "components.second.parameters.sigm"),
        ("second.parameters.sigma", DROP, "fit.missing-role", "components.second.parameters"),
        ("second.parameters.sigma", 3,
         "fit.wrong-type", "components.second.parameters.sigma"),
        ("second.parameters.sigma", ["width"],
         "fit.wrong-type", "components.second.parameters.sigma"),
        ("second.parameters.sigma", "widht",
         "fit.undefined-parameter", "components.second.parameters.sigma"),
        ("second.parameters.sigma", "nSecond",
         "fit.yield-in-shape", "components.second.parameters.sigma"),
        ("second.parameters.sigma", "nSignal",
         "fit.yield-in-shape", "components.second.parameters.sigma"),
        ("second.parameters.sigma", "c2",
         "fit.not-positive", "components.second.parameters.sigma"),
        ("second.resolution.parameters.sigma", "zero",
         "fit.not-positive", "components.second.resolution.parameters.sigma"),
        ("signal.sum.1.parameters.sigma", "zero",
         "fit.not-positive", "components.signal.sum[1].parameters.sigma"),
        ("signal.sum.0.parameters.alpha", "tial",
         "fit.undefined-parameter", "components.signal.sum[0].parameters.alpha"),
        ("background.parameters.coefficients", "c1",
         "fit.wrong-type", "components.background.parameters.coefficients"),
        ("background.parameters.coefficients", [],
         "fit.wrong-type", "components.background.parameters.coefficients"),
        ("background.parameters.coefficients", ["c1", "c 2"],
         "fit.wrong-type", "components.background.parameters.coefficients"),
        ("fake.template", DROP,
         "fit.conflicting-keys", "components.fake.template"),
        ("second.template", {"file": "f.root", "histogram": "h"},
         "fit.conflicting-keys", "components.second.template"),
        ("fake.template", {"file": "f.root", "column": "mass"},
         "fit.wrong-template", "components.fake.template"),
        ("fake.template", {"histogram": "mass"},
         "fit.missing-key", "components.fake.template.file"),
        ("fake.parameters", {"mu": "mean"}, "fit.conflicting-keys", "components.fake.parameters"),
        ("fake.pdf", "KDE", "fit.wrong-template", "components.fake.template"),
    ],
)  # fmt: skip
def test_shapes(place, value, code, path):
    error = error_of({f"components.{place}": value})
    assert (error.code, error.path) == (code, path)
    assert paths(error) == [path]


def test_yields_are_used_once():
    error = error_of({"components.fake.yield": "nSignal"})
    assert (error.code, error.path) == ("fit.repeated-yield", "components.fake.yield")


def test_unknown_pdfs_are_named_with_those_there_are():
    error = error_of({"components.second.pdf": "Gaus"})
    assert (error.code, error.path) == ("fit.unknown-role", "components.second.parameters.mu")
    error = error_of({"components.second.pdf": "Guass"})
    assert (error.code, error.path) == ("fit.unknown-pdf", "components.second.pdf")
    assert "'Gauss'" in str(error)
    assert str(error).endswith(", Histogram, KDE")
    assert "CrystalBall, DoubleCB" in str(error)


@pytest.mark.parametrize(
    ("place", "value", "code", "path"),
    [
        ("spectra", {}, "fit.wrong-length", "spectra"),
        ("observable", PEAKS["observable"],
         "fit.conflicting-keys", "observable"),
        ("spectra.y2018.observable", DROP, "fit.missing-key", "spectra.y2018.observable"),
        ("spectra.y2018.components.bkg.parameters.slope", "slpoe",
         "fit.undefined-parameter", "spectra.y2018.components.bkg.parameters.slope"),
        ("spectra.y2018.blind", [[1, 2]],
         "fit.outside-range", "spectra.y2018.blind[0]"),
        ("windows", {"all": {"signal": ["bkg"], "range": [3, 4]}},
         "fit.missing-key", "windows.all.spectrum"),
        ("windows", {"all": {"signal": ["bkg"], "range": [3, 4], "spectrum": "y2016"}},
         "fit.unknown-spectrum", "windows.all.spectrum"),
        ("method", {"stages": [{"components": ["bkg"], "ranges": [[3, 4]]}]},
         "fit.missing-key", "method.stages[0].spectrum"),
    ],
)  # fmt: skip
def test_spectra(place, value, code, path):
    error = error_of({place: value}, SPECTRA)
    assert (error.code, error.path) == (code, path)
    assert paths(error) == [path]


def test_all_wrong_keys_are_named_at_once():
    changes = {
        "title": 3,
        "plot.style": "LHCb",
        "parameters.mean.value": [1],
        "parameters.core.limits": [1, 0],
        "components.second.yield": DROP,
        "method.starts.seeds": 3,
    }
    error = error_of(changes)
    assert (error.code, error.path) == ("fit.wrong-type", "title")
    assert set(paths(error)) == {
        "title",
        "components.second.yield",
        "parameters.mean.value",
        "parameters.core.limits",
        "method.starts.seeds",
        "plot.style",
    }


def test_all_contradictions_are_named_at_once():
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
    assert set(paths(error_of(changes))) == {
        "ranges[0]",
        "components.second.parameters.sigma",
        "components.background.parameters.coefficients",
        "parameters.tail.value",
        "outputs.scans",
        "derived.mean",
        "windows.peak.signal",
    }


def test_files_of_the_first_version_are_named_as_such():
    error = error_of({"schema_version": 1})
    assert (error.code, error.path) == ("fit.old-version", "schema_version")
