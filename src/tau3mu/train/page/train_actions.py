"""Kill, resume, promote and rerun of a train, each asked once more and then done by a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from starlette.routing import Route

from tau3mu.errors import InputError
from tau3mu.train.annotating import check_notes
from tau3mu.train.page.details import folder_of, outcome_of, train_now
from tau3mu.train.page.jobs import start_job
from tau3mu.train.page.shown import shown
from tau3mu.train.states import State
from tau3mu.web.forms import form
from tau3mu.web.rendering import page, redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tau3mu.train.page.details import Outcome, TrainNow

__all__ = ["Action", "actions_of", "conflicts", "routes"]


_OF_THIS_TRAIN: Final = ("kill", "resume")


class Action(NamedTuple):
    """Something that can be done with a train.

    Attributes:
        name: Of its page.
        text: On the button.
        consequence: What it does.
        problem: Why it cannot be done now; None if it can.
        code: Of the error that says so.
    """

    name: str
    text: str
    consequence: str
    problem: str | None = None
    code: str = ""


def actions_of(now: TrainNow, outcome: Outcome) -> dict[str, Action]:
    """Returns what can be done with a train, and why not what cannot, by name.

    Args:
        now: The train.
        outcome: What its results say.
    """
    state, number = now.status.state, now.number
    is_good = state in {State.OK, State.WARN}
    is_complete = is_good and outcome.complete is not False
    is_short = any(one.fraction < 1 for one in now.record.datasets.values())
    resume = "Start" if state is State.QUEUED else "Resume"
    found = [
        Action(
            "kill", "Kill", "The train ends. What was done is kept, and a resume goes on from it.",
            *(_no(f"train {number} is {state.value}: it does not run", "not-running")
              if state.ended else ()),
        ),
        Action(
            "resume", resume,
            "The train goes on with what is not done yet. What is frozen is what runs.",
            *(_no(f"train {number} is running", "running") if state is State.RUNNING else
              _no(f"train {number} is complete: nothing is left to do", "complete")
              if is_complete else ()),
        ),
        Action(
            "promote", "Promote",
            "A new train runs with the same configuration and the same files, on all of their "
            "events.",
            *(_no(f"train {number} reads its datasets whole already", "not-short")
              if not is_short else
              _no(f"train {number} is {state.value}: a short train has to end well before it is "
                  "promoted", "not-ok")
              if not is_good else ()),
        ),
        Action(
            "rerun", "Rerun",
            "A new train runs with the same frozen configuration.",
        ),
    ]  # fmt: skip
    return {action.name: action for action in found}


def _no(problem: str, code: str) -> tuple[str, str]:
    return problem, f"train.{code}"


def confirm(request: Request) -> Response:
    """Says what an action does, with the form that does it."""
    now, action = _asked(request)
    return page(request, "page/confirm_action.html", now=now, action=action)


def act(request: Request) -> Response:
    """Starts the job of an action."""
    now, action = _asked(request)
    given = form(request)
    known = shown(request)
    job = start_job(
        known.store, _arguments(now.number, action.name, given),
        f"{action.text} train {now.number}", database=known.database,
    )  # fmt: skip
    if action.name in _OF_THIS_TRAIN:  # where one sees what comes of it
        return redirect(request, f"trains/{now.number}", job=job)
    return redirect(request, f"jobs/{job}")


def _asked(request: Request) -> tuple[TrainNow, Action]:
    folder = folder_of(request)
    now = train_now(folder)
    name: str = request.path_params["action"]
    actions = actions_of(now, outcome_of(folder))
    if name not in actions:
        message = f"nobody can {name!r} a train; expected one of {list(actions)}"
        raise InputError(message, code="web.not-found", path=name)
    if actions[name].problem:  # also if the state has changed since the page was shown
        raise InputError(actions[name].problem, code=actions[name].code, path=now.number)
    return now, actions[name]


def _arguments(number: int, action: str, given: dict[str, list[str]]) -> list[str]:
    """Returns the words of the command that does it; texts cannot be taken for options."""
    if action == "kill":
        return ["kill", str(number)]
    if action == "resume":
        return ["run", "--resume", str(number)]
    texts = {name: given.get(name, [""])[0].strip() for name in ("label", "comment")}
    check_notes(**texts)
    words = [action, str(number)]
    words += [f"--{name}={text}" for name, text in texts.items() if text]
    if action == "rerun" and "datasets_now" in given:
        words.append("--datasets-now")
    return words


conflicts: Final = frozenset(
    f"train.{code}" for code in ("complete", "not-ok", "not-running", "not-short", "running")
)
"""Codes of errors that mean that a train is in another state than the page has shown."""

routes: Final = [
    Route("/trains/{number}/do/{action}", confirm, methods=["GET"]),
    Route("/trains/{number}/do/{action}", act, methods=["POST"]),
]
