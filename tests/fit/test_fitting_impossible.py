from __future__ import annotations

from pathlib import Path

import hist
import numpy as np
import pytest

from tau3mu.fit import fit, load_model
from tau3mu.fit.language import model_of

MODEL = {
    "schema_version": 2,
    "name": "ends",
    "title": "A density that ends inside of the range",
    "observable": {"name": "x", "label": "x", "range": [0, 10], "bins": 20},
    "parameters": {
        "end": {"value": 8, "fixed": True},
        "c": {"value": -1, "limits": [-5, 5]},
        "p": {"value": 0.5, "limits": [0.1, 2]},
    },
    "components": {
        "argus": {
            "label": "ARGUS",
            "pdf": "Argus",
            "parameters": {"m0": "end", "c": "c", "p": "p"},
            "yield": "n",
        }
    },
    "method": {"engine": "numpy"},
}


@pytest.mark.parametrize("single", [False, True], ids=["bins", "entries"])
def test_entries_where_the_model_has_none_make_a_fit_invalid(single):
    entries = np.append(np.random.default_rng(1).uniform(1, 7.9, 500), [8.7, 9.3, 9.4])
    counts = hist.Hist(hist.axis.Regular(20, 0, 10, name="x")).fill(entries)
    result = fit(model_of(MODEL, "ends", Path()), entries if single else counts)
    assert not result.valid
    places = 3 if single else 2  # two of the three share a bin
    wanted = f"expects nothing where there are entries ({places} "
    assert any(wanted in text for text in result.messages)


def test_a_copy_of_a_model_forgets_what_followed_from_the_old_one():
    model = load_model("jpsi_psi2s")
    before, expressions = model.hash, dict(model.expressions)
    parameters = dict(model.parameters)
    tied = parameters["width_Psi2s"].model_copy(update={"expression": "1.2 * width_Jpsi"})
    changed = model.model_copy(update={"parameters": parameters | {"width_Psi2s": tied}})
    assert model.hash == before
    assert changed.hash != before
    assert changed.expressions == expressions | {"width_Psi2s": "1.2 * width_Jpsi"}
    assert changed.parts == model.parts
