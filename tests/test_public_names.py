"""The public names of each package: few, and changed only on purpose."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import subprocess
import sys

import pytest

from tau3mu.processing.cuts import CutProcessor

PUBLIC = {
    "tau3mu": [
        "Axis", "DsPhiPi", "DsPhiPiNotebook", "FitResult", "InputError", "Processor", "Run",
        "RunError", "Table", "Tau3muError", "Window", "__version__", "datasets", "errors", "events",
        "fit", "limits", "open", "parameter", "run",
    ],
    "tau3mu.console.cli": [
        "Parser", "first_import", "is_command", "path_of", "print_error", "print_warning",
        "run_main", "text_of",
    ],
    "tau3mu.clusters": [
        "Site", "check_versions", "connect", "load_site", "performance_report",
    ],
    "tau3mu.compare": ["Comparison", "EventList", "compare", "read_event_list"],
    "tau3mu.corrections": [
        "EventWeight", "GeneratorWeight", "MuonScaleFactors", "PileupWeight", "PrescaleWeight",
        "ScaleFactors", "Weights", "product",
    ],
    "tau3mu.datasets": [
        "Certification", "CheckedFile", "Chunk", "Dataset", "FileDetails", "FailedFile",
        "certifications_of", "certified", "check_files", "check_readable_files",
        "combine", "dataset_from_files", "dataset_version", "limit_files", "load_datasets",
        "make_chunks", "read_certification", "shipped_datasets", "verify_checksum",
    ],
    "tau3mu.errors": ["InputError", "RunError", "Tau3muError", "suggest"],
    "tau3mu.execution": [
        "ChunkResult", "ErrorGroup", "FileRead", "ProcessorError", "ProcessorResult", "RetryPolicy",
        "RunResult", "Timing", "dry_run", "execute", "process_chunk", "run_tasks",
    ],
    "tau3mu.fit": [
        "FitModel", "FitResult", "Source", "fit", "fit_and_save", "load_model", "load_result",
        "plot_fit", "run_toys", "run_trials", "save_fit", "scan", "shipped_fits", "sources",
        "spectrum", "sweights", "zfit_loss",
    ],
    "tau3mu.generate": ["generate"],
    "tau3mu.clusters.proxy": [
        "Distribution", "Proxy", "distribute", "find_proxy", "needs_proxy", "use_proxy",
    ],
    "tau3mu.ntuples": [
        "Layout", "NtupleSchema", "ReadError", "Reading", "detect_layout", "empty_events",
        "fired", "layouts", "read_events",
    ],
    "tau3mu.outputs": ["Selection", "cutflow_table", "load_candidates", "load_histograms"],
    "tau3mu.processing": [
        "Axis", "Cutflow", "Processor", "Table", "Window", "check_histograms", "load_processor",
        "load_processors", "parameter", "ship_code",
    ],
    "tau3mu.plotting": [
        "Heading", "add_heading", "cutflow_figure", "draw_histogram", "heading_of",
        "histogram_figure", "overlay_figure", "plot_cutflow", "plot_histogram", "plot_maps",
        "plot_overlay", "plot_stability", "stability_figure", "use_style",
    ],
    "tau3mu.processors": ["DsPhiPi", "DsPhiPiNotebook", "TauTo3Mu"],
    "tau3mu.limits": [
        "FitLimitResult", "LimitModel", "LimitResult", "LintWarning", "bias_study",
        "choose_families", "diagnose", "export", "feldman_cousins", "fit_limit", "from_card",
        "from_table", "goodness_of_fit", "impacts", "limit", "lint", "load_model", "model_of",
        "significance",
    ],
    "tau3mu.report": [
        "Cutflows", "ProcessorCutflow", "Yields", "comparison_view", "export_comparison",
        "export_result", "result_view",
    ],
    "tau3mu.results": [
        "Manifest", "ResultsFolder", "default_folder", "luminosity", "read_manifest", "run_log",
        "scales", "write_manifest",
    ],
    "tau3mu.run": [
        "CHUNK_SIZE", "FrozenRun", "ProcessorResults", "Run", "RunPlan", "Settings", "Thawed",
        "analyse", "freeze", "main", "open_run", "prepare", "prepare_frozen", "read_frozen", "thaw",
    ],
    "tau3mu.selection": [
        "Candidates", "Lists", "MUON_MASS", "Match", "Rows", "Step", "all_confirmed", "delta_r",
        "invariant_mass", "match", "passes_muon_acceptance", "plain", "relative_mass_error",
        "rows_of", "step", "unique_objects",
    ],
    "tau3mu.discriminant": [
        "Discriminant", "FEATURES", "Feature", "feature_matrix", "fold_of", "load_discriminant",
    ],
    "tau3mu.learning": [
        "Sample", "ScoreBins", "Training", "area_under_curve", "best_bins", "checks_of",
        "mass_dependence",
        "sample_of", "train", "training_pictures",
    ],
    "tau3mu.search": [
        "STEPS", "Search", "SearchConfig", "frozen_hash", "load_config", "search", "unblind",
    ],
    "tau3mu.train": [
        "Comparison", "Reproduction", "State", "Status", "Store", "Tested", "Tests", "Train",
        "Wagon", "compare", "compose", "read_status", "reproduce", "start", "test",
    ],
    "tau3mu.train.index": ["Index", "update"],
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names(name):
    module = importlib.import_module(name)
    assert sorted(module.__all__) == sorted(PUBLIC[name])
    for public in PUBLIC[name]:
        value = getattr(module, public)
        assert value is not None
        assert not callable(value) or value.__doc__


PACKAGES = [
    *("datasets", "execution", "fit", "ntuples", "outputs", "processing", "processors", "results"),
    *("run", "selection"),
]


@pytest.mark.parametrize("name", PACKAGES)
def test_dir_shows_the_public_names(name):
    module = importlib.import_module(f"tau3mu.{name}")
    assert set(PUBLIC[f"tau3mu.{name}"]) <= set(dir(module))


@pytest.mark.parametrize("heavy", ["tensorflow", "zfit", "dask", "matplotlib.pyplot"])
def test_nothing_but_its_use_imports_what_is_heavy(heavy):
    packages = ", ".join(f"tau3mu.{name}" for name in PACKAGES)
    program = (
        f"import sys, tau3mu, {packages}, tau3mu.run.analysis; print({heavy!r} in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def _documented(name, value):
    """Yields what of a public name has parameters: a function, a constructor, public methods."""
    if inspect.isfunction(value):
        yield name, value, value.__doc__ or ""
    elif inspect.isclass(value) and not dataclasses.is_dataclass(value):
        if issubclass(value, CutProcessor):  # whose documentation says what all cuts get
            return
        for key, member in vars(value).items():
            function = inspect.unwrap(getattr(member, "__func__", member))
            is_own = inspect.isfunction(function) and function.__module__.startswith("tau3mu")
            if is_own and (not key.startswith("_") or key == "__init__"):
                yield f"{name}.{key}", function, function.__doc__ or ""


@pytest.mark.parametrize("package", PUBLIC)
def test_docstrings_describe_every_argument(package):
    module = importlib.import_module(package)
    problems = []
    for public in PUBLIC[package]:
        for name, function, text in _documented(public, getattr(module, public)):
            parameters = inspect.signature(function).parameters
            given = [one for one in parameters if one not in {"self", "cls"}]
            arguments = text.partition("Args:")[2]
            problems += [f"{name}: {one}" for one in given if f"{one}:" not in arguments]
            if text.split(" ")[0] in {"Tells", "What", "Takes"}:
                problems.append(f"{name}: {text.splitlines()[0]}")
    assert problems == []
