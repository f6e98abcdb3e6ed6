"""Entry point of ``python -m glowcore``."""

import sys

from glowcore.cli import main

sys.exit(main())
