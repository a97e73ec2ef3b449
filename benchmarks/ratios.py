"""Rows of a study for programs that ran in turn: ratios, and why something was not measured."""

from __future__ import annotations

from statistics import median

from cases import Skipped


def ratio(ones, others):
    """The median of the ratios of numbers that were measured in turn."""
    return median(one / other for one, other in zip(ones, others, strict=True))


def against(study, what, ones, others, target, unit):
    """Adds the row of a ratio that should be at most the target."""
    measured = ratio(ones, others)
    study.add(
        what,
        f"{measured:.2f} ({median(ones):.3g} against {median(others):.3g} {unit})",
        f"<= {target}",
        met=measured <= target,
    )


def not_run(study, what, target, *reasons):
    """Adds the row of a target that could not be measured; tells whether there was a reason."""
    for reason in reasons:
        if isinstance(reason, Skipped):
            study.add(what, reason.why, target, met="not run")
            return True
    return False


def slope(small, large, files):
    """The CPU seconds per event in each round that all files cost more than the first."""
    more = sum(file.events for file in files[1:])
    return [(one.cpu - other.cpu) / more for one, other in zip(large, small, strict=True)]
