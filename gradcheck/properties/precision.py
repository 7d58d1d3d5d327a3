"""float32 in, float32 out."""

from __future__ import annotations

import numpy as np

from gradcheck.capture.record import Value
from gradcheck.properties.outcome import HELD, Outcome, missing, place
from gradcheck.properties.subject import Opened


def float32_stays(opened: Opened) -> Outcome:
    """With inputs and parameters in float32, every array of the forward and every gradient is float32 too."""
    if not any(np.asarray(r.value).dtype.kind == "f" and np.ndim(r.value) for r in opened.program.roots.values()):
        return missing("it has no floating-point inputs or parameters to cast")
    with opened.subject.open(opened.network, values=opened.values, dtype=np.float32) as cast:
        program = cast.program
        own = {g.value.key for g in cast.gradients}
        for i, value in enumerate(program.trace.values):
            judged = i < program.first_gradient or value.key in own
            if judged and value.array.ndim and value.array.dtype.kind == "f" and value.array.dtype != np.float32:
                return _told(value)
    return HELD


def _told(value: Value) -> Outcome:
    sentence = f"{value.name} is {value.array.dtype}, though inputs and parameters are float32"
    return Outcome(sentence, (f"{value.name} computed at {place(value)} is {value.array.dtype}, expected float32",))
