"""Files that are either whole or not there: written, forced to the disk, and put in place in one step."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from steelyard.errors import WarehouseError

__all__ = ["disk_errors", "hash_file", "held", "put_if_absent", "replace_file", "sync_file", "sync_folder"]

_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file grew too big",
}


@contextmanager
def disk_errors(where: str | Path) -> Iterator[None]:
    """Turns a full disk, and what else the file system refuses, into a `WarehouseError`."""
    try:
        yield
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError as error:
        problem = _FULL.get(error.errno or 0, f"the file system refused: {error.strerror or error}")
        hint = "free space and run it again; what was stored before is as it was"
        raise WarehouseError(problem, where=str(where), hint=hint) from error


def sync_file(path: Path) -> None:
    """Forces a file's bytes to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Forces a folder's names to the disk, so that a new file is still there after a power cut."""
    sync_file(folder)


def hash_file(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def put_if_absent(path: Path, content: bytes, scratch: Path) -> bool:
    """Puts a whole file in place unless one is there already; True where it was put.

    Args:
        path: Where it goes.
        content: Its bytes.
        scratch: A folder on the same file system for the file while it is being written.

    Raises:
        WarehouseError: The disk is full.
    """
    with _written(path, content, scratch) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
    sync_folder(path.parent)
    return True


def replace_file(path: Path, content: bytes, scratch: Path) -> None:
    """Puts a whole file in the place of another in one step.

    Raises:
        WarehouseError: The disk is full; the old file is as it was.
    """
    with _written(path, content, scratch) as temporary:
        temporary.replace(path)
    sync_folder(path.parent)


@contextmanager
def _written(path: Path, content: bytes, scratch: Path) -> Iterator[Path]:
    temporary = scratch / f"{path.name}.{os.getpid()}.{os.urandom(6).hex()}"
    with disk_errors(path):
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def held(path: Path, *, shared: bool = False, wait: bool = True) -> Iterator[bool]:
    """Holds a lock on a file until the end of the block; a process that dies lets go of its locks.

    Args:
        path: The lock's file, made where it is absent.
        shared: Whether others may hold it at the same time, as long as all of them share it.
        wait: Whether to wait for it; otherwise the block runs with False where somebody else holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    how = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    try:
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
