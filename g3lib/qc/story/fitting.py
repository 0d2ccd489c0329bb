"""What does not fit together in a case: every fault is named, so that one reading mends all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pandas as pd

from g3lib.errors import DataError, Fault, UsageError
from g3lib.names import names_in
from g3lib.periods import Period, days
from g3lib.qc.causes.declared import filled, refuse
from g3lib.qc.matrix import MARKS, weighed
from g3lib.qc.schedule import critical_path
from g3lib.qc.story.case import FILE, PARTS, SPEC, Case, day, totals
from g3lib.qc.story.casefile import said
from g3lib.qc.tree import tree

# a table pasted oftener than this is data of kinds, not of names; how many repeated rows are shown
_PASTED, _SHOWN = 4, 5
# what a group may call the whole beside its parts
_WHOLES = {"全部", "全体", "总体", "总数", "总量", "所有", "累计", "汇总", "全渠道", "全市", "全省", "全县", "全区", "全公司",
           "all"}  # fmt: skip
_PHASES = ("before", "during", "after", "consolidation")


def faults(case: Case) -> tuple[list[Fault], list[str]]:
    """Every fault of the case as a whole; a table that is not there has none.

    Returns:
        The faults, and the tables whose fit waits: for one that cannot be read (`Case.unread`; `case` is case.yaml), or for
        rows of their own that have faults (`Case.faulty`): the other rows are looked at by themselves.
    """
    found: list[Fault] = []
    waiting: list[str] = []
    for part, rests_on in _PARTS.items():
        if case.unread & set(rests_on):
            waiting += [name for name in rests_on if name not in case.unread]
        else:
            found += [fault for fault in part(case) if _is_own(fault, case)]
    waiting += case.faulty
    return found, list(dict.fromkeys(name for name in waiting if name in case.tables))


def _is_own(fault: Fault, case: Case) -> bool:
    """Whether a fault is one of a row that reads, or of a table all of whose rows do: others may follow from what was misread."""
    rows = case.faulty.get(Path(fault.file).stem)
    return rows is None or (fault.row is not None and fault.row not in rows)


def _roster(case: Case) -> Iterator[Fault]:
    yield from _twice(case, "roster", "member")


def _twice(case: Case, table: str, *columns: str) -> Iterator[Fault]:
    rows = case.table(table)
    for row in rows[rows.duplicated(list(columns))].itertuples():
        yield _fault(table, row.Index, f"{' of '.join(repr(getattr(row, c)) for c in reversed(columns))} stands twice")


def _schedule(case: Case) -> Iterator[Fault]:
    for row in case.table("schedule").itertuples():
        if not 1 <= row.step <= 10:
            yield _fault("schedule", row.Index, f"{row.activity!r} belongs to step {row.step:g}, expected 1 to 10")
        for start, end, what in ((row.planned_start, row.planned_end, "planned"), (row.actual_start, row.actual_end, "actual")):
            if _before(end, start):
                yield _fault("schedule", row.Index, f"{row.activity!r} has its {what} end before its start")
    yield from _responsible(case, "schedule", "activity")


def _responsible(case: Case, table: str, name: str) -> Iterator[Fault]:
    members = set(case.table("roster")["member"])
    for row in case.table(table).itertuples() if "roster" in case.tables else ():
        told = row.responsible if _given(row.responsible) else None
        for who in () if told in members else names_in(told):  # several may share a task
            if who not in members:
                yield _fault(table, row.Index, f"{getattr(row, name)!r} is given to {who!r}, who is not in roster.csv")


def _series(case: Case) -> Iterator[Fault]:
    series = case.table("series")
    yield from _twice(case, "series", "period")
    begins_at = series.index[series["phase"] != series["phase"].shift()]
    phases = list(series.loc[begins_at, "phase"])
    for row, phase in zip(begins_at, phases, strict=True):
        if phase in list(series.loc[: row - 1, "phase"]):
            yield _fault("series", row, f"phase {phase!r} ends and comes back; sort the rows by time")
    if len(set(phases)) == len(phases) and phases != (expected := [p for p in _PHASES if p in phases]):
        yield _fault("series", None, f"the phases come as {', '.join(map(str, phases))}, expected {', '.join(expected)}")
    yield from _periods(case, "series")
    last: tuple[str, date] | None = None
    for row in series.itertuples():
        with suppress(UsageError):
            begins, ends = days(row.period)
            if last and begins <= last[1] and row.period != last[0]:
                order = f"{row.period} does not come after {last[0]}: periods not in order, or overlapping"
                yield _fault("series", row.Index, order)
            last = row.period, ends
    for row in series.itertuples():
        if not case.is_rate and pd.isna(row.value):
            yield _fault("series", row.Index, f"{row.period} has no value, but the topic's form is volume")
        if case.is_rate and (pd.isna(row.count) or pd.isna(row.of)):
            yield _fault("series", row.Index, f"{row.period} has no count and total, but the topic's form is rate")
    yield from _counts(case, "series", "period")


def _periods(case: Case, table: str) -> Iterator[Fault]:
    for row in case.table(table).itertuples():
        try:
            Period.parse(row.period)
        except UsageError:
            yield _fault(table, row.Index, f"{row.period!r} is no period such as 2010-03 or 2010Q1")


def _counts(case: Case, table: str, name: str) -> Iterator[Fault]:
    for row in case.table(table).dropna(subset=["count", "of"]).itertuples():
        if row.of == 0:
            yield _fault(table, row.Index, f"{getattr(row, name)} is counted out of 0, expected a total above 0")
        elif row.count > row.of:
            yield _fault(table, row.Index, f"{getattr(row, name)} counts {row.count:g} of {row.of:g}")


def _survey(case: Case) -> Iterator[Fault]:
    survey = case.table("survey")
    strata = case.say("survey", "strata") or []
    for name in strata if isinstance(strata, list) else ():
        if len(survey) and isinstance(name, str) and name not in survey:
            yield _fault("survey", None, f"there is no column {name!r}, a stratum of case.yaml")
    if len(survey) and not strata:
        yield _fault("case", None, "survey.strata is missing, though there is a survey.csv")
    if not isinstance(strata, list) or not all(isinstance(name, str) for name in strata):
        return
    for name in set(strata) & {"count", "phase", "数量", "阶段"}:
        yield _fault("case", None, f"survey.strata names {name!r}, which is no stratum")
    for name in dict.fromkeys(name for name in strata if strata.count(name) > 1):
        yield _fault("case", None, f"survey.strata names {name!r} twice")
    for row in survey[survey["count"] < 0].itertuples() if len(survey) else ():
        yield _fault("survey", row.Index, "the count is below 0")
    for name in strata if len(survey) else ():
        if name in survey:
            yield from _classes(survey, name)
    before = survey.loc[survey["phase"] == "before", "count"]
    if len(before) and not before.sum() > 0:  # nothing left after it is what a group hopes for
        yield _fault("survey", None, "nothing is counted in phase 'before'")


def _classes(survey: pd.DataFrame, name: str) -> Iterator[Fault]:
    """A part without a name, and the whole beside its parts."""
    for row, value in survey[name].fillna("").astype(str).str.strip().items():
        if not value:
            yield _fault("survey", row, f"{name} is blank; name the class (其他 where it is unknown)")
        elif value.casefold() in _WHOLES:
            yield _fault("survey", row, value, name, PARTS)


def _causes(case: Case) -> Iterator[Fault]:
    if "causes" in case.tables:
        try:
            tree(case.table("causes"))
        except DataError as refusal:
            yield from _rows(case.table("causes"), "causes", ("cause", "effect"), refusal)


def _tests(case: Case) -> Iterator[Fault]:
    tests = case.table("tests")
    readable = tests[~tests["data"].isin(list(case.unread))]  # data that cannot be read are not missing
    if readable.empty:
        return
    try:
        ends = set(tree(case.table("causes")).ends) if "causes" in case.tables else set()
    except DataError:
        ends = set(tests["cause"])
    for row in tests.itertuples() if "causes" in case.tables else ():
        if row.cause not in ends:
            yield _fault("tests", row.Index, f"{row.cause!r} is no end cause of causes.csv")
    started, ended = (day(case.say("group", key)) for key in ("started", "ended"))
    ended = None if started and ended and ended < started else ended  # told by itself
    for row in tests.itertuples():
        for on, what in ((row.declared_on, "declared"), (row.examined_on, "looked at")):
            if ended is not None and _before(pd.Timestamp(ended), on):
                yield _fault("tests", row.Index, f"{row.cause!r} was {what} on {on:%Y-%m-%d}, after the activity ended ({ended})")
    try:
        refuse(filled(readable), case.data)
    except DataError as refusal:
        yield from _rows(case.table("tests"), "tests", ("cause",), refusal)


def _countermeasures(case: Case) -> Iterator[Fault]:
    table = case.table("countermeasures")
    tested = set(case.table("tests")["cause"])
    yield from _twice(case, "countermeasures", "id")
    for row in table.itertuples():
        if "tests" in case.tables and row.cause not in tested:
            yield _fault("countermeasures", row.Index, f"{row.id!r} is for {row.cause!r}, which is no tested cause")
        if _before(row.end, row.start):
            yield _fault("countermeasures", row.Index, f"{row.id!r} ends before it starts")
    yield from _responsible(case, "countermeasures", "id")


def _implementation(case: Case) -> Iterator[Fault]:
    yield from _known_ids(case, "implementation")
    table = case.table("implementation")
    yield from _counts(case, "implementation", "id")
    yield from _periods(case, "implementation")
    yield from _twice(case, "implementation", "period", "metric", "id")
    for row in table[~table["phase"].isin(["before", "after"])].itertuples():
        yield _fault("implementation", row.Index, f"the phase is {row.phase!r}, expected before or after")
    for row in table.itertuples():
        counted = pd.notna(row.count) + pd.notna(row.of)
        if (counted, pd.notna(row.value)) not in ((2, False), (0, True)):
            needs = f"{row.metric!r} of {row.id!r} needs a count and its total, or a value alone"
            yield _fault("implementation", row.Index, needs)
    for row in table[table["value"].isna() & ~table["goal"].between(0, 1)].itertuples():
        goal = f"the goal of {row.metric!r} of {row.id!r} is {row.goal:g}"
        yield _fault("implementation", row.Index, f"{goal}, expected a fraction (0.1 for 10 %)")
    for (name, metric), rows in table.groupby(["id", "metric"], sort=False):
        goal = f"{metric!r} of {name!r}"
        for phase in ("before", "after"):
            if phase not in set(rows["phase"]):
                yield _fault("implementation", None, f"{goal} has no row {phase}")
        with suppress(UsageError, ValueError):  # a period that is none, or no row of a phase, is told by itself
            before, after = (rows.loc[rows["phase"] == phase, "period"].map(days) for phase in ("before", "after"))
            if max(d[1] for d in before) >= min(d[0] for d in after):
                yield _fault("implementation", None, f"{goal} has a period before that does not end when those after begin")
        if max(rows[column].nunique(dropna=False) for column in ("goal", "better", "unit")) > 1:
            yield _fault("implementation", None, f"{goal} has more than one goal, direction or unit")
        if rows["value"].isna().nunique() > 1:
            yield _fault("implementation", None, f"{goal} is a value in some periods and counted in others")


def _standards(case: Case) -> Iterator[Fault]:
    yield from _known_ids(case, "standards")
    begun = case.table("countermeasures").drop_duplicates("id").set_index("id")["start"]
    for row in case.table("standards").itertuples():
        if _before(row.in_force, begun.get(row.id)):
            yield _fault("standards", row.Index, f"{row.standard!r} is in force before its countermeasure {row.id!r} starts")


def _known_ids(case: Case, table: str) -> Iterator[Fault]:
    known = set(case.table("countermeasures")["id"])
    rows = case.table(table).drop_duplicates("id")
    for row in rows.itertuples() if "countermeasures" in case.tables else ():
        if row.id not in known:
            yield _fault(table, row.Index, f"{row.id!r} is no countermeasure")


def _activities(case: Case) -> Iterator[Fault]:
    if "activities" in case.tables:
        try:
            critical_path(case.table("activities"))
        except DataError as refusal:
            yield from _rows(case.table("activities"), "activities", ("activity",), refusal)


def _options(case: Case) -> Iterator[Fault]:
    table = case.table("options")
    criteria = [c for c in table.columns if c not in ("cause", "option")]
    tested = set(case.table("tests")["cause"])
    for row in table.drop_duplicates("cause").itertuples() if "tests" in case.tables else ():
        if row.cause not in tested:
            yield _fault("options", row.Index, f"{row.cause!r} is no tested cause")
    for name in set(criteria) & {"score", "rank"}:
        yield _fault("options", None, f"a criterion cannot be called {name!r}")
    if len(table) and not criteria:
        yield _fault("options", None, "there is no criterion")
    yield from _twice(case, "options", "cause", "option")
    for _, own in table.groupby("cause") if criteria else ():  # an option may stand under two causes
        try:
            marks = weighed(own[["option", *criteria]], "option")[criteria]
        except DataError as refusal:
            yield from _rows(own, "options", ("option",), refusal)
            continue
        for name in criteria:
            for row, mark in marks[name][~marks[name].between(0, MARKS["◎"])].items():
                yield _fault("options", row, f"{name} is {mark:g}, expected one of {' '.join(MARKS)} or 0 to {MARKS['◎']:g}")


def _unused(case: Case) -> Iterator[Fault]:
    named = set(case.table("tests")["data"])
    for name in case.data:
        # before the tests are written their data wait for them; a table's name misspelt waits for nothing
        if name not in named and ("tests" in case.tables or get_close_matches(name, SPEC, cutoff=0.8)):
            yield _fault(name, None, f"neither a table of a case ({', '.join(SPEC)}) nor data that a test names")


def _repeats(case: Case) -> Iterator[Fault]:
    """Data pasted twice: rows that repeat another whole, where a column names the rows."""
    for name, frame in case.data.items():
        distinct = frame.drop_duplicates()
        if len(distinct) == len(frame):
            continue
        # kinds are few beside the rows, and a name stands once in those that differ; two numbers may be alike by chance, not all
        every = frame.groupby(list(frame.columns), dropna=False).size().nunique() == 1
        names = [c for c in frame.columns if every or not pd.api.types.is_numeric_dtype(frame[c])]
        named = next((c for c in names if distinct[c].nunique() == len(distinct) > len(frame) / _PASTED), None)
        again = frame[frame.duplicated()]
        for row, values in again.head(_SHOWN).iterrows() if named is not None else ():
            yield _fault(name, row, f"{named} {values[named]!r} stands above with the same values: give each row once")
        if named is not None and len(again) > _SHOWN:
            yield _fault(name, None, f"{len(again) - _SHOWN} more rows that stand above: is the table pasted twice?")


def _totals(case: Case) -> Iterator[Fault]:
    """A total among the units of a test's data (a table's are found as it is read)."""
    for name, frame in case.data.items():
        for row, column, word in totals(frame.select_dtypes(["object", "str"])):
            yield _fault(name, row, word, column, PARTS)


def _benefit(case: Case) -> Iterator[Fault]:
    """A volume is a mean of periods: the benefit counts as many of it as the period has months."""
    volume, period = case.say("benefit", "volume"), case.say("benefit", "period")
    if case.is_rate or not isinstance(volume, int | float) or not period:
        return
    try:
        months = len(Period.parse(str(period)).months)
    except UsageError:  # named by `said`
        return
    if volume != months:
        expected = f"{months}, the months of benefit.period (a volume is a mean of months)"
        yield _fault("case", None, f"benefit.volume is {volume:g}, expected {expected}")


def _rows(frame: pd.DataFrame, table: str, columns: tuple[str, ...], refusal: DataError) -> Iterator[Fault]:
    """What a measure refuses of a table, each fault with the row whose name it has."""
    rows: dict[str, int] = {}
    for column in columns:
        for row, name in frame[column].items():
            rows.setdefault(str(name), int(str(row)))
    for name, line in refusal.about:
        yield _fault(table, rows.get(name), line)


def _fault(table: str, row: int | None, found: str, column: str = "", expected: str = "") -> Fault:
    """A fault of a case's table, or of what case.yaml says (`case`)."""
    return Fault(FILE if table == "case" else f"{table}.csv", "", row, column, found, expected)


def _before(end: Any, start: Any) -> bool:
    return bool(pd.notna(end) and pd.notna(start) and end < start)


def _given(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


# each part and what it rests on
_PARTS: dict[Callable[[Case], Iterable[Fault]], tuple[str, ...]] = {
    said: ("case",),
    _roster: ("roster",),
    _schedule: ("schedule", "roster"),
    _series: ("series", "case"),
    _survey: ("survey", "case"),
    _causes: ("causes",),
    _tests: ("tests", "causes"),
    _countermeasures: ("countermeasures", "tests", "roster"),
    _implementation: ("implementation", "countermeasures"),
    _standards: ("standards", "countermeasures"),
    _activities: ("activities",),
    _options: ("options", "tests"),
    _unused: ("tests",),
    _repeats: (),
    _totals: (),
    _benefit: ("case",),
}
