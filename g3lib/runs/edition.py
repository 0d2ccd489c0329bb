"""Which library this is: what another one made is made again, and a template that has another one in memory forks nothing."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from pathlib import Path

from g3lib import __version__


@cache
def library_digest() -> str:
    """The library's own bytes as this process found them: while it is being developed its version alone says too little."""
    return library_now()


def library_now() -> str:
    """The same as they are at this moment."""
    whole = hashlib.sha256(__version__.encode())
    root = Path(str(resources.files("g3lib")))
    for path in sorted(p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        whole.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return whole.hexdigest()
