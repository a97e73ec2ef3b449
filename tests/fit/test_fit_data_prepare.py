"""What users give becomes the data of a model, or one error that says what to give."""

from __future__ import annotations

import hist
import numpy as np
import pytest
import uproot
from peak_models import PEAK, document, peak

from tau3mu.errors import InputError
from tau3mu.fit.data.prepare import prepare, resolve, sources
from tau3mu.fit.language import model_of

VALUES = np.random.default_rng(5).uniform(0, 10, 1000)


def test_counts_and_edges_are_a_histogram_and_no_values_with_weights():
    counts, edges = np.histogram(VALUES, 40, (0, 10))
    histogram = hist.Hist(hist.axis.Variable(edges), data=counts)
    for given in ((counts, edges), histogram, {"peak": (counts, edges)}):
        sample = prepare(peak(), given)["peak"]
        np.testing.assert_array_equal(sample.contents, counts)
        np.testing.assert_array_equal(sample.variances, counts)
        assert sample.entries == 1000


def test_inputs_that_name_no_file(tmp_path):
    with pytest.raises(InputError) as error:
        sources(peak())
    assert str(error.value) == (
        "fit peak: there are no data: give them by --input, or as 'file' under 'input' of the fit "
        "file"
    )
    part = {key: PEAK[key] for key in ("input", "observable", "components")}
    both = document(**dict.fromkeys(part), spectra={"barrel": part})
    with pytest.raises(InputError, match=r"^fit peak, spectrum barrel: there are no data: "):
        sources(model_of(both, "both.json", tmp_path))


def test_a_template_goes_over_the_whole_observable(tmp_path):
    template = {"label": "S", "pdf": "Histogram", "yield": "nSignal",
                "template": {"file": "t.root", "histogram": "m"}}  # fmt: skip
    components = {"signal": template, "background": PEAK["components"]["background"]}
    parameters = {"slope": PEAK["parameters"]["slope"]}
    changed = document(components=components, parameters=parameters)

    def resolved(edges, counts):
        with uproot.recreate(tmp_path / "t.root") as file:
            file["m"] = (np.array(counts), np.array(edges))
        return resolve(model_of(changed, "peak.json", tmp_path))

    with pytest.raises(InputError) as error:
        resolved([4.0, 5.0, 6.0], [1, 3])
    assert str(error.value) == (
        f"fit peak, template {tmp_path / 't.root'}:m: the histogram goes from 4 to 6 and does not "
        "cover the observable from 0 to 10; narrow observable.range to it, or give a histogram "
        "that goes over all of the range, with empty bins where nothing is"
    )
    pdf = resolved([0.0, 4.0, 5.0, 6.0, 10.0], [0, 1, 3, 0]).parts["peak"].components["signal"].pdf
    assert pdf == "Histogram"
