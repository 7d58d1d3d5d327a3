"""How people name gradients: which array is whose gradient."""

from __future__ import annotations

import re
from collections.abc import Mapping

_FORMS = (
    re.compile(r"^d(?:[LJEC]|loss|Loss|cost|Cost|error)_?d_?(?P<base>\w+)$"),  # dLdW, dL_dW, dJdW, dloss_dW
    re.compile(r"^(?:grads?|gradients?|nabla|del|delta|g)_(?P<base>\w+)$"),  # grad_W, nabla_w, delta_W
    re.compile(r"^d_?(?P<base>\w+)$"),  # dW, d_W
    re.compile(r"^(?:grad|nabla)(?P<base>[A-Z]\w*)$"),  # gradW
    re.compile(r"^g(?P<base>[A-Z]\w*|[a-z]\d*)$"),  # gW, gw, gb1
    re.compile(r"^(?P<base>\w+?)_(?:grads?|gradient|diff|bar)$"),  # W_grad, W_diff, W_bar
    re.compile(r"^(?:grad|gradient|nabla)(?P<base>[a-zA-Z]\w{0,2}\d*)$"),  # gradw1, nablab
)
_DELTA = re.compile(r"^deltas?_?(?P<layer>\d*|\[\d+\])$")
"""delta3 is the gradient of what goes into layer 3's activation, which is called z3; delta that of the z at hand."""
_LISTS = {"w": ("weights", "ws", "Ws", "weight", "W"), "b": ("biases", "bs", "Bs", "bias", "B")}
"""What a list of parameters is called whose gradients are in nabla_w, dw or grad_w."""
_SUMS = {"nb": ("b", "B"), "nw": ("w", "W")}
"""Short for nabla_b and nabla_w, the sums over samples to which dnb and dnw are added."""
_INDEXED = re.compile(r"^(?P<name>\w+)(?P<index>(?:\[[^\]]*\])+)$")
_DOTTED = re.compile(r"^(?P<before>.*[.\]]\.?)(?P<name>\w+)$")
_ENTRY = re.compile(
    r"^(?:\w*(?:grad|nabla|delta|deriv)\w*|d_?params|(?-i:gs?|d)(?=\[))(?:\['(?P<key>\w+)'\]|\.(?P<field>\w+))$",
    re.IGNORECASE,
)

_WORDS = frozenset(
    "data date day deg degree dense depth desc det dev diag dict diff digit digits dim dims dir disc dist div do doc"
    " domain done dot down draw drop dropout dst dt dtype dump dup dur decay delay denom device gd gn gp gt".split()
)
"""Words that begin with d or g and are no gradients, whatever else there is a name for: dt with t, dim with im."""
_STATISTICS = frozenset(
    "norm norms clip clipped max min mean avg sum sq squared abs check acc total scale size shape std var num approx"
    " list fn func threshold".split()
)
"""What is said of gradients, not what has them: grad_norm, clip_grad."""

DATA = frozenset({"x", "X", "inputs", "input", "data", "images", "xb", "X_train", "x_train"})
"""Names of data rather than parameters."""

_LOSSES = frozenset("loss cost objective nll mse".split())
"""What a derivative is of: `d_cost = output - y`."""


def bases(name: str, told: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Names of what `name` may be the gradient of, likeliest first; () where no convention reads it as a gradient.

    >>> bases("dW1"), bases("dL_dW"), bases("W_grad"), bases("Z1")
    (('W1', 'w1', 'W_1', 'w_1'), ('W', 'w'), ('W', 'w'), ())
    >>> bases("grads['W1']"), bases("dt"), bases("grad_norm")
    (('W1',), (), ())
    >>> bases("d_cost"), bases("dloss_dout")
    ((), ('out', 'Out'))
    >>> bases("nabla_w[0]"), bases("g['W1']"), bases("delta3")[:2]
    (('w[0]', 'W[0]', 'weights[0]', 'ws[0]', 'Ws[0]', 'weight[0]'), ('W1',), ('z3', 'Z3'))
    >>> bases("update", {"update": "W1"})
    ('W1',)
    """
    if told and name in told:
        return (told[name],)
    entry = _ENTRY.match(name)
    if entry:
        key = entry["key"] or entry["field"]
        return bases(key) or (key,)
    delta = _DELTA.match(name)
    if delta:
        return tuple(z + delta["layer"] for z in ("z", "Z", "zs", "net", "in"))
    indexed = _INDEXED.match(name)
    if indexed:
        own = bases(indexed["name"])
        lists = [more for base in own for more in _LISTS.get(base, ())]
        return tuple(base + indexed["index"] for base in dict.fromkeys((*own, *lists)))
    dotted = _DOTTED.match(name)
    if dotted:
        own = bases(dotted["name"])
        return (*(dotted["before"] + base for base in own), *own)
    return _plain(name)


def _plain(name: str) -> tuple[str, ...]:
    if name in _WORDS:
        return ()
    if name in _SUMS:
        return _SUMS[name]
    found: list[str] = []
    for form in _FORMS:
        match = form.match(name)
        if match and match["base"].lower() in _LOSSES:
            continue  # where the backward begins: by whatever it is the derivative, it is not the loss's own
        if match and not (match["base"] in _STATISTICS and not name.startswith("d")):
            found += [b for b in (match["base"], _other_case(match["base"])) if b and b not in found]
            if form is _FORMS[0]:
                break  # dL_dW is W's gradient, not L_dW's
    # what is added to nabla_w is called delta_nabla_w: it is w's gradient, too
    again = [
        b for base in found for b in (_plain(base) if base.startswith(("nabla_", "grad_")) else _SUMS.get(base, ()))
    ]
    named = again or found
    return tuple(dict.fromkeys((*named, *(other for base in named for other in _with_other_bars(base)))))


def _with_other_bars(base: str) -> tuple[str, ...]:
    """W_xh for Wxh, and Wxh for W_xh: weights and biases are spelt both ways in one program."""
    spelt = _SPELT.match(base)
    if spelt is None:
        return ()
    return (spelt["kind"] + spelt["of"],) if spelt["bar"] else (f"{spelt['kind']}_{spelt['of']}",)


_SPELT = re.compile(r"^(?P<kind>[WwUVbB])(?P<bar>_?)(?P<of>[a-z]{1,2}\d?|\d)$")


def _other_case(base: str) -> str:
    """dw may be W's gradient and dW w's; Z1 and z1 are the same to many authors."""
    return base[0].swapcase() + base[1:] if base[0].isalpha() else ""


_HYPERPARAMETER = re.compile(
    r"(?i)^_*(lr|l_r|l_rate|alpha|beta|gamma|eta|mu|rho|tau|eps(ilon)?|step_?size|(learning_?)?rate|lambda|lamb?da|lam|lmbda"
    r"|l[12]|reg(ulari[sz]ation)?(_?(strength|lambda))?|(weight_?)?decay|momentum|temperature|dropout|keep_?prob|discount)_*\d?$"
)


def is_hyperparameter(name: str) -> bool:
    """Whether a number of this name is a setting of the training: lr, self.alpha, gamma."""
    return _HYPERPARAMETER.match(name.rpartition(".")[2]) is not None
