# The same project with a bias whose gradient is that of the sum, where all others are of the mean.
EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "file": "scripts/fit.py",
    "fail": ["db"],
    "checked": ["dW", "db", "dV", "dpooled", "dscores", "dz"],
    "codes": {"db": "GC301"},
}
