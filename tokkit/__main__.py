"""`python -m tokkit`: the `tokkit` command without an installed script."""

import sys

from tokkit.cli import main

sys.exit(main())
