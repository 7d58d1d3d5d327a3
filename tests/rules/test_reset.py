"""What counts as setting a gradient back, so that nobody is accused of not doing it."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck
from gradcheck.rules.reset import is_reset

CLASS = "class Net:\n    def __init__(self):\n        self.dW = 0\n\n    def step(self, g):\n        self.dW += g\n"
RESETS = {
    "a method for it": "    def zero_grad(self):\n        for p in self.all():\n            p.clear()\n",
    "assigned in the step": "    def run(self, g):\n        self.dW = g\n",
    "assigned by its caller's loop": "net = Net()\nfor _ in range(9):\n    net.dW = 0\n    net.step(1)\n",
    "filled": "    def run(self):\n        self.dW.fill(0)\n",
    "its entries": "    def run(self):\n        self.dW[:] = 0\n",
    "multiplied by nothing": "    def run(self):\n        self.dW *= 0\n",
    "an optimizer's": "def train(net, optimizer):\n    optimizer.zero_grad()\n",
    "an entry of a dictionary": "def train(g):\n    g['dW'] = 0\n",
}


@pytest.mark.parametrize("more", RESETS.values(), ids=RESETS)
def test_set_back_somewhere(more: str, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(CLASS + more)
    path = str(tmp_path / "net.py")
    assert is_reset(path, "dW", path)
    assert is_reset(path, "dW", str(tmp_path / "Net.py")), "a file that names the step's"
    assert not is_reset(path, "dW", str(tmp_path / "other.py"))


@pytest.mark.parametrize(
    "more", ["", "    def run(self, g):\n        self.dW = self.dW + g\n", "dW = 0\nzeros = [0]\n"]
)
def test_added_to_only(more: str, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(CLASS + more)
    path = str(tmp_path / "net.py")
    assert not is_reset(path, "dW", path)


def test_what_can_not_be_read_may_set_it_back(tmp_path: Path) -> None:
    path = str(tmp_path / "net.py")
    assert is_reset(path, "dW", path)
    Path(path).write_text("class Net(:")
    assert is_reset(path, "dW", path)


def test_other_projects_that_were_checked_before_do_not_count(tmp_path: Path) -> None:
    case = Path(__file__).parents[1] / "cases" / "wrong_never_reset.py"
    right = case.with_name("right_reset_first.py").read_text(encoding="utf-8")
    (tmp_path / "other.py").write_text(f"{right}\n# as in {case.stem}\n", encoding="utf-8")
    assert gradcheck.check(str(tmp_path / "other.py"), properties=False).exit_code == 0
    assert "GC353" in {finding.code for finding in gradcheck.check(str(case), properties=False).findings}
