"""Whose number it is stays outside: keyed digests for customers and devices, masks for free text.

A plain hash of an eleven-digit number is undone by trying all of them; a keyed one is not, as long as the
key is elsewhere. So the key lies in the user's configuration folder (mode 0600), never in the project;
the store keeps only the key's id and refuses another key, which would split every customer in two.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from g3lib.errors import DataError

_PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?1\d{2}[- ]?\d{4}[- ]?\d{4}(?!\d)")
_LANDLINE = re.compile(r"(?<!\d)0\d{2,3}[- ]?\d{7,8}(?!\d)")
_DEVICE = re.compile(r"(?<!\d)\d{15}(?!\d)")


@dataclass(frozen=True)
class Digester:
    """Replaces a number by a keyed digest (BLAKE2b, 24 hex digits)."""

    key: bytes

    @property
    def key_id(self) -> str:
        """What the store remembers of the key."""
        return hashlib.sha256(b"g3lib key id" + self.key).hexdigest()[:16]

    def digest(self, number: str) -> str:
        """The digest of a number, after its spelling is made one.

        >>> d = Digester(b"k" * 32)
        >>> d.digest("138 0013-8000") == d.digest("+86１３８００１３８０００")
        True
        >>> d.digest("13800138000") == Digester(b"j" * 32).digest("13800138000")
        False
        """
        return hashlib.blake2b(normalised(number).encode(), key=self.key, digest_size=12).hexdigest()


def normalised(number: str) -> str:
    """A customer's or device's number without what exports differ in; leading zeros stay.

    >>> normalised("+86 138-0013-8000"), normalised("0012 34"), normalised("13800138000.0")
    ('13800138000', '001234', '13800138000')
    """
    bare = re.sub(r"[\s\-()]", "", unicodedata.normalize("NFKC", str(number)))
    bare = re.sub(r"\.0$", "", bare)
    return re.sub(r"^(?:\+|00)86(?=1\d{10}$)|^86(?=1\d{10}$)", "", bare).upper()


def mask_numbers(text: str) -> str:
    """Free text without phone-like and device-like numbers.

    >>> mask_numbers("电138 0013 8000找张，量123台")
    '电***********找张，量123台'
    """
    plain = unicodedata.normalize("NFKC", str(text)) if re.search(r"[０-９]{5}", str(text)) else str(text)
    for pattern in (_PHONE, _LANDLINE, _DEVICE):
        plain = pattern.sub("***********", plain)
    return plain.strip()


def key_file() -> Path:
    """Where the key lies: `G3_KEY_FILE`, else `g3lib/key` in the user's configuration folder."""
    if named := os.environ.get("G3_KEY_FILE"):
        return Path(named)
    home = os.environ.get("APPDATA") or os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "g3lib" / "key"


def digester(expected_id: str | None = None) -> Digester:
    """The digester of this machine's key; makes the key at first use.

    Raises:
        DataError: the store was made with another key, or the key can be read by others.
    """
    path = key_file()
    if not path.exists():
        if expected_id:
            raise DataError(
                f"The store was made with key {expected_id}, and {path} does not exist. Copy the key there "
                "(from the machine that made the store), or load everything into a new store."
            )
        _make_key(path)
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise DataError(f"{path} can be read by others; run: chmod 600 {path}")
    found = Digester(bytes.fromhex(path.read_text(encoding="ascii").strip()))
    if expected_id and found.key_id != expected_id:
        raise DataError(
            f"The store was made with key {expected_id}, but {path} holds key {found.key_id}: the same "
            "customer would count twice. Put the right key there, or load everything into a new store."
        )
    return found


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # O_EXCL: of two first loads at once one makes the key and the other reads it
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
