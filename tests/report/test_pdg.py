"""The rounding of the Particle Data Group, with its own examples."""

from __future__ import annotations

import pytest

from tau3mu.report.formats import LATEX, MARKDOWN
from tau3mu.report.pdg import pdg_decimals, pdg_rounded


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (0.827, 0.119, ("0.83", "0.12")),  # the examples of the introduction of the Review
        (0.827, 0.367, ("0.8", "0.4")),
        (0.827, 0.967, ("0.8", "1.0")),
        (0.827, 0.354, ("0.83", "0.35")),
        (0.827, 0.355, ("0.8", "0.4")),
        (0.827, 0.949, ("0.8", "0.9")),
        (0.827, 0.950, ("0.8", "1.0")),
        (0.827, 0.9996, ("0.8", "1.0")),
        (17256, 131.4, ("17260", "130")),
        (17256, 688, ("17300", "700")),
        (17256, 960, ("17300", "1000")),
        (-1.5, 20.0, ("-2", "20")),
        (1.96801, 0.00098, ("1.9680", "0.0010")),
        (5, 1, ("5.0", "1.0")),
    ],
)
def test_value_and_error(value, error, expected):
    found = pdg_rounded(value, error)
    assert (found.value, *found.errors) == expected
    assert found.power == 0


def test_two_errors_have_the_digits_of_the_smaller():
    assert pdg_rounded(12.346, 1.23, 0.119)[:2] == ("12.35", ("1.23", "0.12"))
    assert pdg_rounded(3.0, 2.92, 0.0)[:2] == ("3.0", ("2.9", "0.0"))


def test_powers_of_ten_where_there_would_be_many_zeros():
    assert pdg_rounded(1.29e-5, 1.0e-6) == ("1.29", ("0.10",), -5)
    assert pdg_rounded(1.06e10, 4e8) == ("1.06", ("0.04",), 10)


def test_without_an_error_six_digits_are_shown():
    assert pdg_rounded(3.14159265) == ("3.14159", (), 0)
    assert pdg_rounded(3.0, 0.0) == ("3", ("0",), 0)


def test_the_digits_of_an_error():
    assert [pdg_decimals(error) for error in (0.119, 0.367, 0.967, 131, 688, 960)] == [
        2, 1, 1, -1, -2, -2,
    ]  # fmt: skip


def test_both_languages_show_what_is_measured():
    assert LATEX.measured(0.827, 0.119) == r"$0.83 \pm 0.12$"
    assert LATEX.measured(-3.0, 1.2, 0.9) == "$-3.0^{+1.2}_{-0.9}$"
    assert LATEX.measured(1.29e-5, 1e-6) == r"$(1.29 \pm 0.10) \times 10^{-5}$"
    assert MARKDOWN.measured(-3.0, 1.2, 0.9) == "−3.0 +1.2 −0.9"
    assert MARKDOWN.measured(0.827, 0.119) == "0.83 ± 0.12"
