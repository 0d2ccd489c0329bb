"""A province's own headings: what its exports call a column, kept in data/headings.csv beside those that the library knows."""

from __future__ import annotations

import csv
import io
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from g3lib.errors import UsageError, listed
from g3lib.files import inert, replace_bytes
from g3lib.labels import fold
from g3lib.tables.cells import plain
from g3lib.tables.schema import TABLES

if TYPE_CHECKING:
    from g3lib.tables.reading import Sheet

FILE = "headings.csv"


def own_file() -> Path | None:
    """The file of the workspace around the current folder; `G3_HEADINGS` names another. None outside a workspace."""
    if named := os.environ.get("G3_HEADINGS"):
        return Path(named)
    return _of_folder(os.getcwd())


@lru_cache(maxsize=8)
def _of_folder(folder: str) -> Path | None:
    from g3lib.tables.workspace import Workspace

    try:
        return Workspace.find(Path(folder)).root / "data" / FILE
    except UsageError:
        return None


def own() -> dict[str, str]:
    """Heading → canonical column, as the province keeps them.

    Raises:
        UsageError: the file names columns that no table has, or cannot be read; every fault is listed.
    """
    path = own_file()
    try:
        state = path.stat() if path else None
    except OSError:
        state = None
    return _read(str(path), state.st_mtime_ns, state.st_size) if state else {}


@lru_cache(maxsize=8)
def _read(path: str, _changed: int, _size: int) -> dict[str, str]:
    try:
        rows = list(csv.DictReader(Path(path).read_text(encoding="utf-8-sig").splitlines()))
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8; save it as UTF-8.") from error
    except (OSError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    # a quote that keeps a spreadsheet from taking a heading for a formula is no part of it
    bare = [((row.get("heading") or "").strip(), (row.get("column") or "").strip()) for row in rows]
    found = {word[1:] if word[:1] == "'" and inert(word[1:]) == word else word: column for word, column in bare}
    known = columns()
    strange = [f"{word!r} stands for {column!r}, which no table has" for word, column in found.items() if column not in known]
    if strange:
        raise UsageError(listed(strange, f"{path}:"))
    return found


def columns() -> tuple[str, ...]:
    """Every canonical column, once."""
    return tuple(dict.fromkeys(name for table in TABLES.values() for name in table.names))


def unknown_words(sheet: Sheet) -> list[str]:
    """The words in a sheet's most likely heading row that nobody knows: what an analyst may name."""
    from g3lib.tables.shaping import meaning

    def is_word(cell: str) -> bool:
        figure = plain(cell).replace(".", "").replace(",", "").rstrip("%").isdigit()
        return bool(cell) and not figure and "date" not in meaning(cell).dims

    rows = [[cell.strip() for cell in row if is_word(cell.strip())] for row in sheet.head]
    best = max(rows, key=len, default=[])
    return [word for word in dict.fromkeys(best) if not meaning(word)] if len(best) > 1 else []


def learn(heading: str, column: str) -> Path:
    """Keep that a heading stands for a canonical column.

    Args:
        heading: as the export writes it.
        column: of any table.

    Raises:
        UsageError: there is no such column, the heading is empty or means something already, or there is no workspace.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     os.environ["G3_HEADINGS"] = f"{folder}/own.csv"
    ...     learn("出货点编码", "outlet").read_text(encoding="utf-8-sig")
    'column,heading\\noutlet,出货点编码\\n'
    >>> del os.environ["G3_HEADINGS"]
    """
    from g3lib.tables.shaping import meaning

    path, heading = own_file(), heading.strip()
    faults = [] if column in columns() else [f"{column!r} is no column of any table"]
    if not heading:
        faults.append("the heading is empty")
    elif known := meaning(heading):
        faults.append(f"{heading!r} already means {', '.join(sorted(known.columns)) or 'a month, a channel or the like'}")
    if path is None:
        faults.append("there is no workspace here that it could be kept in")
    if faults or path is None:
        raise UsageError(listed(faults, "The heading is not kept:"))
    kept = {**own(), heading: column}
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["column", "heading"])
    writer.writerows((name, inert(word)) for word, name in sorted(kept.items(), key=lambda item: (item[1], fold(item[0]))))
    replace_bytes(path, text.getvalue().encode("utf-8-sig"))
    return path
