"""Analysts' comments: what somebody wrote beside a finding, who owns it, and until when.

They live in data/notes/, as CSV or Excel with the headings of any export (分公司, 期间, 结论名, 批注, 负责人, 到期日,
已完成), and not in reports/: a report may be made again as often as one likes. A comment stands beside the finding's name, so it
meets the figure of that name wherever it is shown.
"""

from __future__ import annotations

import csv
import hashlib
import io
from codecs import BOM_UTF8
from pathlib import Path

import pandas as pd

from g3lib.errors import UsageError, listed
from g3lib.files import replace_bytes
from g3lib.periods import is_canonical
from g3lib.tables.schema import TABLES
from g3lib.tables.store import typed

_HEADINGS = ("分公司", "期间", "结论名", "批注", "负责人", "到期日", "已完成")


def read(folder: Path) -> tuple[pd.DataFrame, list[str]]:
    """Every comment of a folder that can be read, in the order of files and rows; and every fault of the others.

    One bad row stops neither the other comments nor the reports: whoever calls says what is missing.
    """
    from g3lib.tables import loading

    frames, faults = [], []
    for path in loading.exports_in([folder]) if folder.is_dir() else []:
        checked = loading.check(path, "notes")
        faults += [f"{f.file} row {f.row or '–'}, {f.column}: {f.found}; expected {f.expected}" for f in checked.all_faults]
        frames += [typed(export.rows, "notes", TABLES["notes"].names) for export in checked.exports]
    return pd.concat(frames, ignore_index=True) if frames else none(), faults


def none() -> pd.DataFrame:
    """A table of comments without any."""
    return typed(pd.DataFrame(), "notes", TABLES["notes"].names)


def meant_for(comments: pd.DataFrame, branch: str, period: str) -> pd.DataFrame:
    """The comments on one branch's report of a period; one without a period stands in every one.

    >>> frame = pd.DataFrame({"branch": ["a", "a", "b"], "period": ["2010-01", None, None], "finding": "x"})
    >>> meant_for(frame, "a", "2010-02").index.tolist()
    [1]
    """
    own = comments["period"].isna() | (comments["period"] == period)
    return comments[(comments["branch"] == branch) & own]


def digest(comments: pd.DataFrame) -> str:
    """A digest of some comments: a changed one changes the reports that show it."""
    return hashlib.sha256(comments.to_csv(index=False).encode()).hexdigest()


def add(
    folder: Path, branch: str, finding: str, comment: str, period: str = "", owner: str = "", due: str = "", done: bool = False
) -> Path:
    """Add a comment to the branch's file, whole or not at all; returns the file.

    Where the branch's file is an analyst's own, with other columns or another encoding, the comment goes into one beside it.

    Raises:
        UsageError: lists everything that is empty or cannot be read.
    """
    from g3lib.names import safe_name

    faults = [f"no {name}" for name, text in (("branch", branch), ("finding", finding), ("comment", comment)) if not text.strip()]
    if period and not is_canonical(period):
        faults.append(f"{period!r} is no period")
    if due and pd.isna(pd.to_datetime(due, errors="coerce", format="%Y-%m-%d")):
        faults.append(f"{due!r} is no date such as 2010-03-31")
    if faults:
        raise UsageError(listed(faults, "The comment cannot be kept:"))
    heading = ",".join(_HEADINGS)
    path = folder / f"{safe_name(branch)}.csv"
    if path.exists() and path.read_bytes().removeprefix(BOM_UTF8).split(b"\n")[0].strip() != heading.encode():
        path = path.with_suffix(".g3-note.csv")
    text = path.read_text(encoding="utf-8-sig") if path.exists() else heading + "\n"
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([branch, period, finding, comment, owner, due, "是" if done else ""])
    replace_bytes(path, (text.rstrip("\n") + "\n" + line.getvalue()).encode("utf-8-sig"))
    return path


