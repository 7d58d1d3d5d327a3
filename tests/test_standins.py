"""What stands for a library that is not there and that a script only fetches its data with, and for pools."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest

from gradcheck.standins import pools
from gradcheck.standins.hints import Hints
from gradcheck.standins.libraries import Idle


def test_a_class_may_be_derived_from_what_a_missing_library_has() -> None:
    data = Idle("torch.utils.data")

    class Pairs(data.Dataset):  # type: ignore[misc,name-defined]
        def __init__(self, inputs: list[int]) -> None:
            super().__init__()
            self.inputs = inputs

        def __getitem__(self, at: int) -> int:
            return self.inputs[at]

    assert Pairs([3, 5])[1] == 5


def test_tasks_of_pools_are_run_where_they_are_handed_in(tmp_path: Path) -> None:
    """With what else the pools do: results, what is told of them, errors, and what their workers begin with."""
    source = tmp_path / "net.py"
    source.write_text("from multiprocessing import Pool")
    here, began, told = threading.get_ident(), list[str](), list[object]()

    def where(*numbers: int) -> tuple[int, int]:
        return threading.get_ident(), 10 // sum(numbers)

    with pools.given(hints := Hints((source,))):
        with ThreadPool(2, began.append, ("begun",)) as pool:
            assert pool.map(where, [1, 2]) == list(pool.imap(where, [1, 2])) == [(here, 10), (here, 5)]
            assert pool.starmap(where, [(1, 4)]) == pool.starmap_async(where, [(1, 4)]).get() == [(here, 2)]
            assert pool.apply(where, (5,)) == pool.apply_async(where, (5,), callback=told.append).get() == (here, 2)
            failed = pool.map_async(where, [0], error_callback=told.append)
            assert (failed.ready(), failed.successful()) == (True, False)
            with pytest.raises(ZeroDivisionError):
                failed.get()
        with ThreadPoolExecutor() as executor:
            assert list(executor.map(where, [1, 2])) == [(here, 10), (here, 5)]
            assert isinstance(executor.submit(where, 0).exception(), ZeroDivisionError)
    assert began == ["begun"]
    assert (told[0], type(told[1])) == ((here, 2), ZeroDivisionError)
    assert len(hints.notes) == 2
    with ThreadPoolExecutor(1) as executor:
        assert executor.submit(where, 1).result()[0] != here
