"""Importing papermill and nbconvert without what they never use."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def without_grammar() -> Iterator[None]:
    """`jsonschema` builds a grammar of addresses (rfc3987) when it is imported, for 1.8 s; nbformat never asks for it."""
    name = "rfc3987_syntax"
    there = sys.modules.get(name)
    if there is None:
        sys.modules[name] = None  # type: ignore[assignment]  # the documented way to make an import fail
    try:
        yield
    finally:
        if there is None:
            sys.modules.pop(name, None)
