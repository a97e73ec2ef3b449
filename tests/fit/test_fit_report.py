"""What people read of a fit on the terminal."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO

import pytest
from fitted_dimuons import fitted
from rich.console import Console

from tau3mu.fit.fitting.result import GoodnessOfFitResult
from tau3mu.fit.output import print_fit


def printed(result, width=80):
    text = StringIO()
    print_fit(Console(file=text, width=width), result)
    return text.getvalue()


def rows(text):
    """The cells of all tables, by the first one of the row."""
    cells = [re.split("[│┃]", line)[1:-1] for line in text.splitlines() if line[:1] in "│┃"]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in cells}


def test_parameters():
    text = printed(fitted("counts"))
    table = rows(text)
    assert "Fit dimuon" in text
    of = StringIO()
    print_fit(Console(file=of, width=80), fitted("counts"), of="dimuon_tight")
    assert "dimuon_tight" not in text
    assert "Fit dimuon of dimuon_tight" in " ".join(of.getvalue().split())
    assert table["Parameter"] == ["Value", "Limits or expression"]
    assert table["mean"] == ["3.0987 ± 0.0028", "3 to 3.2"]
    assert table["mean2"] == ["3.6827 ± 0.0028", "= mean + 0.584"]
    assert table["nJpsi"] == ["3003 ± 112", "0 to 94086"]
    limited = rows(printed(fitted("at limit")))["width"]
    assert limited[0] == "0.05 (at limit)"
    assert limited[1].startswith("0.03 to 0.05: ")
    assert "UPPER" in limited[1]


def test_derived_and_windows():
    table = rows(printed(fitted("counts")))
    assert table["ratio"] == ["0.085 ± 0.023", "nPsi2s / nJpsi"]
    assert table["Window"] == ["Jpsi_peak"]
    assert table["Range"] == ["2.889 to 3.308"]
    window = fitted("counts").windows["Jpsi_peak"]
    assert table["Signal"] == [window.signal.text] == ["2995 ± 110"]
    assert table["S/B"] == [window.signal_over_background.text]
    assert table["Purity"] == [window.purity.text]
    assert table["Significance"] == [window.significance.text]


def test_quality():
    result = replace(fitted("counts"), fit_seconds=1.26)
    text = printed(result)
    assert (
        f"47043 entries, chi2/ndf = {result.chi2:.1f}/46 (p = {result.p_value:.2g}), "
        f"NLL = {result.nll:.3f}, 1.3 s with numpy\n" in text
    )
    assert text.endswith("The fit is valid.\n")
    assert "goodness" not in text
    assert "1681 outside of the fitted ranges" in printed(fitted("blinded"))


def test_weighted_entries_are_named():
    assert "14112.9 weighted entries, chi2/ndf" in printed(fitted("weighted"))


def test_no_probability_without_degrees_of_freedom():
    assert "chi2/ndf = 0.0/0, NLL" in printed(replace(fitted("counts"), chi2=0.0, ndf=0))


@pytest.mark.parametrize(("failed", "end"), [(0, "p = 0.25\n"), (3, "p = 0.25, 3 fits failed\n")])
def test_goodness_of_fit_from_toys(failed, end):
    test = GoodnessOfFitResult(statistic=50.0, p_value=0.25, toys=200, failed=failed)
    text = printed(replace(fitted("counts"), goodness_of_fit=test))
    assert f"goodness of fit from 200 toys: {end}" in text


def test_errors_of_minos_have_a_column_if_there_are_any():
    result = fitted("counts")
    mean = replace(result.parameters["mean"], minos=(-0.0026, 0.0031))
    table = rows(printed(replace(result, parameters={**result.parameters, "mean": mean})))
    assert table["Parameter"] == ["Value", "Minos", "Limits or expression"]
    assert table["mean"][1] == "-0.0026 +0.0031"
    assert table["mean"][0].endswith("± 0.0028")
    assert table["width"][1] == ""


def test_errors_of_minos_have_the_digits_of_the_error():
    result = fitted("counts")
    changed = {"nJpsi": (-108.64, 113.27), "mean": (-0.002449, 0.01)}
    parameters = {n: replace(result.parameters[n], minos=m) for n, m in changed.items()}
    table = rows(printed(replace(result, parameters={**result.parameters, **parameters})))
    assert table["nJpsi"][:2] == ["3003 ± 112", "-109 +113"]
    assert table["mean"][:2] == ["3.0987 ± 0.0028", "-0.0024 +0.0100"]


def test_several_spectra():
    result = fitted("two")
    table = rows(printed(result))
    assert table["A"] == ["47043", "0", f"{result.spectra['A'].chi2:.1f}", "52"]
    assert table["B"] == ["47031", "0", f"{result.spectra['B'].chi2:.1f}", "52"]
    assert "94074 entries" in printed(result)
    assert "Spectrum" not in rows(printed(fitted("counts")))


def test_an_invalid_fit_says_why():
    lines = printed(fitted("at limit")).splitlines()
    assert "The fit is NOT VALID." in lines
    reason = "- width is at its upper limit 0.05, and the likelihood would grow beyond it"
    assert any(line.startswith(reason) for line in lines)


def test_messages_are_not_markup():
    text = printed(replace(fitted("counts"), messages=("a range [1, 2] and [bold] text",)))
    assert "- a range [1, 2] and [bold] text\n" in text
