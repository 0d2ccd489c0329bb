"""A case's folder read and validated as a whole: case.yaml, its tables, and the data that tests name."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from g3lib.errors import DataError, Fault, NoData, Severity, UsageError, listed
from g3lib.labels import fold
from g3lib.periods import Period
from g3lib.qc.story import fitting
from g3lib.qc.story.case import FILE, HEADING, HEADINGS, PARTS, SPEC, Case, totals
from g3lib.tables.cells import is_missing, read_column, when
from g3lib.tables.reading import Unreadable, encoding_of, read
from g3lib.tables.schema import Kind

# tables that have columns of their own besides those of tables.csv
_OPEN = ("survey", "options")


def read_case(folder: Path) -> Case:
    """Read a case's folder.

    Raises:
        NoData: there is no such folder, or no case.yaml in it.
        DataError: lists every fault of every file (file, row, column, found, expected), and what does not fit
            together (`fitting.faults`).
    """
    if not (folder / FILE).is_file():
        raise NoData(f"{folder.name}: there is no {FILE}; a case is a folder with a {FILE} beside its CSVs.")
    told, faults = _told(folder / FILE)
    tables, data = {}, {}
    unread, faulty = {"case"} if faults else set(), {}
    files = {FILE: digest_of(folder / FILE)}
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() == ".csv"):
        files[path.name] = digest_of(path)
        # a system may have written SURVEY.CSV; data keep the name that their test gives them
        name = path.stem.lower() if path.stem.lower() in SPEC else path.stem
        try:
            cells = _cells(path)
        except Unreadable as unreadable:
            faults.append(unreadable.fault)
            unread.add(name)
            continue
        if len(set(cells.columns)) < len(cells.columns):
            faults.append(_doubled(path.name, cells.columns, "the same heading twice"))
            unread.add(name)
            continue
        if name in tables:
            faults.append(Fault(path.name, "", None, "", f"a second {name}.csv", "one file of each name", Severity.FILE))
        elif name in SPEC:
            tables[name], found, names_stand = _typed(path.name, cells, name)
            faults += found
            if tables[name].empty and not found:  # headings alone: a table still to be filled in is not there yet
                del tables[name]
            elif not names_stand:
                unread.add(name)
            elif rows := frozenset(fault.row for fault in found if fault.row and fault.expected != PARTS):
                faulty[name] = rows
        else:
            data[name] = _loose(cells)
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in (".xlsx", ".xls", ".xlsm", ".parquet")):
        faults.append(Fault(path.name, "", None, "", f"a {path.suffix[1:]} file", "a CSV: save the sheet as one", Severity.FILE))
    case = Case(folder.name, told, tables, data, files, folder, frozenset(unread), faulty)
    unfit, waiting = fitting.faults(case)
    if said := [*map(_in_words, [*faults, *unfit])]:
        head = f"The case {folder.name} has {len(said)} fault{'s' * (len(said) != 1)}:"
        late = ", ".join(f"{name}.csv" for name in waiting)
        rest = [f"(how {late} fit as a whole is looked at once these are mended)"] if waiting else []
        raise DataError(listed([*said, *rest], head))
    return case


def _doubled(file: str, names: Iterable[str], found: str) -> Fault:
    again = [name for name, times in Counter(names).items() if times > 1]
    return Fault(file, "", None, ", ".join(again), found, "one column of each name", Severity.FILE)


def _in_words(fault: Fault) -> str:
    place = fault.file + (f" row {fault.row}" if fault.row else "") + (f", {fault.column}" if fault.column else "")
    return f"{place}: {fault.found}" + (f"; expected {fault.expected}" if fault.expected else "")


def _told(path: Path) -> tuple[dict[str, Any], list[Fault]]:
    import yaml

    try:
        text = path.read_text(encoding=encoding_of(path))
        again = [Fault(path.name, "", line, "", f"the key {key} stands twice", "each key once", Severity.FILE)
                 for key, line in _repeated(yaml.compose(text, yaml.SafeLoader))]  # fmt: skip
        loader = yaml.SafeLoader(text)
        loader.yaml_constructors = {**loader.yaml_constructors, "tag:yaml.org,2002:timestamp": _timestamp}
        told = loader.get_single_data()
    except Unreadable as unreadable:
        return {}, [unreadable.fault]
    except (yaml.YAMLError, ValueError, KeyError, AttributeError) as error:  # a tag or a number that is none
        mark = getattr(error, "problem_mark", None)
        said = str(getattr(error, "problem", None) or error)
        expected = "lines of `key: value` in order, a text that holds a colon in quotes"
        return {}, [Fault(path.name, "", mark.line + 1 if mark else None, "", said, expected, Severity.FILE)]
    if not isinstance(told, dict):
        return {}, [Fault(path.name, "", None, "", type(told).__name__, "keys and values, title first", Severity.FILE)]
    return told, again


def _timestamp(loader: Any, node: Any) -> Any:
    """A day; one that is none (2013-13-04) stays as it is written, and is named with the other faults of the file."""
    with suppress(ValueError):
        return loader.construct_yaml_timestamp(node)
    return node.value


def _repeated(node: Any) -> Iterator[tuple[str, int]]:
    """Each key that stands twice in its mapping, and its line: YAML itself lets the last win, and what stood before is lost."""
    nodes, seen = [node], set()
    while nodes:
        node = nodes.pop()
        if id(node) in seen or not isinstance(getattr(node, "value", None), list):
            continue
        seen.add(id(node))
        pairs = [part for part in node.value if isinstance(part, tuple)]
        names = [key.value for key, _ in pairs]
        yield from ((key.value, key.start_mark.line + 1) for i, (key, _) in enumerate(pairs) if key.value in names[:i])
        nodes += [value for _, value in pairs] or node.value


def _cells(path: Path) -> pd.DataFrame:
    """The first sheet's rows as texts under their headings; the index is the row number that the analyst sees."""
    sheets = read(path)
    rows = pd.concat(list(sheets[0].chunks()))
    rows = rows[~rows.map(lambda cell: not str(cell).strip()).all(axis=1)]
    head = [str(cell).strip() for cell in rows.iloc[0]]
    kept = [i for i, name in enumerate(head) if name]
    for row, *cells in rows.iloc[1:, [i for i, name in enumerate(head) if not name]].fillna("").itertuples():
        if stray := [str(cell) for cell in cells if str(cell).strip()]:
            said = f"{', '.join(stray)} under no heading"
            raise Unreadable(Fault(path.name, "", int(row), "", said, "a heading above every value", Severity.FILE))
    body = rows.iloc[1:, kept].fillna("")
    body.columns = [head[i] for i in kept]
    return body


def _typed(file: str, cells: pd.DataFrame, table: str) -> tuple[pd.DataFrame, list[Fault], bool]:
    """The table, its faults, and whether its columns and the names in its rows stand: what others can be held against."""
    known = {heading: HEADINGS[table].get(fold(heading), heading) for heading in cells.columns}
    names, said = [c.name for c in SPEC[table]], {name: heading for heading, name in known.items()}
    faults = [Fault(file, "", None, heading, "a column that the table does not have", ", ".join(names), Severity.FILE)
              for heading, name in known.items() if name not in names and table not in _OPEN]  # fmt: skip
    if not set(known.values()) & set(names):
        found = f"none of its headings is known ({', '.join(known)})"
        expected = ", ".join(HEADING[table, name] for name in names) + " (in UTF-8 or GBK)"
        return pd.DataFrame(columns=names), [Fault(file, "", None, "", found, expected, Severity.FILE)], False
    if len(set(known.values())) < len(known):
        return pd.DataFrame(columns=names), [_doubled(file, known.values(), "a Chinese and an English heading")], False
    stand = not faults
    texts = cells.rename(columns=known)
    faults += [Fault(file, "", row, said[name], word, PARTS) for row, name, word in totals(texts)]
    texts = texts.drop(index=[fault.row for fault in faults if fault.expected == PARTS])
    out = pd.DataFrame(index=texts.index)
    for column in SPEC[table]:
        if column.name not in texts:
            if column.required:
                heading = HEADING[table, column.name]
                expected = f"the column {heading} ({column.name})"
                faults.append(Fault(file, "", None, heading, "no such column", expected, Severity.FILE))
                stand = False
            out[column.name] = None
            continue
        if column.name == "period":
            texts[column.name] = texts[column.name].map(_period)
        reading = read_column(texts[column.name], column, 1.0, None)
        out[column.name] = reading.values.astype(object) if column.kind in (Kind.TEXT, Kind.CHOICE) else reading.values
        for row, text in texts[column.name].items():
            if text in reading.faults:
                faults.append(Fault(file, "", int(str(row)), said[column.name], text, reading.faults[text]))
            elif column.kind in (Kind.COUNT, Kind.MONEY) and reading.values[row] < 0:
                faults.append(Fault(file, "", int(str(row)), said[column.name], text, "0 or more"))
            elif column.kind is Kind.DATE and not is_missing(text) and when(text)[1] == "month":
                faults.append(Fault(file, "", int(str(row)), said[column.name], text, "a day such as 2010-03-05"))
            elif column.required and is_missing(text):
                faults.append(Fault(file, "", int(str(row)), said[column.name], "nothing", "a value"))
                stand = stand and column.kind is not Kind.TEXT
    for name in texts.columns:
        if table in _OPEN and name not in out:
            out[name] = texts[name].str.strip()
    return out, faults, stand


def _period(text: str) -> str:
    """A month as `Period` has it, where it is written in one of the ways in which dates are (2012/2, 2012年2月, Feb-12)."""
    try:
        period = Period.parse(text)
        return period.last_month if re.fullmatch(r"\d{4}-\d{1,2}", text.strip()) else text
    except UsageError:
        with suppress(ValueError):
            found, grain = when(text)
            return f"{found:%Y-%m}" if grain == "month" else text
    return text


def _loose(cells: pd.DataFrame) -> pd.DataFrame:
    """Data of any columns: a column of numbers is numbers, one of 是 and 否 is yes and no, any other is words."""
    out = pd.DataFrame(index=cells.index)
    for name in cells.columns:
        text = cells[name].astype(str).str.strip()
        known = text[~text.map(is_missing)]
        numbers = pd.to_numeric(known, errors="coerce")
        # a leading zero is an identifier's, and stays
        if len(known) and numbers.notna().all() and not known.str.match(r"0\d").any():
            out[name] = numbers.reindex(cells.index)
        elif len(known) and known.isin(["是", "否"]).all():
            out[name] = (known == "是").reindex(cells.index).astype("boolean")
        else:
            out[name] = known.reindex(cells.index).astype(object)
    return out


def digest_of(path: Path) -> str:
    """What a file of a case is known by."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
