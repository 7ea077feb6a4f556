"""Files that the reader names: checked before the work, written whole or not at all, never replaced unasked.

What the package keeps for itself, which may fail in silence, is the business of ``jobs.result_cache``. It implements no
section of the papers.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

__all__ = ["free_target", "write_in_one_step", "write_own"]


def free_target(path: str | Path, suffixes: Iterable[str], *, force: bool = False) -> Path:
    """The path of a file to write; refused where ``write_own`` cannot write it.

    Parameters
    ----------
    path : path
    suffixes : iterable of str
        Allowed ends of the name, without the dot.
    force : bool
        Whether a file of this name may be replaced.

    Raises
    ------
    ValueError
        For another suffix.
    FileExistsError
        If there is such a file and ``force`` is off, or it is a folder.
    FileNotFoundError
        If the folder does not exist.
    """
    file, known = Path(path), list(suffixes)
    if file.suffix.lower()[1:] not in known:
        allowed = ", ".join(f".{suffix}" for suffix in known)
        raise ValueError(f"{file.name!r} ends in {file.suffix or 'nothing'}; allowed are {allowed}")
    if file.is_dir():
        raise FileExistsError(f"{file} is a folder; name a file")
    if file.exists() and not force:
        raise FileExistsError(f"{file} exists and is not replaced; name another file, or use --force")
    if not file.parent.is_dir():
        raise FileNotFoundError(f"no folder {str(file.parent)!r}; make it first")
    return file


def write_own(file: Path, content: str | bytes, *, force: bool = False) -> None:
    """Write a file that ``free_target`` has passed.

    Raises
    ------
    FileExistsError
        If it has appeared in the meantime and ``force`` is off.
    """
    raw = content.encode() if isinstance(content, str) else content
    write_in_one_step(file, lambda out: out.write(raw), replace=force)


def write_in_one_step(file: Path, write: Callable[[IO[bytes]], object], *, replace: bool = True) -> None:
    """Write a file beside its place and move it there: whoever looks, or kills, meets the old file or the new one.

    Parameters
    ----------
    file : Path
    write : callable
        Writes the content into an open binary file.
    replace : bool
        Whether a file of this name is replaced.

    Raises
    ------
    FileExistsError
        If there is a file of this name and ``replace`` is off.
    OSError
        If the folder refuses.
    """
    # Beside the target, so that the last step is a rename within one file system.
    handle, name = tempfile.mkstemp(prefix=f".{file.name[:80]}.", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            write(out)
            out.flush()
            os.fsync(out.fileno())  # or a power cut may leave the new name with nothing behind it
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        if replace:
            Path(name).replace(file)
        else:
            _move_to_free_name(Path(name), file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _move_to_free_name(source: Path, target: Path) -> None:
    """Give a finished file its name; one that has appeared there in the meantime is not replaced."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise FileExistsError(
            f"{target} exists and is not replaced; name another file, or use --force"
        ) from None
    except OSError:  # a file system without links
        if target.exists():
            raise
        source.replace(target)
        return
    source.unlink()
