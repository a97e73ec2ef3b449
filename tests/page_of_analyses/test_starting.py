"""A test and a train that are started from the page, with what is recorded of them."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from page_reading import Page, client
from train.train_processes import wait_for, write_train

from tau3mu.train.page.job_pages import made_by
from tau3mu.train.page.jobs import job, tail
from tau3mu.train.page.train_files import train_file
from tau3mu.train.record import read_record
from tau3mu.train.states import State
from tau3mu.train.store import Store

HEAVY = (
    "awkward",
    "hist",
    "uproot",
    "coffea",
    "zfit",
    "matplotlib",
    "dask",
    "pyarrow",
    "tensorflow",
)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def start(asked, store, file, **fields):
    """Starts something by its form and returns the job after its end."""
    form = Page(asked.get("/start", params={"file": train_file(file).id, "do": fields["do"]}))
    hidden = {name: form.field(name) for name in ("csrf", "file", "digest")}
    answer = asked.post("/start", data=hidden | fields)
    assert answer.status_code == 303, answer.text
    name = answer.headers["location"].rpartition("/")[2]
    return wait_for(lambda: (one := job(store, name)).status.state.ended and one, 120)


@pytest.mark.integration
def test_a_test_and_a_train_are_started_and_shown(store, tmp_path):
    file = write_train(tmp_path)
    asked = client(store, [file])
    section = f"/analysis?file={train_file(file).id}"
    tested = start(asked, store, file, do="test", wagon="", time_limit="1")
    assert tested.status.state is State.OK, tail(tested.folder / "stderr.log")
    assert made_by(store, tested) == [("Test 1 of counted", "tests/counted/1")]
    assert "../tests/counted/1" in Page(asked.get(f"/jobs/{tested.id}")).links

    page = Page(asked.get("/tests/counted/1"))
    metrics = json.loads((store.tests("counted")[0] / "metrics.json").read_text())
    assert page.facts()["events read"] == f"{metrics['events']:,}"
    assert float(page.facts()["input [MB]"]) == round(metrics["input_bytes"] / 1e6, 3)
    parts = next(rows for caption, rows in page.tables.items() if "each wagon needed" in caption)
    rows = {row[0]: row for row in parts[1:]}
    for name, use in metrics["wagons"].items():
        assert float(rows[name][1]) == round(use["cpu"], 3)
        assert rows[name][5] == f"{use['candidates']:,}"
    assert any("result?folder=tests%2Fcounted%2F0001%2Fresults" in link for link in page.links)
    grid = Page(asked.get(section)).tables["Last tests of the wagons of train.json"]
    assert [row[-3 if row is grid[1] else -1].split()[0] for row in grid[1:]][1] == "OK"
    assert "does not count" not in str(grid)

    done = start(asked, store, file, do="train", size="short", short="0.1", label="first")
    assert done.status.state is State.OK, tail(done.folder / "stderr.log")
    assert made_by(store, done) == [("Train 1", "trains/1")]
    record = read_record(store.train(1))
    assert (record.label, record.file) == ("first", str(file))
    assert [one.fraction for one in record.datasets.values()] == [0.1]

    (tmp_path / "mine.py").write_text((tmp_path / "mine.py").read_text() + "\nOTHER = 1\n")
    grid = Page(asked.get(section)).tables["Last tests of the wagons of train.json"]
    assert "does not count" in str(grid)
    assert "code" in str(grid)
    form = Page(asked.get("/start", params={"file": train_file(file).id, "do": "train"}))
    assert "force" in form.names()
    forced = start(
        asked, store, file, do="train", size="short", short="0.1", force="counted", comment="c"
    )
    assert forced.status.state is State.OK, tail(forced.folder / "stderr.log")
    record = read_record(store.train(2))
    assert record.tests["counted"].number == 1
    assert "code" in record.tests["counted"].forced
    assert record.comment == "c"


@pytest.mark.integration
def test_the_server_never_runs_users_code_and_stays_small(tmp_path):
    file = write_train(tmp_path)
    ran = tmp_path / "ran.txt"
    code = f"import os\nopen({str(ran)!r}, 'a').write(f'{{os.getpid()}} ')\nprint('{{\\n')\n"
    (tmp_path / "mine.py").write_text(code + (tmp_path / "mine.py").read_text())
    script = f"""
        import os, sys
        from pathlib import Path
        from page_reading import client
        from tau3mu.train.page.train_files import train_file
        from tau3mu.train.store import Store
        file = Path({str(file)!r})
        asked = client(Store({str(tmp_path / "store")!r}), [file])
        name = train_file(file).id
        paths = ["", f"analysis?file={{name}}", f"start?file={{name}}&do=train", "datasets", "jobs"]
        codes = [asked.get("/" + path).status_code for path in paths]
        ran = Path({str(ran)!r}).read_text().split()
        print(codes, str(os.getpid()) in ran, len(set(ran)))
        print([m for m in {HEAVY!r} if m in sys.modules])
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[200, 200, 200, 200, 200] False 1\n[]"
