"""The line that shows a failing property again."""

from __future__ import annotations

import shlex
from typing import Any

from gradcheck.errors import GradcheckError
from gradcheck.options import Options
from gradcheck.properties.network import Network
from gradcheck.resolve import resolve
from gradcheck.target import Target


def reproduce_line(target: Target, options: Options, name: str, network: Network) -> str | None:
    """A shell line that runs one property on one network; None for a target that no text names."""
    given = _given(target)
    if given is None:
        return None
    given |= {"loss": options.loss} if options.loss != "auto" else {}
    given |= {"params": options.params} if options.params else {}
    given |= {"grads": dict(options.grads)} if options.grads else {}
    arguments = [repr(target.name), repr(name)]
    arguments += [f"{key}={value!r}" for key, value in {**given, **network.sizes, "seed": network.seed}.items()]
    code = f"from gradcheck.properties import reproduce; print(reproduce({', '.join(arguments)}))"
    # double quotes serve every shell, as long as nothing inside means anything to them
    quoted = shlex.quote(code) if set('"$`\\!%') & set(code) else f'"{code}"'
    return f"python -c {quoted}"


def _given(target: Target) -> dict[str, Any] | None:
    """What has to be said beside the target's name, to drive it as it was driven; None where no words will do."""
    if target.script is not None:  # its first step is found again
        return {}
    for given in ({}, {"shapes": target.shapes}, {"call": target.call}, {"call": target.call, "shapes": target.shapes}):
        try:
            named = resolve(target.name, call=given.get("call"), shapes=given.get("shapes"))
        except GradcheckError:
            continue
        if (named.call, named.shapes) == (target.call, target.shapes) and set(named.names) == set(target.names):
            return dict(given)
    return None
