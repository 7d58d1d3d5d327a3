"""A whole script or notebook as a target: run once up to its first training step, of which a small copy is repeated."""

from __future__ import annotations
