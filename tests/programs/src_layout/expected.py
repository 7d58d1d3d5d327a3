# A package below src/, a script beside it that puts that into the path; the error is in the package.
EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "file": "scripts/train.py",
    "fail": ["dW1"],
    "checked": ["dZ2", "dW2", "db2", "dZ1", "db1"],
    "codes": {"dW1": "GC301"},
}
