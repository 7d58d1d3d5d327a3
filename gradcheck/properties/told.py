"""The line that shows a failing property again."""

from __future__ import annotations

import shlex
from typing import Any

from gradcheck.errors import GradcheckError
from gradcheck.options import Options
from gradcheck.properties.network import Network
from gradcheck.target import Target, resolve


def reproduce_line(target: Target, options: Options, name: str, network: Network) -> str | None:
    """A shell line that runs one property on one network; None for a target that no text names."""
    try:
        named = resolve(target.name)
    except GradcheckError:
        if not options.call and not target.shapes:
            return None
        named = Target(target.name)
    given: dict[str, Any] = {}
    if target.call != named.call:
        given["call"] = target.call
    if target.shapes != named.shapes:
        given["shapes"] = target.shapes
    if options.loss != "auto":
        given["loss"] = options.loss
    if options.params:
        given["params"] = options.params
    if options.grads:
        given["grads"] = dict(options.grads)
    arguments = [repr(target.name), repr(name)]
    arguments += [f"{key}={value!r}" for key, value in {**given, **network.sizes, "seed": network.seed}.items()]
    code = f"from gradcheck.properties import reproduce; print(reproduce({', '.join(arguments)}))"
    # double quotes serve every shell, as long as nothing inside means anything to them
    quoted = shlex.quote(code) if set('"$`\\!%') & set(code) else f'"{code}"'
    return f"python -c {quoted}"
