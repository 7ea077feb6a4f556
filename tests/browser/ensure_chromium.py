"""Find a Chromium for the browser tests, or install one where that is possible.

Run as a script before the tests; `find_chromium` is also what the tests themselves use.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
REMEDY = (
    "No Chromium was found for the browser tests. Install one (Debian, Ubuntu: `apt-get install chromium`; "
    "anywhere: `.venv/bin/playwright install chromium`), or leave these tests out with `make test BROWSER=no`."
)


def find_chromium() -> str | None:
    """Return the path of a Chromium or Chrome: the system's, else the one Playwright keeps; None without one."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    for place in MAC:
        if Path(place).exists():
            return place
    try:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            own = playwright.chromium.executable_path
    except Exception:
        return None
    return own if own and Path(own).exists() else None


def install() -> None:
    """Try Debian's package as root, then Playwright's own download; stay quiet, the caller looks for the result."""
    commands = []
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        # The update may fail for one of several sources while the package is there all the same.
        commands += [(["apt-get", "update", "-qq"], False)]
        commands += [(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], True)]
    commands += [([sys.executable, "-m", "playwright", "install", "chromium"], True)]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command, final in commands:
        print(f"Installing Chromium: {' '.join(command)}", flush=True)
        try:
            subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=900,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if final and find_chromium():
            return


def main() -> int:
    """Exit with 0 once there is a Chromium."""
    if not find_chromium():
        install()
    found = find_chromium()
    if not found:
        print(REMEDY, file=sys.stderr)
        return 1
    print(f"The browser tests use {found}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
