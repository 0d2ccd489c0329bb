"""Names as people write them: several in one cell, and one as a file name that is safe everywhere, Windows included."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
_LONGEST = 60


def safe_name(name: str) -> str:
    r"""A file name for a branch, a case or a notebook.

    A name that is already safe stays as it is. Any other keeps what is readable and gets a digest of the
    whole name, so that two names never meet in one folder, not even where case does not count.

    >>> safe_name("睢县"), safe_name("")
    ('睢县', '_~e3b0c442')
    >>> safe_name("../etc"), safe_name("East") != safe_name("east")
    ('etc~f7f9121f', True)
    """
    normal = unicodedata.normalize("NFC", name)
    kept = "".join(c if c.isalnum() or c in "-_（）" else "-" for c in normal).strip("-")[:_LONGEST]
    kept = kept.encode("utf-8")[:180].decode("utf-8", "ignore")
    if kept and kept == name and kept == kept.casefold() and not _RESERVED.fullmatch(kept):
        return kept
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{kept or '_'}~{digest}"


def names_in(cell: object) -> list[str]:
    """The names in one cell, with 、 ; or , between them.

    >>> names_in("甲、乙；丙"), names_in(None)
    (['甲', '乙', '丙'], [])
    """
    parts = re.split(r"[、;；,，]", "" if cell is None or cell != cell else str(cell))
    return [part.strip() for part in parts if part.strip()]
