"""A run of the tests is like the one before; new counterexamples are hunted for when asked.

``CREDS_HUNT=20000 pytest tests/property`` tries so many random examples of each property.
"""

from __future__ import annotations

import os
import signal

from hypothesis import settings

HUNT = os.environ.get("CREDS_HUNT")
if HUNT:
    settings.register_profile("hunt", max_examples=int(HUNT), deadline=None, database=None)
else:
    settings.register_profile("plain", derandomize=True, deadline=None, database=None)
settings.load_profile("hunt" if HUNT else "plain")

# Whoever started the tests may have ignored these (nohup, or a shell's &), and then all that they
# start would.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
