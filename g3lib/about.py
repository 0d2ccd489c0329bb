"""What a notebook says of itself, in `metadata.g3`: its title, its question, what one report is about, what it needs.

The notebook is the only place that says so; the command, the page and the index read it from there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from g3lib.errors import UsageError


@dataclass(frozen=True)
class About:
    """A notebook's description of itself.

    `unit` is what one report is about (branch, province or case), and the name of the parameter that says
    which; `needs` are tables, or table.column, without which there is no report; `title` and `question` are
    by language.
    """

    unit: str
    needs: tuple[str, ...]
    title: Mapping[str, str]
    question: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> About:
        """The description of one notebook; what it leaves out is empty, its title its file's name."""
        plain = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("g3", {})
        title = dict.fromkeys(("zh", "en"), path.stem) | plain.get("title", {})
        question = dict.fromkeys(("zh", "en"), "") | plain.get("question", {})
        return cls(str(plain.get("unit", "")), tuple(plain.get("needs", ())), title, question)

    @classmethod
    def find(cls, folder: Path, name: str) -> About:
        """The description of the notebook of that name, with or without its number.

        Raises:
            UsageError: no such notebook; the message lists those that are there.
        """
        known = {path.stem.partition("-")[2]: path for path in sorted(folder.glob("[0-9]*-*.ipynb"))}
        hit = known.get(name) or next((path for path in known.values() if path.stem == name), None)
        if hit is None:
            raise UsageError(f"{name!r} is no notebook of {folder.name}/; known: {', '.join(known) or 'none'}.")
        return cls.read(hit)
