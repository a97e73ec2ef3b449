"""A checkpoint is of the same code, configuration and corrections, or it is not taken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tau3mu.processing import load_processors
from tau3mu.processing.fingerprint import fingerprint
from tau3mu.processors import DsPhiPi, DsPhiPiNotebook

BODY = '''
import helper_of_fingerprint
from tau3mu.processors import DsPhiPi

WINDOW = [1.7, 2.0]


class Mine(DsPhiPi):
    """A processor with a helper and a table of its own."""

    def __init__(self):
        super().__init__()
        self.cuts = {"pt": 2.0, "paths": {"a", "b", "c"}}

    def table(self):
        return "table.json"
'''


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Gives the fingerprint of a processor of files, after changes to them."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "helper_of_fingerprint.py").write_text("FACTOR = 2\n")
    (tmp_path / "table.json").write_text("{}")

    def of(body=BODY, **files):
        for name, text in files.items():
            (tmp_path / name.replace("_dot_", ".")).write_text(text)
        (tmp_path / "mine.py").write_text(body)
        sys.modules.pop("helper_of_fingerprint", None)
        return fingerprint(load_processors([f"{tmp_path / 'mine.py'}:Mine"]))

    return of


def test_it_stays_the_same_if_nothing_changed(mine):
    assert mine() == mine()


@pytest.mark.parametrize(
    "body",
    [
        BODY.replace("1.7", "1.8"),
        BODY.replace('"pt": 2.0', '"pt": 2.1'),
        BODY + "\n# a comment\n",
    ],
)
def test_it_changes_with_the_source(mine, body):
    assert mine(body) != mine()


def test_it_changes_with_a_helper_beside_the_file(mine):
    assert mine(helper_of_fingerprint_dot_py="FACTOR = 3\n") != mine(
        helper_of_fingerprint_dot_py="FACTOR = 2\n"
    )


def test_it_changes_with_a_table_that_the_code_names(mine):
    assert mine(table_dot_json='{"a": 1}') != mine(table_dot_json='{"a": 2}')


def test_it_changes_with_the_processor_its_state_and_its_corrections(tmp_path):
    text = Path(DsPhiPi().scale_factors.file).read_text()
    changed = tmp_path / "changed.json"
    changed.write_text(text.replace("0.99", "0.98", 1))
    assert changed.read_text() != text
    prints = {
        fingerprint([DsPhiPi()]),
        fingerprint([DsPhiPiNotebook()]),
        fingerprint([DsPhiPi(), DsPhiPiNotebook()]),
        fingerprint([DsPhiPi(muon_sf_file=str(changed))]),
        fingerprint([DsPhiPi(muon_sf_outside="unity")]),
    }
    assert len(prints) == 5


def test_it_is_the_same_in_every_process(mine, tmp_path):
    """Sets of texts have another order in each process."""
    here = mine()
    program = (
        "from tau3mu.processing.catalogue import load_processors\n"
        "from tau3mu.processing.fingerprint import fingerprint\n"
        f"print(fingerprint(load_processors(['{tmp_path / 'mine.py'}:Mine'])))"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True,
            cwd=tmp_path, env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(tmp_path)},
        )  # fmt: skip
        assert done.stdout.strip() == here


def test_what_cannot_be_compared_is_never_taken_for_the_same(mine, caplog):
    body = BODY + "\nimport threading\nLOCK = threading.Lock()\n"
    assert mine(body) != mine(body)
    assert "no resuming later" in caplog.text


def test_objects_that_many_others_refer_to_are_looked_at_once(mine):
    """Fails if the time doubles with each level, as for an open file in the module of a user."""
    shared = "\nSHARED = [1, {}, SHARED]\nfor _ in range(200):\n    SHARED = [SHARED, (SHARED,)]\n"
    one, other, again = (
        mine(BODY + "\nSHARED = []\n" + shared.format(value))
        for value in ("{'a': 2}", 2, "{'a': 2}")
    )
    assert one == again != other


def test_code_of_other_modules_that_a_file_imports_is_seen(tmp_path, monkeypatch):
    """Such as those of a user's package that is installed for development."""
    package = tmp_path / "elsewhere" / "development_of_fingerprint"
    package.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(package.parent))
    (tmp_path / "mine.py").write_text(BODY.replace("import helper_of_", "import development_of_"))
    prints = []
    for cut in (1, 2, 1):
        text = f"import re\nNAME = re.compile('a')\n\ndef cut():\n    return {cut}\n"
        (package / "__init__.py").write_text(text)
        module = type(sys)("development_of_fingerprint")
        module.__file__ = str(package / "__init__.py")
        exec(compile(text, module.__file__, "exec"), vars(module))
        monkeypatch.setitem(sys.modules, module.__name__, module)
        prints.append(fingerprint(load_processors([f"{tmp_path / 'mine.py'}:Mine"])))
    (package / "__init__.py").write_text("# edited after its import\n")
    prints.append(fingerprint(load_processors([f"{tmp_path / 'mine.py'}:Mine"])))
    assert prints[0] == prints[2]
    assert len(set(prints)) == 3
