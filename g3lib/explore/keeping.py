"""What an explorer works out once from the data, kept on disk: the next page begins where the last one had to calculate.

It is known by the library's bytes, by what was asked, and by a digest of exactly the exports that were read: a load that
changes one of them makes it anew. A file is signed with a key that comes of this machine's (`identity`), for what is read back
is a pickle: one that somebody else wrote is not opened, and where there is no key nothing is kept. Losing the folder loses
nothing but time.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

from g3lib.errors import G3Error
from g3lib.files import replace_bytes, sweep
from g3lib.runs.edition import library_digest
from g3lib.tables.dataset import Dataset
from g3lib.tables.identity import digester, key_file

T = TypeVar("T")
_REHEARSAL = ContextVar("rehearsal", default=False)

_FOLDER = "kept"
_MOST = 12  # files; the oldest go
_SIGNATURE = 32
# as they are when they are imported: a process that lives on while the library is changed goes on with what it has in memory
_LIBRARY = library_digest()


class NotKept(G3Error):
    """What was asked for would have to be made."""


@contextmanager
def rehearsal() -> Iterator[None]:
    """Within it an explorer is opened for nobody: what is not kept is not made (`NotKept`)."""
    before = _REHEARSAL.set(True)
    try:
        yield
    finally:
        _REHEARSAL.reset(before)


def is_rehearsal() -> bool:
    """Whether an explorer is being opened for nobody."""
    return _REHEARSAL.get()


def kept(data: Dataset, name: str, make: Callable[[], T], slim: Callable[[T], T] = lambda made: made) -> T:
    """What `make` makes of one report's data, made anew only where something that it depends on has changed.

    Args:
        data: what it reads; nothing else of the outside may matter.
        name: of what is made, and whatever else it is made with.
        make: makes it.
        slim: what of it is kept.

    Raises:
        NotKept: see `rehearsal`.
    """
    asked, path = _named(data, name)
    found = _found(data, asked, path)
    if found is not None:
        data.recall(found["reads"])
        made: T = found["made"]
        return made
    if is_rehearsal():
        raise NotKept(f"{name} of {data.branch} is not kept.")
    made, key = make(), _key()
    if key is None:
        return made
    reads = list(data.reads)
    content = pickle.dumps({"asked": asked, "reads": reads, "digest": data.digest(reads), "made": slim(made)}, protocol=5)
    try:
        replace_bytes(path, _signature(key, content) + content)
        _tidy(path.parent)
    except OSError:
        pass  # a store that cannot be written to, or a full disk: the page is there, the next one calculates again
    return made


def _key() -> bytes | None:
    """A key for these signatures alone; None where this machine has none yet."""
    return hmac.digest(digester().key, b"kept", "sha256") if key_file().exists() else None


def _named(data: Dataset, name: str) -> tuple[str, Path]:
    """What is asked, in words, and the file that it would be in."""
    asked = json.dumps([name, data.branch, str(data.period), _LIBRARY], ensure_ascii=False)
    return asked, data.store.root / _FOLDER / f"{hashlib.sha256(asked.encode()).hexdigest()[:24]}.bin"


def _found(data: Dataset, asked: str, path: Path) -> dict[str, Any] | None:
    """What is kept, while the exports that it was made of are as they were."""
    key = _key()
    found = _read(path, key) if key else None
    return found if found is not None and found["asked"] == asked and found["digest"] == data.digest(found["reads"]) else None


def _signature(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, "sha256")


def _read(path: Path, key: bytes) -> dict[str, Any] | None:
    """What a file holds; None where there is none, or none of ours."""
    try:
        signed = path.read_bytes()
    except OSError:
        return None
    content = signed[_SIGNATURE:]
    if not hmac.compare_digest(signed[:_SIGNATURE], _signature(key, content)):
        return None
    try:
        found: dict[str, Any] = pickle.loads(content)
    except Exception:  # made by another version of pandas, say
        return None
    return found


def _tidy(folder: Path) -> None:
    sweep(folder)
    for path in sorted(folder.glob("*.bin"), key=lambda path: -path.stat().st_mtime_ns)[_MOST:]:
        path.unlink(missing_ok=True)
