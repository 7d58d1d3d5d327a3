"""Find the wrong line in a hand-written backward pass."""

__version__ = "0.1.0"
