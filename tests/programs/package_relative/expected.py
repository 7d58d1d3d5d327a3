# A script that is meant to be run as `python -m toynet.run`: it imports from its own package.
EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "file": "toynet/run.py",
    "checked": ["dz", "dw", "db"],
}
