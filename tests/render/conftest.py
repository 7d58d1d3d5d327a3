"""Reports built by hand: what each renderer has to show."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from gradcheck.compare import Comparison, Verdict, Worst
from gradcheck.report import DiffReport, DiffRow, Loss, PropertyResult, Report, ShapeRow
from gradcheck.rules.finding import Finding, Fix

ORIGINAL = "reference_net/original.py"
CORRECTED = "reference_net/corrected.py"


def comparison(name: str, verdict: Verdict = Verdict.PASS, **fields) -> Comparison:
    """A gradient that is right unless told otherwise."""
    given = {
        "of": name.removeprefix("d"),
        "kind": "intermediate" if name.startswith(("dZ", "dA")) else "parameter",
        "file": ORIGINAL,
        "line": 60,
        "shape": (10,),
        "scale": 1.0,
        "cosine": 1.0,
        "max_abs_error": 1e-11,
        "max_rel_error": 4e-10,
        "error_estimate": 2e-10,
        "resolution": 2e-9,
        "resolution_kind": "entry",
        "evaluations": 16,
    }
    given.update(fields)
    given.setdefault("expected_shape", given["shape"])
    return Comparison(name=name, verdict=verdict, **given)


UNMEASURED = {
    "scale": None,
    "cosine": None,
    "max_abs_error": None,
    "max_rel_error": None,
    "error_estimate": None,
    "resolution": None,
}


def fix(line: int, old: str, new: str, proof: str = "3 fresh batches") -> Fix:
    diff = f"--- {ORIGINAL}\n+++ {ORIGINAL}\n@@ -{line} +{line} @@\n-    {old}\n+    {new}\n"
    return Fix(line=line, old=old, new=new, diff=diff, verified=True, proof=proof)


def original() -> Report:
    """The founding case: three lines wrong, one layout, an unstable softmax."""
    dz2 = comparison("dZ2", line=59, shape=(13, 10), scale=13.0, scale_name="m", max_rel_error=2e-11)
    dz1 = comparison("dZ1", line=62, shape=(13, 10), scale=13.0, scale_name="m", max_rel_error=6e-11)
    dw2 = comparison(
        "dW2",
        Verdict.FAIL,
        line=60,
        shape=(10, 10),
        scale=0.3077,
        cosine=0.31,
        max_abs_error=4.2,
        max_rel_error=1.42,
        error_estimate=3e-10,
        worst=Worst((3, 1), 0.512345678, -0.25),
    )
    db2 = comparison("db2", Verdict.FAIL, line=61, shape=(13,), expected_shape=(10,), **UNMEASURED)
    dw1 = comparison("dW1", line=63, shape=(10, 784), expected_shape=(784, 10), layout="transposed")
    db1 = comparison("db1", Verdict.FAIL, line=64, shape=(), expected_shape=(10,), **UNMEASURED)
    findings = (
        Finding(
            code="GC102",
            category="transposed",
            severity="error",
            headline="dW2 is transposed",
            message="dW2 agrees with the numeric derivative once transposed. W2 is square, (10, 10), so that "
            "nothing is raised; with 12 hidden units this line would not run.",
            verdict="transposed",
            tensor="dW2",
            file=ORIGINAL,
            line=60,
            source="    dW2 = dZ2.T.dot(A1) / m",
            span=(10, 23),
            evidence={"permutation": [1, 0]},
            fix=fix(60, "dW2 = dZ2.T.dot(A1) / m", "dW2 = A1.T.dot(dZ2) / m"),
        ),
        Finding(
            code="GC201",
            category="wrong-axis",
            severity="error",
            headline="db2 sums over the wrong axis",
            message="b2 has one entry per class, (10,); a sum over axis 1 leaves one per sample, (13,), and "
            "those are all zero: every row of a softmax's dZ2 sums to zero. At m = 10 the shapes agree and "
            "nothing is raised.",
            verdict="sums over the wrong axis",
            tensor="db2",
            file=ORIGINAL,
            line=61,
            source="    db2 = dZ2.sum(axis=1) / m",
            span=(18, 24),
            fix=fix(61, "db2 = dZ2.sum(axis=1) / m", "db2 = dZ2.sum(axis=0) / m"),
        ),
        Finding(
            code="GC202",
            category="missing-reduction",
            severity="error",
            headline="db1 sums over everything",
            message="The sum of all of dZ1 is one number, and the update spreads it over every entry of b1.",
            verdict="sums over everything",
            tensor="db1",
            file=ORIGINAL,
            line=64,
            source="    db1 = dZ1.sum() / m",
            span=(10, 19),
            fix=fix(64, "db1 = dZ1.sum() / m", "db1 = dZ1.sum(axis=0) / m"),
        ),
        Finding(
            code="GC103",
            category="layout",
            severity="warning",
            headline="dW1 is transposed; the update at line 72 puts it right",
            message="The values are right.",
            verdict="layout put right at 72",
            tensor="dW1",
            file=ORIGINAL,
            line=63,
            source="    dW1 = dZ1.T.dot(x) / m",
            span=(10, 22),
        ),
        Finding(
            code="GC401",
            category="forward",
            severity="warning",
            headline="softmax subtracts the maximum of the whole matrix: rows [0, 1] and [800, 801] give 0/0 in "
            "the first",
            message="Subtract each row's own maximum.",
            verdict="",
            tensor="A2",
            file=ORIGINAL,
            line=31,
            source="    e = np.exp(Z - Z.max())",
            span=(19, 26),
        ),
    )
    return Report(
        target="reference_net:original",
        verdict=Verdict.FAIL,
        comparisons=(dz2, dw2, db2, dz1, dw1, db1),
        findings=findings,
        shapes=(
            ShapeRow("x", "(m, 784)", (13, 784), Verdict.PASS, "", ORIGINAL, 40),
            ShapeRow("Z1", "(m, 10)", (13, 10), Verdict.PASS, "", ORIGINAL, 41),
            ShapeRow("e", "", (13, 10), Verdict.SKIPPED, "", ORIGINAL, 31),
            ShapeRow(
                "db1",
                "(h,)",
                (),
                Verdict.FAIL,
                "db1: expected (h,) = (10,), got (); h=10 was set by W1 axis 1",
                ORIGINAL,
                64,
            ),
        ),
        loss=Loss("mean softmax cross-entropy of A2 and labels", True, 28.4123, "dZ2 is its gradient times m = 13"),
        where="reference_net/original.py, train",
        inputs="13 digits of MNIST",
        forward=("x", "Z1", "A1", "Z2", "A2"),
        evaluations=462,
        seconds=0.0412,
        environment={"python": "3.11.7", "numpy": "2.4.6"},
    )


def corrected() -> Report:
    """The same network put right."""
    shapes = {"dZ2": (13, 10), "dW2": (10, 10), "db2": (10,), "dZ1": (13, 10), "dW1": (784, 10), "db1": (10,)}
    rows = tuple(
        comparison(
            name,
            file=CORRECTED,
            line=50 + place,
            shape=shape,
            scale=13.0 if name.startswith("dZ") else 1.0,
            scale_name="m" if name.startswith("dZ") else "",
        )
        for place, (name, shape) in enumerate(shapes.items())
    )
    return replace(
        original(),
        target="reference_net:corrected",
        verdict=Verdict.PASS,
        comparisons=rows,
        findings=(),
        where="reference_net/corrected.py, train",
        shapes=original().shapes[:2],
        properties=(
            PropertyResult("permuting samples changes nothing", Verdict.PASS, examples=25),
            PropertyResult("a batch is the mean of its samples", Verdict.PASS, examples=25),
        ),
    )


def properties() -> Report:
    """Right in every gradient, wrong in a property."""
    return replace(
        corrected(),
        verdict=Verdict.FAIL,
        properties=(
            PropertyResult("permuting samples changes nothing", Verdict.PASS, examples=25),
            PropertyResult(
                "a batch is the mean of its samples",
                Verdict.FAIL,
                examples=4,
                reason="db1 of two equal samples is twice that of one",
                counterexample="x  = [[1.0], [1.0]]\nW1 = [[1.0]]\nb1 = [0.0]",
                reproduce="gradcheck run reference_net:corrected --seed 3",
            ),
            PropertyResult(
                "extreme logits stay finite",
                Verdict.FAIL,
                severity="warning",
                examples=9,
                reason="A2 is NaN",
                counterexample="Z2 = [[0, 1], [800, 801]]",
            ),
            PropertyResult("float32 agrees", Verdict.SKIPPED, reason="the target casts to float64 itself"),
        ),
    )


def inconclusive() -> Report:
    """A kink within every step of one gradient."""
    rows = corrected().comparisons
    unsure = replace(
        rows[4],
        verdict=Verdict.INCONCLUSIVE,
        reason="a kink lies within every step",
        max_rel_error=0.02,
        error_estimate=0.5,
        resolution=None,
    )
    return replace(corrected(), verdict=Verdict.INCONCLUSIVE, comparisons=(*rows[:4], unsure, rows[5]), properties=())


def inherited() -> Report:
    """One line wrong, two that only pass it on."""
    rows = list(corrected().comparisons)
    rows[3] = replace(rows[3], verdict=Verdict.FAIL, max_rel_error=0.71, reason="lacks the ReLU's mask")
    rows[4] = replace(rows[4], verdict=Verdict.INHERITED, max_rel_error=0.5, reason="from dZ1")
    rows[5] = replace(rows[5], verdict=Verdict.INHERITED, max_rel_error=0.6, reason="dZ1")
    return replace(corrected(), verdict=Verdict.FAIL, comparisons=tuple(rows), properties=())


def not_a_number() -> Report:
    """NaN and infinite figures, one of them called right by mistake."""
    rows = list(corrected().comparisons)
    rows[1] = replace(
        rows[1],
        verdict=Verdict.FAIL,
        reason="NaN at (0, 3)",
        max_rel_error=math.nan,
        max_abs_error=math.inf,
        cosine=math.nan,
        worst=Worst((0, 3), math.nan, 0.5),
    )
    rows[2] = replace(rows[2], max_rel_error=math.nan)
    return replace(
        corrected(),
        verdict=Verdict.FAIL,
        comparisons=tuple(rows),
        loss=Loss("loss", False, math.nan),
        properties=(),
    )


def long_names() -> Report:
    """Paths, names and lines that no screen has room for."""
    file = "/home/someone/projects/deep_learning/coursework/attention/networks/transformer_block.py"
    other = "/home/someone/projects/deep_learning/coursework/attention/networks/feed_forward.py"
    name = "d_layers[12].self_attention.query_projection_weights"
    call = "np.einsum('bthd,bshd->bhts', upstream_gradient_of_scores, keys_before_rotation, optimize=True)"
    source = f"    {name} = {call}.reshape(batch_size * sequence_length, heads * head_size).T.dot(inputs) / tokens"
    at = source.index(".T.dot")
    rows = (
        comparison(name, Verdict.FAIL, of=name[2:], file=file, line=1234, shape=(512, 8, 64), max_rel_error=0.8),
        comparison("dW", file=other, line=9, of="feed_forward.weights", shape=(2048, 512)),
    )
    fixed = source.strip().replace(".T.dot(inputs)", ".T @ inputs")
    return Report(
        target=f"{file}:TransformerBlock",
        verdict=Verdict.FAIL,
        comparisons=rows,
        findings=(
            Finding(
                code="GC102",
                category="transposed",
                severity="error",
                headline=f"{name} is transposed where the heads are put together again",
                message=f"See {file}:1200 for the forward. " + "x" * 150 + " is a word without an end.",
                verdict="transposed where the heads are put together again",
                tensor=name,
                file=file,
                line=1234,
                source=source,
                span=(at, at + 6),
                fix=Fix(1234, source.strip(), fixed, "", True),
            ),
        ),
        where=f"{file}, TransformerBlock.backward",
        inputs="a batch of 3 sequences of 5 tokens",
        forward=("x", name),
        evaluations=1,
        seconds=12.3,
    )


def unicode_names() -> Report:
    """Greek names, as people write them."""
    rows = (
        comparison("∂σ", Verdict.FAIL, of="σ", file="réseau.py", line=7, max_rel_error=2.0),
        comparison("dθ", of="θ", file="réseau.py", line=9),
    )
    finding = Finding(
        code="GC301",
        category="sign",
        severity="error",
        headline="∂σ has the wrong sign",
        message="∂σ is −1 × its numeric derivative.",
        verdict="wrong sign",
        tensor="∂σ",
        file="réseau.py",
        line=7,
        source="\t∂σ = -σ * (1 − σ)  # 重み",
        span=(6, 7),
    )
    return Report("réseau.py", Verdict.FAIL, rows, findings=(finding,), forward=("θ", "σ"), seed=3)


def one_tensor() -> Report:
    """The least there can be."""
    row = comparison("dx", of="x", kind="input", file="f.py", line=3, resolution=None, shape=(3,))
    return Report("f.py:f,df", Verdict.PASS, (row,), evaluations=1, seconds=0.0004)


def forty() -> Report:
    """Forty tensors, every fourth wrong."""
    rows = tuple(
        comparison(
            f"dW{place}",
            Verdict.FAIL if place % 4 == 0 else Verdict.PASS,
            line=place,
            max_rel_error=0.5 / place if place % 4 == 0 else 1e-10,
        )
        for place in range(1, 41)
    )
    return Report("deep.py", Verdict.FAIL, rows, forward=tuple(f"Z{place}" for place in range(1, 41)))


def difference() -> DiffReport:
    """The two reference networks."""
    theirs, ours = original(), corrected()
    rows = []
    for a in theirs.comparisons:
        b = next(one for one in ours.comparisons if one.name == a.name)
        layout = a.layout
        wrong = a.verdict is Verdict.FAIL
        measured = a.shape == b.shape
        rows.append(
            DiffRow(
                name=a.name,
                of=a.of,
                different=wrong or layout is not None,
                right="b" if wrong else "both",
                a=a,
                b=b,
                max_difference=4.2 if wrong and measured else 0.0 if not wrong else None,
                rel_difference=1.42 if wrong and measured else 0.0 if not wrong else None,
                scale=None if wrong else 1.0,
                cosine=0.31 if wrong and measured else 1.0 if not wrong else None,
                layout="transposed" if layout else None,
                reason={"dW2": "transposed", "db2": "sums over another axis", "db1": "sums over everything"}.get(
                    a.name, ""
                ),
            )
        )
    return DiffReport(
        a="reference_net:original",
        b="reference_net:corrected",
        rows=tuple(rows),
        loss=replace(theirs.loss, evidence=""),
        inputs="13 digits of MNIST",
        evaluations=462,
        seconds=0.05,
    )


BUILDERS = {
    one.__name__: one
    for one in (
        original,
        corrected,
        properties,
        inconclusive,
        inherited,
        not_a_number,
        long_names,
        unicode_names,
        one_tensor,
        forty,
    )
}


@pytest.fixture(params=BUILDERS)
def report(request) -> Report:
    """Each of the reports in turn."""
    return BUILDERS[request.param]()


@pytest.fixture
def make() -> SimpleNamespace:
    """The reports by name, and `comparison` to build one's own."""
    return SimpleNamespace(**BUILDERS, comparison=comparison, difference=difference, fix=fix)
