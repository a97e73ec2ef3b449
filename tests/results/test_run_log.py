from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from tau3mu.errors import InputError, RunError
from tau3mu.results import run_log

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture
def package_log():
    logger = logging.getLogger("tau3mu")
    level = logger.level
    yield logger
    logger.setLevel(level)


def test_keeps_what_is_logged_within(tmp_path, package_log, caplog):
    caplog.set_level(logging.WARNING)  # the level of the root logger outside tests
    file = tmp_path / "log.txt"
    package_log.warning("before")
    with run_log(file):
        logging.getLogger("tau3mu.execution").info("read %d events", 42)
        logging.getLogger("tau3mu.execution").debug("detail")
        logging.getLogger("distributed").info("chatter")
        logging.getLogger("distributed").warning("worker died")
    package_log.warning("after")
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    assert re.fullmatch(TIME + " INFO tau3mu.execution: read 42 events", lines[0])
    assert re.fullmatch(TIME + " WARNING distributed: worker died", lines[1])
    assert package_log.level == logging.NOTSET


def test_appends(tmp_path, package_log):
    for word in ("first", "second"):
        with run_log(tmp_path / "log.txt"):
            package_log.info(word)
    assert [line[-6:].strip() for line in (tmp_path / "log.txt").read_text().splitlines()] == [
        "first",
        "second",
    ]


def test_a_more_talkative_level_is_kept(tmp_path, package_log):
    package_log.setLevel(logging.DEBUG)
    with run_log(tmp_path / "log.txt"):
        package_log.debug("detail")
    assert "DEBUG tau3mu: detail" in (tmp_path / "log.txt").read_text()
    assert package_log.level == logging.DEBUG


def test_errors_for_users_are_one_line(tmp_path, package_log):
    with pytest.raises(InputError), run_log(tmp_path / "log.txt"):
        raise InputError("no such branch 'x'")  # noqa: EM101
    text = (tmp_path / "log.txt").read_text()
    assert text.endswith("ERROR tau3mu.results.log: no such branch 'x'\n")
    assert text.count("\n") == 1


def test_other_errors_come_with_their_traceback(tmp_path, package_log):
    level = package_log.level
    with pytest.raises(ZeroDivisionError), run_log(tmp_path / "log.txt"):
        1 / 0  # noqa: B018
    text = (tmp_path / "log.txt").read_text()
    assert "ERROR tau3mu.results.log: the run ended with an error" in text
    assert text.rstrip().endswith("ZeroDivisionError: division by zero")
    assert package_log.level == level


def test_secrets_stay_out(tmp_path, package_log):
    with run_log(tmp_path / "log.txt"):
        package_log.info("connecting to %s", "tls://me:pw@host:8786")
    assert "tls://me:***@host:8786" in (tmp_path / "log.txt").read_text()


def test_a_folder_that_is_not_there_is_a_run_error(tmp_path):
    with (
        pytest.raises(RunError, match=r"cannot write .*log\.txt: No such file"),
        run_log(tmp_path / "none" / "log.txt"),
    ):
        pytest.fail("the block must not run")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_ends_the_log_but_not_the_run(tmp_path, package_log, caplog, capsys):
    file = tmp_path / "log.txt"
    file.symlink_to("/dev/full")
    with run_log(file):
        package_log.info("one")
        package_log.info("two")
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert re.match(r"no log is kept any more in .*log\.txt: .*No space left", warnings[0])
    assert "Traceback" not in capsys.readouterr().err
