"""What came of planting bugs: one outcome a mutant, and the counts by kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gradcheck.mutate.plant import Mutant

State = Literal["checked", "equivalent", "raised"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the check said of one mutant."""

    mutant: Mutant
    """The bug."""
    state: State
    """equivalent: every gradient and update is what it was. raised: the edited line itself raises, which needs no
    checker to be seen. Neither is counted."""
    verdict: str = ""
    """The check's verdict, or the error that it ended in."""
    caught: bool = False
    """The check fails, or warns of the edited line as it does not in the right code: of a parameter that is never
    updated it can only warn, since some are meant to stay."""
    blamed: bool = False
    """Exactly the edited line is at fault."""
    named: bool = False
    """The cause is called by its name."""
    offered: bool = False
    """A proven fix is offered."""
    repaired: bool = False
    """The fix, applied, makes every gradient and update what it was."""
    said: tuple[str, ...] = ()
    """Code, line and headline of each error found."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many, of one kind of bug or of all."""

    planted: int
    """Mutants whose gradients or updates are wrong, and that run."""
    equivalent: int
    raised: int
    caught: int
    blamed: int
    named: int
    offered: int
    repaired: int


def counted(outcomes: tuple[Outcome, ...]) -> Count:
    """The figures of some outcomes."""
    checked = [o for o in outcomes if o.state == "checked"]
    return Count(
        len(checked),
        sum(o.state == "equivalent" for o in outcomes),
        sum(o.state == "raised" for o in outcomes),
        *(sum(getattr(o, what) for o in checked) for what in ("caught", "blamed", "named", "offered", "repaired")),
    )


@dataclass(frozen=True, slots=True)
class MutationReport:
    """What a check of this target is worth."""

    target: str
    """As the user named it."""
    outcomes: tuple[Outcome, ...]
    """One a mutant, in the order of the lines."""
    untried: int = 0
    """Mutants for which time was too short."""
    where: str = ""
    """File and function."""
    inputs: str = ""
    """What it was driven with."""
    notes: tuple[str, ...] = ()
    """What the reader should know."""
    seconds: float = 0.0
    """Wall clock."""
    seed: int = 0
    """Seed of inputs and directions."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """Versions."""

    @property
    def kinds(self) -> dict[str, Count]:
        """The figures by kind of bug, in the order of their first line."""
        kinds = dict.fromkeys(o.mutant.kind for o in self.outcomes)
        return {kind: counted(tuple(o for o in self.outcomes if o.mutant.kind == kind)) for kind in kinds}

    @property
    def total(self) -> Count:
        """The figures of all."""
        return counted(self.outcomes)

    @property
    def missed(self) -> tuple[Outcome, ...]:
        """Wrong, and not caught."""
        return tuple(o for o in self.outcomes if o.state == "checked" and not o.caught)

    @property
    def exit_code(self) -> int:
        """0 everything was caught, 1 something was missed or not tried, 5 there was nothing to catch."""
        if not self.total.planted:
            return 5
        return 1 if self.missed or self.untried else 0

    def __str__(self) -> str:
        from gradcheck.render.mutation import render_mutation  # above this layer: only for str(report)

        return render_mutation(self)
