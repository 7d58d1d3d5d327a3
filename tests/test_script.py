"""From a script to its first training step: where that is found, what is cut, what is left as it was."""

from __future__ import annotations

import builtins
import contextlib
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradcheck
from gradcheck import cells, standins
from gradcheck.script import cut
from gradcheck.script.ready import first_step
from gradcheck.standins.files import Missing
from gradcheck.target import Target

HEAD = """
import numpy as np
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(90, 3)), rng.normal(size=(90, 2))
"""
STEP = """
Z = X @ W + b
loss = ((Z - Y) ** 2).sum() / len(X)
dZ = 2 * (Z - Y) / len(X)
dW = X.T @ dZ
db = dZ.sum(axis=0)
W = W - 0.1 * dW
b = b - 0.1 * db
"""
INIT = "W, b = rng.normal(size=(3, 2)), rng.normal(size=2)\n"


def indented(text: str, by: int = 4) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.strip().splitlines())


LOOP = f"{HEAD}{INIT}for epoch in range(10 ** 9):\n{indented(STEP)}"
IN_A_FUNCTION = f"{HEAD}def run(X, Y):\n{indented(INIT)}    while True:\n{indented(STEP, 8)}\nrun(X, Y)\n"
YIELDS = (
    f"{HEAD}def run(X, Y):\n{indented(INIT)}    while True:\n{indented(STEP, 8)}        yield loss\nlist(run(X, Y))\n"
)
CLOSURE = (
    f"{HEAD}def outer():\n{indented(INIT)}    def step():\n        nonlocal W, b\n{indented(STEP, 8)}"
    "    for epoch in range(10 ** 9):\n        step()\nouter()\n"
)
ONCE = f"{HEAD}{INIT}{STEP}"


@contextlib.contextmanager
def stepped(folder: Path, text: str) -> Iterator[Target]:
    path = folder / "script.py"
    path.write_text(text)
    with first_step(Target("script.py", script=path), {}, None) as target:
        yield target


@pytest.mark.parametrize("text", [LOOP, IN_A_FUNCTION, YIELDS, CLOSURE], ids=["loop", "function", "yields", "closure"])
def test_one_step_of_a_few_samples(tmp_path: Path, text: str) -> None:
    with stepped(tmp_path, text) as target:
        assert target.module is not None
        assert target.notes == ("checked on 7 of the 90 samples",)


@pytest.mark.parametrize("text", [LOOP, IN_A_FUNCTION, YIELDS, CLOSURE], ids=["loop", "function", "yields", "closure"])
@pytest.mark.parametrize(("wrong", "names"), [("", []), ("X.T @ dZ * 3", ["dW"])], ids=["right", "wrong"])
def test_the_step_is_judged(tmp_path: Path, text: str, wrong: str, names: list[str]) -> None:
    path = tmp_path / "script.py"
    path.write_text(text.replace("X.T @ dZ", wrong or "X.T @ dZ"))
    report = gradcheck.check(str(path), properties=False)
    assert sorted(c.name for c in report.comparisons) == ["dW", "dZ", "db"]
    assert [c.name for c in report.comparisons if c.verdict.value == "fail"] == names


def test_a_script_without_a_loop_is_run_whole(tmp_path: Path) -> None:
    with stepped(tmp_path, ONCE) as target:
        assert target.module is None
        assert target.notes == ()


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    def state() -> list[Any]:
        return [
            builtins.open,
            np.loadtxt,
            np.__getattr__,
            list(sys.meta_path),
            sorted(sys.modules),
            sys.path[:],
            random.getstate(),
            np.random.get_state(legacy=False)["state"]["key"].tolist(),
        ]

    (tmp_path / "beside.py").write_text("value = 1\n")
    text = f"import beside, keras, random\nimport numpy as np\nnp.random.rand(3), random.random(), np.float\n{LOOP}"
    before = state()
    with stepped(tmp_path, text) as target:
        assert "keras is not installed: a small stand-in was used" in target.notes
    after = state()
    assert {*after[4]} - {*before[4]} <= {"beside"}
    assert after[:4] == before[:4]
    assert after[5:] == before[5:]


# -- what is cut


def found(parameters: frozenset[str] = frozenset(), **held: Any) -> tuple[dict[str, Any], cut.Samples | None]:
    return held, cut.samples(held, [], lambda _: False, parameters, frozenset())


def cut_to(batch: int, parameters: frozenset[str] = frozenset(), **held: Any) -> dict[str, Any]:
    names, samples = found(parameters, **held)
    assert samples is not None
    cut.cut(samples, batch)
    return names


def test_rows_columns_lists_and_counts_are_cut_alike() -> None:
    X, y = np.arange(300.0).reshape(100, 3), np.arange(100) % 5
    names = cut_to(9, X=X, T=X.T.copy(), pairs=list(zip(X, y)), y=y, both=(X, y), net={"m": 100}, inverse=0.01, k=3)
    assert (names["X"].shape, names["T"].shape, len(names["pairs"]), names["y"].shape) == ((9, 3), (3, 9), 9, (9,))
    assert set(names["y"]) == {0, 1, 2, 3, 4}
    np.testing.assert_array_equal(names["X"].T, names["T"])
    np.testing.assert_array_equal(np.stack([x for x, _ in names["pairs"]]), names["X"])
    assert names["both"][0] is names["X"]
    assert (names["net"]["m"], names["inverse"], names["k"]) == (9, 1 / 9, 3)


def test_an_order_of_the_samples_stays_one() -> None:
    order = np.random.default_rng(0).permutation(100)
    names = cut_to(9, X=np.ones((100, 3)), Y=np.ones((100, 2)), order=order)
    assert sorted(names["order"]) == list(range(9))


@pytest.mark.parametrize(
    "held",
    [
        {"X": np.ones((100, 3)), "W": np.ones((3, 100))},  # as many units as samples
        {"X": np.ones((20, 3)), "Y": np.ones((20, 2))},  # few enough
    ],
)
def test_what_is_not_cut(held: dict[str, Any]) -> None:
    assert found(frozenset({"W"}), **held)[1] is None


def test_a_batch_is_no_other_size() -> None:
    _, samples = found(X=np.ones((100, 7)), Y=np.ones((100, 8)))
    assert samples is not None
    assert cut.batch_for(samples) == 9


# -- notebooks


def test_cells_keep_their_lines_and_lose_what_is_no_python(tmp_path: Path) -> None:
    sources = ["%matplotlib inline\nx = 1\n!ls\nnp.dot?", ["y = (1\n", " % 2)\n"], "%%bash\nls", "%%time\nz = 3"]
    sources += ["cd /content/net", "cd = 3\nprint(cd / 2)", "cd here\nx = 2"]
    made = [{"cell_type": "code", "source": s} for s in sources]
    path = tmp_path / "net.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": "# hi"}, *made]}))
    units = cells.units(path)
    assert [u.text for u in units[:4]] == ["pass\nx = 1\npass\npass", "y = (1\n % 2)\n", "", "\nz = 3"]
    assert [u.text for u in units[4:]] == ["pass", sources[5], "pass\nx = 2"]
    assert units[1].file == f"{path}, cell 2"
    assert cells.place("net.ipynb, cell 2", 5) == "net.ipynb, cell 2, line 5"
    assert cells.cell_line(units[3].file, 2) == "z = 3"
    assert cells.cell_line(str(tmp_path / "net.py"), 2) is None


@pytest.mark.parametrize(
    ("text", "says"), [("[]", "it has no cells"), ("{", "Expecting"), ('{"cells": 3}', "no cells")]
)
def test_what_is_no_notebook_is_told(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "net.ipynb"
    path.write_text(text)
    with pytest.raises(gradcheck.TargetError, match=says):
        gradcheck.check(str(path))


# -- stand-ins


def test_what_is_there_is_read(tmp_path: Path) -> None:
    (tmp_path / "iris.csv").write_text("1,2\n3,4\n")
    with standins.active() as hints:
        assert np.loadtxt(tmp_path / "iris.csv", delimiter=",").tolist() == [[1, 2], [3, 4]]
        assert np.loadtxt(tmp_path / "iris.txt", delimiter=",").shape == (150, 5)
        with open(tmp_path / "train-labels-idx1-ubyte", "rb") as labels:
            assert isinstance(labels, Missing)
            assert len(labels.read()) == 60_008
        with pytest.raises(FileNotFoundError):
            (tmp_path / "weights.bin").open("rb")
        assert [n.partition(" ")[0] for n in hints.notes] == ["iris.txt", "train-labels-idx1-ubyte"]
    with pytest.raises(FileNotFoundError):
        np.loadtxt(tmp_path / "iris.txt")


TABLE = """
import pandas as pd
def cleaned(df):
    df["Age"] = df["Age"].fillna(df["Age"].median())
    df["Sex"] = (df["Sex"] == "male").astype(int)
    df["Port"] = df["Port"].map({"S": 0, "C": 1})
    return df
train = cleaned(pd.read_csv("FILE"))
names = ["Age", "Sex"]
X, y = train[names].values, train.Survived.values
grads = {}
grads["dW1"] = X
"""


def ran(folder: Path, text: str) -> dict[str, Any]:
    """What a script comes to hold."""
    path = folder / "script.py"
    path.write_text(text)
    held: dict[str, Any] = {}
    with standins.active([path]):
        exec(compile(text, str(path), "exec"), held)
    return held


def test_columns_of_a_table_are_those_that_the_code_names(tmp_path: Path) -> None:
    held = ran(tmp_path, TABLE)
    assert list(held["train"].held) == ["Age", "Sex", "Port", "Survived"]
    assert held["X"].shape[1] == 2
    assert set(held["X"][:, 1]) == {0, 1}, "not everyone is male"
    assert set(held["train"]["Port"].values) == {0, 1}


def test_a_label_that_is_dropped_stands_beside_features_without_a_name(tmp_path: Path) -> None:
    text = (
        'import pandas as pd\nd = pd.read_csv("w.csv")\ny, X = d["quality"], d.drop("quality", axis=1).values\nn = 11'
    )
    held = ran(tmp_path, text)
    assert held["X"].shape[1] == 11
    assert set(held["y"].tolist()) == {0, 1}


def test_what_an_installed_library_reads_is_stood_in_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose own reader raises; a module that is imported only then is changed as soon as it is there."""
    (tmp_path / "pandas.py").write_text(
        "class DataFrame(dict):\n    shape = 0, 0\ndef read_csv(path):\n    raise FileNotFoundError(path)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "pandas"]:
        monkeypatch.delitem(sys.modules, name)
    held = ran(tmp_path, 'import pandas as pd\nd = pd.read_csv("FILE")\nd["a"], d["b"]')
    assert list(held["d"]) == ["a", "b"]
    with pytest.raises(FileNotFoundError):
        held["pd"].read_csv("FILE")
    monkeypatch.delitem(sys.modules, "pandas")


def test_a_bar_for_notebooks_without_their_widgets_is_a_plain_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tqdm"
    folder.mkdir()
    (folder / "__init__.py").write_text("def tqdm(it, leave=True):\n    return it\n")
    raises = "IProgress = None\ndef tqdm_notebook(*args):\n    raise ImportError('no widgets')\n"
    (folder / "notebook.py").write_text(
        f"{raises}tqdm = tqdm_notebook\ndef trange(n):\n    return tqdm_notebook(range(n))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "tqdm"]:
        monkeypatch.delitem(sys.modules, name)
    text = "from tqdm.notebook import tqdm, trange\nturns = [*tqdm([1, 2], display=False, leave=False), *trange(2)]"
    assert ran(tmp_path, text)["turns"] == [1, 2, 0, 1]
    for name in ("tqdm", "tqdm.notebook"):
        monkeypatch.delitem(sys.modules, name)


def test_keys_of_a_pickled_batch_are_as_the_code_asks_for_them(tmp_path: Path) -> None:
    load = "import pickle\nwith open('data_batch_1', 'rb') as f:\n    d = pickle.load(f, encoding=HOW)"
    assert list(ran(tmp_path, load.replace("HOW", "'bytes'"))["d"]) == [b"data", b"labels"]
    assert list(ran(tmp_path, load.replace("HOW", "'latin1'"))["d"]) == ["data", "labels"]


def test_a_minimiser_makes_a_few_steps(tmp_path: Path) -> None:
    held = ran(
        tmp_path,
        """
import numpy as np
from scipy.optimize import fmin_cg, fmin_l_bfgs_b, minimize
from scipy.signal import convolve2d, correlate2d
from scipy.special import expit, logsumexp
f, g, start = (lambda x, c: c * (x @ x)), (lambda x, c: 2 * c * x), np.ones(3)
both = minimize(lambda x: (f(x, 1), g(x, 1)), start, jac=True, method="CG")
apart = minimize(f, start, (2,), jac=g)
found, bounded = fmin_cg(f, start, fprime=g, args=(1,)), fmin_l_bfgs_b(lambda x: (f(x, 1), g(x, 1)), start)
image, kernel = np.arange(20.0).reshape(4, 5), np.array([[1.0, 2], [3, 4], [5, 6]])
""",
    )
    assert held["both"].fun < 3
    assert np.array_equal(held["both"].x, held["found"])
    assert np.array_equal(held["both"].x, held["bounded"][0])
    assert held["apart"].x[0] < held["both"].x[0]
    assert held["expit"](np.array([-800.0, 0, 800])).tolist() == [0, 0.5, 1]
    assert held["logsumexp"](np.array([[0.0, 0], [1, 1]]), axis=1) == pytest.approx(np.log(2) + np.array([0, 1]))
    image, kernel = held["image"], held["kernel"]
    valid = [[(image[i : i + 3, j : j + 2] * kernel).sum() for j in range(4)] for i in range(2)]
    assert held["correlate2d"](image, kernel, mode="valid").tolist() == valid
    turned = held["convolve2d"](image, kernel)
    assert turned.shape == (6, 6)
    assert turned[0, 1] == image[0, 1] * kernel[0, 0] + image[0, 0] * kernel[0, 1]
    assert np.array_equal(held["convolve2d"](image, kernel, "same"), turned[1:5, 0:5])
    full = held["correlate2d"](image, kernel)
    assert np.array_equal(held["correlate2d"](image, kernel, "same"), full[1:5, 1:6])


def test_libraries_do_nothing_of_their_own() -> None:
    with standins.active() as hints:
        import pandas as pd
        import seaborn as sns
        from keras.utils import to_categorical
        from sklearn.preprocessing import StandardScaler

        assert not sns.heatmap(np.ones(3)).axes[0].get_title()
        with pytest.raises(TypeError):
            sns.color_palette() + 1
        assert to_categorical([2, 0]).tolist() == [[0, 0, 1], [1, 0, 0]]
        np.testing.assert_allclose(
            StandardScaler().fit_transform(np.arange(6.0).reshape(3, 2)).mean(axis=0), 0, atol=1e-12
        )
        table = pd.DataFrame({"a": [1, 2, 3], "label": [0, 1, 0]})
        assert (table.drop("label", axis=1).values.tolist(), table["label"].values.tolist()) == (
            [[1], [2], [3]],
            [0, 1, 0],
        )
        assert table.iloc[1:, :-1].shape == (2, 1)
        import gym
        import numba
        from jaxtyping import Float

        assert numba.njit(parallel=True)(len) is len is numba.njit(len)
        assert (Float[np.ndarray, "n d"] | None) is not None
        env = gym.make("CartPole-v1")
        assert env.reset().shape == env.step(0)[0].shape == (4,)
        with pytest.raises(OSError, match="no stand-in for the environment 'Mine'"):
            gym.make("Mine")
        assert len(hints.notes) == 7
    assert "seaborn" not in sys.modules


BESIDE = f"""{HEAD}{INIT}
seen = []
def score(X, W):
    return float((X @ W).sum())
def shaken(W):
    return W + 0 * rng.normal(size=W.shape)
def loss_of(X, W, b):
    cost = ((X @ W + b - Y) ** 2).sum() / len(X)
    return cost
for epoch in range(10 ** 9):
    if epoch % 10 == 0:
        WHAT
{indented(STEP)}"""


@pytest.mark.parametrize(
    ("what", "gone"),
    [
        ("seen.append(score(X, W))", True),
        ("told = [score(X, W) for _ in range(3)]; print(told)", True),
        ("W = shaken(W)", False),  # the step reads what it binds
        ("W += 0 * score(X, W)", False),
        ("X[:] = X + 0 * score(X, W)", False),
        ("print(loss_of(X, W, b))", False),  # it may be the loss that is meant
        ("if score(X, W) > 1e9: break", False),  # it may end the loop
    ],
)
def test_what_is_done_beside_the_step(tmp_path: Path, what: str, gone: bool) -> None:
    """Left out where nothing rests on it; what the step reads, edits or may mean stays."""
    with stepped(tmp_path, BESIDE.replace("WHAT", what)) as target:
        assert any("left out" in note for note in target.notes) == gone, target.notes
    report = gradcheck.check(str(tmp_path / "script.py"), properties=False)
    assert report.verdict.value == "pass"
    assert {"dW", "db"} <= {c.name for c in report.comparisons}


def test_draws_that_the_step_goes_on_with_are_not_left_out(tmp_path: Path) -> None:
    text = BESIDE.replace("WHAT", "seen.append(shaken(W))").replace("Z = X @ W + b", "Z = X @ W + b + rng.normal()")
    with stepped(tmp_path, text) as target:
        assert not any("left out" in note for note in target.notes)


ENGINE = """
import sys
class Value:
    def __init__(self, data, parents=()):
        self.data, self.grad, self.parents = data, 0.0, parents
    def __add__(self, other):
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))
    def __mul__(self, other):
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))
    def backward(self, upstream=1.0):
        self.grad += upstream
        for operand, slope in self.parents:
            operand.backward(slope * upstream)
xs, ys = [0.5, 1.5, 2.5], [2.0, 3.0, 5.0]
w, b = Value(0.3), Value(0.1)
def step():
    loss = Value(0.0)
    for x, y in zip(xs, ys):
        error = w * Value(x) + b + Value(-y)
        loss = loss + error * error
    BACK
    w.data -= 0.01 * w.grad
    b.data -= 0.01 * b.grad
while True:
    w.grad = b.grad = 0.0
    step()
"""


@pytest.mark.parametrize(
    ("back", "verdict"),
    [
        ("loss.backward()", "pass"),
        ("loss.backward(); w.grad = 2 * w.grad", "pass"),  # what is done with a gradient is the update's
        ("(loss * Value(0.5)).backward()", "pass"),  # that is the loss, then
        ("b.grad = 3.0; loss.backward()", "fail"),  # not set back
    ],
)
def test_a_script_that_trains_with_an_engine(tmp_path: Path, back: str, verdict: str) -> None:
    path = tmp_path / "script.py"
    path.write_text(ENGINE.replace("BACK", back))
    report = gradcheck.check(str(path), properties=False)
    assert report.verdict.value == verdict
    assert {"dw", "db"} <= {c.name for c in report.comparisons}
    assert report.comparisons[-1].file.endswith("script.py")


def test_where_no_operation_is_wrong_the_call_is_blamed(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(ENGINE.replace("BACK", "loss.backward(2.0)"))
    report = gradcheck.check(str(path), properties=False)
    assert [(c.name, c.line) for c in report.comparisons if c.verdict.value == "fail"] == [("dw", 21), ("db", 21)]
    assert any("each operation of the engine is right by itself: add, add_twice, mul" in note for note in report.notes)


@pytest.mark.parametrize(
    ("slope", "verdict", "told"),
    [
        ("2 * self.data", "pass", "each right by itself, though the step does not go through them: square"),
        ("self.data", "fail", "operations of Value, each on leaves of its own: square"),
        ("0.0", "pass", "square"),  # it goes back to nothing, and nothing needs it
    ],
)
def test_an_operation_that_the_step_does_not_go_through(tmp_path: Path, slope: str, verdict: str, told: str) -> None:
    path = tmp_path / "script.py"
    square = f"    def square(self):\n        return Value(self.data**2, ((self, {slope}),))\n    def backward"
    path.write_text(ENGINE.replace("    def backward", square).replace("BACK", "loss.backward()"))
    report = gradcheck.check(str(path), properties=False)
    assert report.verdict.value == verdict
    assert any(told in note for note in report.notes) == (slope != "0.0")
