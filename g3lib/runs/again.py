"""The same run once more: known by what it would depend on, so that a run with nothing to do says so in the blink of an eye.

After a run whose reports all stand (made, or skipped for want of data) a note is kept: what was asked, a digest of all that
planning looks at (the store's manifest, the notebooks, the library, comments, signatures), and a digest of the rows it found.
While all three are as they were, planning would find nothing to do; anything else is planned as ever.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from g3lib.files import replace_bytes
from g3lib.labels import Lang
from g3lib.runs import ledger
from g3lib.runs.edition import library_digest
from g3lib.runs.notebooks import Notebook
from g3lib.tables.workspace import Workspace

_KEPT = ".asked.json"
_MOST = 100  # notes that are kept; the oldest go


@dataclass(frozen=True)
class Asked:
    """What a run was asked for, and where."""

    workspace: Workspace
    notebooks: Sequence[Notebook]
    branches: Sequence[str]
    period: str
    lang: Lang
    parameters: Mapping[str, object]

    @property
    def reports(self) -> Path:
        """Where its reports go."""
        return self.workspace.reports_in(self.lang)

    def _question(self) -> str:
        names = [notebook.name for notebook in self.notebooks]
        asked = [names, sorted(self.branches), self.period, sorted(self.parameters.items())]
        return _digest(json.dumps(asked, ensure_ascii=False))

    def state(self) -> str:
        """A digest of all that planning this run looks at."""
        places = (self.workspace.notes, self.workspace.root / "data" / "signed")
        files = [self.workspace.store_root / "manifest.json", *(p for place in places for p in sorted(place.rglob("*")))]
        # a note or a signature is known by its size and time: they are few, and nobody writes one behind our back in no time
        seen = [f"{p}|{p.stat().st_size}|{p.stat().st_mtime_ns}" for p in files if p.is_file()]
        return _digest(library_digest(), *(f"{n.name}|{n.digest}" for n in self.notebooks), *seen)

    def unchanged(self) -> list[ledger.Row] | None:
        """The rows of a run that finds nothing to do, without their findings; None where it has to be planned."""
        kept = _notes(self.reports).get(self._question())
        if kept is None or kept["state"] != self.state():
            return None
        wanted = [tuple(key) for key in kept["rows"]]
        books = {period: ledger.Ledger(self.reports).rows(period, findings=False) for period in {key[0] for key in wanted}}
        rows = [books[period].get((notebook, branch)) for period, notebook, branch in wanted]
        standing = [row for row in rows if row is not None]
        if len(standing) < len(rows) or _of(standing) != kept["digest"]:
            return None
        files = [path for row in standing for path in files_of(self.reports / row.period, row)]
        files += [self.reports / period / "index.html" for period in books]
        return standing if all(path.exists() for path in files) else None

    def note(self, state: str, rows: Iterable[ledger.Row]) -> None:
        """Keep that this run has nothing left to do.

        Args:
            state: `state` as it was before the run was planned.
            rows: all that it settled.
        """
        every = sorted(rows, key=lambda row: (row.period, row.notebook, row.branch))
        if any(row.state not in ledger.SETTLED for row in every) or all(row.state == "skipped" for row in every):
            return  # what failed is tried again, and that nothing can be reported is said again
        notes = _notes(self.reports)
        notes.pop(self._question(), None)
        keys = [[row.period, row.notebook, row.branch] for row in every]
        notes[self._question()] = {"state": state, "rows": keys, "digest": _of(every)}
        text = json.dumps(dict(list(notes.items())[-_MOST:]), ensure_ascii=False)
        replace_bytes(self.reports / _KEPT, text.encode())


def files_of(folder: Path, row: ledger.Row) -> list[Path]:
    """The files of a report that was made."""
    if row.state != "ok":
        return []
    page = folder / row.html
    return [page.with_name(page.name.removesuffix(".html") + suffix) for suffix in (".ipynb", ".html", *row.beside)]


def _notes(root: Path) -> dict[str, Any]:
    try:
        notes = json.loads((root / _KEPT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _of(rows: Iterable[ledger.Row]) -> str:
    return _digest(*(f"{r.period}|{r.notebook}|{r.branch}|{r.state}|{r.key}|{r.data}|{r.finished}" for r in rows))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
