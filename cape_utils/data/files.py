"""One door for the content of files that the reader names: what is read, how much of it, and which numbers.

Only regular files are opened, no device and no pipe, and none above a limit that is checked before reading. JSON holds only
what fits: numbers that a float holds, and structure of a bounded depth. What the content means is the business of others. It
implements no section of the papers.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

__all__ = [
    "LIMIT_VARIABLE",
    "BadJSON",
    "FileRefused",
    "check_regular",
    "files_below",
    "limit_bytes",
    "lines_of",
    "parse_json",
    "read_bytes",
    "read_lines",
    "zip_member",
]

LIMIT_VARIABLE = "CAPE_MAX_FILE_MB"
"""Environment variable that raises the limit on the size of a file."""

_LIMIT_MB = 100.0
_DEEPEST_FOLDER, _MOST_FILES = 32, 100_000
_DEEPEST_JSON = 100
_LONGEST_LINE = 1 << 25
_LONGEST_INT = 308  # digits; a float ends at 1.8e308


class FileRefused(ValueError):
    """A file or folder that is not read: its name, and why with the remedy."""

    def __init__(self, name: str, allowed: str) -> None:
        super().__init__(f"{name}: {allowed}")
        self.name, self.allowed = name, allowed


class BadJSON(ValueError):
    """JSON that cannot be used: the key where it is known, what stands there, what is allowed and the remedy."""

    def __init__(self, key: str | None, value: str | None, allowed: str) -> None:
        got = "" if value is None else f"got {value!r}; "
        super().__init__(f"{'' if key is None else f'key {key!r}: '}{got}{allowed}")
        self.key, self.value, self.allowed = key, value, allowed


def limit_bytes() -> int:
    """Most bytes that are read of one file: 100 MB, or what ``CAPE_MAX_FILE_MB`` says.

    Raises
    ------
    ValueError
        If the variable holds no number above 0.
    """
    given = os.environ.get(LIMIT_VARIABLE)
    if not given:
        return int(_LIMIT_MB * 1e6)
    try:
        limit = float(given)
        if not 0 < limit < 1e9:
            raise ValueError
    except ValueError:
        raise ValueError(f"{LIMIT_VARIABLE} is {given!r}; expected a number of megabytes above 0") from None
    return int(limit * 1e6)


def check_regular(path: Path, name: str, *, limited: bool = True) -> int:
    """Refuse what is no regular file, or too large; return its size in bytes.

    Parameters
    ----------
    path : Path
        A link is followed.
    name : str
        Of the file, for messages.
    limited : bool
        Whether ``limit_bytes`` holds: not for what is read piece by piece.

    Raises
    ------
    FileRefused
        If it is a device, a pipe, a socket, or larger than the limit.
    OSError
        If it cannot be looked at.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        kind = (
            "a folder"
            if stat.S_ISDIR(found.st_mode)
            else "a device, a pipe or a socket, which may have no end"
        )
        raise FileRefused(name, f"this is {kind}; a regular file is needed")
    if limited and found.st_size > (limit := limit_bytes()):
        remedy = (
            f"the file has {found.st_size / 1e6:.0f} MB, and at most {limit / 1e6:g} MB are read; if it is what you mean, "
            f"raise the limit with {LIMIT_VARIABLE}={-(-found.st_size // 10**6)}"
        )
        raise FileRefused(name, remedy)
    return found.st_size


def read_bytes(path: Path, name: str) -> bytes:
    """The bytes of a regular file within the limit.

    Raises
    ------
    FileRefused, OSError
        As ``check_regular``.
    """
    check_regular(path, name)
    with path.open("rb") as file:
        return file.read(limit_bytes() + 1)  # a file may grow while it is read


def read_lines(path: str | os.PathLike[str], content: str) -> list[str]:
    """The lines of a text file within the limit.

    Parameters
    ----------
    path : path
    content : str
        What it should hold, for messages.

    Raises
    ------
    FileRefused
        If it is no text, a device, or too large.
    OSError
        If it cannot be read.
    """
    raw = read_bytes(Path(path), str(path))
    try:
        if b"\0" not in raw:
            return raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        pass
    raise FileRefused(str(path), f"this is not a text file in UTF-8; it should hold {content}")


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a regular file of any size, one after the other.

    Raises
    ------
    ValueError
        If it is no regular file, or a line is longer than 32 MB.
    """
    check_regular(path, path.name, limited=False)
    with path.open(encoding="utf-8") as file:
        while line := file.readline(_LONGEST_LINE):
            if len(line) == _LONGEST_LINE and not line.endswith("\n"):
                raise ValueError(f"a line is longer than {_LONGEST_LINE >> 20} MB")
            yield line


def files_below(root: Path, skipped: Sequence[str] = ()) -> Iterator[Path]:
    """Every entry of a folder that is not a folder itself, in order; hidden ones and links to folders are passed over.

    Parameters
    ----------
    root : Path
    skipped : sequence of str
        Names of folders that are passed over too.

    Raises
    ------
    FileRefused
        If folders lie more than 32 deep, or hold more than 100,000 files, or one cannot be listed.
    """
    seen = 0
    waiting = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop()
        if depth > _DEEPEST_FOLDER:
            raise _refused(
                root,
                f"its folders lie more than {_DEEPEST_FOLDER} deep; give the folder that holds the results",
            )
        try:
            with os.scandir(folder) as entries:
                listed = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
        except OSError as error:
            raise _refused(
                root, f"{os.path.relpath(folder, root)!r} in it cannot be listed ({error.strerror})"
            ) from error
        below = [e for e in listed if e.is_dir(follow_symlinks=False)]
        waiting += [(Path(e.path), depth + 1) for e in reversed(below) if e.name not in skipped]
        for entry in listed:
            if entry.is_dir():
                continue
            seen += 1
            if seen > _MOST_FILES:
                raise _refused(
                    root, f"it holds more than {_MOST_FILES:,} files; give the folder that holds the results"
                )
            yield Path(entry.path)


def _refused(root: Path, words: str) -> FileRefused:
    return FileRefused(root.name or str(root), words)


class _TooLarge(float):
    """A number of a file that no float holds, with how it is written there."""

    written = ""


def _number(text: str) -> float:
    value = float(text)
    return _marked(text) if value in (float("inf"), float("-inf")) else value


def _whole_number(text: str) -> float | int:
    return _marked(text) if len(text.lstrip("-")) > _LONGEST_INT else int(text)


def _marked(text: str) -> _TooLarge:
    mark = _TooLarge("inf")
    mark.written = text if len(text) <= 40 else f"{text[:20]}... ({len(text)} characters)"
    return mark


def parse_json(text: str | bytes) -> Any:
    r"""Read JSON whose numbers a float holds and whose depth is bounded; NaN and Infinity, which harnesses write, stand.

    Raises
    ------
    BadJSON
        With the key, where one is to blame.

    Examples
    --------
    >>> parse_json('{"a": [1, 2.5]}')
    {'a': [1, 2.5]}
    >>> parse_json('{"n-samples": {"mmlu": 1e400}}')
    Traceback (most recent call last):
    ...
    cape_utils.data.files.BadJSON: key 'n-samples.mmlu': got '1e400'; a number that fits is needed, below 1.8e308
    """
    try:
        document = json.loads(text, parse_float=_number, parse_int=_whole_number)
    except UnicodeDecodeError as error:
        raise BadJSON(None, None, "this is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise BadJSON(None, None, f"this is not JSON (line {error.lineno}: {error.msg})") from error
    except RecursionError as error:
        raise _too_deep(None) from error
    waiting: list[tuple[Any, int, Any]] = [(document, 0, None)]
    while waiting:
        value, depth, place = waiting.pop()
        if isinstance(value, _TooLarge):
            raise BadJSON(_key(place), value.written, "a number that fits is needed, below 1.8e308")
        if depth > _DEEPEST_JSON:
            raise _too_deep(_key(place))
        pairs = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        waiting += [
            (one, depth + 1, (key, place)) for key, one in pairs if isinstance(one, dict | list | _TooLarge)
        ]
    return document


def _too_deep(key: str | None) -> BadJSON:
    return BadJSON(
        key and key[:80],
        None,
        f"this is not JSON of a result: objects and lists lie more than {_DEEPEST_JSON} deep",
    )


def _key(place: Any) -> str | None:
    names = []
    while place is not None:
        name, place = place
        names.append(str(name))
    return ".".join(reversed(names)) or None


def zip_member(archive: Any, name: str) -> bytes:
    """One file of a zip archive, refused before it is unpacked where it is larger than the limit.

    Raises
    ------
    KeyError
        If there is none of this name.
    ValueError
        If it is too large.
    """
    info = archive.getinfo(name)
    if info.file_size > limit_bytes():
        raise ValueError(
            f"{name} in it unpacks to {info.file_size / 1e6:.0f} MB, and at most {limit_bytes() / 1e6:g} MB are read; "
            f"raise the limit with {LIMIT_VARIABLE}"
        )
    handle: IO[bytes]
    with archive.open(info) as handle:
        return handle.read()
