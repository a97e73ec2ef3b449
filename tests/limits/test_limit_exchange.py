"""Models in the forms of others give the same limits there, and what is lost is said."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from errors import raises
from hs3_cases import case, families, named
from limit_models import counting, model, spectrum
from ruamel.yaml import YAML

from tau3mu.limits import export, from_card, limit
from tau3mu.limits.__main__ import main
from tau3mu.limits.exchange.hs3 import hs3

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "exchange-limits.md"


def templates():
    """Templates with uncertain rates and shapes, and a free factor that two channels share."""
    return model(
        {"a": counting([2, 6.0, 2], [40, 35, 30.0], [43, 36, 33]),
         "b": counting([1.0, 2], [60.0, 40], [55, 44], free="norm"),
         "c": counting([0.5], [80.0], [85], free="norm")},
        {"eff": {"yield": {"*": 1.1}}, "bkg": {"yield": {"a/bkg": [0.85, 1.2]}},
         "tilt": {"template": {"a/bkg": {"down": [37, 35, 33.0], "up": [44, 35, 28.0]}}}},
    )  # fmt: skip


def same(found, expected, rel):
    for n, value in expected.items():
        assert found[n] == pytest.approx(value, rel=rel)


@pytest.mark.parametrize("observed", [False, True])
def test_a_card_of_templates_comes_back_as_it_was(tmp_path, observed):
    lost = export(templates(), "combine", tmp_path / "card", observed=observed)
    assert len(lost) == (0 if observed else 1)
    before = limit(templates(), observed=observed)
    after = limit(from_card(tmp_path / "card" / "card.txt"), observed=observed)
    same(after.expected, before.expected, 1e-6)
    if observed:
        assert after.observed == pytest.approx(before.observed, rel=1e-6)


def test_a_card_of_spectra_has_their_limits(tmp_path):
    """In bins, and with wide Gaussian constraints of the shapes of the background."""
    lost = export(families(), "combine", tmp_path / "card")
    assert len(lost) == 4
    back = limit(from_card(tmp_path / "card" / "card.txt"))
    same(back.expected, limit(families()).expected, 0.01)


def test_observed_spectra_are_put_into_bins(tmp_path):
    masses = np.random.default_rng(3).uniform(1.62, 2.0, 200)
    bins = np.linspace(1.62, 2.0, 39)
    one = model({
        "a": spectrum(background={}, data={"masses": masses.tolist()}),
        "b": spectrum(background={}, data={"edges": bins.tolist(),
                                           "counts": np.histogram(masses, bins)[0].tolist()}),
    })  # fmt: skip
    export(one, "combine", tmp_path / "card", observed=True)
    back = from_card(tmp_path / "card" / "card.txt")
    expected = np.histogram(masses, np.linspace(1.62, 2.0, 77))[0]
    assert back.channels["a"].observed == tuple(expected)
    assert back.channels["b"].observed == tuple(np.histogram(masses, bins)[0])
    found, known = (limit(each, observed=True).observed for each in (back, one))
    assert found == pytest.approx(known, rel=0.01)


@pytest.mark.integration
@pytest.mark.parametrize("make", [templates, families])
def test_pyhf_finds_the_same_limits(tmp_path, make):
    pyhf = pytest.importorskip("pyhf")
    one, exact = make(), make is templates
    export(one, "pyhf", tmp_path / "model.json", observed=exact)
    workspace = pyhf.Workspace(json.loads((tmp_path / "model.json").read_text(encoding="utf-8")))
    settings = {"normsys": {"interpcode": "code1"}, "histosys": {"interpcode": "code4p"}}
    theirs = workspace.model(modifier_settings=settings)
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-2))
    ours = limit(one, observed=exact)
    for r in (ours.expected[0], 0.6 * ours.expected[0])[: 2 if exact else 1]:
        observed, expected = pyhf.infer.hypotest(
            r, workspace.data(theirs), theirs, test_stat="qtilde", return_expected_set=True
        )
        if exact:
            assert float(observed) == pytest.approx(ours.asymptotic.cls("observed")(r), abs=1e-3)
        # At the median limit, 1e-3 of CLs are 0.4 % of the limit.
        for n, value in zip((-2, -1, 0, 1, 2), expected, strict=True):
            own = ours.asymptotic.cls(str(n))(r)
            assert float(value) == pytest.approx(own, abs=1e-3 if exact else 5e-3)


@pytest.mark.integration
def test_pyhs3_finds_the_same_likelihood(tmp_path):
    """It integrates with 64 points, which is exact for smooth shapes alone."""
    if importlib.util.find_spec("pyhs3") is None:
        pytest.skip("needs pyhs3")
    made, toys, points, names = case("families")
    like, content = made.likelihood, hs3(made, toys[0])
    whole = content["likelihoods"][0]
    smooth = ["flat", "power", "bernstein1", "bernstein3"]
    whole |= {"distributions": [f"model_{name}" for name in smooth],
              "data": [f"data_{name}" for name in smooth]}  # fmt: skip
    job = tmp_path / "job.json"
    job.write_text(json.dumps({"hs3": content, "points": [named(names, one) for one in points]}))
    program = Path(__file__).with_name("pyhs3_values.py")
    # Imported, it would turn off the loggers of this process and log to its captured output.
    done = subprocess.run(
        [sys.executable, program, job], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    theirs = json.loads(done.stdout.splitlines()[-1])
    channels = [like.names.index(name) for name in smooth]
    toy = toys[0].repeated(len(points))
    ours = like.per_channel(points, toy)[:, channels].sum(axis=1)
    ours += 0.5 * ((like.theta(points) - toy.nuisances) ** 2).sum(axis=1)
    shape = points[:, names.index("shape1_exponential")]
    ours += 0.5 * ((shape + 1.2) / 0.4) ** 2
    np.testing.assert_allclose(ours - ours[0], np.array(theirs) - theirs[0], atol=1e-4, rtol=0)


def test_the_data_are_blind_unless_asked_for(tmp_path):
    masses = [1.63, 1.66, 1.71, 1.777, 1.85, 1.88]
    one = model({"a": spectrum(windows=[[1.74, 1.82]], background={}, data={"masses": masses})})
    export(one, "hs3", tmp_path / "blind.json")
    export(one, "hs3", tmp_path / "seen.json", observed=True)
    blind, seen = (
        json.loads((tmp_path / name).read_text(encoding="utf-8"))["data"][0]
        for name in ("blind.json", "seen.json")
    )
    assert seen["entries"] == [[mass] for mass in masses]
    assert "weights" not in seen
    assert [1.777] not in blind["entries"]
    assert sum(blind["weights"]) == pytest.approx(5 / (1 - 0.08 / 0.38), rel=0.1)


def test_families_that_are_not_exported_are_named(tmp_path):
    background = {"family": "exponential", "others": ["power"], "events": {"start": 40}}
    one = model({"a": spectrum(background=background), "b": spectrum()})
    several = export(one, "hs3", tmp_path / "one.json")
    alone = export(one, "hs3", tmp_path / "other.json", channels=["b"])
    assert len(several) == len(alone) + 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of hepdata_lib
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_limits_become_a_submission_to_hepdata(tmp_path, capsys):
    pytest.importorskip("hepdata_lib")
    file = tmp_path / "model.json"
    content = {**templates().model_dump(mode="json", by_alias=True, exclude_defaults=True),
               "strength": {"scale": 1e-7}}  # fmt: skip
    file.write_text(json.dumps(content), encoding="utf-8")
    limits, tables = tmp_path / "limits", tmp_path / "tables"
    assert main([str(file), "--observed", "--output", str(limits)]) == 0
    assert main(["export", str(limits), "--format", "hepdata", "--output", str(tables)]) == 0
    capsys.readouterr()
    assert (tables / "submission.tar.gz").is_file()
    found = json.loads((limits / "limits.json").read_text(encoding="utf-8"))
    expected, observed = YAML(typ="safe").load(tables / "upper_limits_1.yaml")[
        "dependent_variables"
    ]
    value = expected["values"][0]
    assert value["value"] == pytest.approx(found["expected"]["0"] * 1e-7, rel=1e-3)
    band = value["errors"][0]["asymerror"]
    assert band["plus"] == pytest.approx(
        (found["expected"]["1"] - found["expected"]["0"]) * 1e-7, rel=1e-3
    )
    assert observed["values"][0]["value"] == pytest.approx(found["observed"] * 1e-7, rel=1e-3)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of hepdata_lib
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_page_can_be_followed(tmp_path, monkeypatch, capsys):
    text = PAGE.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    model_file = re.search(
        r'^```json title="model.json"\n(.*?)^```', text, re.MULTILINE | re.DOTALL
    )
    (tmp_path / "model.json").write_text(model_file[1], encoding="utf-8")
    lines = re.findall(r"^python -m tau3mu\.limits (.*)$", text, re.MULTILINE)
    assert len(lines) == 7
    for line in lines:
        if "hepdata" in line and importlib.util.find_spec("hepdata_lib") is None:
            continue
        assert main(shlex.split(line)) == 0, line
    capsys.readouterr()


def test_bad_exports_write_nothing(tmp_path):
    (tmp_path / "there").write_text("", encoding="utf-8")
    with raises("limits.file-exists", path="there"):
        export(templates(), "pyhf", tmp_path / "there")
    with raises("limits.unknown-format", path="pyfh"):
        export(templates(), "pyfh", tmp_path / "new")
    with raises("limits.no-limits"):
        export(templates(), "hepdata", tmp_path / "new")
    (tmp_path / "folder").mkdir()
    with raises("limits.no-limits", path="folder"):
        export(tmp_path / "folder", "hepdata", tmp_path / "new")
    (tmp_path / "folder" / "limits.json").write_text("[]", encoding="utf-8")
    with raises("limits.no-limits", path="limits.json"):
        export(tmp_path / "folder", "hepdata", tmp_path / "new")
    with raises("limits.unused-option"):
        export(tmp_path / "folder", "hepdata", tmp_path / "new", observed=True)
    with raises("limits.unknown-channel"):
        export(templates(), "combine", tmp_path / "new", channels=["x*"])
    twice = model({"a.b": spectrum(), "a-b": spectrum()})
    with raises("limits.listed-twice"):
        export(twice, "hs3", tmp_path / "new")
    assert not (tmp_path / "new").exists()
