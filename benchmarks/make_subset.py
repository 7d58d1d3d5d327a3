"""Draw the subset that ships in reference_net/subset from a folder that holds the complete MNIST.

    python benchmarks/make_subset.py FOLDER

200 training and 50 test digits per class, with a fixed seed: the same bytes on every run. Prints the four
MD5s that belong into `SUBSET` in reference_net/data.py.
"""

from __future__ import annotations

import gzip
import hashlib
import sys
from pathlib import Path

import numpy as np

from reference_net.data import MNIST, read_folder
from reference_net.idx import write_idx

SEED = 20_000
PER_CLASS = {"train": 200, "t10k": 50}
OUT = Path(__file__).parents[1] / "reference_net" / "subset"


def draw(labels: np.ndarray, per_class: int, rng: np.random.Generator) -> np.ndarray:
    """Indices of `per_class` examples of each class, in an order that mixes the classes."""
    chosen = [rng.choice(np.flatnonzero(labels == label), per_class, replace=False) for label in range(10)]
    return rng.permutation(np.concatenate(chosen))


def write(name: str, array: np.ndarray) -> None:
    content = write_idx(array)
    # mtime=0: the gzip header would otherwise hold the time of the run.
    (OUT / f"{name}.gz").write_bytes(gzip.compress(content, compresslevel=9, mtime=0))
    print(f"{name}  {array.shape}  {hashlib.md5(content).hexdigest()}")


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    rng = np.random.default_rng(SEED)
    arrays = read_folder(Path(sys.argv[1]), MNIST)
    for split, per_class in PER_CLASS.items():
        chosen = draw(arrays[f"{split}-labels-idx1-ubyte"], per_class, rng)
        for name in (f"{split}-images-idx3-ubyte", f"{split}-labels-idx1-ubyte"):
            write(name, arrays[name][chosen])


if __name__ == "__main__":
    main()
