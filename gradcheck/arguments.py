"""The command line, read: commands, options, what contradicts what."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from gradcheck import __version__
from gradcheck.errors import UsageError
from gradcheck.options import METHODS, Options

FORMATS = ("text", "json", "markdown", "html", "github", "sarif", "junit")
TIMEOUT = 60.0
"""Seconds for a TARGET, where nothing else is said."""
EXIT_CODES = "exit codes: 0 right, 1 something is wrong, 2 usage or import error, 5 nothing could be checked, 101 a bug"
TARGETS = """\
TARGET is one of
  pkg, pkg.module          its default target, declared in __gradcheck__
  pkg:name                 another target that it declares, a submodule, function or class
  file.py                  a whole script, run as __main__
  file.py:name             a function, class or declared target in it
  file.py:forward,backward a pair: out, cache = forward(x, w); dx, dw = backward(dout, cache)
"""
EXAMPLES = {
    "run": """\
examples:
  gradcheck run reference_net:original
  gradcheck run train.py
  gradcheck run net.py:train --call "train(x[:8], y[:8], epochs=1)"
  gradcheck run net.py:step --loss "((out - y) ** 2).mean()" --params W1,b1
  gradcheck run layers.py:affine_forward,affine_backward --shapes "x:(m,4) w:(4,3) b:(3)"
  gradcheck run net.py:train --format json --output report.json
""",
    "diff": """\
examples:
  gradcheck diff reference_net:original reference_net:corrected
  gradcheck diff old.py:step new.py:step --format markdown
""",
    "mutate": """\
examples:
  gradcheck mutate reference_net
  gradcheck mutate net.py:train --call "train(x[:8], y[:8], epochs=1)" -v
""",
    "shapes": """\
examples:
  gradcheck shapes reference_net
  gradcheck shapes net.py:train --shapes "x:(m,784) W1:(784,h) b1:(h) Z1:(m,h)"
""",
}
CONFIG = "Options may also stand under [tool.gradcheck] in pyproject.toml, `targets` too; the command line wins."


class Parser(argparse.ArgumentParser):
    """argparse, whose errors are UsageErrors like any other and name what was probably meant."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs)

    def error(self, message: str) -> NoReturn:
        message = message.replace("argument ", "", 1)
        near: list[str] = []
        if "invalid choice" in message:
            wrong, _, choices = message.partition("invalid choice: ")[2].partition(" (choose from ")
            near = _near(wrong.strip("'"), re.findall(r"[\w]+", choices))
        if "expected one argument" in message:
            message += "; a value that begins with a dash is joined by =, e.g. --loss=-J"
        meant = f"; did you mean {near[0]}?" if near else "."
        raise UsageError(f"{message}{meant} See {self.prog} --help.")


def _near(word: str, known: Sequence[str]) -> list[str]:
    return difflib.get_close_matches(word, known, 1, 0.6)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read a command line. Raises UsageError; --help and --version print and raise SystemExit."""
    made, commands = _parser()
    asked, rest = made.parse_known_args(argv)
    if asked.command == "run":  # argparse takes no second group of TARGETs behind an option
        asked.targets += [word for word in rest if not word.startswith("-")]
        rest = [word for word in rest if word.startswith("-")]
    if rest:
        of = f"gradcheck {asked.command}" if asked.command else "gradcheck"
        known = [o for o in commands[asked.command]._option_string_actions if len(o) > 2] if asked.command else []
        near = _near(rest[0].partition("=")[0], known)
        meant = f"; did you mean {near[0]}?" if near else "."
        raise UsageError(f"{rest[0]} is nothing that {of} takes{meant} See {of} --help.")
    return asked


def _parser() -> tuple[Parser, Mapping[str, argparse.ArgumentParser]]:
    """Of the whole command line, and of each command."""
    made = Parser(
        prog="gradcheck",
        description="Finds the wrong line in a hand-written backward pass, in Python and NumPy.",
        epilog=f"{TARGETS}\n{EXAMPLES['run']}\n{EXIT_CODES}",
    )
    made.add_argument("--version", action="version", version=f"gradcheck {__version__}")
    commands = made.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def command(name: str, says: str, epilog: str = "") -> argparse.ArgumentParser:
        return commands.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:]}.", epilog=epilog)

    run = command("run", "check a backward pass: shapes, gradients, properties, diagnosis, fix", _epilog("run"))
    run.add_argument("targets", nargs="*", metavar="TARGET", help="what to check; none: those in pyproject.toml")
    _options(run)
    run.add_argument("--jobs", type=int, metavar="N", help="check N TARGETs at a time (default 1)")
    run.add_argument("--fix", action="store_true", help="write the proven fixes into the file")
    diff = command("diff", "two backward passes over the same numbers, layer by layer", _epilog("diff"))
    diff.add_argument("targets", nargs=2, metavar="TARGET", help="the two to compare")
    _options(diff)
    shapes = command("shapes", "the table of every intermediate's shape against its convention", _epilog("shapes"))
    shapes.add_argument("targets", nargs=1, metavar="TARGET", help="what to look at")
    _options(shapes)
    explain = command("explain", "what a finding's code means, with a worked example")
    explain.add_argument("code", metavar="CODE", help="e.g. GC201")
    command("rules", "every code, one line each")
    says = "plant known bugs in a copy of TARGET and count what the check catches"
    mutate = command("mutate", says, _epilog("mutate"))
    mutate.add_argument("targets", nargs=1, metavar="TARGET", help="a backward pass that is right")
    _options(mutate)
    later = command("init", "write a starter test file and config for TARGET (not built yet)")
    later.add_argument("rest", nargs=argparse.REMAINDER, metavar="TARGET")
    return made, commands.choices


def _epilog(command: str) -> str:
    return f"{TARGETS}\n{EXAMPLES[command]}\n{CONFIG}\n{EXIT_CODES}"


def _options(to: argparse.ArgumentParser) -> None:
    what = to.add_argument_group("what can't be read off the code")
    what.add_argument("--loss", metavar="EXPR", help="scalar loss over the code's own names, or auto (default)")
    what.add_argument("--params", metavar="W1,b1", help="what to check (default: all that has a gradient)")
    what.add_argument(
        "--grad", metavar="dW1=W1", action="append", help="a gradient's name that no convention covers (repeatable)"
    )
    what.add_argument("--call", metavar="EXPR", help='how to drive the target, e.g. "train(x[:8], y[:8], epochs=1)"')
    what.add_argument("--shapes", metavar="SPEC", help='e.g. "x:(m,784) W1:(784,h) b1:(h)"; "(m,784)->(m,10)"')
    how = to.add_argument_group("how it is checked")
    how.add_argument("--batch", type=int, metavar="N", help="number of samples, where the target can be rebuilt")
    how.add_argument("--seed", type=int, metavar="N", help="of inputs and random directions (default 0)")
    how.add_argument("--method", choices=METHODS, help="how numeric derivatives are had (default auto)")
    how.add_argument("--full", action="store_true", default=None, help="every tensor entry by entry, however large")
    how.add_argument("--budget", type=int, metavar="N", help="most forward evaluations")
    how.add_argument("--no-properties", action="store_true", default=None, help="leave out the Hypothesis properties")
    how.add_argument("--timeout", type=float, metavar="SECONDS", help=f"for the whole run (default {TIMEOUT:g})")
    how.add_argument(
        "--allow-inconclusive", action="store_true", default=None, help="what could not be seen does not fail the run"
    )
    out = to.add_argument_group("what is printed")
    out.add_argument("--format", choices=FORMATS, help="text (default), or for other programs")
    out.add_argument("--output", metavar="FILE", help="write the report there, not to standard output")
    out.add_argument(
        "-q", "--quiet", action="store_true", default=None, help="the verdict alone; the code's prints go nowhere"
    )
    out.add_argument(
        "-v", "--verbose", action="count", default=None, help="all shapes, and how each figure was had; -vv more"
    )


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the command line says, by the keys of pyproject.toml. Raises UsageError for what can't be read."""
    said = {k: v for k, v in vars(arguments).items() if v is not None and k not in ("command", "targets", "fix")}
    if said.pop("no_properties", False):
        said["properties"] = False
    if "params" in said:
        said["params"] = tuple(n.strip() for n in said["params"].split(",") if n.strip())
    if "grad" in said:
        said["grads"] = _pairs(said.pop("grad"))
    return said


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in (part for t in texts for part in t.split(",")):
        gradient, equals, value = (part.strip() for part in text.partition("="))
        if not (equals and gradient and value):
            raise UsageError(f"--grad {text!r}: expected a gradient's name and its value's, e.g. --grad dW1=W1.")
        if pairs.setdefault(gradient, value) != value:
            raise UsageError(
                f"--grad {gradient}={pairs[gradient]} and --grad {gradient}={value} contradict each other."
            )
    return pairs


def options(values: Mapping[str, Any]) -> Options:
    """The options of the check itself. Raises UsageError for a value that it can't have."""
    own = {f.name for f in fields(Options)}
    return Options(**{"timeout": TIMEOUT, **{name: value for name, value in values.items() if name in own}})


def agree(command: str, targets: Sequence[str], values: Mapping[str, Any]) -> None:
    """Raise UsageError for options that contradict each other or the TARGETs."""
    for name in ("loss", "call", "shapes", "params", "output"):
        if name in values and not (values[name].strip() if isinstance(values[name], str) else values[name]):
            raise UsageError(f"--{name} is empty: leave it out, or say what it should be.")
    if values.get("quiet") and values.get("verbose"):
        raise UsageError("-q and -v contradict each other: give one of them.")
    if values.get("jobs", 1) < 1:
        raise UsageError(f"--jobs {values['jobs']}: expected a number of TARGETs to check at a time, 1 or more.")
    if values.get("format", "text") not in FORMATS:
        raise UsageError(f"--format {values['format']}: expected one of {', '.join(FORMATS)}.")
    if command == "run" and len(targets) > 1 and values.get("call"):
        raise UsageError(
            f"--call {values['call']!r} drives one TARGET, but {len(targets)} are given: {', '.join(targets)}."
        )
    if values.get("output"):
        output = Path(values["output"])
        if output.is_dir():
            raise UsageError(f"--output {output}: that is a folder; expected a file, e.g. {output / 'report.txt'}.")
        if output.suffix in (".py", ".ipynb", ".toml"):
            raise UsageError(f"--output {output}: a report is no {output.suffix} file; expected e.g. report.txt.")
        if not output.parent.is_dir():
            raise UsageError(f"--output {output}: the folder {output.parent} does not exist.")
