# Logging and prints in the loop, a log file, sys.exit at the end and before it a guard that is always true.
import logging
import sys
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dW"],
    "checked": ["dout", "db"],
    "codes": {"dW": "GC301"},
}

logging.basicConfig(filename="training.log", level=logging.INFO)
np.random.seed(5)


def main():
    inputs = np.random.rand(64, 3)
    targets = inputs @ np.array([[1.0], [2.0], [3.0]]) + 0.5
    W = np.random.randn(3, 1)
    b = np.random.randn(1, 1)
    losses = []
    while True:
        out = inputs @ W + b
        loss = np.mean((out - targets) ** 2)
        dout = 2 * (out - targets) / len(inputs)
        dW = inputs.T @ dout / len(inputs)
        db = dout.sum(axis=0, keepdims=True)
        W = W - 0.1 * dW
        b = b - 0.1 * db
        losses.append(loss)
        logging.info("loss %s", loss)
        print(loss, end="\r")
        if len(losses) > 1000 or loss < 1e-9:
            break
    np.savetxt("losses.txt", losses)
    return 0


if __name__ == "__main__":
    sys.exit(main())
