"""Voila with the doors that this one app needs, and no others.

Only this machine's own names are answered, so that no page of another host reaches the app by a name that points here.
Kernels talk over sockets of the file system, not over TCP; one that nobody looks at any more ends. The notebook is signed for
this process alone, so that nothing of the user's own list of trusted notebooks changes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nbformat
import tornado.web
from traitlets.config import Config
from voila.app import Voila

NAMES = ("localhost", "127.0.0.1", "::1")
"""Host names that are answered."""
IDLE_S, LOOK_S = 600, 60
"""Seconds after which a kernel without a visitor ends, and between two looks at them."""
MOST_BYTES = 32 << 20
"""Largest request and largest message of a page; ``evaluations.reading`` has limits of its own for uploads."""


class Refused(tornado.web.RequestHandler):
    """The answer to a name that is not this machine's."""

    def prepare(self) -> None:
        """Refuse whatever is asked."""
        self.set_status(403)
        self.finish("This app answers only as localhost.")


class App(Voila):
    """Voila for one notebook on this machine."""

    name = "voila"

    def listen(self) -> None:
        """Listen, with a look at the name that was asked before anything else."""
        find = self.app.find_handler

        def find_here(request: Any, **more: Any) -> Any:
            if request.host_name.strip("[]").lower() not in NAMES:
                return self.app.get_handler_delegate(request, Refused)
            return find(request, **more)

        self.app.find_handler = find_here
        notebook = nbformat.read(Path(self.notebook_path), as_version=4)
        self.contents_manager.notary.sign(notebook)
        super().listen()


def settings() -> Config:
    """What differs from Voila's own settings."""
    config = Config()
    config.KernelManager.transport = "ipc"
    config.MultiKernelManager.default_kernel_name = "python3"
    for manager in ("MappingKernelManager", "AsyncMappingKernelManager"):
        config[manager].cull_idle_timeout, config[manager].cull_interval = IDLE_S, LOOK_S
    config.VoilaConfiguration.file_allowlist = ["(?!)"]  # matches no file
    config.NotebookNotary.db_file = ":memory:"
    # A ping is answered before the next one is sent, in milliseconds.
    config.Voila.tornado_settings = {
        "ws_ping_interval": 30_000,
        "ws_ping_timeout": 30_000,
        "websocket_max_message_size": MOST_BYTES,
    }
    return config


if __name__ == "__main__":
    sys.exit(App.launch_instance(sys.argv[1:], config=settings()))
