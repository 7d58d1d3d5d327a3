"""Numeric derivatives of callables with honest error bars; knows nothing of the rest of gradcheck."""

from gradcheck.numeric.culprits import Culprits, locate
from gradcheck.numeric.entries import elementwise
from gradcheck.numeric.estimate import Estimate, Method, directional, directions
from gradcheck.numeric.evaluation import Crossing, Evaluation, Function, Signature, crossings
from gradcheck.numeric.gradient import numeric_gradient
from gradcheck.numeric.noise import Noise, noise_floor

__all__ = [
    "Crossing",
    "Culprits",
    "Estimate",
    "Evaluation",
    "Function",
    "Method",
    "Noise",
    "Signature",
    "crossings",
    "directional",
    "directions",
    "elementwise",
    "locate",
    "noise_floor",
    "numeric_gradient",
]
