"""What a run made: run.json and findings.csv of each period, written whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from g3lib import __version__
from g3lib.findings import Finding, Status
from g3lib.labels import label
from g3lib.tables.adding import inert
from g3lib.tables.store import replace_bytes

_PACKAGES = ("pandas", "papermill", "nbclient", "matplotlib", "duckdb", "statsmodels")
_COLUMNS = ("branch", "notebook", "name", "value", "unit", "period", "status", "text", "denominator", "definition",
            "table", "previous", "last_year", "headline", "made_up")  # fmt: skip


@dataclass
class Row:
    """One report of the ledger: what was asked, what came of it."""

    notebook: str
    branch: str
    period: str
    state: str  # ok, failed, skipped
    parameters: dict[str, Any] = field(default_factory=dict)
    key: str = ""
    html: str = ""  # path below the period's folder
    beside: list[str] = field(default_factory=list)  # suffixes of the files that its page links to
    seconds: float = 0.0
    finished: str = ""  # UTC
    error: str = ""
    inputs: list[dict[str, str]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    made_up: bool = False

    @property
    def headlines(self) -> list[Finding]:
        """The findings that the report opens with."""
        return [f for f in map(Finding.from_dict, self.findings) if f.headline]

    @property
    def urgency(self) -> int:
        """0 for a breach, growing with calm."""
        order = list(Status)
        return min((order.index(f.status) for f in self.headlines), default=len(order))


def read(folder: Path) -> dict[tuple[str, str], Row]:
    """The ledger of a period's folder, by (notebook, branch); empty where there is none or it is unreadable."""
    try:
        plain = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        known = {f.name for f in fields(Row)}
        rows = [Row(**{k: v for k, v in row.items() if k in known}) for row in plain["reports"]]
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    return {(row.notebook, row.branch): row for row in rows}


def write(folder: Path, rows: Mapping[tuple[str, str], Row], lang: str) -> None:
    """Write run.json and findings.csv for a period."""
    ordered = [rows[key] for key in sorted(rows)]
    packages = {name: version(name) for name in _PACKAGES}
    plain = {
        "g3lib": __version__,
        "python": platform.python_version(),
        "packages": packages,
        "lang": lang,
        "written": now(),
        "reports": [asdict(row) for row in ordered],
    }
    replace_bytes(folder / "run.json", json.dumps(plain, ensure_ascii=False, indent=1).encode())
    replace_bytes(folder / "findings.csv", findings_csv(ordered).encode("utf-8-sig"))


def findings_csv(rows: Sequence[Row]) -> str:
    """One line a finding; no cell is a live formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        for finding in row.findings:
            cells = {"branch": row.branch, "notebook": row.notebook, "made_up": row.made_up, **finding}
            cells["definition"] = label("definition", finding.get("definition", ""), row.parameters.get("lang", "zh"))
            writer.writerow([_cell(cells.get(column)) for column in _COLUMNS])
    return text.getvalue()


def now() -> str:
    """The time of a run, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _cell(value: object) -> str:
    if value is None:
        return ""
    return inert(value) if isinstance(value, str) else str(value)
