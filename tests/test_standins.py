"""What stands for a library that is not there and that a script only fetches its data with."""

from __future__ import annotations

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
