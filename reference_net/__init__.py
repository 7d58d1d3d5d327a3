"""The founding case of gradcheck: one two-layer MNIST classifier, as it was posted and as it was put right.

`original` and `corrected` are subjects to be checked, so nothing here imports gradcheck. `__gradcheck__` is
plain data that tells a checker how to drive them; it is read without importing NumPy.
"""

_SHAPES = "x:(m,d) y:(m,c) W1:(d,h) b1:(h) W2:(h,c) b2:(c) Z1:(m,h) A1:(m,h) Z2:(m,c) A2:(m,c)"
_SIZES = {"m": 13, "d": 784, "h": 10, "c": 10}

__gradcheck__ = {
    "default": "corrected",
    "targets": {
        "corrected": {
            "module": "reference_net.corrected",
            "imports": "from reference_net.probe import probe_batch, probe_parameters",
            "setup": "x, y = probe_batch(m, d, c, seed); parameters = probe_parameters(d, h, c, seed)",
            "call": "step(parameters, x, y, learning_rate=0.1)",
            "sizes": _SIZES,
            "shapes": _SHAPES,
            "inputs": "{m} digits of MNIST",
        },
        "original": {
            "module": "reference_net.original",
            "imports": "from reference_net.probe import probe_batch",
            "setup": "x, y = probe_batch(m, d, c, seed); initialise('normal', d, h, c, seed)",
            "call": "train(x, y, learning_rate=0.1, epochs=1)",
            "sizes": _SIZES,
            "shapes": _SHAPES,
            "inputs": "{m} digits of MNIST",
        },
    },
}
