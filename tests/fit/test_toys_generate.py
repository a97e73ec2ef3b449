"""Toy data as files: what is written is what a fit of the same file reads."""

from __future__ import annotations

import json

import numpy as np
import pytest
import uproot
from errors import raises
from peak_models import document, parameters, peak
from scipy import stats

from tau3mu.errors import InputError
from tau3mu.fit import fit, sources
from tau3mu.fit.commands.generate import main
from tau3mu.fit.likelihood import expected
from tau3mu.fit.studies import generate

TRUTH = {name: parameter["value"] for name, parameter in parameters().items()}


def fitted(model, path):
    return fit(model, {name: source.data for name, source in sources(model, str(path)).items()})


def assert_true(result):
    """The fit is valid and within four errors of the truth."""
    assert result.valid, result.messages
    for name in ("mean", "slope", "nSignal", "nBackground"):
        parameter = result.parameters[name]
        assert abs(parameter.value - TRUTH[name]) < 4 * parameter.error


def test_a_histogram_is_read_by_the_fit_of_the_same_file(tmp_path):
    model = peak()
    found = generate(model, tmp_path / "toy.root", seed=41)
    with uproot.open(tmp_path / "toy.root") as file:
        contents = file["m"].values()
    assert found == {"peak": contents.sum()}
    means = expected(model, "peak", TRUTH, np.linspace(0, 10, 41)).sum(axis=0)
    # Poisson numbers, bin by bin: the likelihood ratio to the means is a χ² of 40 bins.
    ratio = 2 * np.sum(means - contents + contents * np.log(np.maximum(contents, 1) / means))
    assert 1e-4 < stats.chi2.sf(ratio, 40) < 1 - 1e-4
    assert_true(fitted(model, tmp_path / "toy.root"))


def test_entries_are_read_by_the_fit_of_the_same_file(tmp_path):
    model = peak(input={"tree": "candidates", "column": "mass", "weight": "w"})
    found = generate(model, tmp_path / "toy.root", seed=42)
    with uproot.open(tmp_path / "toy.root") as file:
        arrays = file["candidates"].arrays(library="np")
    assert found == {"peak": len(arrays["mass"])}
    assert stats.poisson(1400).ppf(1e-4) < found["peak"] < stats.poisson(1400).ppf(1 - 1e-4)
    assert set(arrays["w"]) == {1.0}

    def cumulated(x):
        signal = stats.norm.cdf(x, 5, 0.5)
        background = np.expm1(-0.2 * x) / np.expm1(-2)
        return (400 * signal + 1000 * background) / 1400

    assert stats.kstest(arrays["mass"], cumulated).pvalue > 1e-4
    assert_true(fitted(model, tmp_path / "toy.root"))


def test_the_full_range_is_filled(tmp_path):
    generate(peak(blind=[[4, 6]], ranges=[[0, 8]]), tmp_path / "blind.root", seed=43)
    generate(peak(), tmp_path / "all.root", seed=43)
    with uproot.open(tmp_path / "blind.root") as one, uproot.open(tmp_path / "all.root") as other:
        np.testing.assert_array_equal(one["m"].values(), other["m"].values())
        assert one["m"].values()[16:24].sum() > 300


def test_several_spectra_are_in_one_file(tmp_path):
    spectra = {}
    for name, kind in (("A", {"histogram": "m_A"}), ("B", {"column": "m"})):
        components = json.loads(json.dumps(document()["components"]))
        spectra[name] = {"input": kind, "observable": document()["observable"],
                         "components": components}  # fmt: skip
    model = peak(input=None, observable=None, components=None, spectra=spectra)
    found = generate(model, tmp_path / "toy.root", seed=44)
    with uproot.open(tmp_path / "toy.root") as file:
        assert sorted(file.keys(cycle=False)) == ["entries", "m_A"]
        assert found == {"A": file["m_A"].values().sum(), "B": file["entries"].num_entries}
    assert_true(fitted(model, tmp_path / "toy.root"))


def test_two_spectra_of_one_name_are_refused(tmp_path):
    one = {key: document()[key] for key in ("input", "observable", "components")}
    model = peak(input=None, observable=None, components=None, spectra={"A": one, "B": one})
    with raises("fit.repeated-name", InputError, path="m"):
        generate(model, tmp_path / "toy.root")
    assert list(tmp_path.iterdir()) == []


def test_the_same_seed_gives_the_same_data(tmp_path):
    contents = []
    for number, seed in enumerate((1, 1, 2)):
        generate(peak(), tmp_path / f"{number}.root", seed=seed)
        with uproot.open(tmp_path / f"{number}.root") as file:
            contents.append(file["m"].values().tolist())
    assert contents[0] == contents[1] != contents[2]


def test_the_command_takes_the_values_of_a_fit(tmp_path, capsys):
    (tmp_path / "peak.json").write_text(json.dumps(document()))
    values = {name: {"value": value} for name, value in (TRUTH | {"nSignal": 3000.0}).items()}
    (tmp_path / "fit.json").write_text(json.dumps({"parameters": values}))
    arguments = ["--output", str(tmp_path / "out" / "toy.root"), "--seed", "5"]
    assert main([str(tmp_path / "peak.json"), "--values", str(tmp_path / "fit.json"),
                 *arguments]) == 0  # fmt: skip
    with uproot.open(tmp_path / "out" / "toy.root") as file:
        number = file["m"].values().sum()
    assert stats.poisson(4000).ppf(1e-4) < number < stats.poisson(4000).ppf(1 - 1e-4)
    printed = capsys.readouterr()
    assert printed.out == f"peak: {number:.0f} entries\n"
    assert printed.err == f"written to {tmp_path / 'out' / 'toy.root'}\n"
    assert main([str(tmp_path / "peak.json"), *arguments]) == 1
    assert "toy.root exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["dsphipi", "--output", "toy.root"],
            "error: fit dsphipi: ",
        ),
        (["dsphipi", "--output", "toy.txt"], "error: toy.txt: "),
        (["dsphip", "--output", "toy.root"], "error: unknown fit 'dsphip'"),
        (["dsphipi", "--output", "toy.root", "--values", "x"], "error: x does not exist"),
    ],
)
def test_bad_input_is_one_message(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    assert capsys.readouterr().err.startswith(message)
    assert list(tmp_path.iterdir()) == []
