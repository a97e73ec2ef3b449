"""Pdfs from users' files: what they give, and what is said when they are wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cloudpickle
import numpy as np
import pytest

from tau3mu.errors import InputError
from tau3mu.fit.pdfs import bin_integrals, density, find_user_pdf, load_user_pdf

TURN_ON = '''"""A step with the width `width` at `edge`,
on an exponential."""

import numpy as np


def step(x, edge, width, xp):
    return 1 / (1 + xp.exp((edge - x) / width))


def formula(x, edge, width, slope, xp):
    return xp.exp(slope * x) * step(x, edge, width, xp)


positive = ("width",)
'''


@pytest.fixture
def write(tmp_path):
    def write(text, name="turn_on.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_a_file_gives_a_pdf(write):
    from tau3mu.fit.backend import tf, znp

    pdf = load_user_pdf(write(TURN_ON))
    assert (pdf.name, pdf.parameters) == ("turn_on", ("edge", "width", "slope"))
    assert (pdf.positive, pdf.peaks, pdf.scaled) == (("width",), False, False)
    assert pdf.description == "A step with the width `width` at `edge`,\non an exponential."
    values, span = [3.0, 0.2, -0.5], (2.0, 5.0)
    expected = np.exp(-1.5) / 2
    assert density(pdf, np.array([3.0]), values, span) == pytest.approx([expected])
    assert float(density(pdf, tf.constant([3.0], tf.float64), values, span, znp)[0]) == (
        pytest.approx(expected, rel=1e-14)
    )


def test_a_file_may_say_more(write):
    text = (
        "def formula(x, height, xp):\n    return 1 + height * x\n"
        "def integral(edges, height):\n"
        "    return (edges[1:] - edges[:-1]) * (1 + height * (edges[1:] + edges[:-1]) / 2)\n"
        "peaks = True\nscaled = True\n"
    )
    pdf = load_user_pdf(write(text, "line.py"))
    assert (pdf.peaks, pdf.scaled) == (True, True)
    assert pdf.description == "The formula in line.py."
    found = bin_integrals(pdf, np.array([2.0, 3.5, 5.0]), [0.5], (2.0, 5.0))
    np.testing.assert_allclose(found, [1.5 * 0.75, 1.5 * 1.25], rtol=1e-14)


def test_the_first_folder_with_the_file_counts(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "turn_on.py").touch()
    folders = [tmp_path, tmp_path / "b", tmp_path / "a"]
    assert find_user_pdf("turn_on", folders) == tmp_path / "b" / "turn_on.py"
    assert find_user_pdf("turn_off", folders) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import numpy\ndef formula(x, a, xp)\n    return x\n",
            r"fails to import \(line 2, column 22: .*\): SyntaxError: expected ':'",
        ),
        ("a = 1\0\n", r"fails to import.*: .*null bytes"),
        (
            "import numpy\n\nnumpy.nothing\n",
            r"fails to import \(line 3: numpy.nothing\): AttributeError.*nothing",
        ),
        ("import no_such_package\n", r"\(line 1: .*\): ModuleNotFoundError.*no_such_package"),
        ("raise SystemExit('out')\n", r"\(line 1: .*\): SystemExit: out"),
        ("def formulae(x, a, xp): ...\n", r"no function 'formula' \(did you mean 'formulae'\?\)"),
        ("formula = max\n", r"no function 'formula'; define formula"),
        ("formula = 3\n", r"no function 'formula'; define formula\(x, FIRST_PARAMETER"),
        ("def formula(x, a): ...\n", r"the arguments of formula are \(x, a\), but formula\(x, "),
        ("def formula(m, a, xp): ...\n", r"arguments of formula are \(m, a, xp\).*x first"),
        ("def formula(x, *a, xp): ...\n", r"arguments of formula are \(x, \*a, xp\)"),
        ("def formula(xp): ...\n", r"the arguments of formula are \(xp\)"),
        ("def formula(x, a, xp): ...\npositive = 'a'\n", "positive is 'a', but a tuple of names"),
        (
            "def formula(x, width, xp): ...\npositive = ('widht',)\n",
            r"positive names 'widht'.*\(did you mean 'width'\?\); they are width",
        ),
        ("def formula(x, a, xp): ...\npositive = 3\n", "positive is 3, but a tuple of names"),
        ("def formula(x, a, xp): ...\npeaks = 1\n", "peaks is 1, but True or False is needed"),
        ("def formula(x, a, xp): ...\nscaled = 'no'\n", "scaled is 'no', but True or False"),
        (
            "def formula(x, a, xp): ...\ndef integral(edges): ...\n",
            r"integral has to be a function \(edges, a\)",
        ),
        ("def formula(x, a, xp): ...\nintegral = 1\n", r"integral has to be a function"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(write, text, message):
    path = write(text)
    with pytest.raises(InputError, match=message) as error:
        load_user_pdf(path)
    assert str(error.value).startswith(f"pdf file {path}")


@pytest.mark.parametrize(
    ("text", "place"), [("x =\n", "line 1, column 4: x ="), ("\n1 / 0\n", "line 2: 1 / 0")]
)
def test_the_place_is_said_for_relative_paths_too(write, tmp_path, monkeypatch, text, place):
    write(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        load_user_pdf(Path("turn_on.py"))
    assert str(error.value).startswith(f"pdf file turn_on.py fails to import ({place}): ")


def test_a_file_that_is_missing_or_no_python(tmp_path, write):
    with pytest.raises(InputError, match=r"pdf file .*lost\.py does not exist"):
        load_user_pdf(tmp_path / "lost.py")
    with pytest.raises(InputError, match=r"turn_on\.txt is not a Python file \(\.py\)"):
        load_user_pdf(write(TURN_ON, "turn_on.txt"))


def test_it_travels_to_another_process(write, tmp_path):
    """Where neither the file nor its module exists."""
    path = write(TURN_ON)
    pdf = load_user_pdf(path)
    (tmp_path / "pdf.pickle").write_bytes(cloudpickle.dumps(pdf))
    path.unlink()
    code = (
        "import pickle, sys, numpy as np\n"
        "pdf = pickle.loads(open(sys.argv[1], 'rb').read())\n"
        "print(repr(float(pdf.formula(np.array([3.0]), 3.0, 0.2, -0.5, xp=np)[0])))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "pdf.pickle")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert float(run.stdout) == pytest.approx(np.exp(-1.5) / 2, rel=1e-14)
