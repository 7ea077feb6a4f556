"""Let ``python -m cape_utils.cli`` do what ``cape`` does."""

from cape_utils.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
