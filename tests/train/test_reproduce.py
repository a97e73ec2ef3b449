"""Results are made again from their folder alone, and every difference is named with its place."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from errors import raises

import tau3mu
from tau3mu.run import read_frozen, thaw
from tau3mu.train import reproduce
from tau3mu.train.__main__ import main

TABLE = """\
#tree\tEvents
#pad\tmuon.pt\t-99
branch\ttype\tview\tmissing
run\tuint32\trun
luminosityBlock\tuint32\tlumi
event\tuint64\tevent
genWeight\tfloat64\tgen_weight
Muon_pt\tvar * float32\tmuon.pt
"""
PROCESSOR = """\
import json
from pathlib import Path

import hist
import numpy as np

from tau3mu.processing import Processor, Table, parameter

SCALE = json.loads((Path(__file__).parent / "scale.json").read_text())


class Muons(Processor):
    columns = ("run", "lumi", "event", "muon.pt", "gen_weight")
    min_pt: float = parameter(5.0, unit="GeV", help="of each muon")
    axes = [hist.axis.Regular(8, 0, 80, name="pt")]
    weights = {"nominal": "weight", "up": "twice"}

    def select(self, events, cutflow):
        muons = cutflow.cut("pt", events.muon, events.muon.pt > self.min_pt)
        weight = np.exp(events.gen_weight)
        return Table(pt=SCALE * muons.pt, weight=weight, twice=2.1 * weight)
"""


def write(path, seed, events=40):
    """Writes muons whose weights make sums of floats depend on their order."""
    random = np.random.default_rng(seed)
    pt = ak.unflatten(random.uniform(1, 60, events * 2), np.full(events, 2))
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {
        "run": np.full(events, 297050, np.uint32),
        "luminosityBlock": np.arange(events, dtype=np.uint32) // 10 + 1,
        "event": np.arange(events, dtype=np.uint64) + 1000 * seed,
        "genWeight": random.normal(0, 3, events),
        "Muon": ak.zip({"pt": ak.values_astype(pt, np.float32)}),
    }
    types = {k: v.type.content if isinstance(v, ak.Array) else v.dtype for k, v in data.items()}
    with uproot.recreate(path) as file:
        file.mktree("Events", types).extend(data)


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "data"
    for number in (1, 2, 3):
        write(folder / f"m_{number}.root", number)
    (tmp_path / "mine.tsv").write_text(TABLE)
    (tmp_path / "muons.py").write_text(PROCESSOR)
    (tmp_path / "scale.json").write_text("1.25")
    return folder


@pytest.fixture
def run(files, tmp_path):
    """Returns a function that makes results of the files."""

    def make(name="a", **options):
        sets = {
            kind: {
                "files": {f"data/m_{number}.root": None for number in numbers},
                "metadata": {"is_mc": kind == "mc", "layout": "mine.tsv"},
            }
            for kind, numbers in {"data": (1,), "mc": (3, 2)}.items()
        }
        (tmp_path / "sets.json").write_text(json.dumps(sets))
        options = {"processors": [str(tmp_path / "muons.py") + ":Muons"], **options}
        options.setdefault("datasets", str(tmp_path / "sets.json"))
        return tau3mu.run(output=tmp_path / name, progress=False, **options)

    return make


def without_inputs(tmp_path):
    """Removes all that the user gave but the ntuples."""
    for name in ("mine.tsv", "muons.py", "scale.json", "sets.json"):
        (tmp_path / name).unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("executor", "chunk_size"),
    [
        (None, None),
        ("iterative", 7),
        pytest.param("futures", 13, marks=pytest.mark.integration),
        pytest.param("dask", 20, marks=pytest.mark.integration),
    ],
)
def test_the_same_under_every_executor_and_chunk_size(
    run, tmp_path, executor, chunk_size, monkeypatch
):
    run(variants=["tight:min_pt=20"], values=["Muons.min_pt=6.5"])
    without_inputs(tmp_path)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    found = reproduce(tmp_path / "a", executor=executor, chunk_size=chunk_size)
    assert found.same
    assert (found.folder, found.changed, found.surroundings) == (None, {}, ())
    assert sum(one.bins for one in found.comparison.histograms) > 0
    assert {one.processor for one in found.comparison.candidates} == {"Muons", "tight"}
    assert not list(tmp_path.glob("a-reproduced*"))


def test_the_command_stands_at_the_end_of_the_log(run, tmp_path, capsys):
    run("it's a run")
    last = (tmp_path / "it's a run" / "log.txt").read_text().splitlines()[-1]
    words = shlex.split(last)
    assert words == ["python", "-m", "tau3mu.train", "reproduce", str(tmp_path / "it's a run")]
    assert main(words[3:]) == 0
    assert "SAME" in capsys.readouterr().out


def changed(path, change):
    """Writes a JSON file again with a change."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_one_bin(run, tmp_path, capsys):
    run()

    def add(histograms):
        histograms["pt"]["storage"]["values"][1][0][4] += 1e-9

    changed(tmp_path / "a" / "Muons" / "histograms.json", add)
    found = reproduce(tmp_path / "a", output=tmp_path / "b")
    assert not found.same
    (one,) = [one for one in found.comparison.histograms if not one.same]
    assert (one.name, one.differing) == ("pt", 1)
    assert one.where["dataset"] == "mc"
    assert one.a.value - one.b.value == pytest.approx(1e-9, rel=1e-3)
    assert found.folder == tmp_path / "b"
    assert tau3mu.open(found.folder)["Muons"].cutflow
    assert main(["reproduce", str(tmp_path / "a"), "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert (shown["same"], shown["changed_files"]) == (False, {})
    assert Path(shown["folder"]).is_dir()


def test_one_candidate(run, tmp_path):
    run(candidates="parquet")
    path = tmp_path / "a" / "Muons" / "candidates.parquet"
    rows = ak.from_parquet(path)
    pt = ak.to_numpy(rows["pt"]).copy()
    pt[5] = np.nextafter(pt[5], 100)
    rows["pt"] = pt
    ak.to_parquet(rows, path)
    found = reproduce(tmp_path / "a")
    assert not found.same
    (one,) = [one for one in found.comparison.candidates if not one.same]
    assert [(column.name, column.rows) for column in one.columns] == [("pt", 1)]
    assert all(one.same for one in found.comparison.histograms)


def test_one_cut(run, tmp_path):
    run()

    def cut(frozen):
        frozen["processors"][0]["parameters"]["min_pt"] = 8.0

    changed(tmp_path / "a" / "full_config.json", cut)
    found = reproduce(tmp_path / "a")
    assert not found.same
    assert {one.step for one in found.comparison.cutflow} == {"pt"}
    keys = [(change.key, change.a, change.b) for change in found.configuration]
    assert ("Muons.parameters.min_pt", 5.0, 8.0) in keys


def test_a_cut_that_changes_no_result_is_named_too(run, tmp_path):
    run()

    def cut(frozen):
        frozen["processors"][0]["parameters"]["min_pt"] = 5.0000001

    changed(tmp_path / "a" / "full_config.json", cut)
    found = reproduce(tmp_path / "a", output=tmp_path / "b")
    assert (found.comparison.same, found.same) == (True, False)
    assert [change.key for change in found.configuration] == ["Muons.parameters.min_pt"]


def test_one_input_file(run, files, tmp_path, capsys):
    run()
    place = str(files / "m_2.root")
    write(files / "m_2.root", 2)  # the same events in a file of another UUID
    assert main(["reproduce", str(tmp_path / "a")]) == 1
    shown = capsys.readouterr().out
    assert "DIFFERENT" in shown
    assert "m_2.root" in shown
    write(files / "m_2.root", 9, events=35)
    found = reproduce(tmp_path / "a")
    assert list(found.changed) == [place]
    assert not found.same
    (dataset,) = found.comparison.datasets
    assert dataset.name == "mc"
    assert any(not one.same for one in found.comparison.histograms)


def test_a_missing_file_is_named_before_anything_is_opened(run, files, tmp_path):
    run()
    (files / "m_3.root").unlink()
    with raises("reproduction.missing-file", path="m_3.root", mentions=("--prefix", "--files")):
        reproduce(tmp_path / "a")
    assert not list(tmp_path.glob("a-reproduced*"))


def test_moved_files_keep_the_order_of_their_results(run, files, tmp_path):
    """Sums of floats depend on it, so the order is that of the paths then."""
    run()
    away = tmp_path / "elsewhere"
    (away / "deep" / "data").mkdir(parents=True)
    for number in (1, 2):
        shutil.move(files / f"m_{number}.root", away / "deep" / "data")
    shutil.move(files / "m_3.root", away)
    with raises("frozen.missing-file", path="m_1.root"):
        reproduce(tmp_path / "a", prefix=str(away))
    assert reproduce(tmp_path / "a", prefix=str(away / "deep"), files={
        str(files / "m_3.root"): str(away / "m_3.root")}).same  # fmt: skip
    names = {1: "z", 2: "y", 3: "x"}
    for path in away.rglob("m_*.root"):
        path.rename(away / f"{names[int(path.stem[-1])]}.root")
    places = {str(files / f"m_{n}.root"): str(away / f"{name}.root") for n, name in names.items()}
    (tmp_path / "map.json").write_text(json.dumps(places))
    found = reproduce(tmp_path / "a", files=tmp_path / "map.json", output=tmp_path / "b")
    assert found.same
    assert reproduce(tmp_path / "b").same
    with raises("frozen.unknown-file", path="other.root"):
        reproduce(tmp_path / "a", files={"other.root": "x.root"})


def test_skipped_files_are_left_out_again(run, files, tmp_path):
    content = (files / "m_2.root").read_bytes()
    (files / "m_2.root").write_bytes(content[:500])
    assert run(skip_bad_files=True).exit_code == 2
    (files / "m_2.root").write_bytes(content)
    assert reproduce(tmp_path / "a").same
    (files / "m_2.root").unlink()
    assert reproduce(tmp_path / "a").same


def test_a_file_that_fails_while_it_is_read_is_left_out_again(run, files, tmp_path):
    whole = (files / "m_2.root").read_bytes()
    with uproot.open(files / "m_2.root") as file:
        start = file["Events"]["genWeight"].member("fBasketSeek")[0]
    (files / "m_2.root").write_bytes(whole[:start] + bytes(80) + whole[start + 80 :])
    assert run(skip_bad_files=True).exit_code == 2
    frozen = read_frozen(tmp_path / "a")
    assert frozen.datasets[1].files[1].entries == 40
    assert reproduce(tmp_path / "a").same


def test_options_are_resolved(run, files, tmp_path, monkeypatch):
    """Patterns, tables of layouts, limits of files."""
    monkeypatch.chdir(tmp_path)
    run(datasets=[], files=["data/m_*.root"], layout="mine.tsv", max_files=2)
    write(files / "m_0.root", 7)  # of which the pattern would take now
    without_inputs(tmp_path)
    frozen = read_frozen(tmp_path / "a")
    (dataset,) = frozen.datasets
    assert [Path(file.path).name for file in dataset.files] == ["m_1.root", "m_2.root"]
    assert reproduce(tmp_path / "a").same
    assert (tmp_path / "a" / "input_data.txt").read_text().splitlines() == [
        file.path for file in dataset.files
    ]
    parameters = json.loads((tmp_path / "a" / "configuration.json").read_text())
    assert parameters == {"Muons": {"min_pt": 5.0}}


def test_edited_copies_are_told_and_not_run_in_silence(run, tmp_path):
    run()
    (copy,) = (tmp_path / "a" / "code").rglob("muons.py")
    copy.write_text(copy.read_text().replace("SCALE * muons", "2 * SCALE * muons"))
    found = reproduce(tmp_path / "a")
    assert not found.same
    assert any("muons.py" in text for text in found.surroundings)
    with raises("frozen.changed-code", path="muons.py"):
        from tau3mu.run import prepare_frozen

        prepare_frozen(tmp_path / "a", output=tmp_path / "b")


def test_large_files_and_secrets_are_linked_not_copied(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "large.bin").write_bytes(bytes(10_000_001))
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\nnot-to-be-copied\n")
    (tmp_path / "home" / ".netrc").parent.mkdir()
    (tmp_path / "home" / ".netrc").write_text("machine host login me password not-to-be-copied")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    names = ["large.bin", "key.pem", "~/.netrc", str(tmp_path / "scale.json"), "helper.py"]
    text = PROCESSOR.replace("SCALE =", f"import helper\nNAMED = {names}\nSCALE =")
    (tmp_path / "helper.py").write_text("imported = True\n")
    (tmp_path / "muons.py").write_text(text)
    run()
    linked = {Path(one.path).name: one for one in read_frozen(tmp_path / "a").code if one.linked}
    assert set(linked) == {"large.bin", "key.pem", ".netrc"}
    assert all((tmp_path / "a" / one.path).is_symlink() for one in linked.values())
    written = [path for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert not [p for p in written if not p.is_symlink() and b"not-to-be-copied" in p.read_bytes()]
    assert reproduce(tmp_path / "a").same
    (tmp_path / "large.bin").unlink()
    with raises("frozen.missing-copy", path="large.bin", mentions="10 MB"):
        reproduce(tmp_path / "a")


def test_secrets_of_urls_are_not_recorded(run, files, tmp_path):
    from tau3mu.run.frozen import FrozenRun

    run()

    def url(frozen):
        frozen["datasets"][0]["files"][0]["path"] = "https://me:***@host/m_1.root"

    changed(tmp_path / "a" / "full_config.json", url)
    FrozenRun.model_validate_json((tmp_path / "a" / "full_config.json").read_text())
    with raises("frozen.secret-not-recorded", path="m_1.root", mentions="--files"):
        thaw(tmp_path / "a")


@pytest.mark.integration
def test_fits_of_users_are_recorded_with_their_pdfs(run, tmp_path, monkeypatch):
    folder = tmp_path / "fits"
    folder.mkdir()
    (folder / "slope.py").write_text(
        "from shared import power\n\ndef formula(x, tau, xp):\n    return power(xp, -x / tau)\n"
    )
    (folder / "shared.py").write_text("def power(xp, x):\n    return xp.exp(x)\n")
    fit = {
        "schema_version": 2, "name": "pt", "title": "pT", "input": {"histogram": "pt"},
        "observable": {"name": "pt", "label": "pT", "unit": "GeV", "range": [0, 80]},
        "components": {
            "all": {"pdf": "slope", "parameters": {"tau": "tau"}, "label": "all", "yield": "n"}
        },
        "parameters": {"tau": {"value": 30.0, "limits": [5.0, 500.0]}},
    }  # fmt: skip
    (folder / "mine.json").write_text(json.dumps(fit))
    done = run(fit=str(folder / "mine.json"))
    assert set(done.fits) == {"Muons"}
    shutil.rmtree(folder)
    thawed = thaw(tmp_path / "a")
    model = thawed.fits["Muons"]
    assert model.to_dict() == fit
    assert model.hash == thawed.frozen.fingerprints.fits["Muons"]
    found = reproduce(tmp_path / "a")
    assert found.same
    assert [one.processor for one in found.comparison.fits] == ["Muons"]


def test_fingerprints_say_which_part_has_changed(run, tmp_path):
    run("a")
    run("b")
    (tmp_path / "muons.py").write_text(PROCESSOR + "\n# a remark\n")
    run("c", values=["Muons.min_pt=7"])
    one, two, three = (read_frozen(tmp_path / name).fingerprints for name in "abc")
    assert one == two
    assert one.processors != three.processors
    assert (one.package, one.datasets) == (three.package, three.datasets)
    assert set(one.package) >= {"selection", "processing", "execution", "ntuples"}


OWN_SUMS = """\
import awkward as ak
import hist
import numpy as np

from tau3mu.outputs import Selection
from tau3mu.processing import Processor


class Muons(Processor):
    columns = ("run", "event", "muon.pt", "gen_weight")

    def select(self, events, cutflow):
        muons = cutflow.cut("pt", events.muon, events.muon.pt > 5)
        own = hist.Hist(hist.axis.Regular(2, 0, 80, name="pt"), storage="Weight")
        weights = ak.broadcast_arrays(np.exp(events.gen_weight), muons.pt)[0]
        own.fill(pt=ak.flatten(muons.pt), weight=ak.flatten(weights))
        rows = ak.zip({"event": events.event})
        return Selection(rows, tuple(cutflow.steps), {}, {"own": own})
"""


@pytest.mark.integration
def test_sums_over_chunks_agree_within_their_rounding(run, tmp_path):
    (tmp_path / "muons.py").write_text(OWN_SUMS)
    run(chunk_size=40)
    differing = []
    for chunk_size in (9, 11, 13):
        found = reproduce(tmp_path / "a", chunk_size=chunk_size, output=tmp_path / f"{chunk_size}")
        assert found.same
        histograms = [
            tau3mu.open(tmp_path / name)["Muons"].histograms["own"].view(flow=True)["value"]
            for name in ("a", f"{chunk_size}")
        ]
        differing.append((histograms[0] != histograms[1]).any())
    assert any(differing)  # else nothing was tested
    assert reproduce(tmp_path / "a").same

    def add(histograms):
        histograms["own"]["storage"]["values"][0][1] *= 1 + 1e-9

    changed(tmp_path / "a" / "Muons" / "histograms.json", add)
    assert not reproduce(tmp_path / "a", chunk_size=9).same


def test_a_short_view_with_certified_sections(files, tmp_path):
    from dataclasses import replace

    from tau3mu.datasets import Certification

    (one,) = tau3mu.datasets(str(files / "m_1.root"), layout=str(tmp_path / "mine.tsv"))
    view = replace(one.short(0.55), lumi=None, whole_lumi=3.0)
    view = replace(view, certification=Certification({297050: ((1, 2),)}))
    first = tau3mu.run(
        [view], f"{tmp_path / 'muons.py'}:Muons", output=tmp_path / "a", progress=False
    )
    (dataset,) = read_frozen(tmp_path / "a").datasets
    assert (dataset.fraction, dataset.lumi) == (0.55, 3.0)
    assert dataset.certification == {"297050": [[1, 2]]}
    assert thaw(tmp_path / "a").datasets[0].whole_lumi == 3.0
    found = reproduce(tmp_path / "a", output=tmp_path / "b")
    assert found.same
    assert found.comparison.code == []
    assert first.cutflow["Muons"]["files"][0]["events"] == 22


def test_a_processor_that_failed_fails_again(run, tmp_path):
    text = (
        PROCESSOR
        + """

class Broken(Muons):
    def select(self, events, cutflow):
        if len(events):
            raise RuntimeError("it fails")
        return super().select(events, cutflow)
"""
    )
    (tmp_path / "muons.py").write_text(text)
    from contextlib import closing

    from tau3mu.run import Settings, analyse, prepare

    run("ignored")  # writes the dataset file
    names = [f"{tmp_path / 'muons.py'}:{name}" for name in ("Muons", "Broken")]
    settings = Settings.of(output=tmp_path / "a")
    datasets = tau3mu.datasets(tmp_path / "sets.json")
    with closing(prepare(datasets, names, settings, isolate=True)) as plan:
        assert set(analyse(plan).set_apart) == {"Broken"}
    found = reproduce(tmp_path / "a", output=tmp_path / "b")
    assert found.same
    assert set(tau3mu.open(tmp_path / "b").set_apart) == {"Broken"}


def test_a_resumed_run_records_what_it_was_made_of_in_the_end(run, files, tmp_path):
    content = (files / "m_2.root").read_bytes()
    (files / "m_2.root").write_bytes(content[:500])
    run(skip_bad_files=True)
    (files / "m_2.root").write_bytes(content)
    (tmp_path / "muons.py").write_text(PROCESSOR.replace("2.1 * weight", "2.2 * weight"))
    (tmp_path / "scale.json").write_text("1.5")
    again = tau3mu.run(resume=tmp_path / "a", progress=False)
    assert again.exit_code == 0
    without_inputs(tmp_path)
    assert reproduce(tmp_path / "a").same
    assert len(list((tmp_path / "a" / "code").rglob("muons.py"))) == 1
    assert not list((tmp_path / "a").glob(".new-*"))


def test_a_run_without_code_of_users_has_none(tmp_path):
    tau3mu.run("demo", max_files=1, no_fit=True, output=tmp_path / "a", progress=False)
    assert not (tmp_path / "a" / "code").exists()
    (file,) = read_frozen(tmp_path / "a").datasets[0].files
    assert file.shipped == "demo/Tree_PhiPi_1.root"

    def elsewhere(frozen):
        frozen["datasets"][0]["files"][0]["path"] = "/gone/site-packages/Tree_PhiPi_1.root"

    changed(tmp_path / "a" / "full_config.json", elsewhere)
    assert reproduce(tmp_path / "a").same


def test_what_is_no_finished_run_is_an_error(run, tmp_path):
    (tmp_path / "nothing").mkdir()
    with raises("results.no-run", path="nothing"):
        reproduce(tmp_path / "nothing")
    run()
    (tmp_path / "a" / "full_config.json").unlink()
    with raises("frozen.no-configuration", path="full_config.json"):
        reproduce(tmp_path / "a")


def test_the_command_says_what_is_wrong(run, tmp_path, capsys):
    run()
    for words in (["--workers", "0"], ["--executor", "spark"], ["--nonsense"]):
        with pytest.raises(SystemExit) as ended:
            main(["reproduce", str(tmp_path / "a"), *words])
        assert ended.value.code == 1
    assert main(["reproduce", str(tmp_path / "gone")]) == 1
    (tmp_path / "map.json").write_text('{"x.root": 5}')
    assert main(["reproduce", str(tmp_path / "a"), "--files", str(tmp_path / "map.json")]) == 1
    assert "x.root" in capsys.readouterr().err
