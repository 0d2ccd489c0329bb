"""Files that are written whole or not at all, and cells that no spreadsheet takes for a formula."""

from __future__ import annotations

import os
from pathlib import Path


def replace_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what writers that were killed left half written in a folder, and nothing of one that is at work."""
    for path in folder.glob(".*.tmp"):
        import psutil

        writer = path.name.split(".")[-2]
        if writer.isdecimal() and not psutil.pid_exists(int(writer)):
            path.unlink(missing_ok=True)


def inert(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    >>> inert("=HYPERLINK(1)"), inert("-3.5"), inert("睢县")
    ("'=HYPERLINK(1)", '-3.5', '睢县')
    """
    if cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        try:
            float(cell)
        except ValueError:
            return "'" + cell
    return cell
