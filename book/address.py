"""The address of the repository: where it is kept, and how it reaches what leaves the book.

It stands in one place, ``repository.url`` of ``_config.yml``. GitHub tells its workflows in which repository they run,
and that name goes before, so that a fork publishes under its own address without an edit.

Colab and Kaggle open a chapter straight from a branch, and the chapter must say from where to install. In git the
set-up cells hold a mark instead of an address; `stamp` writes the address over it, in the copies that readers get:
the notebooks behind the download buttons, and the branch that Colab and the others open, which the publishing workflow pushes.

    python book/address.py show               # what the book would be published under
    python book/address.py set owner/name     # write it into _config.yml
    python book/address.py stamp              # write it over the marks of this checkout; for the published branch
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

__all__ = [
    "MARK",
    "Address",
    "binder",
    "codespace",
    "colab",
    "kaggle",
    "read",
    "set_address",
    "stamp",
    "stamped",
]

ROOT = Path(__file__).resolve().parent.parent

MARK = "OPEN-THIS-CHAPTER-FROM-THE-PUBLISHED-BOOK"
"""What the set-up cells hold in git. pip repeats it where it fails, so it says what to do."""

PLACEHOLDER = "OWNER"
"""The owner of a repository that nobody has published yet; GitHub's own names are lower case or somebody's."""

_LINE = re.compile(r"^(repository:\n(?:  .*\n)*?  url: )(\S+)$", re.MULTILINE)
_BRANCH = re.compile(r"^repository:\n(?:  .*\n)*?  branch: (\S+)$", re.MULTILINE)
_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Address:
    """Where the book's repository is, and which branch readers open."""

    server: str
    repository: str
    branch: str

    @property
    def url(self) -> str:
        """The repository's page."""
        return f"{self.server}/{self.repository}"

    @property
    def pages(self) -> str:
        """Where GitHub Pages publishes the book, without a slash at the end.

        Examples
        --------
        >>> Address("https://github.com", "Octocat/cape-book", "live").pages
        'https://octocat.github.io/cape-book'
        >>> Address("https://github.com", "octocat/octocat.github.io", "live").pages
        'https://octocat.github.io'
        """
        owner, _, name = self.repository.partition("/")
        host = f"https://{owner.lower()}.github.io"
        return host if host.endswith(f"//{name.lower()}") else f"{host}/{name}"

    @property
    def known(self) -> bool:
        """Whether somebody has set it."""
        return not self.repository.startswith(f"{PLACEHOLDER}/")

    @property
    def source(self) -> str:
        """What pip installs from: the branch that the notebooks come from, so that both are of one edition."""
        return f"{self.url}@{self.branch}"


def _checked(repository: str) -> str:
    if not _REPOSITORY.fullmatch(repository):
        raise ValueError(
            f"{repository!r} is no repository; it is written owner/name, as in octocat/cape-book"
        )
    return repository


def read(root: Path = ROOT, environ: Mapping[str, str] = os.environ) -> Address:
    """Read the address: from GitHub's environment where there is one, else from ``_config.yml``.

    Parameters
    ----------
    root
        The folder that holds ``_config.yml``.
    environ
        Where ``GITHUB_REPOSITORY`` and ``GITHUB_SERVER_URL`` are looked up.

    Returns
    -------
    Address
        Also where it is only the placeholder; see `Address.known`.

    Raises
    ------
    ValueError
        If there is no address, or it is not of the form server/owner/name.
    """
    text = (root / "_config.yml").read_text(encoding="utf-8")
    line, branch = _LINE.search(text), _BRANCH.search(text)
    if line is None or branch is None:
        raise ValueError(f"{root / '_config.yml'} has no repository.url and repository.branch")
    server, _, rest = line.group(2).rstrip("/").removesuffix(".git").partition("://")[2].partition("/")
    server = f"https://{server}"
    if environ.get("GITHUB_REPOSITORY"):
        server, rest = environ.get("GITHUB_SERVER_URL", "https://github.com"), environ["GITHUB_REPOSITORY"]
    return Address(server, _checked(rest), branch.group(1))


def colab(address: Address, path: str) -> str:
    """Return the link that opens a notebook of the repository in Colab."""
    return (
        f"https://colab.research.google.com/github/{address.repository}/blob/{address.branch}/{quote(path)}"
    )


def kaggle(address: Address, path: str) -> str:
    """Return the link that copies a notebook of the repository into a new one on Kaggle."""
    source = f"{address.url}/blob/{address.branch}/{quote(path)}"
    return f"https://kaggle.com/kernels/welcome?src={quote(source, safe=':/')}"


def codespace(address: Address) -> str:
    """Return the link that makes a codespace of the whole repository, as .devcontainer sets it up."""
    return f"https://codespaces.new/{address.repository}/tree/{quote(address.branch, safe='')}"


def binder(address: Address, path: str, *, app: bool = False) -> str:
    """Return the link that opens a notebook on Binder: in JupyterLab, or as an app without its code."""
    inside = f"voila/render/{path}" if app else f"lab/tree/{path}"
    repository = f"{address.repository}/{quote(address.branch, safe='')}"
    return f"https://mybinder.org/v2/gh/{repository}?urlpath={quote(inside, safe='')}"


def stamped(text: str, address: Address) -> str:
    """Write the address over the mark; a text stays as it is while the address is the placeholder."""
    return text.replace(MARK, address.source) if address.known else text


def _write(root: Path, address: Address) -> None:
    """Write an address into ``_config.yml``, and change nothing else there."""
    path = root / "_config.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(_LINE.sub(lambda match: match.group(1) + address.url, text), encoding="utf-8")


def set_address(root: Path, repository: str, environ: Mapping[str, str] = os.environ) -> Address:
    """Write ``owner/name`` into ``_config.yml``, on the server that GitHub's environment names, if it does."""
    server = {key: environ[key] for key in ("GITHUB_SERVER_URL",) if environ.get(key)}
    address = read(root, {"GITHUB_REPOSITORY": _checked(repository), **server})
    _write(root, address)
    return address


def stamp(root: Path, address: Address) -> list[Path]:
    """Write the address into ``_config.yml`` and over the mark of every notebook.

    Parameters
    ----------
    root
        A checkout that is about to be published; not one to work in.
    address
        A known one.

    Returns
    -------
    list of Path
        The notebooks that held a mark.

    Raises
    ------
    ValueError
        If the address is the placeholder.
    """
    if not address.known:
        raise ValueError(
            "the address of the repository is not set; set it with: make address REPO=owner/name "
            "(on GitHub the workflows know it)"
        )
    _write(root, address)
    done = []
    for path in sorted([*root.glob("notebooks/*.ipynb"), *root.glob("book/*.ipynb")]):
        text = path.read_text(encoding="utf-8")
        if MARK in text:
            path.write_text(stamped(text, address), encoding="utf-8")
            done.append(path)
    return done


def main(argv: list[str] | None = None) -> int:
    """Show, set or stamp; the exit status is 1 where the address is missing or wrong."""
    parser = argparse.ArgumentParser(description="The address of the book's repository.")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder that holds _config.yml")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("show", help="print the address that the book would be published under")
    setting = commands.add_parser("set", help="write it into _config.yml")
    setting.add_argument("repository", nargs="?", default=os.environ.get("GITHUB_REPOSITORY", ""))
    commands.add_parser("stamp", help="write it over the marks of this checkout's notebooks")
    options = parser.parse_args(argv)
    try:
        if options.command == "set":
            address = set_address(options.root, options.repository)
            print(f"The book's repository is {address.url} now (in _config.yml).")
        elif options.command == "stamp":
            address = read(options.root)
            print(f"{len(stamp(options.root, address))} notebooks install from {address.source} now.")
        else:
            address = read(options.root)
            print(address.url if address.known else f"{address.url} (not set: make address REPO=owner/name)")
    except ValueError as error:
        print(f"Not done: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
