"""Limits as a submission to HEPData, by hepdata_lib."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from tau3mu.config.input_files import read_text
from tau3mu.errors import InputError
from tau3mu.storage.files import make_folder

__all__ = ["LOST_IN_HEPDATA", "read_limits", "write_submission"]

LOST_IN_HEPDATA: Final = (
    "the tables have limits, not the likelihood: add the HS3 file as a resource of the submission",
    "abstract, keywords and links of the paper are yours to add to submission.yaml",
)
"""What a submission does not hold, in words."""


def read_limits(folder: Path) -> dict[str, Any]:
    """Returns the content of `limits.json`.

    Args:
        folder: What `--output` named.

    Raises:
        InputError: It is not there, or not from a version that is known.
    """
    path = folder / "limits.json"
    if not path.is_file():
        message = (
            f"{folder} has no limits.json: HEPData needs limits, so give the folder that "
            "`python -m tau3mu.limits MODEL --output` wrote"
        )
        raise InputError(message, code="limits.no-limits", path=folder)
    try:
        found = json.loads(read_text(path, "file of limits"))
        known = {"cl", "expected", "observed", "strength", "toys", "channels"} <= found.keys()
    except (ValueError, AttributeError) as error:
        message = f"{path} is not JSON of limits: {error}"
        raise InputError(message, code="limits.no-limits", path=path) from error
    if not known or found.get("schema_version") != 1:
        message = f"{path} is not a file of limits that this version knows"
        raise InputError(message, code="limits.no-limits", path=path)
    return dict(found)


def write_submission(limits: dict[str, Any], folder: Path) -> None:
    """Writes the tables of a submission, `submission.yaml` and an archive of them to upload.

    Args:
        limits: The content of `limits.json`.
        folder: A new folder.

    Raises:
        InputError: hepdata_lib is not installed.
    """
    try:
        from hepdata_lib import Submission, Table
    except ImportError as error:
        message = "HEPData needs hepdata_lib: pip install 'tau3mu[hepdata]'"
        raise InputError(message, code="limits.missing-package", path="hepdata_lib") from error
    submission = Submission()
    results = [("asymptotic formulas", limits)]
    if limits["toys"]:
        results.append(("pseudo-experiments", limits["toys"]))
    for number, (method, found) in enumerate(results, 1):
        table = Table(f"Upper limits {number}")
        table.description = (
            f"Upper limits at {100 * limits['cl']:g} % CL on {limits['strength']['label']} by "
            f"{method}, from {len(limits['channels'])} channels."
        )
        table.location = "Limits of the whole search"
        table.keywords["observables"] = ["CLS"]
        for variable in _variables(limits, found):
            table.add_variable(variable)
        submission.add_table(table)
    make_folder(folder)
    before = Path.cwd()
    os.chdir(folder)  # the archive is written to the working directory, wherever that is
    try:
        submission.create_files(".")
    finally:
        os.chdir(before)


def _variables(limits: dict[str, Any], found: dict[str, Any]) -> list[Any]:
    from hepdata_lib import Uncertainty, Variable

    strength = limits["strength"]
    scale, label = strength["scale"], strength["label"]
    level = Variable("Confidence level", is_independent=True, is_binned=False, units="%")
    level.values = [100 * limits["cl"]]
    expected = Variable(f"Expected limit on {label}", is_independent=False, is_binned=False)
    median = found["expected"]["0"]
    expected.values = [median * scale]
    for n in (1, 2):
        band = Uncertainty(f"{n} s.d.", is_symmetric=False)
        band.values = [((found["expected"][str(-n)] - median) * scale,
                        (found["expected"][str(n)] - median) * scale)]  # fmt: skip
        expected.add_uncertainty(band)
    made = [level, expected]
    if found["observed"] is not None:
        observed = Variable(f"Observed limit on {label}", is_independent=False, is_binned=False)
        observed.values = [found["observed"] * scale]
        made.append(observed)
    return made
