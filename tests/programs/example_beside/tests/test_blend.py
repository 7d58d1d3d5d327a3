import unittest

import numpy as np
from blend import blend_forward


class TestBlend(unittest.TestCase):
    def setUp(self):
        self.x = np.random.default_rng(1).standard_normal((2, 5))

    def test_shape(self):
        out, _ = blend_forward(self.x, np.array([0.5, -1.0, 2.0]), {"taps": (0, 1, 3)})
        self.assertEqual(out.shape, (2, 5))
