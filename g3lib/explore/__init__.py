"""Explorers 探索: widgets over the same functions and charts as the reports, in JupyterLab or as a page (`g3 explore`)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# the server of the pages needs none of them, and starts a second earlier without
_EXPLORERS = {
    "subsidy": ("g3lib.explore.subsidy_explorer", "open_subsidy"),
    "channels": ("g3lib.explore.channel_explorer", "open_channels"),
    "data": ("g3lib.explore.data_explorer", "open_data"),
    "cases": ("g3lib.explore.case_explorer", "open_cases"),
    "campaigns": ("g3lib.explore.campaign_explorer", "open_campaigns"),
}


def __getattr__(name: str) -> Any:
    if name in _EXPLORERS:
        module, opener = _EXPLORERS[name]
        return getattr(import_module(module), opener)
    raise AttributeError(f"module 'g3lib.explore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_EXPLORERS]
