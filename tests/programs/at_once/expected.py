# Many hazards in one project: src/ with relative imports, a change of folder, float32 buffers, names that NumPy no longer
# has, progress bars, plots, logging, ties in a max-pool, running statistics, edits of the caller's arrays, clipping, exit.
EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "file": "scripts/fit.py",
    "checked": ["dW", "db", "dV", "dpooled", "dscores", "dz"],
    "notes": ["float32 inputs and parameters were cast", "np.product is gone from this NumPy"],
    "no notes": ["is missing"],
}
