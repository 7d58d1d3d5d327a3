import logging
import os
import sys

import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "src"))
os.chdir(os.path.join(here, "..", "data"))

from tinyconv.net import Net  # noqa: E402

table = np.loadtxt("points.csv", delimiter=",", skiprows=1)
X, y = table[:, :3].astype(np.float32), table[:, 3].astype(np.int)
logging.basicConfig(level=logging.INFO)
np.random.seed(1)
net = Net(3, 6, 2)
losses = []
for epoch in tqdm(range(200)):
    losses.append(net.step(X.copy(), y, 0.1))
    logging.info("epoch %d, loss %f", epoch, losses[-1])
plt.plot(losses)
plt.savefig("losses.png")
while True:
    if not input("once more? "):
        sys.exit(1)
