"""``python -m creds_session`` is ``creds``."""

import sys

from creds_session.cli.creds.main import main

sys.exit(main())
