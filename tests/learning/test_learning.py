"""The discriminant: its trees against XGBoost, its reach against the truth, and what it refuses."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from errors import raises

from tau3mu.discriminant import (
    FEATURES,
    Discriminant,
    feature_matrix,
    fold_of,
    load_discriminant,
)
from tau3mu.generate.tau.quality import draw_numbers, from_numbers, log_density
from tau3mu.learning import Sample, area_under_curve, best_bins, mass_dependence, train
from tau3mu.learning.bins import significance_of

FOLDS = 3
SELECTION = {"flight_significance": 2.0, "phi_veto_a": [0.998, 1.04]}


def toy_sample(size=1500, seed=1):
    """Candidates whose features are those of the generator's truth, without any detector."""
    rng = np.random.default_rng(seed)
    classes = np.repeat([0, 2], size)
    numbers = draw_numbers(rng, classes)
    columns = from_numbers(numbers)
    columns |= {
        "flight_significance": rng.exponential(20, 2 * size),
        "data_year": np.full(2 * size, 2017),
    }
    events = np.arange(2 * size)
    signal = classes == 0
    sample = Sample(
        feature_matrix(columns, FEATURES), signal, np.ones(2 * size),
        rng.normal(1.777, 0.015, 2 * size), rng.integers(3, size=2 * size),
        fold_of(np.ones_like(events), np.ones_like(events), events, FOLDS),
        np.where(signal, "ds", "data"), SELECTION, np.array([(1.75, 1.80)] * 3),
    )  # fmt: skip
    return sample, columns, events, numbers


@pytest.fixture(scope="module")
def trained():
    sample, columns, events, numbers = toy_sample()
    training = train(sample, trees=60, folds=FOLDS)
    return SimpleNamespace(
        training=training, discriminant=training.discriminant, sample=sample, columns=columns,
        events=events, numbers=numbers,
    )  # fmt: skip


@pytest.fixture
def file(trained, tmp_path):
    path = tmp_path / "discriminant.json"
    trained.discriminant.save(path)
    return path


def edited(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def rehashed(path, change):
    """A file that was changed by somebody who knows how the hash is made."""

    def all_of_it(content):
        from tau3mu.discriminant.document import content_hash

        change(content)
        content["hash"] = content_hash({k: v for k, v in content.items() if k != "hash"})

    return edited(path, all_of_it)


def test_numpy_gives_the_scores_of_xgboost(trained, file):
    import xgboost

    again = load_discriminant(file)
    assert again.hash == trained.discriminant.hash
    holes = trained.sample.matrix.copy()
    holes[::3, 4] = np.nan
    for number, model in enumerate(again.models):
        booster = xgboost.Booster()
        booster.load_model(bytearray(json.dumps(model).encode()))
        for matrix in (trained.sample.matrix, holes):
            data = xgboost.DMatrix(matrix, feature_names=[one.name for one in FEATURES])
            assert again.trees[number].scores(matrix) == pytest.approx(
                booster.predict(data), abs=2e-6
            )


def test_each_event_is_scored_by_trees_that_have_not_seen_it(trained, file):
    one = np.ones_like(trained.events)
    scores = load_discriminant(file).scores(trained.columns, one, one, trained.events)
    assert scores == pytest.approx(trained.training.tested, abs=1e-7)
    assert np.abs(scores - trained.training.trained).max() > 0.01
    with raises("discriminant.seen-in-training", path="models.1"):
        trained.discriminant.scores_of_fold(1, trained.sample.matrix, trained.sample.fold)


def test_it_separates_nearly_as_well_as_the_truth_allows(trained):
    truth = log_density(trained.numbers, "signal") - log_density(trained.numbers, "combination")
    weight = np.ones(len(truth))
    best = area_under_curve(truth, trained.sample.signal, weight)
    found = area_under_curve(trained.training.tested, trained.sample.signal, weight)
    assert 0.9 < best < 0.9999
    assert found > 0.95 * best
    checks = trained.discriminant.training["checks"]
    assert checks["auc"]["tested"] == pytest.approx(found)
    assert checks["auc"]["trained"] > found
    for one in checks["efficiency_against_mass"].values():
        assert abs(one["trend_across_window"]) < 5 * one["trend_error"]


def test_categories_of_other_widths_and_scores_are_no_dependence_on_the_mass():
    """One cut for all keeps more of the broad category, which has most of the tails."""
    for check in dependence_of(lambda mass: 0 * mass):
        assert check["chi2"] < 30  # of 7 degrees of freedom: p = 1e-4
        assert abs(check["trend_across_window"]) < 4 * check["trend_error"]
        assert check["largest_deviation"] < 4 * check["deviation_error"]


def test_a_score_that_knows_the_mass_is_found():
    for check in dependence_of(lambda mass: 20 * (mass - 1.777)):
        assert check["chi2"] > 60
        assert check["trend_across_window"] > 5 * check["trend_error"]


def test_a_score_that_knows_how_sharp_the_mass_is_is_found():
    """The efficiency grows towards both ends of the window, which is no trend."""
    for check in dependence_of(lambda mass: 20 * np.abs(mass - 1.777)):
        assert check["chi2"] > 60
        assert check["largest_deviation"] > 5 * check["deviation_error"]
        assert abs(check["trend_across_window"]) < 4 * check["trend_error"]


@pytest.mark.parametrize(
    ("inside", "intervals"), [(19, 0), (20, 1), (70, 3), (159, 7), (160, 8), (500, 8)]
)
def test_each_interval_of_the_mass_has_twenty_candidates(inside, intervals):
    rng = np.random.default_rng(inside)
    mass = np.concatenate([rng.uniform(1.75, 1.80, inside), rng.uniform(1.82, 1.90, 30)])
    windows = np.array([(1.75, 1.80)] * 3)
    scores, category = rng.random(len(mass)), np.zeros(len(mass), np.int64)
    found = mass_dependence(mass, scores, category, windows)
    assert len(found) == (3 if intervals else 0)
    for one in found.values():
        assert len(one["efficiency"]) == len(one["candidates"]) == intervals
        assert sum(one["candidates"]) == inside
        assert min(one["candidates"]) >= 20
        assert (one["ndof"], one["outside"]) == (intervals - 1, 30)
        assert np.isfinite(one["efficiency"]).all()


def dependence_of(planted):
    """Checks of two categories with other widths and scores, to which something is added."""
    rng = np.random.default_rng(3)
    category = rng.integers(2, size=40_000)
    width = np.array([0.008, 0.02])
    mass = rng.normal(1.777, width[category])
    windows = 1.777 + 2 * np.array([-width, width]).T
    scores = rng.normal(category, 1.0) + planted(mass)
    return mass_dependence(mass, scores, category, windows).values()


def test_equal_samples_give_equal_trees(trained):
    again = train(toy_sample()[0], trees=60, folds=FOLDS).discriminant
    assert again.hash == trained.discriminant.hash
    other = train(toy_sample()[0], trees=60, folds=FOLDS, seed=2).discriminant
    assert other.hash != again.hash


def test_the_order_of_columns_does_not_matter(trained, file):
    one = np.ones_like(trained.events)
    shuffled = dict(sorted(trained.columns.items(), reverse=True))
    scores = load_discriminant(file).scores(shuffled, one, one, trained.events)
    assert scores == pytest.approx(trained.training.tested, abs=1e-7)


def test_features_in_another_order_are_an_error(file):
    def swap(content):
        content["features"][0], content["features"][1] = content["features"][1::-1]

    with raises("discriminant.changed", path="hash"):
        load_discriminant(edited(file, swap))


def test_also_where_the_hash_was_made_again(file):
    def swap(content):
        content["features"][0], content["features"][1] = content["features"][1::-1]

    with raises("discriminant.other-features", path="models.0"):
        load_discriminant(rehashed(file, swap))


def test_another_clipping_is_an_error(file):
    def clip(content):
        content["features"][2]["high"] = 40.0

    with raises("discriminant.changed", path="hash"):
        load_discriminant(edited(file, clip))


@pytest.mark.parametrize(
    "damage",
    [
        lambda tree: tree["left_children"].__setitem__(0, 10_000),
        lambda tree: tree["left_children"].__setitem__(0, 0),
        lambda tree: tree["split_indices"].pop(),
        lambda tree: tree.pop("default_left"),
    ],
)
def test_damaged_trees_are_an_error(damage, file):
    def change(content):
        damage(content["models"][1]["learner"]["gradient_booster"]["model"]["trees"][0])

    with raises("discriminant.wrong-model", path="models.1"):
        load_discriminant(rehashed(file, change))


def test_another_selection_is_an_error(trained):
    trained.discriminant.check_selection(SELECTION, "tau3mu")
    trained.discriminant.check_selection(
        {"flight_significance": 2.0, "phi_veto_a": (0.998, 1.04)}, "tau3mu"
    )
    with raises("discriminant.other-selection", path="phi_veto_a"):
        trained.discriminant.check_selection({**SELECTION, "phi_veto_a": (0.99, 1.05)}, "tau3mu")
    with raises("discriminant.other-selection", path="skip"):
        trained.discriminant.check_selection({**SELECTION, "skip": ["veto"]}, "tau3mu")


def test_a_column_that_lacks_is_an_error(trained):
    lacking = {k: v for k, v in trained.columns.items() if k != "max_trk_kink"}
    with raises("discriminant.no-column", path="max_trk_kink"):
        feature_matrix(lacking, FEATURES)


def test_missing_values_have_a_meaning_or_are_an_error(trained):
    columns = {name: values.astype(float) for name, values in trained.columns.items()}
    columns["min_dca_iso"][3] = np.nan
    place = [one.name for one in FEATURES].index("min_dca_iso")
    assert feature_matrix(columns, FEATURES)[3, place] == 0.5
    columns["pointing_angle"][5] = np.nan
    with raises("discriminant.missing-value", path="pointing_angle"):
        feature_matrix(columns, FEATURES)


def test_features_stay_within_their_limits():
    names = [one.name for one in FEATURES]
    columns = {name: np.array([-1e6, 1e6]) for name in names}
    matrix = feature_matrix(columns, FEATURES)
    high = dict(zip(names, matrix[1], strict=True))
    assert {k: high[k] for k in ("max_chi2_local_position", "max_trk_kink", "min_dca_iso")} == {
        "max_chi2_local_position": 30, "max_trk_kink": 80, "min_dca_iso": 0.5,
    }  # fmt: skip
    assert dict(zip(names, matrix[0], strict=True))["min_segment_compatibility"] == pytest.approx(
        0.2
    )


def test_folds_are_even_and_do_not_follow_the_numbers_of_events():
    event = np.arange(100_000)
    run, lumi = np.full_like(event, 297_050), event // 200
    fold = fold_of(run, lumi, event, 5)
    assert np.bincount(fold) == pytest.approx(20_000, abs=600)
    assert np.corrcoef(fold[:-1], fold[1:])[0, 1] == pytest.approx(0, abs=0.02)
    assert fold_of([1, 297_050], [2, 17], [3, 4_294_967_295], 5).tolist() == [
        slow_fold(1, 2, 3), slow_fold(297_050, 17, 4_294_967_295)]  # fmt: skip


def slow_fold(*numbers):
    mixed = 0
    for number in numbers:
        x = ((mixed ^ number) + 0x9E3779B97F4A7C15) % 2**64
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
        mixed = x ^ (x >> 31)
    return mixed % 5


def test_the_area_is_the_chance_that_a_signal_scores_higher():
    rng = np.random.default_rng(1)
    scores = rng.integers(6, size=40) / 5
    signal = rng.random(40) < 0.5
    weight = rng.random(40)
    pairs = [
        (weight[i] * weight[j], 1.0 if scores[i] > scores[j] else 0.5 * (scores[i] == scores[j]))
        for i in np.flatnonzero(signal)
        for j in np.flatnonzero(~signal)
    ]
    expected = sum(w * wins for w, wins in pairs) / sum(w for w, _ in pairs)
    assert area_under_curve(scores, signal, weight) == pytest.approx(expected)


def test_bins_are_the_best_of_all_choices():
    rng = np.random.default_rng(3)
    signal, background = rng.beta(6, 2, 400), rng.beta(2, 5, 300)
    weight = rng.uniform(0.01, 0.03, 400)
    found = best_bins(signal, weight, background, 0.2, bins=2)
    grid = np.unique(np.quantile(signal, np.linspace(0, 1, 61)[:-1]))
    best = 0.0
    for i, low in enumerate(grid):
        for high in grid[i + 1 :]:
            inside = [(low, high), (high, np.inf)]
            n = np.array([((background >= a) & (background < b)).sum() for a, b in inside])
            s = np.array([weight[(signal >= a) & (signal < b)].sum() for a, b in inside])
            if (n >= 5).all():
                best = max(best, float(np.sqrt((significance_of(s, 0.2 * n) ** 2).sum())))
    assert found.significance == pytest.approx(best)
    assert found.significance >= found.one_bin > 0
    assert len(found.edges) == 2
    assert np.mean(found.resampled) == pytest.approx(best, rel=0.3)


def test_significance_without_background_is_no_infinity():
    assert significance_of(np.array([1.0, 1.0]), np.array([0.0, 1e9])) == pytest.approx(
        [0.0, 1 / 1e9**0.5], abs=1e-9
    )


@pytest.mark.parametrize("bins", [1, 2])
@pytest.mark.parametrize("nearest", [0, 10, 25])
def test_bins_of_signal_far_from_the_sidebands_have_background(bins, nearest):
    rng = np.random.default_rng(4)
    signal = rng.uniform(0.8, 1, 500)
    background = np.concatenate([rng.uniform(0, 0.3, 100), rng.uniform(0.8, 1, nearest)])
    found = best_bins(signal, np.full(500, 0.01), background, 0.2, bins=bins, least=20)
    assert len(found.edges) == bins
    assert (np.histogram(background, [*found.edges, np.inf])[0] >= 20).all()
    assert found.significance > 0.5
    assert np.isfinite(found.spread).all()


def test_negative_weights_of_a_generator_are_trained_with():
    sample, *_ = toy_sample()
    rng = np.random.default_rng(5)
    sample.weight[sample.signal] = np.where(rng.random(sample.signal.sum()) < 0.2, -1.0, 1.0)
    training = train(sample, trees=20, folds=FOLDS)
    assert training.discriminant.training["checks"]["auc"]["tested"] > 0.9
    assert (sample.weight < 0).any()


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan])
def test_signal_without_weight_is_an_error(weight):
    sample, *_ = toy_sample(size=200)
    sample.weight[sample.signal] = weight
    with raises("learning.no-weight"):
        train(sample, trees=5, folds=FOLDS)


def test_too_few_candidates_are_an_error():
    sample, *_ = toy_sample(size=60)
    with raises("learning.few-candidates", path="folds.0"):
        train(sample, trees=5, folds=FOLDS)
    with raises("learning.few-candidates", path="bins"):
        best_bins(np.array([0.5]), np.array([1.0]), np.array([0.1, 0.2]), 0.1)


def test_a_discriminant_of_nothing_is_no_discriminant(tmp_path):
    path = tmp_path / "d.json"
    path.write_text("{}")
    with raises("discriminant.missing-key"):
        load_discriminant(path)
    assert Discriminant(FEATURES, {}, {}, ()).trees == []
