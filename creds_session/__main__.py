"""Run ``creds`` as ``python -m creds_session``."""

import sys

from creds_session.cli.creds.main import main

sys.exit(main())
