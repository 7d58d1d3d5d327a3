"""Inputs for a forward and its backward, found by trying: small random arrays whose sizes all differ."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.adapters import names as by_name
from gradcheck.adapters.feeding import outcomes
from gradcheck.adapters.inputs import required
from gradcheck.adapters.pairs import Made, Pair, Stage, made_by
from gradcheck.adapters.plan import Drawn, Plan, annotations_of, trials
from gradcheck.adapters.reading import Outcome, Reading, Settled, one_line, settled
from gradcheck.adapters.trying import Sandbox
from gradcheck.adapters.variants import revised
from gradcheck.errors import UsageError

ENOUGH = 5
"""How many sets of inputs that the forward takes are looked at, if the backward suits none of them."""
_LOSS = re.compile(r"(?i)loss|cost|entropy|hinge|error|mse|nll|svm|objective")


@dataclass(frozen=True, slots=True)
class Found:
    """Inputs that the forward takes, and how the backward is fed with what comes of them."""

    plan: Plan
    made: Made
    settled: Settled
    first: Outcome | None
    """The likeliest reading, whether it runs or not."""
    passed_over: str = ""
    """Likelier inputs, which the forward takes as well, and what did not suit them."""
    asks: str = ""
    """What is for the user to say: what the backward is handed."""

    @property
    def fits(self) -> bool:
        """Whether the backward returns a gradient of the right shape for everything that it returns one for."""
        return self.settled.taken is not None and not self.settled.taken.misfits

    def reading(self, text: str, backward: str) -> Reading:
        """How it is read. Raises UsageError where that can't be told."""
        if self.settled.taken is not None:
            return self.settled.taken.reading
        if self.settled.others:
            fitting = "\n".join(f"  {one_line(o.reading)}" for o in self.settled.others)
            raise UsageError(
                f"TARGET {text!r}: {backward} can be read in several ways, and its gradients are right under none:\n"
                f"{fitting}\nName its arguments like what they are, or check a function of your own that calls it."
            )
        if self.first is None:
            raise UsageError(
                f"TARGET {text!r}: it can't be told what {backward} is to be handed. Name its arguments"
                " like what they are, or check a function of your own that calls it."
            )
        return self.first.reading


@dataclass(frozen=True, slots=True)
class Sought:
    """What came of the search."""

    found: Found | None
    refused: str = ""
    """What the forward said to the likeliest inputs, where it took none."""


def seek(sandbox: Sandbox, pair: Pair, known: Mapping[str, Drawn], seed: int = 0) -> Sought:
    """Try what the arguments may be by their names, until forward and backward go through; `known` are given."""
    names, hint = required(pair.forward), f"{pair.f} {pair.b}"
    if len(names) == 1 and (by_name.says_adjoint(pair.b) or not by_name.says_backward(pair.b)):
        hint = f"of_a_vector {hint}"  # as scipy's optimisers and solvers take them
    accepted: list[Found] = []
    refused = ""
    annotations = annotations_of(pair.forward)
    labels, unpacked = bool(_LOSS.search(pair.f)), by_name.unpacked(pair.forward)
    for trial in trials(names, hint, annotations, labels=labels, known=known, unpacked=unpacked):
        if len(accepted) >= ENOUGH or (sandbox.time_is_up and refused) or (accepted and trial.world.degenerate):
            break
        values = trial.arguments(seed)
        tried = sandbox.run(f"_result = {pair.f}({', '.join(names)})", dict(zip(names, values)))
        if tried and is_finite(tried.names["_result"]):
            accepted.append(_found(sandbox, pair, trial.plan(), seed))
            if accepted[-1].fits:
                return Sought(replace(accepted[-1], passed_over=_passed_over(accepted[:-1])))
        refused = refused or tried.said or _no_output(pair.f, tried.names["_result"])
    return Sought(accepted[0] if accepted else None, refused=refused)


def _passed_over(accepted: list[Found]) -> str:
    taken = accepted[0].settled.taken if accepted else None
    if taken is None:
        return ""
    return f"it takes {accepted[0].plan} as well, but there {', '.join(taken.misfits)}"


def _no_output(name: str, result: Any) -> str:
    """What is wrong with what a forward returned."""
    return "" if is_finite(result) else f"{name} returned {type(result).__name__}, which is not finite numbers"


def found_with(sandbox: Sandbox, pair: Pair, plan: Plan, seed: int = 0) -> Found | None:
    """The same for inputs that are given; None where the forward does not take them."""
    inputs = dict(zip(plan.arguments, plan.draw(seed)))
    tried = sandbox.run(f"_result = {pair.f}({', '.join(inputs)})", inputs)
    return _found(sandbox, pair, plan, seed) if tried else None


def _found(sandbox: Sandbox, pair: Pair, plan: Plan, seed: int) -> Found:
    inputs = dict(zip(plan.arguments, plan.draw(seed)))
    result = sandbox.run(f"_result = {pair.f}({', '.join(inputs)})", inputs).names.get("_result")
    return examined(sandbox, pair, plan, dict(zip(plan.arguments, plan.draw(seed))), result, seed)


def examined(sandbox: Sandbox, pair: Pair, plan: Plan, inputs: Mapping[str, Any], result: Any, seed: int) -> Found:
    """How the backward can be fed with what came of a forward that took these inputs."""
    stage = Stage(sandbox, pair, inputs, made_by(pair.forward, inputs, result), seed)
    found = list(outcomes(stage))
    likeliest = min(found, key=lambda o: len(o.reading.guesses), default=None)
    taken = revised(stage, settled(sandbox, found, seed))
    return Found(plan, stage.made, taken.settled, likeliest, asks=taken.asks)


def is_finite(result: Any) -> bool:
    """Whether a forward's output is a number or an array of finite numbers."""
    parts = result if isinstance(result, tuple) else (result,)
    first = parts[0] if parts else None
    return isinstance(first, (np.ndarray, float, np.floating)) and bool(np.all(np.isfinite(first)))
