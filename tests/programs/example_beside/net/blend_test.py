import numpy as np
from blend import gate_forward

rng = np.random.default_rng(0)
out, kept = gate_forward(rng.standard_normal((3, 3)), rng.standard_normal((3, 3)), "soft")
assert out.shape == (3, 3)
