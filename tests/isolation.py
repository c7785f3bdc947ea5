"""Whether this machine lets a command be isolated; the tests that need it are skipped, with the reason, where not.

pytestmark = needs_isolation
"""

from __future__ import annotations

import functools

import pytest

from tuner.errors import MachineError
from tuner.sandbox import require_isolation


@functools.cache
def _why_not() -> str | None:
    try:
        require_isolation()
    except MachineError as error:
        return error.message
    return None


needs_isolation = pytest.mark.skipif(_why_not() is not None, reason=_why_not() or "")
