"""Every code that a finding can have, known without importing what finds it."""

from __future__ import annotations

from pathlib import Path

CODES = {
    "GC101": ("shape", "a gradient has another shape than its value"),
    "GC102": ("transposed", "a gradient is the transpose of what it should be"),
    "GC103": ("layout", "a gradient's layout differs from its value's, and the update puts it right"),
    "GC104": ("transposed", "an operand in a gradient's product is the transpose of what it should be"),
    "GC105": ("shape", "a gradient has an axis too many or too few"),
    "GC201": ("wrong-axis", "a gradient sums over the wrong axis"),
    "GC202": ("wrong-axis", "a gradient sums over more axes than it should"),
    "GC203": ("missing-reduction", "a gradient lacks the sum over an axis along which its value is shared"),
    "GC204": ("wrong-axis", "a gradient is summed once too often"),
    "GC301": ("scale", "a gradient is right up to a constant factor that nothing takes out"),
    "GC302": ("sign", "a gradient has the wrong sign"),
    "GC303": ("scale", "a gradient is a mean where a sum is due, or a sum where a mean is"),
    "GC311": ("missing-activation-derivative", "a gradient lacks the derivative of the activation"),
    "GC312": ("wrong-activation-derivative", "a gradient takes the derivative of another function"),
    "GC313": ("wrong-activation-derivative", "a gradient takes the activation's derivative at the wrong value"),
    "GC314": ("wrong-activation-derivative", "a gradient is multiplied by a derivative too many"),
    "GC321": ("wrong-operand", "a gradient is computed from another value than it should be"),
    "GC322": ("wrong-operand", "an elementwise product where a matrix product is due, or the other way round"),
    "GC323": ("wrong-operand", "a gradient is computed before what it is computed from"),
    "GC331": ("mask", "a gradient lacks the mask that the forward applied"),
    "GC332": ("mask", "a gradient has another mask than the forward"),
    "GC333": ("mask", "a gradient has a mask that the forward did not apply there"),
    "GC341": ("regularisation", "a gradient lacks that of the loss's penalty on the weights"),
    "GC342": ("regularisation", "a gradient has the penalty's gradient with a wrong factor"),
    "GC343": ("regularisation", "a gradient has a penalty that the loss does not have"),
    "GC351": ("accumulation", "a gradient is overwritten where it should be added up"),
    "GC352": ("accumulation", "a gradient is added to something that does not belong to it"),
    "GC353": ("accumulation", "a gradient is added up from step to step and never set back"),
    "GC361": ("stale-weights", "a gradient is computed from a parameter that has been updated already"),
    "GC362": ("missing-path", "a gradient lacks what one use of its value contributes"),
    "GC363": ("missing-path", "a gradient counts one use of its value twice, or with the wrong sign"),
    "GC364": ("missing-path", "a gradient takes or carries on a value of another step of time"),
    "GC371": ("missing-path", "a gradient has a contribution that does not belong to it"),
    "GC372": ("accumulation", "places that occur several times in an index count once"),
    "GC381": ("loss-mismatch", "a gradient belongs to another loss than the code's own"),
    "GC401": ("softmax-axis", "a softmax subtracts the maximum of the whole matrix"),
    "GC402": ("softmax-axis", "a softmax is taken over another axis than the labels', or over everything"),
    "GC501": ("non-finite", "a gradient holds NaN or infinity"),
    "GC502": ("non-finite", "a softmax overflows for large logits"),
    "GC503": ("non-finite", "the loss takes the logarithm of zero"),
    "GC601": ("update", "the update raised"),
    "GC602": ("update", "the update moves a parameter up its gradient"),
    "GC603": ("update", "a parameter is updated with another one's gradient"),
    "GC604": ("update", "a parameter has a gradient that nothing uses"),
    "GC605": ("update", "a parameter has another shape after one step"),
    "GC606": ("update", "a parameter is set from another one's value"),
    "GC611": ("dtype", "an integer array cuts its update to whole numbers"),
    "GC612": ("dtype", "a gradient is off by the round-off of float32, and by nothing else"),
    "GC613": ("loss-mismatch", "a gradient is off by a guard against zero, and by nothing else"),
    "GC621": ("learning-rate", "the first update raises the loss, though its direction is right"),
    "GC631": ("initialisation", "units begin equal and stay equal"),
    "GC632": ("initialisation", "an activation is saturated"),
    "GC633": ("initialisation", "the first loss is many times that of equal guesses"),
    "GC641": ("dead-units", "units are zero for every sample"),
    "GC651": ("shape", "the backward raises before it is done"),
    "GC661": ("input-scale", "inputs are far from 1"),
    "GC701": ("forward", "the forward adds a parameter several times"),
    "GC702": ("forward", "the forward mixes the samples of a batch by mistake"),
    "GC703": ("forward", "an image's windows along one side are counted from the other"),
    "GC711": ("nondeterministic", "the forward comes to another loss when it is run again"),
    "GC712": ("nondeterministic", "a random value is drawn anew in the backward"),
    "GC721": ("kink", "the forward sits on a kink, where there is no derivative"),
    "GC901": ("unexplained", "a gradient is wrong and no known cause explains it"),
}
"""Every code with its category and its meaning in a line; a code is never reused."""

_PAGES = Path(__file__).parent / "rules" / "pages"


def page(code: str) -> str:
    """A code's page with a worked example; "" where none is written."""
    try:
        return (_PAGES / f"{code}.md").read_text(encoding="utf-8").rstrip()
    except OSError:
        return ""
