"""Whatever is wrong with a TARGET or an option: the right exit code, one clear paragraph, nothing on standard output."""
# ruff: noqa: E501 - tables, one line a case

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

CALL = ("net.py:train", "--call", "train(x, y)", "--no-properties")
THINGS = """\
import numpy as np
number = 3
builtin = len
one = lambda x: x
async def later(): pass
def generator(): yield 1
def raises(): raise ValueError("on purpose")
class Evil:
    def __getattr__(self, name): raise RuntimeError("evil")
evil = Evil()
"""


@dataclass(frozen=True)
class Case:
    """A command that can't be done."""

    args: tuple[str, ...]
    said: tuple[str, ...]
    """What standard error must hold."""
    code: int = 2
    before: str = ""
    files: Mapping[str, str | bytes] = field(default_factory=dict)


def run(*args: str, said: str | tuple[str, ...], **kwargs: Any) -> Case:
    return Case(("run", *args), (said,) if isinstance(said, str) else said, **kwargs)


TARGETS = {
    "no module": run("no_such_net", said="there is no module 'no_such_net'"),
    "no submodule": run("no.such.net", said="there is no module 'no'"),
    "no file": run("nope.py", said=("the file nope.py does not exist", "net.py, script.py")),
    "no attribute": run("net.py:tarin", said=("net has nothing named 'tarin'", "train")),
    "no attribute of a module": run("net:tarin", said="net has nothing named 'tarin'"),
    "no function named": run("net", said=("net declares no target", "net:NAME (there are train)")),
    "nothing named": run("", said="TARGET '' names nothing"),
    "only colons": run("::", said="TARGET '::' names nothing"),
    "nothing after the colon": run("reference_net:", said="expected one name after the colon"),
    "too many names": run("net.py:a,b,c", said="expected one name after the colon, or forward,backward"),
    "a folder": run(".", said="'.' is neither a module's name nor a file that ends in .py"),
    "a folder like a file": run("folder.py", said="folder.py is a folder", files={"folder.py/x.txt": ""}),
    "not UTF-8 in its name": run("\udcff.py", said="does not exist"),
    "arguments unknown": run("net.py:train", said=("train takes x, y", "--call")),
    "a number": run("things.py:number", said="number is an int"),
    "an object": run("things.py:evil", said="evil is a"),
    "a builtin": run("things.py:builtin", said="--call"),
    "a lambda": run("things.py:one", said="takes x"),
    "a function that raises": run("things.py:raises", said=("ValueError: on purpose (things.py:7, in raises)",)),
    "a coroutine": run("things.py:later", said="no gradient", code=5),
    "a generator": run("things.py:generator", said="no gradient", code=5),
}
FILES = {
    "syntax": run("bad.py", said=("bad.py:2 can't be parsed: '(' was never closed.", "x = ( ^"), files={"bad.py": "1\nx = (\n"}),
    "Python 2": run("bad.py", said=("bad.py:1", "print(...)? It reads like Python 2."), files={"bad.py": 'print "a"\n'}),
    "a damaged notebook": run("bad.ipynb", said="bad.ipynb can't be read as a notebook: Unterminated string", files={"bad.ipynb": '{"cells": ["x'}),
    "null bytes": run("bad.py", said="bad.py can't be parsed: source code string cannot contain null", files={"bad.py": "x\0"}),
    "binary": run("bad.py", said="bad.py can't be parsed", files={"bad.py": bytes(range(256))}),
    "not UTF-8": run("bad.py", said="bad.py", files={"bad.py": b'x = "\xff"\n'}),
    "an import that is missing": run("script.py", said=("No module named 'no_such_thing'", "script.py:1"), before="import no_such_thing"),
    "a syntax error further on": run("script.py", said=("never closed", "other.py:1"), before="import other", files={"other.py": "x = ("}),
    "empty": run("empty.py", said="no gradient could be observed", files={"empty.py": ""}, code=5),
    "only functions": run("net.py", said="or name a function, net.py:NAME (there are train)", code=5),
    "no gradient": run("plain.py", said="the names seen are x, z", files={"plain.py": "x = 1.5\nz = x + 1\n"}, code=5),
}  # fmt: skip
RUNNING = {
    "raises": run("script.py", said=("ValueError: early (script.py:1", "raise ValueError('early')"), before="raise ValueError('early')"),
    "raises in a module": run("bad:f", said=("bad raised while it was imported: ZeroDivisionError", "bad.py:1"), files={"bad.py": "1 / 0"}),
    "exits": run("script.py", said="SystemExit: bye (script.py:1", before="import sys; sys.exit('bye')"),
    "exits in a module": run("bad:f", said="ends the program while it is imported: SystemExit: 3", files={"bad.py": "raise SystemExit(3)"}),
    "os._exit": run("script.py", said="SystemExit: 0 (script.py:1", before="import os; os._exit(0)"),
    "aborts": run("script.py", said=("killed by SIGABRT", "script.py:2, in f"), before="import os\ndef f(): os.abort()\nf()"),
    "crashes": run("script.py", said=("killed by SIGSEGV", "script.py:1"), before="import ctypes; ctypes.string_at(0)"),
    "input": run("script.py", said=("waits for input", "script.py:1"), before="input('n? ')"),
    "loops": run("script.py", "--timeout", "1.5", said=("ran for 1.5 s", "script.py:1", "--timeout"), before="while True: pass"),
    "sleeps": run("script.py", "--timeout", "1.5", said=("ran for 1.5 s", "script.py:1"), before="import time; time.sleep(99)"),
    "sleeps in a module": run("bad:f", "--timeout", "1.5", said=("ran for 1.5 s", "bad.py:1"), files={"bad.py": "import time; time.sleep(99)"}),
    "ignores signals": run("script.py", "--timeout", "1.5", said="ran for 1.5 s", before="import signal\nfor s in (2, 15): signal.signal(s, signal.SIG_IGN)\nwhile True:\n  try:\n    while True: pass\n  except BaseException: pass"),
    "KeyboardInterrupt": run("script.py", said="KeyboardInterrupt (script.py:1", before="raise KeyboardInterrupt"),
    "a BaseException": run("script.py", said="Stop: now (script.py:2", before="class Stop(BaseException): pass\nraise Stop('now')"),
    "recursion": run("script.py", said="RecursionError", before="def f(): return f()\nf()"),
    "memory": run("script.py", said=("MemoryError", "script.py:1"), before="import numpy as np; np.ones((10**7, 10**7))"),
    "deletes itself": run("script.py", said=("does not let a target do this", "os.remove"), before="import os; os.remove(__file__)"),
    "kills its parent": run("script.py", said="os.kill", before="import os; os.kill(os.getppid(), 9)"),
}  # fmt: skip
OPTIONS = {
    "loss not a scalar": run(*CALL, "--loss", "Z", said="--loss 'Z': expected a scalar, got an array of shape (7, 3)"),
    "loss NaN": run(*CALL, "--loss", "A.sum() * np.nan", said="--loss 'A.sum() * np.nan' is nan"),
    "loss raises": run(*CALL, "--loss", "Z.sum() + Z[99, 99]", said="raised IndexError"),
    "loss of an unknown name": run(*CALL, "--loss", "out.mean()", said=("no value named 'out'", "x, y, W, b, Z")),
    "loss of no name": run(*CALL, "--loss", "1 / 0", said="names no value of the forward"),
    "loss not Python": run(*CALL, "--loss", "Z.sum(", said="--loss 'Z.sum(' is not a Python expression"),
    "loss empty": run(*CALL, "--loss", " ", said="--loss is empty"),
    "shapes not closed": run(*CALL, "--shapes", "x:(m,", said=("shape spec", "x:(m,")),
    "shapes no spec": run(*CALL, "--shapes", "((", said=("shape spec", "((")),
    "call not Python": run("net.py:train", "--call", "train(x", said="'train(x' is not Python"),
    "call of an unknown name": run("net.py:train", "--call", "train(zz)", said="name 'zz' is not defined"),
    "batch": run(*CALL, "--batch", "4", said="--batch 4: net.py:train can't be rebuilt at another size"),
    "params": run(*CALL, "--params", "nope", said="--params nope"),
    "grad": run(*CALL, "--grad", "foo=W", said="--grad foo"),
    "format that is not built": run(*CALL, "--format", "sarif", said="--format sarif is not built yet"),
}
USAGE = {
    "no command": Case((), ("expected a command: run, diff",)),
    "no such command": Case(("rnu", "net.py"), ("invalid choice: 'rnu'", "did you mean run?")),
    "a TARGET for a command": Case(("net.py",), ("'net.py' is no command; to check it: gradcheck run net.py",)),
    "no TARGET": run(said="expected a TARGET"),
    "one of two": Case(("diff", "net.py"), ("TARGET",)),
    "an option that is not known": run("net.py", "--los", "x", said="--los is nothing that gradcheck run takes; did you mean --loss?"),
    "a number that is none": run("net.py", "--seed", "x", said="--seed: invalid int value: 'x'"),
    "no value": run("net.py", "--loss", said="--loss: expected one argument"),
    "a value with a dash": run("net.py", "--loss", "-J", said="--loss=-J"),
    "seed": run("net.py", "--seed", "-1", said="--seed -1: expected a whole number, 0 or more"),
    "batch": run("net.py", "--batch", "0", said="--batch 0: expected a number of samples"),
    "budget": run("net.py", "--budget", "0", said="--budget 0"),
    "timeout": run("net.py", "--timeout", "0", said="--timeout 0.0: expected a number of seconds above 0"),
    "timeout nan": run("net.py", "--timeout", "nan", said="--timeout nan"),
    "jobs": run("net.py", "--jobs", "0", said="--jobs 0: expected a number of TARGETs"),
    "method": run("net.py", "--method", "centra", said=("invalid choice: 'centra'", "did you mean central?")),
    "format": run("net.py", "--format", "yaml", said="invalid choice: 'yaml'"),
    "quiet and verbose": run("net.py", "-q", "-v", said="-q and -v contradict each other"),
    "call for several": run("net.py", "script.py", "--call", "f()", said="--call 'f()' drives one TARGET, but 2 are given"),
    "grad without =": run("net.py", "--grad", "dW", said="--grad 'dW': expected a gradient's name and its value's"),
    "grad twice": run("net.py", "--grad", "dW=W", "--grad", "dW=b", said="--grad dW=W and --grad dW=b contradict"),
    "grad and params": run("net.py", "--grad", "g=W", "--params", "b", said="--grad g=W and --params b contradict"),
    "call empty": run("net.py", "--call", "", said="--call is empty"),
    "params empty": run("net.py", "--params", ",", said="--params is empty"),
    "output in no folder": run("net.py", "--output", "no/report.txt", said="the folder no does not exist"),
    "output a folder": run("net.py", "--output", ".", said="that is a folder"),
    "output over the code": run("net.py", "--output", "net.py", said="--output net.py: a report is no .py file"),
    "mutate's format": Case(("mutate", "net.py", "--format", "markdown"), ("there are text, json",)),
    "mutate what is wrong": Case(("mutate", "wrong.py:train", "--call", "train(x, y)"), ("has some of its own: see gradcheck run",)),
    "init": Case(("init", "net.py"), ("gradcheck init is not built yet",)),
    "no such code": Case(("explain", "GC299"), ("'GC299' is no code", "GC2")),
    "no code at all": Case(("explain", "x"), ("'x' is no code", "GC101")),
}  # fmt: skip
POSIX = {"aborts", "crashes", "ignores signals", "not UTF-8 in its name"}

ALL = {
    f"{group}: {name}": case
    for group, cases in (("target", TARGETS), ("file", FILES), ("runs", RUNNING), ("option", OPTIONS), ("usage", USAGE))
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", ALL)
def test_one_clear_paragraph(name: str, gradcheck: Callable[..., Any]) -> None:
    if sys.platform == "win32" and name.partition(": ")[2] in POSIX:
        pytest.skip("means nothing on Windows")
    case = ALL[name]
    files = {"things.py": THINGS, **case.files}
    ran = gradcheck(*case.args, before=case.before, files=files, env={"COLUMNS": "80"})
    assert ran.code == case.code, ran.err
    assert ran.out == ""
    assert ran.err.count("gradcheck: ") == 1
    assert ran.err.removeprefix("n? ").startswith("gradcheck: ")  # what input() asks is the user's
    assert "Traceback" not in ran.err
    assert "gradcheck/" not in ran.err  # no frames of ours
    for said in case.said:
        assert said in ran.said
    for line in ran.err.splitlines():
        assert len(line) <= 80 or line.startswith("  ") or " " not in line
    assert not ran.left
