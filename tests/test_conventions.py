"""Names of gradients: what each is read as the gradient of, and what is none."""

from __future__ import annotations

import pytest

from gradcheck.conventions import bases

READ = {
    "dW": "W",
    "d_W": "W",
    "dLdW": "W",
    "dL_dW2": "W2",
    "dJdb": "b",
    "grad_W": "W",
    "gradW": "W",
    "gradw1": "w1",
    "W_grad": "W",
    "gW": "W",
    "dWxh": "W_xh",
    "db_1": "b1",
    "gw": "w",
    "gb2": "b2",
    "self.gx": "self.x",
    "W_diff": "W",
    "x_bar": "x",
    "nabla_w": "w",
    "delta_nabla_w": "w",
    "nabla_w[0]": "weights[0]",
    "nabla_b[2]": "biases[2]",
    "dW[1]": "W[1]",
    "grads['W1']": "W1",
    "grads['dW1']": "W1",
    "g['b2']": "b2",
    "derivatives['W1']": "W1",
    "grads.W1": "W1",
    "self.dW": "self.W",
    "layers[0].dW": "layers[0].W",
    "delta3": "z3",
    "deltas[1]": "zs[1]",
    "delta": "z",
}
NONE = "data dt dim dropout grad_norm clip_grad Z1 G['W1'] g.W1 d.W params['W1'] W1 gt gain".split()


@pytest.mark.parametrize("name", READ)
def test_read(name: str) -> None:
    assert READ[name] in bases(name)


@pytest.mark.parametrize("name", NONE)
def test_no_gradient(name: str) -> None:
    assert "W1" not in bases(name)
    assert not {"ata", "t", "im", "norm", "W"} & set(bases(name))


def test_what_is_told_overrules() -> None:
    assert bases("dW", {"dW": "V"}) == ("V",)
