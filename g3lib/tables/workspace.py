"""Where the analyst works: the nearest folder upward that holds notebooks/ and data/."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from g3lib.errors import DataError, UsageError, listed

if TYPE_CHECKING:  # a run that finds nothing to do asks for places alone, and need not wait for pandas
    from g3lib.tables.store import Store

READS = "G3_READS"  # the variable that names the file in which a report's readings are noted


@dataclass(frozen=True)
class Workspace:
    """The folders of a workspace."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """The workspace above a folder (the current one unless said)."""
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / "notebooks").is_dir() and (folder / "data").is_dir():
                return cls(folder)
        raise UsageError(f"{here} is in no workspace: no folder upward holds both notebooks/ and data/.")

    @property
    def store_root(self) -> Path:
        """The store's folder; `G3_STORE` names another one (tests, a shared disk).

        The tables only: notes, signatures and reports stay the project's, so work that is to stay apart needs its own copy.
        """
        return Path(os.environ.get("G3_STORE") or self.root / "data" / "store")

    @property
    def notebooks(self) -> Path:
        """The parameterised notebooks."""
        return self.root / "notebooks"

    @property
    def notes(self) -> Path:
        """Where analysts keep their comments."""
        return self.root / "data" / "notes"

    @property
    def scenarios(self) -> Path:
        """Where analysts keep their scenarios: parameters of a report under a name; `G3_SCENARIOS` names another folder."""
        return Path(os.environ.get("G3_SCENARIOS") or self.root / "data" / "scenarios")

    @property
    def cases(self) -> Path:
        """Where QC groups keep their cases; `G3_CASES` names another folder (a case outside the project)."""
        return Path(os.environ.get("G3_CASES") or self.root / "data" / "cases")

    @property
    def reports(self) -> Path:
        """Where reports go."""
        return self.root / "reports"

    def reports_in(self, lang: str) -> Path:
        """Where the reports of a language go: English ones in a folder of their own, or they would replace the Chinese."""
        return self.reports if lang == "zh" else self.reports / lang

    def store(self) -> Store:
        """The store; where there is none yet, the shipped documents' tables are loaded first.

        A notebook run by papermill alone on a fresh checkout then has something to read.
        """
        from g3lib.tables.store import MANIFEST, Store

        if not (self.store_root / MANIFEST).exists():
            from g3lib.tables.adding import load

            faults = [fault for loaded in load(self.store_root, shipped(self.root)) for fault in loaded.faults]
            if faults:
                raise DataError(listed(map(str, faults), "The shipped tables do not load:"))
        return Store(self.store_root)


def shipped(root: Path) -> list[Path]:
    """The exports that come with the project."""
    return sorted((root / "data" / "sources").glob("*.csv"))
