"""What makes a fit invalid, and what is only said."""

from __future__ import annotations

import numpy as np
import pytest

from tau3mu.fit.fitting.covariance import Covariance, Stop
from tau3mu.fit.fitting.result import Minimum
from tau3mu.fit.fitting.verdict import find_errors, find_warnings

GOOD = Covariance(("a", "b"), np.array([[4.0, 1.0], [1.0, 1.0]]), 3)


def _errors(*, converged=True, quality=3, stops=None):
    covariance = Covariance(GOOD.names, GOOD.matrix, quality)
    return find_errors(converged, 0.02, covariance, stops or {})


def _warnings(**changes):
    facts = {
        "covariance": GOOD,
        "stops": {},
        "limits": {"a": (0.0, 10.0), "b": (0.0, 10.0)},
        "minima": (Minimum(0.0, 3, {"a": 1.0, "b": 2.0}, ()),),
        "failed_starts": 0,
        "weighted": False,
        "seen": {},
    }
    return find_warnings(**(facts | changes))


def test_a_good_fit_has_neither():
    assert _errors() == []
    assert _warnings() == []


def test_covariance_gives_errors_and_correlation():
    assert GOOD.errors == {"a": 2.0, "b": 1.0}
    np.testing.assert_allclose(GOOD.correlation, [[1, 0.5], [0.5, 1]])


def test_no_convergence():
    ((status, text),) = _errors(converged=False)
    assert status == "not converged"
    assert text == "Minuit did not converge: its estimated distance to the minimum is 2.0e-02"


@pytest.mark.parametrize(
    ("quality", "words"),
    [(2, "had to be made positive definite"), (1, "is only approximate"), (0, "could not be")],
)
def test_covariance_that_is_not_accurate(quality, words):
    ((status, text),) = _errors(quality=quality)
    assert status == "covariance not accurate"
    assert words in text


def test_a_limit_that_holds_the_fit_back_makes_it_invalid():
    stops = {"slope": Stop(-2.0, "lower", holds=True)}
    ((status, text),) = _errors(stops=stops)
    assert status == "parameter at limit"
    assert text.startswith("slope is at its lower limit -2, and the likelihood would grow beyond")
    assert _warnings(stops=stops) == []


def test_a_limit_beyond_which_nothing_changes_is_only_said():
    stops = {"alpha": Stop(5.0, "upper", holds=False)}
    assert _errors(stops=stops) == []
    (text,) = _warnings(stops=stops)
    assert (
        text == "alpha is at its upper limit 5, where the likelihood does not depend on it any more"
    )


def test_the_first_fault_is_the_status():
    faults = _errors(converged=False, quality=0, stops={"a": Stop(0.0, "lower", holds=True)})
    assert [status for status, _ in faults] == [
        "not converged",
        "parameter at limit",
        "covariance not accurate",
    ]


def test_a_parameter_that_the_data_do_not_determine():
    (text,) = _warnings(limits={"a": (0.0, 3.0), "b": (0.0, 3.0)})
    assert text == "the data do not determine a: its error 2 is more than half of its range 0 to 3"


def test_parameters_that_cannot_be_told_apart():
    alike = Covariance(("a", "b"), np.array([[4.0, -1.9999], [-1.9999, 1.0]]), 3)
    (text,) = _warnings(covariance=alike)
    assert text == "the data hardly tell b and a apart: their correlation is -0.99995"


def test_other_minima_are_described_by_what_differs_most():
    minima = (
        Minimum(0.0, 3, {"a": 1.0, "b": 2.0}, ()),
        Minimum(0.26, 1, {"a": 1.1, "b": 4.0}, ()),
        Minimum(3.0, 4, {"a": -5.0, "b": 2.0}, ()),
    )
    assert _warnings(minima=minima) == [
        (
            "1 start ended in another minimum, 0.26 higher in NLL (within one standard deviation), "
            "with b = 4 instead of 2"
        ),
        (
            "4 starts ended in another minimum, 3.00 higher in NLL (a worse one), "
            "with a = -5 instead of 1"
        ),
    ]


def test_failed_starts_and_weights_are_said():
    assert _warnings(failed_starts=2, weighted=True) == [
        "2 of the starts did not end in a minimum",
        "the entries are weighted: the errors are those of the sums of weights",
    ]
