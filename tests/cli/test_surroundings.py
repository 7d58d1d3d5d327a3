"""Files of a project that are checked from within one of its folders, though they import as from its top."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LAYER = """\
import numpy as np
{imports}

class Dense:
    def __init__(self, n_in, n_out):
        self.W, self.b = small(n_in, n_out), np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T
"""
START = "import numpy as np\n\ndef small(*shape):\n    return 0.1 * np.random.randn(*shape)\n"


def project(top: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        ({"pyproject.toml": "", "net/layers.py": "from net.start import small", "net/start.py": START}, "net"),
        ({"setup.py": "", "src/net/start.py": START, "demo/layers.py": "from net.start import small"}, "demo"),
        ({"net/layers.py": "from .start import small", "net/start.py": START}, "net"),
        # as a module of its own folder, net.py would hide the package
        (
            {
                "net/__init__.py": "",
                "net/net.py": "",
                "net/layers.py": "from net.start import small",
                "net/start.py": START,
            },
            "net",
        ),
    ],
    ids=["from the top", "src", "relative, no __init__", "a module of the package's name"],
)
def test_found(files: dict[str, str], folder: str, tmp_path: Path, command: Callable[..., Any]) -> None:
    layer = next(name for name in files if name.endswith("layers.py"))
    project(tmp_path, {**files, layer: LAYER.format(imports=files[layer])})
    ran = command("run", "layers.py", "--no-properties", cwd=tmp_path / folder)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert "all 3 gradients right" in ran.stdout


def test_not_beyond_the_project(tmp_path: Path, command: Callable[..., Any]) -> None:
    inner = tmp_path / "inner"
    project(tmp_path, {"start.py": START, "inner/pyproject.toml": "", "inner/net/layers.py": ""})
    project(inner, {"net/layers.py": LAYER.format(imports="from start import small")})
    ran = command("run", "layers.py", cwd=inner / "net")
    assert ran.returncode == 2
    assert "No module named 'start'" in ran.stderr


def test_a_module_of_a_package_without_a_backward(tmp_path: Path, command: Callable[..., Any]) -> None:
    project(tmp_path, {"net/start.py": START, "net/more.py": "from .start import small\n\ndef f(x):\n    return x\n"})
    ran = command("run", "more.py", cwd=tmp_path / "net")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "more.py imports from its own package, so it is no script" in " ".join(ran.stderr.split())
