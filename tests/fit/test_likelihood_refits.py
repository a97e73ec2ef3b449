"""The same model on other data: its engine is used again, and nothing of the data before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import uproot
from both_engines import assert_same, component, counted, described, made
from fitted_dimuons import EDGES, document, histogram, masses

from tau3mu.fit import fit
from tau3mu.fit.data.prepare import prepare

TESTS = Path(__file__).parent


def refitted(engine, *, before):
    """What a model finds in three kinds of data, `before` after it was fitted to smaller ones."""
    small, large = masses(22)[::4], masses(21)
    weights = np.linspace(0.5, 1.5, len(large))
    model = made(document(), engine=engine)
    for first, second in (
        (counted(small), counted(large)),
        (small, large),
        ((small, np.full(len(small), 0.7)), (large, weights)),
    ):
        if before:
            assert fit(model, first).valid
        result = fit(model, second)
        assert result.valid, result.messages
        errors = [parameter.error for parameter in result.parameters.values()]
        yield [result.nll, *result.values.values(), *errors]


@pytest.fixture(scope="module")
def elsewhere():
    """What another process finds with each engine."""
    program = (
        f"import json, sys; sys.path.insert(0, {str(TESTS)!r})\n"
        "from test_likelihood_refits import refitted\n"
        "found = {e: list(refitted(e, before=False)) for e in ('numpy', 'zfit')}\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.integration
@pytest.mark.parametrize("engine", ["zfit", "numpy"])
def test_a_refit_is_what_another_process_finds(elsewhere, engine):
    found = list(refitted(engine, before=True))
    np.testing.assert_allclose(found, elsewhere[engine], rtol=1e-5)


@pytest.mark.parametrize("engine", ["zfit", "numpy"])
def test_a_refit_to_many_more_entries_is_not_held_by_old_limits(engine):
    """The limits of yields follow the data; those of the data before would stop this fit."""
    model = made(document(), engine=engine)
    few = fit(model, histogram(weight=0.01))
    many = fit(model, histogram())
    assert many.valid
    assert many.values["nBackground"] > 10 * few.parameters["nBackground"].limits[1]
    again = fit(model, histogram(weight=0.01))
    assert again.values == pytest.approx(few.values, rel=1e-5)


def _forms():
    """Data of the same form, and data of another."""
    values = masses()
    weights = np.full(len(values), 0.5)
    coarse = {k: v for k, v in document()["observable"].items() if k != "bins"}
    coarser = document(observable=coarse)
    blinded = document(blind=[[2.5, 2.7]])
    return [
        (document(), histogram(), histogram(seed=2), True),
        (document(), histogram(), histogram(weight=0.5), True),
        (document(), values, values[::3], True),
        (document(), (values, weights), (values[::3], 3 * weights[::3]), True),
        (document(), values, (values, weights), False),
        (document(), histogram(), values, False),
        (coarser, histogram(), histogram(EDGES[::2]), False),
        (blinded, histogram(), histogram(seed=2), True),
    ]


@pytest.mark.parametrize("number", range(8))
def test_the_engine_is_built_once_for_data_of_one_form(number):
    from tau3mu.fit.likelihood.zfit_engine import zfit_engine

    described_as, one, other, same = _forms()[number]
    model = made(described_as)
    first, second = (zfit_engine(model, prepare(model, data)) for data in (one, other))
    assert (first is second) == same
    changed = made({**described_as, "title": "Another"})
    assert zfit_engine(changed, prepare(changed, one)) is not first


@pytest.mark.parametrize("kind", ["template", "user"])
def test_files_of_the_same_name_in_other_folders_are_other_models(tmp_path, kind):
    """The fit files are the same to the letter; what they name is not."""
    results = []
    for folder, mean in ((tmp_path / "one", 3.0), (tmp_path / "two", 3.3)):
        folder.mkdir()
        simulated = np.random.default_rng(1).normal(mean, 0.1, 20000)
        with uproot.recreate(folder / "mc.root") as file:
            file["peak"] = counted(simulated)
        (folder / "peak.py").write_text(
            f"def formula(x, width, xp):\n    return xp.exp(-(((x - {mean}) / width) ** 2) / 2)\n"
        )
        template = {"file": "mc.root", "histogram": "peak"}
        peak = {"label": "S", "yield": "S", "pdf": "Histogram", "template": template}
        if kind == "user":
            peak = component("S", "peak", width="width")
        used = {"width": {"value": 0.1, "fixed": True}} if kind == "user" else {}
        slope = {"slope": {"value": 0.0, "limits": [-3, 3]}}
        background = component("B", "Exponential", slope="slope")
        described_as = described({"S": peak, "B": background}, used | slope)
        generator = np.random.default_rng(2)
        values = [generator.normal(3.3, 0.1, 1000), generator.uniform(2.2, 4.8, 3000)]
        data = counted(np.concatenate(values))
        pair = [fit(made(described_as, folder, engine=e), data) for e in ("zfit", "numpy")]
        assert_same(*pair)
        results.append(pair[0])
    assert abs(results[1].values["S"] - 1000) < 4 * results[1].parameters["S"].error
    assert results[0].values["S"] < 400


@pytest.mark.integration
def test_memory_does_not_grow_over_many_refits():
    program = (
        f"import sys; sys.path.insert(0, {str(TESTS)!r})\n"
        "from fitted_dimuons import document, masses; from both_engines import counted, made\n"
        "import numpy as np; from tau3mu.fit import fit\n"
        "def used():\n"
        "    pages = open('/proc/self/statm').read().split()[1]\n"
        "    return int(pages) * 4096 / 2**20\n"
        "model, values = made(document(), engine='numpy'), masses()\n"
        "generator, sizes = np.random.default_rng(1), []\n"
        "for _ in range(120):\n"
        "    fit(model, counted(values[generator.random(len(values)) < 0.2]))\n"
        "    sizes.append(used())\n"
        "print(sizes[-1] - sizes[19])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 10  # MB, in a hundred fits
