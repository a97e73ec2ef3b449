"""Tests of wagons in processes of their own: what they measure, and the faults that they find."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import awkward as ak
import pytest
import uproot
from errors import raises

import tau3mu
import tau3mu.train
from tau3mu.train import Store, Train, Wagon
from tau3mu.train.__main__ import main
from tau3mu.train.composition import compose
from tau3mu.train.metrics import read_metrics
from tau3mu.train.record import read_record
from tau3mu.train.states import State, read_status

WAGONS = Path(__file__).with_name("faulty_wagons.py")


@pytest.fixture
def wagons(tmp_path):
    return shutil.copy(WAGONS, tmp_path / "mine.py")


@pytest.fixture
def train(wagons):
    def make(cls="Muons", name="mine", **entry):
        return Train({name: Wagon(f"{wagons}:{cls}", **entry)}, "demo")

    return make


@pytest.fixture
def tested(train, tmp_path):
    """Tests one wagon, and returns the test."""

    def run(cls="Muons", *, time_limit=10.0, again=False, **entry):
        found = tau3mu.train.test(
            train(cls, **entry), store=tmp_path / "store", time_limit=time_limit, again=again
        )
        (one,) = found
        return one

    return run


def codes(one):
    return {finding.code for finding in one.metrics.findings}


def test_a_test_measures_a_wagon_and_leaves_its_files(tested, demo, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "abcdef")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    one = tested()
    environment = (one.folder / "env.json").read_text()
    assert json.loads(environment)["environment"]["OMP_NUM_THREADS"] == "3"
    assert "abcdef" not in environment
    assert one.state is State.OK, one.reason
    metrics = one.metrics
    momenta = ak.concatenate(
        [uproot.open(path)["Tree3Mu/ntuple"]["MuonPt"].array() for path in demo]
    )
    assert metrics.complete
    assert metrics.events == len(momenta) == 12_000
    assert metrics.datasets["demo"].files == 2
    results = tau3mu.open(one.folder / "results")["mine"]
    assert len(results.candidates) == ak.sum(momenta > 4) == metrics.wagons["mine"].candidates
    files = {path.name for path in one.folder.iterdir()}
    assert files >= {
        "full_config.json", "configuration.json", "input_data.txt", "env.json", "stdout.log",
        "stderr.log", "status.json", "metrics.json", "performance.png", "results", "code",
    }  # fmt: skip
    assert not {name for name in files if name.startswith(".")}
    assert [one.state for one in read_status(one.folder).changes] == [State.RUNNING, State.OK]
    assert read_metrics(one.folder) == metrics
    written = sum(p.stat().st_size for p in (one.folder / "results" / "mine").iterdir())
    assert metrics.output_bytes == written == metrics.expected.output_bytes
    assert metrics.merge == {"halves": (), "chunking": ()}
    memory = metrics.memory
    assert 1e7 < memory.private_average <= memory.private_max <= memory.pss_max < 2e9
    assert metrics.reader.bytes == metrics.input_bytes > 0
    parts = metrics.reader.cpu + sum(wagon.cpu for wagon in metrics.wagons.values())
    assert parts == pytest.approx(metrics.loop.cpu, rel=0.2)
    assert metrics.expected.events == 12_000
    assert metrics.expected.cpu_hours * 3600 > 0.1


@pytest.mark.integration
def test_a_leak_is_a_warning_with_its_size(tested):
    one = tested("Leaking", parameters={"megabytes": 5.0})
    assert one.state is State.WARN, one.reason
    assert "memory.leak" in codes(one)
    assert one.metrics.memory.slope == pytest.approx(5e6, rel=0.2)


@pytest.mark.integration
def test_far_too_much_memory_ends_the_test(tested):
    one = tested("Large", parameters={"megabytes": 700.0}, limits={"memory_mb": 400})
    assert one.state is State.FAILED
    assert codes(one) >= {"memory.killed"}
    assert one.metrics.exit_code == -9
    assert one.metrics.memory.pss_max > 1.25 * 400e6
    assert len(one.metrics.chunks) == 3  # what was measured before
    assert read_status(one.folder).state is State.FAILED


@pytest.mark.integration
def test_more_memory_than_the_limit_is_a_warning(tested):
    large = {"cls": "Large", "parameters": {"megabytes": 200.0}, "time_limit": 3.0}
    one = tested(**large)
    assert "memory.limit" not in codes(one)
    memory = one.metrics.memory
    assert 200e6 < memory.most - memory.start < 240e6
    limits = {"memory_mb": memory.most / 1.1e6}
    limited = tested(**large, limits=limits)
    assert limited.reused  # judged again, not measured again
    assert codes(limited) == {"memory.limit"}
    assert limited.state is State.WARN, limited.reason
    limits = {"memory_mb": memory.most / 1.3e6}
    assert tested(**large, limits=limits).state is State.FAILED


@pytest.mark.integration
@pytest.mark.parametrize(
    ("cls", "code", "what"),
    [
        ("Normalized", "merge.halves", "mine: histogram pt"),
        ("Counting", "merge.chunking", "mine: counters"),
        ("Numbering", "merge.chunking", "mine: column number of the candidates"),
    ],
)
def test_what_does_not_add_up_fails_the_merge_test(tested, cls, code, what):
    one = tested(cls)
    assert one.state is State.FAILED
    assert code in codes(one)
    assert what in one.metrics.merge[code.partition(".")[2]]


@pytest.mark.integration
def test_errors_of_a_wagon_are_grouped_by_their_line(tested, wagons):
    one = tested("Raising")
    assert one.state is State.FAILED
    (error,) = one.metrics.errors
    line = 1 + wagons.read_text().split("\n").index("            raise KeyError(TRIGGER)")
    assert error.kind == "KeyError"
    assert error.place.endswith(f"mine.py:{line}")
    assert error.count > 1
    assert "wagon.raises" in codes(one)
    assert "no such trigger" in (one.folder / "stderr.log").read_text()


@pytest.mark.integration
def test_files_that_are_opened_often_and_large_logs_are_warnings(tested, tmp_path):
    (tmp_path / "table.txt").write_text("1 2 3")
    one = tested("Reading", parameters={"file": str(tmp_path / "table.txt")})
    assert codes(one) >= {"input.opened-often", "log.large"}
    assert one.metrics.opened[str(tmp_path / "table.txt")] == len(one.metrics.chunks) + 1
    assert one.state is State.WARN


@pytest.mark.integration
def test_a_skim_has_to_be_small_enough(tmp_path):
    def run(at):
        skim = {"kind": "standard", "at": at}
        wagon = Wagon("dsphipi", outputs={"skim": skim}, limits={"min_reduction": 1.2})
        train = Train({"phi": wagon}, "demo")
        store = tmp_path / f"store_{at}"
        (one,) = tau3mu.train.test(train, store=store, time_limit=20)
        steps = tau3mu.open(one.folder / "results")["phi"].cutflow["demo"]
        left = next(step["events"] for step in steps if step["name"] == at)
        return one, left

    one, left = run("hlt")
    assert one.metrics.wagons["phi"].skim_events == left > 12_000 / 1.2
    assert codes(one) == {"skim.reduction"}
    other, left = run("vertex")
    assert other.metrics.wagons["phi"].skim_events == left < 12_000 / 1.2
    assert other.state is State.OK, other.reason
    small, large = (each.metrics.wagons["phi"].skim for each in (other, one))
    assert 0 < small < large < one.metrics.output_bytes
    assert not (one.folder / ".derived").exists()


@pytest.mark.integration
def test_a_test_ends_at_the_border_of_a_chunk(tested):
    one = tested(parameters={"pause": 0.5}, time_limit=2.0)
    assert 2 <= len(one.metrics.chunks) <= 5
    assert not one.metrics.complete
    read, expected = one.metrics.wagons["mine"].candidates, one.metrics.expected
    assert expected.output_bytes > one.metrics.output_bytes
    assert one.metrics.events < expected.events == 12_000
    assert len(tau3mu.open(one.folder / "results")["mine"].candidates) == read > 0
    first = tested(parameters={"pause": 0.2}, time_limit=0.01)
    assert len(first.metrics.chunks) == 1  # never before the first


@pytest.mark.integration
def test_a_result_is_reused_until_a_part_changes(tested, wagons, tmp_path):
    first = tested()
    assert first.metrics.changed == ()
    again = tested()
    assert again.reused
    assert again.folder == first.folder
    other = tested(parameters={"min_pt": 5.0})
    assert other.metrics.changed == ("wagon",)
    limited = tested(parameters={"min_pt": 5.0}, limits={"cpu_hours": 1e-9})
    assert limited.reused  # judged again, not measured again
    assert codes(limited) == {"cpu.limit"}
    assert limited.needs_approval
    assert read_status(limited.folder).state is State.WARN
    assert tested(parameters={"min_pt": 5.0}).state is State.OK
    with Path(wagons).open("a") as file:
        file.write("\n# changed\n")
    changed = tested(parameters={"min_pt": 5.0})
    assert changed.metrics.changed == ("code",)
    assert [int(path.name) for path in sorted((tmp_path / "store/tests/mine").glob("0*"))] == [
        1, 2, 3,
    ]  # fmt: skip


def test_files_that_were_replaced_are_not_tested(wagons, tmp_path, demo):
    store, data = Store(tmp_path / "store"), shutil.copy(demo[0], tmp_path / "data.root")
    words = ["datasets", "add", str(data), "--name", "own", "--store", str(store.root)]
    assert main(words) == 0
    shutil.copy(demo[1], data)
    with raises("train.dataset-changed", path="own"):
        tau3mu.train.test(Train({"mine": Wagon(f"{wagons}:Muons")}, "own"), store=store)
    assert store.tests("mine") == []


@pytest.mark.integration
def test_a_column_that_no_file_has_fails_only_its_wagon(wagons, tmp_path):
    text = Path(wagons).read_text()
    other = tmp_path / "other.py"
    other.write_text(text.replace("muon.pt", "muon.ptt"))
    both = {"lost": Wagon(f"{other}:Muons"), "mine": Wagon(f"{wagons}:Muons")}
    store = tmp_path / "store"
    found = tau3mu.train.test(Train(both, "demo"), store=store, time_limit=2)
    assert {one.name: one.state.value for one in found} == {"lost": "FAILED", "mine": "OK"}
    with raises("dataset.bad-files"):
        tau3mu.train.test(Train(both, "demo"), "lost", store=store, time_limit=2)


@pytest.mark.integration
def test_wagons_of_one_name_do_not_spoil_the_tests_of_each_other(train, tmp_path):
    store, begun = Store(tmp_path / "store"), []

    def tested(analysis):
        (one,) = tau3mu.train.test(analysis, store=store, time_limit=2, on_begin=begun.append)
        return one

    first, second = train(), train(parameters={"min_pt": 8.0})
    assert [tested(one).folder.name for one in (first, second)] == ["0001", "0002"]
    assert read_record(compose(first, store)).tests["mine"].number == 1
    assert read_record(compose(second, store)).tests["mine"].number == 2
    assert tested(first).reused
    assert (tested(first).folder.name, tested(second).folder.name) == ("0001", "0002")
    assert begun == ["mine", "mine"]
    other = train(parameters={"min_pt": 9.0})
    with raises("train.not-tested", path="mine", mentions="test 2, wagon"):
        compose(other, store)


@pytest.mark.integration
def test_a_need_that_changes_tests_its_dependant_again(wagons, tmp_path):
    def run(min_pt):
        wagon = {
            "first": Wagon(f"{wagons}:Muons", parameters={"min_pt": min_pt}),
            "second": Wagon(f"{wagons}:Muons", parameters={"min_pt": 6.0}, needs=["first"]),
        }
        store = tmp_path / "store"
        return tau3mu.train.test(Train(wagon, "demo"), store=store, time_limit=5, whole=False)

    found = run(4.0)
    assert [one.name for one in found] == ["first", "second"]
    assert set(found["second"].metrics.processors) == {"first", "second"}
    assert all(one.reused for one in run(4.0))
    changed = run(5.0)
    assert changed["first"].metrics.changed == ("wagon",)
    assert changed["second"].metrics.changed == ("need first",)


@pytest.mark.integration
def test_a_train_is_tested_without_the_wagons_that_failed(wagons, tmp_path):
    good = {name: Wagon(f"{wagons}:Muons", parameters={"min_pt": pt})
            for name, pt in (("a", 4.0), ("b", 5.0))}  # fmt: skip
    train = Train(good | {"bad": Wagon(f"{wagons}:Raising")}, "demo")
    found = tau3mu.train.test(train, store=tmp_path / "store", time_limit=5)
    assert {one.name: one.state for one in found} == {
        "a": State.OK, "b": State.OK, "bad": State.FAILED, "train": State.OK,
    }  # fmt: skip
    assert set(found["train"].metrics.processors) == {"a", "b"}
    assert found.state is State.FAILED
    (whole,) = tau3mu.train.test(train, store=tmp_path / "store", time_limit=5, whole=True)
    assert whole.state is State.FAILED  # names it, and measures the others
    assert {error.wagon for error in whole.metrics.errors} == {"bad"}
    assert whole.metrics.wagons.keys() >= {"a", "b"}


@pytest.mark.integration
@pytest.mark.parametrize(
    ("how", "state"), [(signal.SIGKILL, State.LOST), (signal.SIGINT, State.KILLED)]
)
def test_the_process_of_a_test_ends_with_its_command(train, tmp_path, how, state):
    file, store = tmp_path / "train.yaml", tmp_path / "store"
    train(parameters={"pause": 1.0}).save(file)
    words = ["test", str(file), "--store", str(store), "--time-limit", "100"]
    command = subprocess.Popen([sys.executable, "-m", "tau3mu.train", *words])
    lines = store / "tests" / "mine" / "0001" / ".lines.jsonl"
    wait_for(lambda: lines.is_file() and "chunk" in lines.read_text())
    (child,) = children_of(command.pid)
    command.send_signal(how)
    command.wait(30)
    wait_for(lambda: not Path(f"/proc/{child}/stat").is_file())
    assert read_status(lines.parent).state is state


def children_of(pid):
    pids = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat")]
    return [one for one in pids if _parent(one) == pid]


def _parent(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def wait_for(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("it did not happen within a minute")


@pytest.mark.integration
def test_the_command_prints_tables_json_and_a_history(wagons, train, tmp_path, capsys):
    file = tmp_path / "train.yaml"
    train(limits={"cpu_hours": 1e-9}).save(file)
    words = ["test", str(file), "--store", str(tmp_path / "store"), "--time-limit", "5"]
    assert main([*words, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["state"] == "WARN"
    assert [one["code"] for one in row["findings"]] == ["cpu.limit"]
    assert main([*words, "--strict"]) == 1
    assert main([*words, "--again"]) == 0
    said = capsys.readouterr().err
    assert said.count("warning: ") == said.count("cpu.limit") == 2
    assert "error: " not in said
    history = ["test", "--history", "mine", "--store", str(tmp_path / "store")]
    assert main([*history, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["test"] for row in rows] == [1, 2]
    assert all(row["events"] == 12_000 for row in rows)
    assert (tmp_path / "store/tests/mine/history.png").stat().st_size > 10_000
    assert main(history) == 0
    assert main(["test", "--history", "nine", "--store", str(tmp_path / "store")]) == 1
    assert "mine" in capsys.readouterr().err


def test_wrong_requests_are_refused_before_anything_is_written(train, tmp_path):
    store = tmp_path / "store"
    with raises("train.unknown-wagon", path="nine"):
        tau3mu.train.test(train(), "nine", store=store)
    with raises("train.time-limit", path="time_limit"):
        tau3mu.train.test(train(), store=store, time_limit=0)
    with raises("processor.no-file"):
        tau3mu.train.test(Train({"a": Wagon(str(tmp_path / "absent.py:A"))}, "demo"), store=store)
    assert not store.exists()
