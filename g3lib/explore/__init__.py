"""Explorers 探索: widgets over the same functions and charts as the reports, in JupyterLab or as a page (`g3 explore`)."""

from __future__ import annotations

import html
import os
from functools import wraps
from importlib import import_module
from typing import Any

from g3lib.errors import G3Error

# the server of the pages needs none of them, and starts a second earlier without
EXPLORERS = {
    "subsidy": ("g3lib.explore.subsidy_explorer", "open_subsidy"),
    "channels": ("g3lib.explore.channel_explorer", "open_channels"),
    "campaigns": ("g3lib.explore.campaign_explorer", "open_campaigns"),
    "cases": ("g3lib.explore.case_explorer", "open_cases"),
    "data": ("g3lib.explore.data_explorer", "open_data"),
}
MODULES = (*(module for module, _ in EXPLORERS.values()), "g3lib.explore.rehearsing")  # what a kernel of a page needs


class Refused:
    """Why an explorer could not be opened, as its page says it."""

    def __init__(self, error: G3Error) -> None:
        self.error = error

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, str]:
        text = str(self.error)
        shown = f'<div class="g3"><p role="alert" style="white-space: pre-line; color: #b3261e">{html.escape(text)}</p></div>'
        return {"text/html": shown, "text/plain": text}


def opener(name: str) -> Any:
    """The function that opens an explorer."""
    module, function = EXPLORERS[name]
    return getattr(import_module(module), function)


def __getattr__(name: str) -> Any:
    if name not in EXPLORERS:
        raise AttributeError(f"module 'g3lib.explore' has no attribute {name!r}")
    open_it = opener(name)

    @wraps(open_it)
    def opened(*args: Any, **kwargs: Any) -> Any:
        from g3lib.explore import rehearsing

        try:
            return rehearsing.opened(open_it, *args, **kwargs)
        except G3Error as error:
            if "VOILA_REQUEST_URL" not in os.environ:
                raise
            return Refused(error)  # a page shows no traceback, and says nothing of an error but that there is one

    return opened


def __dir__() -> list[str]:
    return [*globals(), *EXPLORERS]
