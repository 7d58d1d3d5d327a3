"""Libraries that are missing and that scripts import for data, plots or progress: small modules in their place."""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from gradcheck.source import is_library, is_own
from gradcheck.standins import gym_like, keras_like, nnfs_like, pandas_like, scipy_like, sklearn_like
from gradcheck.standins.hints import Hints

Contents = Mapping[str, Mapping[str, Any]]
"""Of each module by name what it holds; of any other name it holds something that does nothing."""
DATA: dict[str, Callable[[Hints], Contents]] = {
    "pandas": pandas_like.contents,
    "sklearn": sklearn_like.contents,
    "keras": keras_like.contents,
    "tensorflow": keras_like.contents,
    "torchvision": keras_like.contents,
    "torch": keras_like.contents,
    "mnist": keras_like.contents,
    "mlxtend": keras_like.contents,
    "nnfs": nnfs_like.contents,
    "scipy": scipy_like.contents,
    "gym": gym_like.contents,
    "gymnasium": gym_like.contents,
    "cPickle": lambda _: {"cPickle": vars(__import__("pickle"))},
}
IDLE = frozenset(
    "matplotlib pylab mpl_toolkits seaborn plotly bokeh IPython ipywidgets cv2 PIL imageio skimage wandb tensorboard"
    " tensorboardX tqdm colorama termcolor prettytable requests joblib h5py progressbar alive_progress rich"
    " livelossplot terminaltables graphviz networkx pygame psutil dotenv google numba jaxtyping nptyping torchtyping"
    " beartype typeguard typing_extensions loguru tabulate".split()
)
"""Of which anything may be asked, and nothing is done."""


class Idle:
    """Stands for anything that is called, asked and filled, but never computed with."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Idle(f"{self._name}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        """Nothing is kept."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        name = self._name.rpartition(".")[2]
        if name in ("tqdm", "trange", "tqdm_notebook", "track", "alive_it", "prange", "ProgressBar") and args:
            return range(*args) if isinstance(args[0], int) else args[0]
        if len(args) == 1 and not kwargs and callable(args[0]):
            return args[0]  # a decorator
        if name == "subplots":
            rows, columns = [*args[:2], 1, 1][:2]
            axes = Idle(f"{self._name}()")
            return Idle("figure"), axes if rows == columns == 1 and not kwargs else Axes(axes)
        return Idle(f"{self._name}()")

    def __mro_entries__(self, bases: Any) -> tuple[type, ...]:
        return ()  # class Pairs(data.Dataset): a class of its own

    def __bool__(self) -> bool:
        return False  # no device is available, nothing is a tensor, no window is open

    def __getitem__(self, key: Any) -> Idle:
        return Idle(f"{self._name}[]")

    def __setitem__(self, key: Any, value: Any) -> None:
        """Nothing is kept."""

    def __iter__(self) -> Iterator[Any]:
        return iter((Idle(f"{self._name}[]"),))

    def __or__(self, other: Any) -> Idle:
        return self  # Float[Array, "n d"] | None

    __ror__ = __or__

    def __enter__(self) -> Idle:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was begun."""

    def __repr__(self) -> str:
        return f"<stand-in for {self._name}>"


class Axes(Idle):
    """Of several plots."""

    def __init__(self, one: Idle) -> None:
        super().__init__(one._name)

    def __iter__(self) -> Iterator[Any]:
        return iter([Idle("axes")] * 64)

    @property
    def flat(self) -> list[Idle]:
        return [Idle("axes")] * 64

    def flatten(self) -> list[Idle]:
        return self.flat

    ravel = flatten


class _Module(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        inside = f"{self.__name__}.{name}"
        if inside in self.__spec__.loader.contents or self.__name__ == "sklearn":  # type: ignore[union-attr]
            return importlib.import_module(inside)
        if inside.startswith("sklearn.") and name[:1].isupper():
            return sklearn_like.Estimator
        return Idle(f"{self.__name__}.{name}")


class _Loader:
    def __init__(self, contents: Contents) -> None:
        self.contents = contents

    def create_module(self, spec: Any) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        module.__path__ = []
        vars(module).update(self.contents.get(module.__name__, {}))


class _Finder:
    """Asked last of all, so that what is installed is found before."""

    def __init__(self, hints: Hints) -> None:
        self._hints = hints
        self._loaders: dict[str, _Loader] = {}
        self.made: set[str] = set()

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> Any:
        top = name.partition(".")[0]
        if top not in DATA and top not in IDLE:
            return None
        if top in self._loaders or (name == top and _imported_by_user()):
            if top not in self._loaders:
                self._hints.tell(top, f"{top} is not installed: a small stand-in was used")
                self._loaders[top] = _Loader(DATA[top](self._hints) if top in DATA else {})
            self.made.add(name)
            return importlib.machinery.ModuleSpec(name, self._loaders[top], is_package=True)  # type: ignore[arg-type]
        return None


def _imported_by_user() -> bool:
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        importing = file.startswith(("<frozen importlib", os.path.dirname(importlib.__file__)))
        if not importing and not (is_own(file) and "standins" in file):
            return not is_own(file) and not is_library(file)
        frame = frame.f_back  # type: ignore[assignment]
    return False


@contextlib.contextmanager
def given(hints: Hints) -> Iterator[None]:
    """While this holds, the user's code can import them; afterwards they are forgotten."""
    finder = _Finder(hints)
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(finder)
        for name in finder.made:
            sys.modules.pop(name, None)
