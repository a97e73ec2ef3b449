"""Files of brilcalc that were put together from several."""

from __future__ import annotations

import pytest
from errors import raises

from tau3mu.datasets.brilcalc import read_brilcalc

HEADER = "#run:fill,ls,time,beamstatus,E(GeV),delivered(/ub),recorded(/ub),avgpu,source"
LINE = "297050:5704,1:1,06/18/17 21:33:20,STABLE BEAMS,6500,30412.5,29011.2,24.1,HFOC"
OTHER = LINE.replace("297050", "297051")
SUMMARY = "#Summary:\n#nfill,nrun\n#1,1"


def write(tmp_path, *lines):
    path = tmp_path / "lumi.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("between", [(), (SUMMARY,)])
def test_files_of_the_same_columns_are_added(between, tmp_path):
    table = read_brilcalc(write(tmp_path, HEADER, LINE, *between, HEADER, OTHER))
    assert table.recorded == pytest.approx([29011.2e-9] * 2, rel=1e-15)


@pytest.mark.parametrize("between", [(), (SUMMARY,)])
def test_another_unit_is_refused(between, tmp_path):
    """The unit of the last header would be that of all lines."""
    other = HEADER.replace("/ub", "/fb")
    with raises("luminosity.other-columns"):
        read_brilcalc(write(tmp_path, HEADER, LINE, *between, other, OTHER))


def test_a_luminosity_in_two_columns_is_refused(tmp_path):
    with raises("luminosity.repeated-column"):
        read_brilcalc(write(tmp_path, f"{HEADER},recorded(/fb)", f"{LINE},1"))
