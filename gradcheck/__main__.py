"""`python -m gradcheck`."""

from __future__ import annotations

import sys

if not sys.flags.safe_path:
    del sys.path[0]  # the user's folder must not shadow what gradcheck imports; the child process puts it back

from gradcheck.cli import main

if __name__ == "__main__":
    sys.exit(main())
