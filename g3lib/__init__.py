"""g3lib: which subsidy caused which customers, which channel gave what, why a branch falls short.

`from g3lib import subsidy, channels, targets, campaigns, overview, causes` is what notebooks write. Importing the
package alone imports none of them: pandas is loaded by the first that is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_ROOMS = {
    "subsidy": "g3lib.measures.subsidy",
    "channels": "g3lib.measures.channels",
    "targets": "g3lib.measures.targets",
    "campaigns": "g3lib.measures.campaigns",
    "overview": "g3lib.measures.overview",
    "causes": "g3lib.qc.causes",
    "strata": "g3lib.qc.strata",
    "control": "g3lib.qc.control",
    "series": "g3lib.qc.series",
    "relations": "g3lib.qc.relations",
    "tree": "g3lib.qc.tree",
    "schedule": "g3lib.qc.schedule",
    "matrix": "g3lib.qc.matrix",
    "claims": "g3lib.report.claims",
    "charts": "g3lib.report.charts",
    "slides": "g3lib.report.slides",
    "explore": "g3lib.explore",
}


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(_ROOMS[name])
    if name == "open_report":
        return import_module("g3lib.report.page").open_report
    if name == "open_case":
        return import_module("g3lib.report.case").open_case
    raise AttributeError(f"module 'g3lib' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_ROOMS, "open_report", "open_case"]
