"""The check of links to other hosts: a page that is gone is named, a host on the list is not asked."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
IGNORED = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]["config"][
    "linkcheck_ignore"
]


class Host(BaseHTTPRequestHandler):
    """Another host, with one page."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/there" else 404)
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def host():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book of one page with the real settings."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "book" / "_ext", tmp_path / "book" / "_ext", ignore=ignore)
    shutil.copytree(ROOT / "book" / "_static", tmp_path / "book" / "_static")
    for name in ("address.py", "editions.py"):
        shutil.copy(ROOT / "book" / name, tmp_path / "book")
    settings = (
        (ROOT / "_config.yml")
        .read_text(encoding="utf-8")
        .replace("linkcheck_retries: 3", "linkcheck_retries: 1")
    )
    (tmp_path / "_config.yml").write_text(settings, encoding="utf-8")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/intro\n")
    (tmp_path / "book" / "references.bib").write_text("")
    return tmp_path


def check(book: Path, text: str) -> subprocess.CompletedProcess[str]:
    (book / "book" / "intro.md").write_text(text, encoding="utf-8")
    command = [sys.executable, str(ROOT / "book" / "links.py"), "--source", str(book)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_links_that_answer_pass_and_listed_hosts_are_not_asked(book, host):
    # Nothing can be reached at that address, so that asking would fail.
    done = check(book, f"# Intro\n\n[there]({host}/there) and [listed](https://doi.org/10.0/nothing)\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 2 links answer" in done.stdout


def test_a_link_that_is_gone_is_named_with_its_page(book, host):
    done = check(book, f"# Intro\n\n[there]({host}/there)\n\n[gone]({host}/gone)\n")
    assert done.returncode == 1
    assert re.search(rf"book/intro\.md, line 5: {host}/gone \(404", done.stdout), done.stdout
    assert "1 links do not answer" in done.stdout
    assert f"{host}/there" not in done.stdout


def test_the_list_of_hosts_is_no_longer_than_needed():
    linked = "\n".join(
        path.read_text(encoding="utf-8")
        for pattern in ("book/*.md", "book/*.bib", "data/sources.csv", "notebooks/*.ipynb")
        for path in ROOT.glob(pattern)
    )
    linked = re.sub(r"\bdoi\s*= \{", "https://doi.org/", linked)  # as the list of references shows them
    for pattern in IGNORED:
        assert re.search(pattern, linked), f"{pattern} is left out of the check, but nothing links to it"
        assert not re.match(pattern, "https://arxiv.org/abs/2605.18838"), "too wide a pattern"
