"""A case's tables written back: single cells changed, no other, and only where the case stays valid.

The changed folder is read as a whole in a copy first (`read_case`); a file that somebody else has changed meanwhile is not
written over.
"""

from __future__ import annotations

import codecs
import csv
import io
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from g3lib.errors import DataError
from g3lib.files import replace_bytes
from g3lib.labels import fold
from g3lib.qc.story.case import HEADING, HEADINGS, Case
from g3lib.qc.story.reading import digest_of, read_case
from g3lib.tables.reading import encoding_of


def write_back(case: Case, changes: Mapping[str, Mapping[str, Mapping[str, str]]]) -> list[Path]:
    """Change cells of a case's tables.

    Args:
        case: as it was read.
        changes: table → cause → column → what it is to say: `{"causes": {"缺货频繁": {"effect": "机型"}}}`; the rows are those
            whose cause it is. A column that the file lacks is added.

    Returns:
        The files that were written; none where nothing changes.

    Raises:
        DataError: a file has changed since the case was read, there is no such row, or the case would have faults (all listed);
            nothing is written then.
    """
    written = {}
    for table, rows in changes.items():
        name = next((file for file in case.files if Path(file).stem.lower() == table), f"{table}.csv")
        path = case.folder / name
        if not path.is_file() or digest_of(path) != case.files.get(name):
            raise DataError(f"{name} has changed since the case was read: read it again first.")
        old = path.read_bytes()
        new = _edited(old, path, table, rows)
        if new != old:
            written[path] = new
    if written:
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(shutil.copytree(case.folder, Path(scratch) / case.name))
            for path, content in written.items():
                (copy / path.name).write_bytes(content)
            read_case(copy)
        before = {path: path.read_bytes() for path in written}
        try:
            for path, content in written.items():
                replace_bytes(path, content)
        except OSError as error:
            for path, content in before.items():
                if path.read_bytes() != content:
                    replace_bytes(path, content)
            name = Path(error.filename or "").name or "a file"
            raise DataError(f"{name} cannot be written ({error.strerror}); nothing was.") from error
    return list(written)


def _edited(content: bytes, path: Path, table: str, rows: Mapping[str, Mapping[str, str]]) -> bytes:
    """The file with other cells; its encoding, separator of lines and order stay."""
    encoding = encoding_of(path)
    if encoding == "utf-8-sig" and not content.startswith(codecs.BOM_UTF8):
        encoding = "utf-8"
    text = content.decode(encoding)
    cells = list(csv.reader(io.StringIO(text, newline="")))
    heads = [HEADINGS[table].get(fold(head), head) for head in cells[0]]
    before = [list(row) for row in cells]
    for cause, wanted in rows.items():
        own = [row for row in cells[1:] if row and row[heads.index("cause")].strip() == cause]
        if not own:
            raise DataError(f"{path.name} has no row of {cause!r}.")
        for column, value in wanted.items():
            if column not in heads:
                heads.append(column)
                cells[0].append(HEADING[table, column])
            for row in own:
                row += [""] * (len(heads) - len(row))
                row[heads.index(column)] = value
    if cells == before:
        return content
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n" if "\r\n" in text else "\n").writerows(cells)
    return out.getvalue().encode(encoding)
