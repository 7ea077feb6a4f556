"""Ask every other host that the book links to whether the page is still there: ``make links``.

Sphinx's own link checker does the asking; hosts that refuse or throttle robots are listed with a reason under
``linkcheck_ignore`` in ``_config.yml``. Links within the book are tested without a network, in tests/browser.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import build


def broken(report: Path) -> list[str]:
    """List the links that did not answer, with page, line and reason.

    Parameters
    ----------
    report
        What Sphinx's link checker wrote: one JSON object a line.

    Returns
    -------
    list of str
        One line for each; empty where every page is still there.
    """
    entries = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [
        f"{entry['filename']}, line {entry['lineno']}: {entry['uri']} ({entry['info'] or entry['status']})"
        for entry in entries
        if entry["status"] in {"broken", "timeout"}
    ]


def main(argv: list[str] | None = None) -> int:
    """Check and report; the exit status is 0 only where every link answers."""
    parser = argparse.ArgumentParser(description="Check the book's links to other hosts.")
    parser.add_argument("--source", type=Path, default=build.ROOT, help="the folder that holds _config.yml")
    root = parser.parse_args(argv).source.resolve()
    (root / "_build" / "reports").mkdir(parents=True, exist_ok=True)
    build.prepare(root)
    # The checker looks only at pages that it reads now, and Jupyter Book lets it write where the pages are.
    shutil.rmtree(root / "_build" / ".doctrees", ignore_errors=True)
    found = root / "_build" / "html" / "output.json"
    found.unlink(missing_ok=True)
    status, lines, _ = build.run_sphinx(root, root / "_build" / "reports" / "links.log", builder="linkcheck")
    if not found.exists():
        print(build.explain(root, lines))
        print("The links were not checked: the book could not be read.")
        return 1
    report = root / "_build" / "reports" / "links.jsonl"
    shutil.move(found, report)
    found.with_suffix(".txt").unlink(missing_ok=True)
    gone = broken(report)
    if gone:
        print("\n".join(gone))
        print(f"{len(gone)} links do not answer.")
        return 1
    if status:
        print(build.explain(root, lines))
        return 1
    count = len(report.read_text(encoding="utf-8").splitlines())
    print(f"All {count} links answer, or belong to hosts that are left out.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
