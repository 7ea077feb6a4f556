"""Let ``python -m cape_utils.cli`` do what ``cape`` does."""

from cape_utils.cli import main

raise SystemExit(main())
