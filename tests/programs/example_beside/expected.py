EXPECTED = {
    "file": "net/blend.py",
    "verdict": "fail",
    "exit": 1,
    "fail": ["gate_backward:dw"],
    "checked": ["blend_backward:dx", "blend_backward:dk", "gate_backward:dx"],
    "notes": [
        "setting {'taps': (0, 1, 3)}: from the call at tests/test_blend.py:12",
        "w (3, 5), mode 'soft': from the call at net/blend_test.py:5; there x is (3, 3), there w is (3, 3)",
    ],
}
