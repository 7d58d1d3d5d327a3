"""An interpreter that has imported gradcheck, and forks for each command that it reads: see conftest.py."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from pathlib import Path


def main() -> None:
    del sys.path[0]
    requests, answers = os.fdopen(os.dup(0), "r"), os.fdopen(os.dup(1), "w")
    load()
    gc.freeze()
    for request in requests:
        args, folder, environment, out, err, limit = json.loads(request)
        pid = os.fork()
        if pid == 0:
            requests.close()
            answers.close()
            os.environ.clear()
            os.environ.update(environment)
            become(out, err, folder, limit)
            from gradcheck.cli import main as command

            sys.argv = [str(Path(sys.modules["gradcheck"].__file__ or "").with_name("__main__.py")), *args]
            code = command(args)
            sys.stdout.flush()
            os._exit(code)  # taking a whole interpreter down takes longer than most commands
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), file=answers, flush=True)


def load() -> None:
    """All that a run imports; one thread for the sums, as in every child of the command."""
    from gradcheck.child import Job, inside
    from gradcheck.options import Options

    for command in ("run", "mutate"):
        inside.prepare(Job(command, ("reference_net",), Options()))
    import gradcheck.render  # noqa: F401


def become(out: str, err: str, folder: str, limit: int) -> None:
    """Take a command's place: its folder, its standard streams, a time after which it is ended."""
    signal.alarm(limit)
    os.chdir(folder)
    for descriptor, name in ((0, os.devnull), (1, out), (2, err)):
        flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        opened = os.open(name, flags)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8", closefd=False)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", encoding="utf-8", closefd=False)  # type: ignore[misc]


if __name__ == "__main__":
    main()
