# A script that changes into its data's folder, and reads there in each epoch.
EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "file": "fit.py",
    "fail": ["db"],
    "checked": ["dout", "dW"],
    "no notes": ["is missing"],
}
