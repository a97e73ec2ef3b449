"""Files of users do not meet: each has its own helpers, and errors name its own line."""

from __future__ import annotations

import sys

import pytest
from errors import raises
from users_processors import chunks_of, n_muons, write

from tau3mu.errors import InputError
from tau3mu.execution import ProcessorError, dry_run, execute
from tau3mu.execution.chunk import ChunkTask, process_task, shared_by_tasks
from tau3mu.execution.pool import call, pack
from tau3mu.processing import load_processors
from tau3mu.processing.fingerprint import fingerprint

ABOVE_1_GEV, ABOVE_8_GEV = 17_274, 4_134

CUT = """
import {module}


class {name}(Muons):
    def muons(self, events):
        return events.muon[events.muon.pt > {module}.PT]
"""


def cuts(folder, value, *, file="analysis.py", name="Cut", module="cuts"):
    """Writes an analysis that takes its cut from a module beside it."""
    text = CUT.format(name=name, module=module)
    return f"{write(folder, file, text, cuts=f'PT = {value}')}:{name}"


EXECUTORS = [
    "iterative",
    pytest.param("futures", marks=pytest.mark.integration),
    pytest.param("dask", marks=pytest.mark.integration),
]


def run(executor, chunks, processors, request):
    client = request.getfixturevalue("client") if executor == "dask" else None
    return execute(chunks, processors, executor=executor, workers=2, client=client)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_helpers_of_one_name_in_two_folders(tmp_path, demo, executor, request):
    """Fails if the second file runs with the cuts of the first, here or on a worker."""
    names = [cuts(tmp_path / "a", 1.0, name="A"), cuts(tmp_path / "b", 8.0, name="B")]
    for order in (names, names[::-1]):
        result = run(executor, chunks_of(demo[0]), load_processors(order), request)
        assert (n_muons(result, "A"), n_muons(result, "B")) == (ABOVE_1_GEV, ABOVE_8_GEV)


def test_packages_of_one_name_and_relative_imports(tmp_path, demo):
    for folder, value in (("a", 1.0), ("b", 8.0)):
        package = tmp_path / folder / "common"
        (package / "deep").mkdir(parents=True)
        (package / "__init__.py").write_text(
            "from .limits import PT\nfrom common import deep\nimport common.deep.value\n"
        )
        (package / "limits.py").write_text("from common.deep.value import PT\n")
        (package / "deep" / "value.py").write_text(f"PT = {value}\n")
    names = [cuts(tmp_path / f, 0, name=f.upper(), module="common") for f in ("a", "b")]
    processors = load_processors(names)
    chunks = chunks_of(demo[0])
    result = execute(chunks, processors)
    assert (n_muons(result, "A"), n_muons(result, "B")) == (ABOVE_1_GEV, ABOVE_8_GEV)
    packed = pack(process_task, shared_by_tasks(processors))
    travelled = call(0, ChunkTask(chunks[0]), packed).result.outputs
    for name, expected in (("A", ABOVE_1_GEV), ("B", ABOVE_8_GEV)):
        assert [step.candidates for step in travelled[name].cutflow] == [expected]


def test_helpers_in_folders_that_the_files_add_to_the_path(tmp_path, demo):
    """Fails if what one file adds to sys.path is found by the next."""
    names = []
    for name, value in (("A", 1.0), ("B", 8.0)):
        library = tmp_path / f"library_{name}"
        library.mkdir()
        (library / "shared_limits.py").write_text(f"PT = {value}\n")
        text = f"import sys\nsys.path.append({str(library)!r})\n"
        path = tmp_path / f"{name}.py"
        write(tmp_path, path.name, CUT.format(name=name, module="shared_limits"))
        path.write_text(text + path.read_text())
        names.append(f"{path}:{name}")
    before = list(sys.path)
    result = execute(chunks_of(demo[0]), load_processors(names))
    assert (n_muons(result, "A"), n_muons(result, "B")) == (ABOVE_1_GEV, ABOVE_8_GEV)
    assert sys.path == before


def test_imports_inside_functions(tmp_path, demo):
    """Found in this process; refused where the file would have to be on the worker."""
    names = []
    for name, value in (("A", 1.0), ("B", 8.0)):
        text = f"""

class {name}(Muons):
    def muons(self, events):
        import cuts
        return events.muon[events.muon.pt > cuts.PT]
"""
        folder = tmp_path / name
        names.append(f"{write(folder, 'late.py', text, cuts=f'PT = {value}')}:{name}")
    processors = load_processors(names)
    result = execute(chunks_of(demo[0]), processors)
    assert (n_muons(result, "A"), n_muons(result, "B")) == (ABOVE_1_GEV, ABOVE_8_GEV)
    with pytest.raises(InputError, match=r"late.py, line 36: cuts"):
        execute(chunks_of(demo[0]), load_processors(names), executor="futures")


def test_files_of_one_name_keep_their_code_and_their_fingerprints(tmp_path, demo):
    """Fails if the second of two files of one name takes the place of the first."""
    first = cuts(tmp_path / "a", 1.0, name="A")
    second = cuts(tmp_path / "b", 8.0, name="B")
    processors = load_processors([first, second])
    assert [type(p).__module__.rpartition(".")[2] for p in processors] == ["analysis"] * 2
    prints = {fingerprint(processors), *(fingerprint([p]) for p in processors)}
    cuts(tmp_path / "a", 2.0, name="A")  # the helper of the first
    prints.add(fingerprint(load_processors([first, second])))
    write(tmp_path / "b", "analysis.py", CUT.format(name="B", module="cuts") + "\n# another\n")
    prints.add(fingerprint(load_processors([first, second])))
    assert len(prints) == 5
    assert fingerprint(load_processors([first, second])) in prints


def test_a_helper_called_as_an_installed_module_is_the_users_own(tmp_path, demo):
    """A folder of plots called as a library is not taken for it, a loaded library stays."""
    (tmp_path / "a" / "mplhep").mkdir(parents=True)
    text = CUT.format(name="A", module="cuts") + "\nimport mplhep\nassert mplhep.__version__\n"
    path = write(tmp_path / "a", "a.py", text, cuts="PT = 8.0", numpy="raise ImportError")
    assert n_muons(execute(chunks_of(demo[0]), load_processors([f"{path}:A"])), "A") == ABOVE_8_GEV


def test_a_missing_helper_is_named_as_the_user_knows_it(tmp_path):
    path = write(tmp_path, "lacking.py", "\nimport common.lost\n", common="")
    with pytest.raises(InputError, match=r"lacking.py .*\(line 33: .*'common.lost'"):
        load_processors([f"{path}:Muons"])
    assert not [name for name in sys.modules if name.startswith("tau3mu_user_lacking")]


FAILING = """
import helper


class Here(Muons):
    def muons(self, events):
        if len(events):
            return ak.flatten(events.muon.pt, axis=9)
        return events.muon


class There(Muons):
    def muons(self, events):
        return helper.fails(events)


class Generated(Muons):
    def muons(self, events):
        helper.Two(1) if len(events) else 0
        return events.muon
"""
HELPER = """from dataclasses import dataclass

def fails(events):
    if len(events):
        return events.muon.of_no_such_name
    return events.muon

@dataclass
class Two:
    one: int
    two: int
"""


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(
    ("name", "file", "line", "source"),
    [
        ("Here", "failing.py", 39, "return ak.flatten(events.muon.pt, axis=9)"),
        ("There", "helper.py", 5, "return events.muon.of_no_such_name"),
        ("Generated", "failing.py", 50, "helper.Two(1) if len(events) else 0"),
    ],
)
def test_a_failure_names_the_line_of_the_user(
    tmp_path, demo, executor, request, name, file, line, source
):
    """Fails if it names a line of awkward, or one that has been edited since it ran."""
    path = write(tmp_path, "failing.py", FAILING, helper=HELPER)
    processors = load_processors([f"{path}:{name}"])
    for edited in (path, tmp_path / "helper.py"):
        edited.write_text("# edited\n" * 60)
    with pytest.raises(ProcessorError) as error:
        run(executor, chunks_of(demo[0]), processors, request)
    assert str(error.value).endswith(f" ({tmp_path / file}, line {line}: {source})")
    assert "awkward" not in str(error.value)
    assert f'"{tmp_path / file}", line {line}' in error.value.details
    assert source in error.value.details


def test_a_failure_in_the_dry_run_names_the_line_of_the_user(tmp_path, demo):
    text = FAILING.replace("if len(events)", "if True")
    path = write(tmp_path, "failing.py", text, helper=HELPER.replace("if len(events)", "if 1"))
    (chunk,) = chunks_of(demo[0])
    for name, file, line, source in (
        ("Here", "failing.py", 39, "return ak.flatten(events.muon.pt, axis=9)"),
        ("There", "helper.py", 5, "return events.muon.of_no_such_name"),
    ):
        with raises("processor.failed", InputError, path=f"{file}:{line}") as error:
            dry_run([chunk], load_processors([f"{path}:{name}"]))
        assert str(error.value).endswith(f"{file}, line {line}: {source})")
        assert f'{file}", line {line}' in error.value.details


def test_a_failure_while_it_is_made_names_its_line(tmp_path):
    text = "\n\nclass Made(Muons):\n    def __init__(self):\n        self.x = 1 / 0\n"
    path = write(tmp_path, "made.py", text)
    mentions = ("ZeroDivisionError", "self.x = 1 / 0")
    with raises("processor.constructor", path="made.py:36", mentions=mentions):
        load_processors([f"{path}:Made"])


BEHAVIOR = """

@ak.mixin_class(ak.behavior)
class OfTau3muTestMuon:
    @property
    def hard(self):
        return self.pt > {cut}


class {name}(Muons):
    def muons(self, events):
        muon = ak.with_name(events.muon, "OfTau3muTestMuon")
        return muon[muon.hard]
"""


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.usefixtures("behaviors")
def test_behaviors_that_a_file_registers_are_known_on_workers(tmp_path, demo, executor, request):
    path = write(tmp_path, "mine.py", BEHAVIOR.format(cut=8.0, name="Mine"))
    result = run(executor, chunks_of(demo[0]), load_processors([f"{path}:Mine"]), request)
    assert n_muons(result, "Mine") == ABOVE_8_GEV


@pytest.mark.usefixtures("behaviors")
def test_two_files_cannot_register_different_behaviors_of_one_name(tmp_path):
    """Fails if the second silently changes what the first selects."""
    names = [
        f"{write(tmp_path, f'{n}.py', BEHAVIOR.format(cut=cut, name=n))}:{n}"
        for n, cut in (("One", 1.0), ("Two", 8.0))
    ]
    load_processors(names[:1])
    load_processors(names[:1])
    with pytest.raises(InputError, match=r"Two.py.*OfTau3muTestMuon"):
        load_processors(names)
