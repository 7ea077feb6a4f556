"""Serve the dashboard chapter as a web app: ``python book/app``.

Voila runs the notebook once for each visitor, with the code hidden. Its page is the one in ``voila/templates/cape`` here,
which asks no other host for anything.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NOTEBOOK = ROOT / "notebooks" / "12_dashboard.ipynb"
PORT = 8866
VISITOR_MB = 500
"""Most memory that the process of one visitor takes; one more waits for the next visitor."""


def command(port: int, *, browser: bool) -> list[str]:
    """Build the call of Voila."""
    line = [sys.executable, str(HERE / "server.py"), str(NOTEBOOK), f"--port={port}", "--template=cape"]
    line += ["--Voila.ip=127.0.0.1", "--Voila.log_level=WARN", "--VoilaConfiguration.show_tracebacks=False"]
    # A kernel that has run the notebook waits for the next visitor, so that the page comes at once.
    line += ["--preheat_kernel=True", "--pool_size=1"]
    return line if browser else [*line, "--no-browser"]


def environment() -> dict[str, str]:
    """Name the template's folder and this checkout, and nothing of the book's build."""
    own = {k: v for k, v in os.environ.items() if k != "CAPE_BOOK"}
    # Voila says this to kernels that it starts for a visitor; one that waits for the next must know it too.
    own["SERVER_SOFTWARE"] = "voila"
    own["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(HERE), own.get("JUPYTER_PATH")]))
    own["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), own.get("PYTHONPATH")]))
    return own


def taken(port: int) -> bool:
    """Tell whether something answers at this port already."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main(argv: list[str] | None = None) -> int:
    """Serve until Ctrl-C; the exit status is Voila's."""
    parser = argparse.ArgumentParser(
        prog="python book/app",
        description="Serve the dashboard as a web app, on this machine alone. "
        f"Each visitor has a process of their own, of less than {VISITOR_MB} MB; it ends ten minutes after they have gone.",
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"port on this machine (default {PORT})")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    options = parser.parse_args(argv)
    if taken(options.port):
        print(
            f"Port {options.port} is in use; end what runs there, or take another: make app PORT={options.port + 1}",
            file=sys.stderr,
        )
        return 1
    print(
        f"The dashboard: http://127.0.0.1:{options.port} (ready in a few seconds; Ctrl-C ends it)", flush=True
    )
    line = command(options.port, browser=not options.no_browser)
    with subprocess.Popen(line, env=environment(), cwd=ROOT) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:  # Voila gets the same signal, and closes its kernels
            return process.wait()
        finally:
            if process.poll() is None:
                process.terminate()


if __name__ == "__main__":
    sys.exit(main())
