"""`python -m gradcheck`."""

from __future__ import annotations

import os
import sys


def _without_current_folder() -> None:
    """The user's folder must not shadow what gradcheck imports; the child process puts it first again."""
    try:
        here = os.getcwd()
    except OSError:  # a folder that was removed: told later
        here = ""
    if not sys.flags.safe_path and sys.path[:1] in ([""], [here]):
        del sys.path[0]


if __name__ == "__main__":
    _without_current_folder()
    from gradcheck.cli import main

    sys.exit(main())
