"""The target runs in a child process: killed when time is up, unable to write, its crash an answer like any other."""

from __future__ import annotations

from gradcheck.child.job import Job, Outcome
from gradcheck.child.process import outcomes

__all__ = ["Job", "Outcome", "outcomes"]
