"""Explorers 探索: widgets over the same functions and charts as the reports, in JupyterLab or as a page (`g3 explore`)."""

from __future__ import annotations

import html
import os
from functools import wraps
from importlib import import_module
from typing import Any

from g3lib.errors import G3Error

# the server of the pages needs none of them, and starts a second earlier without
_EXPLORERS = {
    "subsidy": ("g3lib.explore.subsidy_explorer", "open_subsidy"),
    "channels": ("g3lib.explore.channel_explorer", "open_channels"),
    "campaigns": ("g3lib.explore.campaign_explorer", "open_campaigns"),
    "cases": ("g3lib.explore.case_explorer", "open_cases"),
    "data": ("g3lib.explore.data_explorer", "open_data"),
}


class Refused:
    """Why an explorer could not be opened, as its page says it."""

    def __init__(self, error: G3Error) -> None:
        self.error = error

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, str]:
        text = str(self.error)
        shown = f'<div class="g3"><p role="alert" style="white-space: pre-line; color: #b3261e">{html.escape(text)}</p></div>'
        return {"text/html": shown, "text/plain": text}


def __getattr__(name: str) -> Any:
    if name not in _EXPLORERS:
        raise AttributeError(f"module 'g3lib.explore' has no attribute {name!r}")
    module, opener = _EXPLORERS[name]
    open_it = getattr(import_module(module), opener)

    @wraps(open_it)
    def opened(*args: Any, **kwargs: Any) -> Any:
        try:
            return open_it(*args, **kwargs)
        except G3Error as error:
            if "VOILA_REQUEST_URL" not in os.environ:
                raise
            return Refused(error)  # a page shows no traceback, and says nothing of an error but that there is one

    return opened


def rehearse(name: str) -> None:
    """Open an explorer for nobody: a kernel that waits for its page has then read and drawn once what the page will need.

    What would have to be made first is not made: its page does that, and says that it is at work.

    Args:
        name: of an explorer; of none, nothing is done.
    """
    import ipywidgets

    from g3lib.explore import answering, keeping

    if name not in _EXPLORERS:
        return
    module, opener = _EXPLORERS[name]
    try:
        with keeping.nothing_made():
            getattr(import_module(module), opener)()
    except G3Error:
        pass  # its page will say why
    finally:
        ipywidgets.Widget.close_all()
        answering.shared.cache_clear()


def __dir__() -> list[str]:
    return [*globals(), *_EXPLORERS]
