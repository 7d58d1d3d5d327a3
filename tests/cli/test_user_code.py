"""What the user's code does while it is checked: where its output goes, what it may not do, what it leaves."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

QUICK = ("run", "script.py", "--no-properties")
Gradcheck = Callable[..., Any]

PRINTS = """
import ctypes, os, sys
print("printed")
os.write(1, b"written\\n")
sys.__stdout__.write("dunder\\n")
print("warned", file=sys.stderr)
sys.stdout.flush()
ctypes.CDLL(None).puts(b"in C")
ctypes.CDLL(None).fflush(None)
"""
WORDS = ["printed", "written", "dunder", "warned", "in C"]
posix = pytest.mark.skipif(sys.platform == "win32", reason="the C library is found in another way")


@posix
@pytest.mark.parametrize("where", ["before", "after"])
def test_prints_go_to_standard_error_once(gradcheck: Gradcheck, where: str) -> None:
    ran = gradcheck(*QUICK, **{where: PRINTS})
    assert ran.code == 0
    assert ran.out.startswith("script.py · seed 0")
    assert sorted(ran.err.split("\n")) == sorted(["", *WORDS])


@posix
def test_quiet_prints_go_nowhere(gradcheck: Gradcheck) -> None:
    ran = gradcheck(*QUICK, "-q", before=PRINTS, after=PRINTS)
    assert (ran.code, ran.out, ran.err) == (0, "✓ script.py: all 3 gradients right\n", "")


@pytest.mark.parametrize("args", [("shapes", "loud"), ("diff", "loud", "reference_net")])
def test_prints_of_shapes_and_diff_go_to_standard_error(gradcheck: Gradcheck, args: tuple[str, ...]) -> None:
    loud = 'from reference_net import *\nfrom reference_net import __gradcheck__\nprint("printed")\n'
    ran = gradcheck(*args, files={"loud.py": loud})
    assert "printed" not in ran.out
    assert ran.err == "printed\n"


AFTER = {
    "loops": "while True: pass",
    "sleeps": "import time; time.sleep(99)",
    "asks": "input('more? ')",
    "raises": "raise ValueError('late')",
    "raises a BaseException": "class Stop(BaseException): pass\nraise Stop",
    "exits": "import sys; sys.exit(3)",
    "os._exit": "import os; os._exit(3)",
    "waits for a thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()",
    "waits at exit": "import atexit, time; atexit.register(time.sleep, 99)",
    "shows a plot": "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.savefig('plot.png'); plt.show()",
    "stops in the debugger": "breakpoint()",
    "reads its arguments": "import argparse; argparse.ArgumentParser().parse_args()",
    "goes elsewhere": "import os; os.mkdir('deep'); os.chdir(os.sep)",
}


@pytest.mark.slow
@pytest.mark.parametrize("what", AFTER)
def test_what_comes_after_the_backward_step_does_not_matter(gradcheck: Gradcheck, what: str) -> None:
    if "matplotlib" in AFTER[what]:
        pytest.importorskip("matplotlib")
    runs_on = what in ("loops", "sleeps")
    ran = gradcheck(*QUICK, "--timeout", "8" if runs_on else "60", after=AFTER[what])
    assert ran.code == 0, ran.err
    assert "✓ all 3 gradients right" in ran.out
    assert ("the code runs on at script.py:18" in ran.out) == runs_on
    assert not ran.left


SAVES = """
open("log.txt", "a").write("x")
np.savez("weights.npz", W=W); np.save("w.npy", W); np.savetxt("w.txt", W)
import os, pathlib, pickle
os.makedirs("out/run", exist_ok=True)
pathlib.Path("out/run/a.txt").write_text("hi")
assert open("out/run/a.txt").read() == "hi"
assert np.load("w.npy").shape == W.shape
with open("w.pkl", "wb") as f: pickle.dump(W, f)
print("saved")
"""


def test_what_it_saves_is_not_there(gradcheck: Gradcheck) -> None:
    ran = gradcheck(*QUICK, before="log = open('early.txt', 'w'); log.write('begun')", after=SAVES)
    assert ran.code == 0, ran.out
    assert ran.err == "saved\n"
    assert not ran.left
    said = " ".join(ran.out.split())
    assert "a check leaves nothing behind; not written: early.txt (script.py:1), log.txt" in said


def test_what_is_there_is_not_changed(gradcheck: Gradcheck, folder: Path) -> None:
    before = "with open('kept.txt', 'a') as f: f.write('more')\nassert open('kept.txt').read().startswith('oldmore')"
    after = "open('kept.txt', 'r+').write('oldmore')"
    ran = gradcheck(*QUICK, before=before, after=after, files={"kept.txt": "old"})
    assert ran.code == 0, ran.err
    assert (folder / "kept.txt").read_text() == "old"


TRIES = """
import ctypes, os, shutil, socket, sqlite3, subprocess, tempfile, urllib.request
def remove(): os.remove("kept.txt")
def rename(): os.rename("kept.txt", "b.txt")
def replace(): os.replace("kept.txt", "b.txt")
def rmdir(): os.rmdir("empty")
def low(): os.open("a.txt", os.O_WRONLY | os.O_CREAT)
def truncate(): os.truncate("kept.txt", 0)
def chmod(): os.chmod("kept.txt", 0)
def link(): os.link("kept.txt", "b.txt")
def symlink(): os.symlink("kept.txt", "b.txt")
def utime(): os.utime("kept.txt")
def copy(): shutil.copyfile("kept.txt", "b.txt")
def move(): shutil.move("kept.txt", "b.txt")
def rmtree(): shutil.rmtree("empty")
def database(): sqlite3.connect("b.db")
def system(): os.system("touch a.txt")
def popen(): subprocess.run(["touch", "a.txt"])
def spawn(): os.posix_spawn("/bin/touch", ["touch", "a.txt"], {})
def fork(): os.fork()
def execute(): os.execv("/bin/touch", ["touch", "a.txt"])
def connect(): socket.create_connection(("127.0.0.1", 9))
def bind(): socket.socket().bind(("127.0.0.1", 0))
def lookup(): socket.getaddrinfo("localhost", 80)
def fetch(): urllib.request.urlopen("http://127.0.0.1:9/")
def kill(): os.kill(os.getppid(), 0)
for f in (remove, rename, replace, rmdir, low, truncate, chmod, link, symlink, utime, copy, move, rmtree, database,
          system, popen, spawn, fork, execute, connect, bind, lookup, fetch, kill):
    try: f()
    except PermissionError as error: assert "gradcheck does not let" in str(error), f
    except Exception as error: print(f.__name__, type(error), error)
    else: print(f.__name__, "was let through")
# and what is allowed
with tempfile.TemporaryDirectory() as d:
    open(os.path.join(d, "x"), "w").write("x"); os.rename(os.path.join(d, "x"), os.path.join(d, "y"))
    os.makedirs(os.path.join(d, "deep", "er"))
assert not os.path.exists(d)
with tempfile.NamedTemporaryFile() as f: f.write(b"x")
open(os.devnull, "w").write("x")
sqlite3.connect(":memory:"); ctypes.CDLL(None); socket.socket().close()
print("done")
"""


@posix
def test_what_is_refused(gradcheck: Gradcheck, folder: Path) -> None:
    ran = gradcheck(*QUICK, before=TRIES, files={"kept.txt": "old", "empty/.keep": ""})
    assert ran.err == "done\n"
    assert ran.code == 0
    assert not ran.left
    assert (folder / "kept.txt").read_text() == "old"
    assert (folder / "empty").is_dir()
    assert "refused: os.remove(kept.txt) at script.py:3" in " ".join(ran.out.split())


def test_a_refusal_after_the_step_is_no_fault_of_the_gradients(gradcheck: Gradcheck) -> None:
    ran = gradcheck(*QUICK, after="import subprocess; subprocess.run(['touch', str(W.shape)])")
    assert ran.code == 0
    assert "refused: subprocess.Popen touch (5, 3) at script.py:18" in " ".join(ran.out.split())


def test_a_package_in_the_current_folder_is_found(gradcheck: Gradcheck) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/nets/__init__.py": "from script import *",
        "pkg/nets/two.py": "import pkg.nets",
    }
    ran = gradcheck("run", "pkg.nets:W", files=files)
    assert ran.code == 2
    assert "W is a" in ran.said  # it was imported
    assert not ran.left


def test_the_users_modules_do_not_shadow_what_gradcheck_needs(gradcheck: Gradcheck) -> None:
    names = ["random", "numbers", "queue", "hypothesis", "tempfile", "textwrap", "tabulate", "platform"]
    files = {f"{name}.py": "raise RuntimeError('the wrong one')" for name in names}
    ran = gradcheck("run", "script.py", files=files)
    assert (ran.code, ran.err) == (0, "")


def test_a_script_that_changes_the_path_and_the_warnings(gradcheck: Gradcheck) -> None:
    before = (
        "import sys, warnings, logging\nsys.path.clear(); warnings.simplefilter('error'); sys.setrecursionlimit(200)"
    )
    ran = gradcheck(*QUICK, before=before, env={"PYTHONWARNINGS": "error"})
    assert (ran.code, ran.err) == (0, "")


SLOWER = """\
import time

import numpy as np

BEGUN = time.monotonic()


def squashed(z):
    if time.monotonic() > BEGUN + 0.8:
        time.sleep(PAUSE)
    return np.tanh(z)


def train(x, y, W, V):
    h = squashed(x @ W)
    out = h @ V
    loss = ((out - y) ** 2).mean()
    dout = 2 * (out - y) / out.size
    dV = h.T @ dout
    dh = dout @ V.T
    dz = dh * (1 - h**2)
    dW = x.T @ dz
    return dW, dV
"""


@pytest.mark.parametrize(("pause", "why"), [("0.05", "time limit reached"), ("99", "ended after")])
def test_time_that_runs_out_while_measuring(gradcheck: Gradcheck, pause: str, why: str) -> None:
    """What was measured is told, also where the code hangs and has to be killed."""
    shapes = "x:(m,160) y:(m,2) W:(160,120) V:(120,2)"
    command = ("run", "slow.py:train", "--shapes", shapes, "--full", "--timeout", "2", "--format", "json")
    ran = gradcheck(*command, files={"slow.py": SLOWER.replace("PAUSE", pause)})
    told = json.loads(ran.out)
    verdicts = {c["name"]: c["verdict"] for c in told["comparisons"]}
    assert ran.code == 1, ran.err
    assert verdicts["dout"] == "pass"
    assert verdicts["dW"] == "inconclusive"
    assert why in " ".join([*told["notes"], *(str(c["reason"]) for c in told["comparisons"])])
