"""What a proven edit says of the line: its cause, in words, and with a code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gradcheck.blame.judged import Judged
from gradcheck.codes import CODES
from gradcheck.compare import Verdict
from gradcheck.fix.edit import Edit, Kind
from gradcheck.fix.line import Line
from gradcheck.fix.raising import RAISED
from gradcheck.fix.repair import Repair
from gradcheck.rules.evidence import place
from gradcheck.rules.finding import Finding, Fix

VAGUE = frozenset({"GC101", "GC901"})
"""Codes that say that something is wrong, not what: a proven edit knows better."""

_CAUSES: Mapping[Kind, tuple[str, str, str]] = {
    "transpose": ("GC104", "takes {old} where {new} is due", "one is the other's transpose"),
    "keepdims": ("GC105", "has an axis too many or too few", "keepdims decides that"),
    "axis": ("GC201", "sums over the wrong axis", "{new} is right"),
    "axis-missing": ("GC202", "sums over everything", "{new} is right"),
    "sum-missing": ("GC203", "is not summed", "the value is shared along that axis, so its gradient is a sum over it"),
    "sum-extra": ("GC204", "is summed once too often", "the sum is taken elsewhere, or not at all"),
    "mean": ("GC303", "takes a {old} where a {new} is due", "the two differ by the number of entries"),
    "factor-missing": ("GC301", "lacks a constant factor, {new}", "no later line puts it in"),
    "factor-extra": ("GC301", "has a constant factor too many, {old}", "no later line takes it out"),
    "factor-wrong": ("GC301", "has the wrong constant factor: {old} where {new} is due", "no later line makes it good"),
    "literal": ("GC301", "has the wrong number: {old} where {new} is due", "the rest of the line is right"),
    "sign": ("GC302", "has the wrong sign", "{change}"),
    "operand": ("GC321", "takes {old} where {new} is due", "both have the right shape, so nothing is raised"),
    "exchanged": ("GC321", "is given what {old} is due", "{new} is the order of what the statement names"),
    "step": ("GC321", "takes {old} where {new} is due", "both are there, so nothing is raised"),
    "time": (
        "GC364",
        "takes {old} where {new} is due, of another step of time",
        "each turn of the loop back has to do with what the forward had at the same step{used}",
    ),
    "product": ("GC322", "has {old} where {new} is due", "* multiplies entry by entry, @ is the matrix product"),
    "derivative-missing": (
        "GC311",
        "lacks the activation's derivative",
        "what flows back through an activation is multiplied by its derivative, here {new}",
    ),
    "derivative-wrong": (
        "GC312",
        "takes the wrong derivative of the activation",
        "{old} is not this activation's derivative, {new} is",
    ),
    "derivative-place": (
        "GC313",
        "takes the activation's derivative at the wrong value",
        "this form of the derivative is one of {new}, not of {old}",
    ),
    "derivative-extra": (
        "GC314",
        "has a derivative too many",
        "{old} is not on this line's way back, or was taken into account before",
    ),
    "mask-missing": ("GC331", "lacks the forward's mask", "what the forward set to zero passes nothing back: {new}"),
    "mask-wrong": ("GC332", "has the wrong mask", "what passes back is what passed forward: {change}"),
    "mask-extra": ("GC333", "has a mask too many", "{old} is not on this line's way back"),
    "penalty-missing": (
        "GC341",
        "lacks the penalty's gradient",
        "the loss has a penalty on the weights, whose gradient is {new}",
    ),
    "penalty-wrong": (
        "GC342",
        "has the wrong factor before the penalty's gradient",
        "the gradient of the loss's penalty is {new}",
    ),
    "penalty-extra": ("GC343", "has a penalty that the loss does not have", "nothing in the loss gives {old}"),
    "order": ("GC323", "is computed too early", "what it is computed from is set by a later line, {old}"),
    "line-missing": ("GC362", "lacks a contribution", "the line that adds it is missing, {new}"),
    "dropped": ("GC362", "goes nowhere", "nothing takes what the call hands back: {new}"),
    "update-missing": ("GC604", "never moves", "a line is missing, {new}"),
    "accumulate": (
        "GC351",
        "forgets what was there before",
        "the value is used several times, and the gradients of all its uses add up",
    ),
    "overwrite": ("GC352", "adds to what was there before", "nothing that it is added to belongs to it"),
    "term-missing": (
        "GC362",
        "lacks one of its paths",
        "the value is used on another way as well, whose gradient is added: {new}",
    ),
    "term-extra": ("GC371", "has a term too many", "{old} does not belong to it, or not so"),
}
"""Code, headline and reason of each kind of edit, with {old}, {new} and {change} of the edit."""


def with_fixes(findings: Sequence[Finding], repaired: Repair) -> list[Finding]:
    """The findings with their proven edits, and where the finding knew no cause with the one that the edit shows."""
    found: list[Finding] = []
    for finding in findings:
        name = finding.tensor or ""
        if (finding.severity != "error" and finding.code != "GC604") or name not in repaired.fixes:
            found.append(finding)
            continue
        edit, fix = repaired.fixes[name]
        line = repaired.moved.get(name)
        if line is not None and line.site.last == name:  # of a gradient made on several lines another one is meant
            found.append(replace(caused(finding, edit), fix=fix, **place(line.site)))
        elif line is not None:
            stale = edit.kind == "order" and finding.code == "GC361"
            at_fault = _stale(finding, line) if stale else caused(_at(line, repaired), edit)
            at_fault = replace(at_fault, fix=fix)
            told = {(f.code, f.tensor, f.line) for f in found}  # at one turn of a loop it is another layer's
            found += [at_fault] if (at_fault.code, at_fault.tensor, at_fault.line) not in told else []
        else:
            vague = finding.code in VAGUE or (edit.kind == "time" and finding.code in ("GC362", "GC363"))
            found.append(_at_its_part(replace(caused(finding, edit) if vague else finding, fix=fix), edit, fix))
    return found


def _at_its_part(finding: Finding, edit: Edit, fix: Fix) -> Finding:
    """Of a statement over several lines the finding at the one that the edit is of."""
    first = finding.line or fix.line
    if edit.around or not first < fix.line <= first + edit.text.count("\n"):
        return finding
    source = next(line[1:] for line in fix.diff.splitlines() if line[:1] == "-" and line[1:].strip() in fix.old)
    return replace(finding, line=fix.line, source=source, span=(len(source) - len(source.lstrip()), len(source)))


def unraised(repaired: Repair) -> list[Finding]:
    """The line that has made a later one raise, with its proven edit; empty where none was found."""
    if RAISED not in repaired.fixes:
        return []
    edit, fix = repaired.fixes[RAISED]
    return [replace(caused(_at(repaired.moved[RAISED], replace(repaired, moved={})), edit), fix=fix)]


def relocated(judged: Sequence[Judged], repaired: Repair) -> tuple[Judged, ...]:
    """What is wrong only because a line is that no gradient is known of inherits from that line."""
    return tuple(_relocated(j, repaired.moved.get(j.gradient.name)) for j in judged)


def _relocated(judged: Judged, line: Line | None) -> Judged:
    if line is None:
        return judged
    own = next((v for v in judged.gradient.versions if v.site.number == line.site.number), None)
    if own is not None and judged.gradient.rate is None:
        seen = Verdict.FAIL if judged.verdict is Verdict.SKIPPED else judged.verdict
        return replace(judged, gradient=replace(judged.gradient, value=own), verdict=seen)
    return replace(judged, verdict=Verdict.INHERITED, reason="", inherited_from=_name(line))


def _at(line: Line, repaired: Repair) -> Finding:
    resting = sorted(name for name, where in repaired.moved.items() if where is line)
    evidence = {"resting": resting}
    return Finding("GC901", "unexplained", "error", "", "", "", _name(line), **place(line.site), evidence=evidence)


def _stale(finding: Finding, line: Line) -> Finding:
    """That a parameter is used after its update, told of the line that uses it."""
    name, of = _name(line), finding.evidence["parameter"]
    return replace(
        finding,
        headline=f"{name} is computed from {of} after its update",
        message=f"Line {finding.evidence['update_line']} updates {of}, and then {name} is computed from the new one."
        " From the parameters as the forward used them, all that rests on it agrees with the numeric derivative."
        " Compute every gradient before the first update.",
        tensor=name,
        **place(line.site),
    )


def _name(line: Line) -> str:
    words = {"return": f"what {line.site.name} returns", "result": f"what {line.site.name} hands back"}
    return words.get(line.site.kind, line.site.name)


def caused(finding: Finding, edit: Edit) -> Finding:
    """A finding that knew no cause, with the one that a proven edit shows."""
    code, headline, reason = _CAUSES[edit.kind]
    words = {"old": _short(edit.old), "new": _short(edit.new), "change": _change(edit), "used": _used(finding)}
    said = headline.format(**words)
    return replace(
        finding,
        code=code,
        category=CODES[code][0],
        headline=f"{finding.tensor} {said}",
        message=f"{finding.tensor} {said}: {reason.format(**words)}. With that put right it agrees with the numeric"
        " derivative.",
        verdict=said,
        evidence={**finding.evidence, "old": edit.old, "new": edit.new},
    )


def _used(finding: Finding) -> str:
    """Where the forward uses what the gradient belongs to, as far as the finding knows."""
    used = finding.evidence.get("used")
    return f"; {finding.evidence['of']} is used at {', '.join(used)}" if used else ""


def _change(edit: Edit) -> str:
    if edit.old and edit.new:
        return f"{_short(edit.new)} for {_short(edit.old)}"
    return f"with {_short(edit.new)}" if edit.new else f"without {_short(edit.old)}"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else f"{flat[:57]}..."
