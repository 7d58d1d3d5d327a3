"""Windows that are counted from an image's other side are told; strides, paddings, remainders and crops are not."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

NET = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "x, y, K, V = inputs(m, seed)",
    "call": "step(x, y, K, V)",
    "sizes": {"m": 3},
}}}


def inputs(m, seed):
    rng = np.random.default_rng(seed)
    shapes = [(m, 2, 6, 9), (m, 2), (3, 2, 3, 3), (LONG, 2)]
    return [rng.normal(size=shape) for shape in shapes]


def windows(x, stride, pad):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    n, c, H, W = x.shape
    Ho = (H - 3) // stride + 1
    Wo = (W - 3) // stride + 1
    return x, Ho, Wo


def step(x, y, K, V):
    padded, Ho, Wo = windows(x, 2, 1)
    z = np.zeros((len(x), 3, Ho, Wo))
    for i in range(Ho):
        for j in range(Wo):
            z[:, :, i, j] = np.tensordot(padded[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3], K, ([1, 2, 3], [1, 2, 3]))
    flat = z.reshape(len(x), -1)
    out = flat @ V
    loss = ((out - y) ** 2).sum()
    dout = 2 * (out - y)
    dV = flat.T @ dout
    dz = (dout @ V.T).reshape(z.shape)
    dK = np.zeros_like(K)
    for i in range(Ho):
        for j in range(Wo):
            dK += np.tensordot(dz[:, :, i, j], padded[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3], ((0,), (0,)))
    return loss, dV, dK
"""
WIDTH = "Wo = (W - 3) // stride + 1"


def findings(text: str, tmp_path: Path) -> list[tuple[str, int | None, str]]:
    path = tmp_path / "net.py"
    path.write_text(text)
    report = gradcheck.check(str(path), properties=False)
    assert report.verdict.value == "pass", str(report)
    return [(f.headline, f.line, f.severity) for f in report.findings if f.code == "GC703"]


@pytest.mark.parametrize("shape", ["(m, 2, 6, 9)", "(m, 2, 11, 8)"])
def test_a_right_convolution_with_stride_padding_and_a_remainder_is_not_told(shape: str, tmp_path: Path) -> None:
    _, _, H, W = eval(shape, {"m": 0})
    long = 3 * ((H - 1) // 2 + 1) * ((W - 1) // 2 + 1)
    assert not findings(NET.replace("(m, 2, 6, 9)", shape).replace("LONG", str(long)), tmp_path)


def test_a_width_computed_from_the_height_is_told(tmp_path: Path) -> None:
    (found,) = findings(NET.replace(WIDTH, "Wo = (H - 3) // stride + 1").replace("LONG", "27"), tmp_path)
    assert found == (
        "z counts its columns from the rows of x",
        1 + NET[: NET.index("    z = np")].count("\n"),
        "warning",
    )


def test_the_same_of_square_images_is_not(tmp_path: Path) -> None:
    text = NET.replace(WIDTH, "Wo = (H - 3) // stride + 1").replace("LONG", "27")
    assert not findings(text.replace("(m, 2, 6, 9)", "(m, 2, 6, 6)"), tmp_path)


def test_what_is_cut_to_a_square_or_has_a_size_of_its_own_is_not(tmp_path: Path) -> None:
    cut = NET.replace("    n, c, H, W = x.shape", "    H = W = min(x.shape[2:])").replace("LONG", "27")
    assert not findings(cut, tmp_path)
    assert not findings(NET.replace(WIDTH, "Wo = 3").replace("LONG", "27"), tmp_path)
