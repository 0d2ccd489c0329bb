"""One sheet's passage through the gate: texts in, good rows, rejected rows and stated totals out."""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterator, Mapping

import pandas as pd

from g3lib.errors import Fault, Severity
from g3lib.labels import fold
from g3lib.periods import is_canonical, month_of
from g3lib.tables import cells, shaping
from g3lib.tables.identity import Digester, mask_numbers
from g3lib.tables.notes import Note
from g3lib.tables.reading import Sheet
from g3lib.tables.schema import GRAIN, Kind, Table, pandera_schema
from g3lib.tables.totals import HEADINGS, label_columns

ROW = "_row"  # the row number as the analyst sees it; kept to the end, dropped at the store
_REMARK = ("注", "备注", "说明", "制表", "制图", "填报", "数据来源", "审核")


class Gate:
    """One sheet's passage: holds what chunks share (faults, notes, counts) and nothing else."""

    def __init__(self, sheet: Sheet, plan: shaping.Layout, digester: Digester | None) -> None:
        self.sheet, self.plan, self.digester = sheet, plan, digester
        self.table = plan.table
        self.faults: list[Fault] = []
        self.notes: list[Note] = []
        self.count = self.blank = self.repeated = 0
        self.refused_cells: set[tuple[str, str]] = set()  # branch, month of rejected rows
        self.measures: Mapping[str, int] = {}  # where the record at hand has its measures

    def heading(self, column: str) -> str:
        """The heading of a canonical column, in the record at hand where the sheet is wide."""
        position = self.measures.get(column)
        return self.plan.heading(column) if position is None else self.plan.headings[position]

    # -- texts ---------------------------------------------------------------------------------------

    def records(self, chunk: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """The chunk's records as texts in canonical columns: one frame a record of the wide plan."""
        if chunk.empty:
            return
        chunk = chunk[self._is_data(chunk)]
        self._refuse_ragged(chunk)
        for record in self.plan.records:
            positions = {**self.plan.ids, **record.measures}
            self.measures = record.measures
            texts = pd.DataFrame({c: chunk.get(i, "") for c, i in positions.items()}, index=chunk.index, dtype="str")
            for column, text in {**self.plan.constants, **record.dims}.items():
                texts[column] = text
            if self.plan.wide and record.measures:
                measures = texts[list(record.measures)]
                empty = measures.apply(lambda cells: cells.str.strip().eq("")).all(axis=1)
                self.blank += int(empty.sum())
                texts = texts[~empty]
            if self.table.period == "start" and "start" in record.dims and "end" not in positions:
                texts["end"] = _month_end(record.dims["start"])
            texts.attrs["total"] = record.total
            self.count += len(texts)
            yield texts.copy() if record.total else texts

    def _is_data(self, chunk: pd.DataFrame) -> pd.Series:
        stripped = chunk.apply(lambda cells: cells.str.strip())
        filled = stripped.ne("").sum(axis=1)
        data = filled > 0
        if len(self.plan.headings) > 1:
            for row in stripped.index[filled == 1]:
                text = "".join(stripped.loc[row])
                if text.startswith(_REMARK):
                    self.notes.append(Note.of("remark", text=mask_numbers(text)[:80]))
                    data.loc[row] = False
        heading = pd.Series(False, index=chunk.index)
        for texts in self.plan.heading_rows:
            same = pd.Series(True, index=chunk.index)
            for position in stripped.columns:
                same &= stripped[position].eq(texts[position].strip() if position < len(texts) else "")
            heading |= same
        self.repeated += int((heading & data).sum())
        return data & ~heading

    def _refuse_ragged(self, chunk: pd.DataFrame) -> None:
        beyond = [c for c in chunk.columns if c not in self.plan.headings]
        if beyond:
            extra = chunk[beyond].apply(lambda cells: cells.str.strip().ne("")).any(axis=1)
            width = len(self.plan.headings)
            for row in chunk.index[extra]:
                self._fault(int(row), "", "more cells than headings", f"{width} cells")

    def split(self, texts: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The records that are rows, and the stated totals, each with the headings of its measures."""
        stated = self.is_total(texts)
        headings = {column: self.heading(column) for column in self.measures}
        return texts[~stated], texts[stated].assign(**{HEADINGS: [headings] * int(stated.sum())})

    def is_total(self, texts: pd.DataFrame) -> pd.Series:
        """Which records are stated totals: a total column's, or rows that say 合计, 小计, total."""
        if texts.attrs.get("total"):
            return pd.Series(True, index=texts.index)
        found = pd.Series(False, index=texts.index)
        for column in texts.columns:
            if column in label_columns(self.table):
                words = {t for t in texts[column].unique() if shaping.TOTAL.fullmatch(fold(t))}
                if words:
                    found |= texts[column].isin(words)
        return found

    # -- values --------------------------------------------------------------------------------------

    def read(self, texts: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Texts → good typed rows, and the rejected rows with their reasons."""
        start = len(self.faults)
        typed = pd.DataFrame(index=texts.index)
        for column in self.table.columns:
            if column.name in texts:
                typed[column.name] = self._column(texts[column.name], column.name)
        if GRAIN in self.table.columns and self.table.period in texts:
            typed["grain"] = cells.grains(texts[self.table.period])
        typed[ROW] = texts.index
        self._validate(typed.drop(columns=ROW), texts, {(f.row, f.column) for f in self.faults[start:]})
        self._compare(typed, texts)
        reasons: dict[int, list[str]] = {}
        width = {f.row for f in self.faults[:start] if not f.column and f.severity == Severity.ROW}
        for fault in self.faults[start:]:
            if fault.severity == Severity.ROW and fault.row is not None:
                reasons.setdefault(fault.row, []).append(_reason(fault))
        for row in width:
            if row is not None and row in texts.index:
                reasons.setdefault(row, []).append("more cells than headings")
        refused = texts.index.isin(list(reasons))
        self._remember(typed[refused])
        why = ["; ".join(dict.fromkeys(reasons[row])) for row in texts.index[refused]]
        return typed[~refused], self._rejected(texts[refused], why)

    def _column(self, texts: pd.Series, name: str) -> pd.Series:
        column = self.table.column(name)
        unit, factor = self.plan.units.get(name, ("", 1.0))
        if column.kind == Kind.RATE and factor == 0.01:
            self._refuse_double_percent(texts, name, unit)
        reading = cells.read_column(texts, column, factor, self.digester)
        if reading.faults:
            for row, text in texts[texts.isin(list(reading.faults))].items():
                self._fault(int(row), name, text, reading.faults[text])
        for code in sorted(reading.notes):
            self.notes.append(Note.of(code, heading=self.heading(name)))
        return reading.values

    def _refuse_double_percent(self, texts: pd.Series, name: str, unit: str) -> None:
        # Excel saves 65 % as 0.65 and its heading may still say (%): 0.65 % and 65 % look the same
        known = [cells.plain(t) for t in texts.unique() if not cells.is_missing(t)]
        bare = [t for t in known if not t.endswith("%")]
        try:
            small = bool(bare) and all(0 < abs(float(t)) <= 1 for t in bare)
        except ValueError:
            return
        if small:
            self.faults.append(
                Fault(self.sheet.file, self.sheet.name, None, self.heading(name),
                      f"a heading in {unit} above figures that are all at most 1",
                      "65 under a heading in %, or 0.65 under one without", Severity.NOTE)
            )  # fmt: skip
            for row in texts.index[texts.map(cells.plain).isin(bare)]:
                self._fault(int(row), name, str(texts.loc[row]), "a figure that is not at once 0.65 % and 65 %")

    def _remember(self, refused: pd.DataFrame) -> None:
        """A rejected row still says which branch and month its export is about."""
        if len(refused):
            self.refused_cells.update(cells_of(self.table, refused).itertuples(index=False, name=None))

    def _validate(self, typed: pd.DataFrame, texts: pd.DataFrame, faulty: set[tuple[int | None, str]]) -> None:
        # a cell that could not be read is empty by now; that it is empty is no second fault
        import pandera.errors

        schema = pandera_schema(self.table.name)
        missing = [c for c in schema.columns if c not in typed]
        try:
            schema.remove_columns(missing).validate(typed, lazy=True)
        except pandera.errors.SchemaErrors as errors:
            for case in errors.failure_cases.itertuples():
                row, name = int(case.index), str(case.column)
                expected = "a value" if case.check == "not_nullable" else str(case.check)
                if (row, self.heading(name)) not in faulty:
                    found = str(texts.at[row, name]) if name in texts else ""
                    self._fault(row, name, found.strip() or "nothing", expected)

    def _compare(self, typed: pd.DataFrame, texts: pd.DataFrame) -> None:
        """Cells of a row that contradict each other or what the row is of; an unknown one contradicts nothing."""
        for column, wrong, expected, severity in _contradictions(self.table.name, typed, texts):
            for row in typed.index[wrong.fillna(False)]:
                self._fault(row, column, str(texts.at[row, column]), expected, severity)

    def _fault(self, row: int, column: str, found: str, expected: str, severity: Severity = Severity.ROW) -> None:
        personal = column and self.table.column(column).kind == Kind.PERSONAL
        shown = "***" if personal else _printable(mask_numbers(str(found)))
        self.faults.append(Fault(self.sheet.file, self.sheet.name, row, self.heading(column), shown, expected, severity))

    def _rejected(self, texts: pd.DataFrame, why: list[str]) -> pd.DataFrame:
        hidden = {c.name for c in self.table.columns if c.kind == Kind.PERSONAL}
        records = [
            json.dumps(
                {str(c): "***" if c in hidden and v else mask_numbers(v) for c, v in row.items() if v},
                ensure_ascii=False,
            )
            for row in texts.to_dict("records")
        ]
        return pd.DataFrame({"row": texts.index, "reasons": why, "record": records})

    def without_mixed_grains(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Rows without the months that stand beside days of the same branch and month: they count twice."""
        if GRAIN not in self.table.columns or rows.empty or rows["grain"].nunique() < 2:
            return rows, self._rejected(pd.DataFrame(), [])
        cell = rows["branch"].astype("str") + "\x1f" + month_of(rows[self.table.period])
        daily = rows["grain"].eq("day")
        mixed = rows["grain"].eq("month") & cell.isin(cell[daily].unique())
        firsts = rows.loc[daily, ROW].groupby(cell[daily]).min()
        return self._without(rows, mixed, cell.map(firsts), "a month beside its days", "days or their month (row {})")

    def without_repeats(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Rows whose key no earlier row has; a second row of one key would count twice."""
        key = [c for c in self.table.key if c in rows]
        counts = pd.Series(True, index=rows.index)
        if self.table.name == "sales":
            # day rows may be equal sales, unless they name the same customer or device; month rows are
            # sums, so two of one key are a double count
            numbers = {c.name for c in self.table.columns if c.kind in (Kind.COUNT, Kind.MONEY)}
            key = [c for c in rows if c not in numbers | {ROW}]
            counts = rows["grain"].eq("month")
            for personal in {"customer", "device"} & set(rows):
                counts |= rows[personal].notna()
        if not key or rows.empty:
            return rows, self._rejected(pd.DataFrame(), [])
        repeated = rows.duplicated(key) & counts
        if not repeated.any():
            return rows, self._rejected(pd.DataFrame(), [])
        firsts = rows.groupby(key, dropna=False, observed=True, sort=False)[ROW].transform("first")
        expected = f"one row for {', '.join(key)} (row {{}})"
        return self._without(rows, repeated, firsts, "the same key once more", expected)

    def _without(
        self, rows: pd.DataFrame, refused: pd.Series, firsts: pd.Series, found: str, expected: str
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        why = []
        for row, first in zip(rows.loc[refused, ROW], firsts[refused], strict=True):
            self._fault(int(row), "", found, expected.format(int(first)))
            why.append(f"{found}: row {int(first)}")
        self._remember(rows[refused])
        texts = rows[refused].drop(columns=ROW).astype(object).where(rows[refused].notna(), "").astype(str)
        return rows[~refused], self._rejected(texts.set_axis(rows.loc[refused, ROW]), why)

    # -- notes ---------------------------------------------------------------------------------------

    def all_notes(self, rows: pd.DataFrame) -> list[Note]:
        """The notes, and those that only the whole sheet can tell."""
        notes = list(self.notes)
        if self.blank:
            notes.append(Note.of("blank_wide", count=str(self.blank)))
        if self.repeated:
            notes.append(Note.of("repeated_heading", count=str(self.repeated)))
        notes += [Note.of("looks_like_total", branch=branch) for branch in self._sums_of_the_others(rows)]
        if self.plan.stated_months and self.table.period and not rows.empty:
            days = rows[self.table.period].dropna()
            months = sorted(month_of(days).unique())
            if set(days.dt.month.unique()) - self.plan.stated_months:
                data = months[0] if len(months) == 1 else f"{months[0]}..{months[-1]}"
                notes.append(Note.of("caption_months", caption=self.plan.caption, data=data))
        return notes


    def _sums_of_the_others(self, rows: pd.DataFrame) -> list[str]:
        """Branches that equal all others together in every month: an unmarked total among its parts counts everything twice."""
        additive = [c.name for c in self.table.columns if c.additive and c.name in rows]
        if not additive or "branch" not in rows or not self.table.period or rows["branch"].nunique() < 3:
            return []
        days = rows[self.table.period].dt
        sums = rows[additive[0]].groupby([rows["branch"], days.year * 12 + days.month], observed=True).sum().unstack(fill_value=0)
        alike = ((2 * sums - sums.sum()).abs() < 0.5).all(axis=1) & (sums.sum(axis=1) > 0)
        return [str(branch) for branch in sums.index[alike]]


def _contradictions(table: str, rows: pd.DataFrame, texts: pd.DataFrame) -> Iterator[tuple[str, pd.Series, str, Severity]]:
    """Column, which rows are at fault, what was expected instead, and how far the fault reaches."""
    have = set(rows)
    if table == "targets" and {"start", "end"} <= have:
        yield "end", rows["end"] < rows["start"], "not before the start", Severity.ROW
    if table == "targets" and {"metric", "target"} <= have:
        counted = rows["metric"].astype("str") != "net_adds"  # customers may be lost on balance; nothing else falls below nought
        yield "target", counted & (rows["target"] < 0), "zero or more", Severity.ROW
        blank = texts["target"].map(cells.plain).reindex(rows.index) == ""
        yield "target", rows["target"].isna() & blank, "a target (* where it is masked; read as such)", Severity.NOTE
        yield "target", counted & (rows["target"] == 0), "more than zero (a masked target is written *)", Severity.NOTE
        rate = rows["metric"].astype("str") == "participation"
        if "kind" in have:
            rate |= (rows["kind"].astype("str") == "rate").fillna(False)
        yield "target", rate & (rows["target"] > 1), "a rate, at most 100%", Severity.ROW
    if table == "thresholds" and {"direction", "green", "red"} <= have:
        sign = rows["direction"].astype("str").map({"up": 1.0, "down": -1.0})
        yield "green", sign * (rows["green"] - rows["red"]) < 0, "at red or better", Severity.ROW
    if table == "notes" and "period" in have:
        written = rows["period"].astype("str").where(rows["period"].notna(), "")
        odd = (written != "") & ~written.map(is_canonical)
        yield "period", odd, "a period as reports/ names it (2010-03, 2010-01..2010-03, 2010-03-31), or none", Severity.ROW
    if table == "participation" and {"participants", "base"} <= have:
        yield "participants", rows["participants"] > rows["base"], "at most the base", Severity.ROW
        yield "base", rows["base"] == 0, "more than zero (without a base there is no rate)", Severity.NOTE
        if "rate" in have:  # whole percents are published too
            ours = rows["participants"] / rows["base"].where(rows["base"] > 0)
            yield "rate", (ours - rows["rate"]).abs() > 0.0051, "participants ÷ base, to half a point", Severity.ROW


def cells_of(table: Table, rows: pd.DataFrame) -> pd.DataFrame:
    """The distinct branches and months of rows, sorted; "" where the table has no branch or no period."""
    blank = pd.Series("", index=rows.index)
    month = month_of(rows[table.period]) if table.period else blank
    branch = rows["branch"].astype("str") if "branch" in rows else blank
    distinct = pd.DataFrame({"branch": branch, "month": month}).dropna().drop_duplicates()
    return distinct.sort_values(["branch", "month"])


def _month_end(month: str) -> str:
    year, number = map(int, month.split("-")[:2])
    return f"{year}-{number:02d}-{calendar.monthrange(year, number)[1]}"


def _reason(fault: Fault) -> str:
    return f"{fault.column}: {fault.found!r}, expected {fault.expected}" if fault.column else fault.found


def _printable(text: str) -> str:
    # a cell may hold an escape sequence that would reach the terminal
    shown = "".join(c if c.isprintable() else "�" for c in text)
    return shown if len(shown) <= 60 else shown[:57] + "…"


