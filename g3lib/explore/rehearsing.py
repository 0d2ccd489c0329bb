"""An explorer opened before anybody asks for it, in a kernel that waits for its page: the page that asks for the same gets it.

The same is the same explorer, asked for with the same words, over a workspace of which nothing that an explorer reads has
changed since. Where one was left is not among it: it goes there when its page takes it.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ipywidgets

from g3lib.errors import G3Error
from g3lib.explore import answering, keeping
from g3lib.tables import headings
from g3lib.tables.store import MANIFEST
from g3lib.tables.workspace import Workspace

_log = logging.getLogger("g3lib")
Opener = Callable[..., answering.Explorer]


@dataclass(frozen=True)
class _Question:
    """What was asked, and of what."""

    opener: Opener
    asked: Mapping[str, object]
    files: frozenset[tuple[str, int, int, int]]

    @classmethod
    def of(cls, opener: Opener, *args: Any, **kwargs: Any) -> _Question:
        bound = inspect.signature(opener).bind(*args, **kwargs)
        bound.apply_defaults()
        words = {name: value for name, value in bound.arguments.items() if isinstance(value, str)}
        return cls(opener, bound.arguments | answering.asked(**words), _files())


@dataclass(frozen=True)
class _Rehearsed:
    """An explorer that waits, and every widget that was made for it."""

    question: _Question
    explorer: answering.Explorer
    widgets: list[ipywidgets.Widget]


_waiting: list[_Rehearsed] = []


def rehearse(opener: Opener) -> None:
    """Open an explorer for nobody, as the page would that this process's environment tells of.

    What would have to be made first is not made: its page does that, and says that it is at work. Whatever goes wrong, its page
    will meet, and say.
    """
    made: list[ipywidgets.Widget] = []
    ipywidgets.Widget.on_widget_constructed(made.append)
    try:
        if not (Workspace.find().store_root / MANIFEST).exists():
            return  # who asks for the store first loads the shipped tables
        question = _Question.of(opener)
        with keeping.rehearsal():
            _waiting.append(_Rehearsed(question, opener(), made))
    except Exception as error:
        if not isinstance(error, G3Error):
            _log.exception("an explorer could not be opened before its page")
        _close(made)
    finally:
        ipywidgets.Widget.on_widget_constructed(None)


def opened(opener: Opener, *args: Any, **kwargs: Any) -> answering.Explorer:
    """An explorer: the one that was rehearsed, where this is what was rehearsed, else a new one."""
    if not _waiting:
        return opener(*args, **kwargs)
    rehearsed, asked = _waiting.pop(), None
    with contextlib.suppress(G3Error):  # what cannot be asked its opener will refuse
        asked = _Question.of(opener, *args, **kwargs)
    if rehearsed.question != asked:
        _close(rehearsed.widgets)
        return opener(*args, **kwargs)
    rehearsed.explorer.begin_for_page()
    return rehearsed.explorer


def _close(widgets: list[ipywidgets.Widget]) -> None:
    """Close what was made for nobody: a page would show it to its browser."""
    for widget in widgets:
        widget.close()
    answering.shared.cache_clear()


def _files() -> frozenset[tuple[str, int, int, int]]:
    """The files that explorers read, as they are now; not where one was left."""
    workspace = Workspace.find()
    places = [workspace.store_root / MANIFEST, workspace.scenarios, workspace.cases, workspace.notes]
    places += [own] if (own := headings.own_file()) else []
    found = set()
    for place in places:
        alone: list[tuple[str, list[str], list[str]]] = [(str(place.parent), [], [place.name])]
        for folder, _, names in os.walk(str(place), followlinks=True) if place.is_dir() else alone:
            if os.path.basename(folder) == ".last":
                continue
            for name in names:
                path = os.path.join(folder, name)
                with contextlib.suppress(FileNotFoundError):
                    seen = os.stat(path)
                    found.add((path, seen.st_ino, seen.st_size, seen.st_mtime_ns))
    return frozenset(found)
