"""Where the server finds a token in the environment, and how to keep it out of every message.

The order is the server's own. A token is looked at only to say which variable holds it and to take it out of texts.
"""

from __future__ import annotations

import os

VARIABLES = ("GH_COPILOT_TOKEN", "GITHUB_COPILOT_TOKEN")


def source() -> str | None:
    """Name the variable that the server takes its token from; None where it uses the sign-in of this machine."""
    first, second = VARIABLES
    if os.environ.get(first) and "=" not in os.environ[first]:
        return first
    return second if os.environ.get(second) else None


def signed_out() -> str:
    """Say why nobody is signed in."""
    variable = source()
    if variable is not None:
        return f"GitHub refused the token in {variable}"
    if os.environ.get(VARIABLES[0]):
        return f"nobody is signed in to GitHub Copilot, and {VARIABLES[0]} holds a `=`: the server takes no such token"
    return f"nobody is signed in to GitHub Copilot on this machine, and {VARIABLES[0]} is not set"


def hidden(text: str) -> str:
    """Take the tokens of the environment out of a text that is to be shown."""
    for variable in VARIABLES:
        token = os.environ.get(variable)
        if token:
            text = text.replace(token, f"<{variable}>")
    return text
