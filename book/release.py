"""Check that a tag is ready to be released, and print its section of the change log: ``python book/release.py v1.2.3``.

The version has one source, ``cape_utils/__init__.py``; CITATION.cff, .zenodo.json and CHANGELOG.md repeat it, because
each is read by somebody who reads nothing else. The release workflow runs this before it publishes a tag.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def _find(pattern: str, path: Path) -> str:
    found = re.search(pattern, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return found.group(1) if found else "none"


def notes(root: Path, tag: str) -> str:
    """Return what the change log says of a tag.

    Raises
    ------
    ValueError
        If the files disagree on the version or the date, or the change log says nothing; the message lists it all.
    """
    wanted = tag.removeprefix("v")
    cff = root / "CITATION.cff"
    versions = {
        "cape_utils/__init__.py": _find(r'^__version__ = "(.+)"$', root / "cape_utils" / "__init__.py"),
        "CITATION.cff": _find(r"^version: (\S+)$", cff),
        ".zenodo.json": json.loads((root / ".zenodo.json").read_text(encoding="utf-8"))["version"],
    }
    faults = [f"{name} has version {found}" for name, found in versions.items() if found != wanted]
    log = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(
        rf"^## {re.escape(wanted)} \(([^)\n]+)\)\n(.*?)(?=^## |\Z)", log, flags=re.MULTILINE | re.DOTALL
    )
    if section is None or not section.group(2).strip():
        faults.append(f"CHANGELOG.md says nothing of {wanted}")
    else:
        date = _find(r'^date-released: "?([\d-]+)"?$', cff)
        if section.group(1) != date:
            faults.append(f"CHANGELOG.md dates {wanted} {section.group(1)!r}, CITATION.cff {date!r}")
    # `make tables` writes it, and a test holds it to the verdicts of the day.
    if not (root / "data" / "editions" / wanted / "scorecard.json").is_file():
        faults.append(f"data/editions has no ledger of {wanted}")
    if not re.fullmatch(r"v\d+\.\d+\.\d+", tag):
        faults.append("a tag is written v1.2.3")
    if faults or section is None:
        raise ValueError("; ".join(faults))
    return section.group(2).strip() + "\n"


def main(argv: list[str] | None = None) -> int:
    """Print the notes, or what is wrong; the exit status is 0 only where the tag can be released."""
    parser = argparse.ArgumentParser(description="Check a tag and print its release notes.")
    parser.add_argument("tag", help="as in v1.2.3")
    parser.add_argument("--root", type=Path, default=ROOT)
    options = parser.parse_args(argv)
    try:
        print(notes(options.root, options.tag), end="")
    except ValueError as error:
        print(f"{options.tag} is not ready: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
