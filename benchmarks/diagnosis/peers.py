"""The same wrong gradients handed to other checkers: do they notice?

Each is called as its documentation does, with its defaults, on the network's own loss and the gradients that the
mutant computes of its parameters. They see a loss and its gradients; which line computes them is not theirs to say.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.capture.program import Program

Gradients = Mapping[str, Any]
SCIPY = 1e-5
"""scipy's check_grad returns the norm of the error and leaves the verdict to its caller: above this much of the
gradient's own norm it is wrong."""


@dataclass
class Problem:
    """A right network's loss as a function of its parameters; values are kept, since every mutant asks for the same."""

    program: Program
    parameters: dict[str, Any]
    """By path, as they stand."""
    known: dict[bytes, float] = field(default_factory=dict)

    def __call__(self, *parameters: Any) -> float:
        arrays = [np.asarray(a, float) for a in parameters]
        key = b"".join(a.tobytes() for a in arrays)
        if key not in self.known:
            replace = dict(zip(self.parameters, arrays))
            self.known[key] = float(np.real(self.program.loss(replace).value))  # type: ignore[arg-type]
        return self.known[key]

    @property
    def flat(self) -> Any:
        return np.concatenate([a.ravel() for a in self.parameters.values()])

    def split(self, theta: Any) -> list[Any]:
        cuts = np.cumsum([a.size for a in self.parameters.values()])[:-1]
        return [p.reshape(a.shape) for p, a in zip(np.split(theta, cuts), self.parameters.values())]


def torch_gradcheck(problem: Problem, gradients: Gradients, *, fast: bool) -> bool:
    """Whether torch.autograd.gradcheck passes it."""
    import torch

    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *parameters: Any) -> Any:
            return torch.tensor(problem(*(p.detach().numpy() for p in parameters)), dtype=torch.float64)

        @staticmethod
        def backward(ctx: Any, *upstream: Any) -> Any:
            return tuple(torch.from_numpy(np.array(gradients[n], float)) * upstream[0] for n in problem.parameters)

    inputs = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in problem.parameters.values()]
    return bool(torch.autograd.gradcheck(Loss.apply, inputs, raise_exception=False, fast_mode=fast))


def autograd_check_grads(problem: Problem, gradients: Gradients) -> bool:
    """Whether autograd's check_grads passes it, in reverse mode and to the first order."""
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    loss = primitive(lambda *parameters: problem(*parameters))
    names = list(problem.parameters)
    defvjp(loss, *(lambda ans, *a, name=n: lambda g: g * np.array(gradients[name], float) for n in names))
    check_grads(loss, tuple(range(len(names))), modes=["rev"], order=1)(*problem.parameters.values())
    return True


def scipy_check_grad(problem: Problem, gradients: Gradients) -> bool:
    """Whether scipy.optimize.check_grad returns next to nothing."""
    from scipy.optimize import check_grad

    for name, array in problem.parameters.items():
        if gradients[name].shape != array.shape:
            return False
    flat = np.concatenate([np.asarray(gradients[n], float).ravel() for n in problem.parameters])
    error = check_grad(lambda theta: problem(*problem.split(theta)), lambda theta: flat, problem.flat)
    return bool(error <= SCIPY * max(float(np.linalg.norm(flat)), 1e-300))


CHECKERS: dict[str, tuple[str, Callable[[Problem, Gradients], bool]]] = {
    "torch.autograd.gradcheck, slow": ("torch", lambda p, g: torch_gradcheck(p, g, fast=False)),
    "torch.autograd.gradcheck, fast_mode": ("torch", lambda p, g: torch_gradcheck(p, g, fast=True)),
    "autograd.test_util.check_grads, rev": ("autograd", autograd_check_grads),
    f"scipy.optimize.check_grad, above {SCIPY:g} of the norm": ("scipy", scipy_check_grad),
}


def installed() -> dict[str, Callable[[Problem, Gradients], bool]]:
    """The checkers that are there."""
    return {n: check for n, (module, check) in CHECKERS.items() if importlib.util.find_spec(module) is not None}


def passes(check: Callable[[Problem, Gradients], bool], problem: Problem, gradients: Gradients) -> bool:
    """Whether a checker lets a gradient pass; what it raises, of a shape or by assertion, is no pass."""
    if any(name not in gradients for name in problem.parameters):
        return False
    try:
        with np.errstate(all="ignore"):
            return check(problem, gradients)
    except Exception:
        return False
