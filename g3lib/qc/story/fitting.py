"""What does not fit together in a case: every fault is named, so that one reading mends all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from g3lib.errors import DataError
from g3lib.qc.causes.declared import filled, refuse
from g3lib.qc.schedule import critical_path
from g3lib.qc.story.case import Case, day
from g3lib.qc.tree import tree

KINDS = ("problem", "assigned")
BASES = ("assigned", "best", "peer", "computed")
_MEANINGFUL = ("title", "branch", "kind", "made_up", "source", "group", "topic", "survey", "target", "benefit", "lessons",
               "next_topic")  # fmt: skip
_NUMBERS = (("topic", "requirement"), ("target", "value"), ("target", "solvable"), ("target", "reference"), ("benefit", "volume"),
            ("benefit", "unit_value"), ("group", "meetings"))  # fmt: skip


def faults(case: Case) -> list[str]:
    """Every fault of the case as a whole; a part that is not there has none."""
    parts = (_told, _roster, _schedule, _series, _survey, _causes, _tests, _countermeasures, _implementation, _standards,
             _activities)  # fmt: skip
    return [fault for part in parts for fault in part(case)]


def _told(case: Case) -> Iterator[str]:
    for name in ("title", "branch", "topic"):
        if not case.told.get(name):
            yield f"case.yaml: {name} is missing"
    for name in case.told:
        if name not in _MEANINGFUL:
            yield f"case.yaml: {name!r} is unknown; known: {', '.join(_MEANINGFUL)}"
    if case.told.get("kind", "problem") not in KINDS:
        yield f"case.yaml: kind is {case.told['kind']!r}, expected one of {', '.join(KINDS)}"
    yield from _choices(case, "topic", better=("higher", "lower"), form=("rate", "volume"))
    yield from _choices(case, "target", basis=BASES)
    yield from _choices(case, "survey", counts=("problem", "sales"))
    for path in _NUMBERS:
        value = case.say(*path)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            yield f"case.yaml: {'.'.join(path)} is {value!r}, expected a number"
    for path in (("group", "started"), ("group", "ended")):
        if case.say(*path) is not None and day(case.say(*path)) is None:
            yield f"case.yaml: {'.'.join(path)} is {case.say(*path)!r}, expected a date such as 2010-02-01"
    solvable = case.say("target", "solvable")
    if isinstance(solvable, int | float) and not 0 < solvable <= 1:
        yield f"case.yaml: target.solvable is {solvable:g}, expected a part above 0, at most 1"


def _choices(case: Case, section: str, **allowed: tuple[str, ...]) -> Iterator[str]:
    for name, words in allowed.items():
        value = case.say(section, name)
        if value is not None and value not in words:
            yield f"case.yaml: {section}.{name} is {value!r}, expected one of {', '.join(words)}"


def _roster(case: Case) -> Iterator[str]:
    members = case.table("roster")["member"]
    for name in members[members.duplicated()].unique():
        yield f"roster.csv: {name!r} stands twice"


def _schedule(case: Case) -> Iterator[str]:
    for row in case.table("schedule").itertuples():
        if not 1 <= row.step <= 10:
            yield f"schedule.csv: {row.activity!r} belongs to step {row.step:g}, expected 1 to 10"
        for start, end, what in ((row.planned_start, row.planned_end, "planned"), (row.actual_start, row.actual_end, "actual")):
            if _before(end, start):
                yield f"schedule.csv: {row.activity!r} has its {what} end before its start"
    yield from _responsible(case, "schedule", "activity")


def _responsible(case: Case, table: str, name: str) -> Iterator[str]:
    members = set(case.table("roster")["member"])
    for row in case.table(table).to_dict("records"):
        if _given(row["responsible"]) and row["responsible"] not in members:
            yield f"{table}.csv: {row[name]!r} is given to {row['responsible']!r}, who is not in roster.csv"


def _series(case: Case) -> Iterator[str]:
    series, form = case.table("series"), case.say("topic", "form") or "rate"
    for period in series["period"][series["period"].duplicated()].unique():
        yield f"series.csv: {period!r} stands twice"
    for row in series.itertuples():
        if form == "volume" and pd.isna(row.value):
            yield f"series.csv: {row.period} has no value, but the topic's form is volume"
        if form == "rate" and (pd.isna(row.count) or pd.isna(row.of)):
            yield f"series.csv: {row.period} has no count and total, but the topic's form is rate"
    yield from _counts(series, "series.csv", "period")


def _counts(table: pd.DataFrame, file: str, name: str) -> Iterator[str]:
    for row in table.to_dict("records"):
        if row["of"] == row["of"] and row["count"] == row["count"] and row["of"] is not None and row["count"] is not None:
            if row["of"] == 0:
                yield f"{file}: {row[name]} is counted out of 0"
            elif row["count"] > row["of"]:
                yield f"{file}: {row[name]} counts {row['count']:g} of {row['of']:g}"


def _survey(case: Case) -> Iterator[str]:
    survey = case.table("survey")
    strata = case.say("survey", "strata") or []
    for name in strata:
        if len(survey) and name not in survey:
            yield f"survey.csv: there is no column {name!r}, a stratum of case.yaml"
    if len(survey) and not strata:
        yield "case.yaml: survey.strata is missing, though there is a survey.csv"
    if len(survey) and (survey["count"] < 0).any():
        yield "survey.csv: a count is below 0"


def _causes(case: Case) -> Iterator[str]:
    if "causes" in case.tables:
        try:
            tree(case.table("causes"))
        except DataError as fault:
            yield from (f"causes.csv: {line.strip('- ')}" for line in str(fault).splitlines()[1:])


def _tests(case: Case) -> Iterator[str]:
    tests = case.table("tests")
    if tests.empty:
        return
    try:
        ends = set(tree(case.table("causes")).ends) if "causes" in case.tables else set()
    except DataError:
        ends = set(tests["cause"])
    for cause in tests["cause"]:
        if cause not in ends:
            yield f"tests.csv: {cause!r} is no end cause of causes.csv"
    try:
        refuse(filled(tests), case.data)
    except DataError as fault:
        yield from (f"tests.csv: {line.strip('- ')}" for line in str(fault).splitlines()[1:])


def _countermeasures(case: Case) -> Iterator[str]:
    table = case.table("countermeasures")
    tested = set(case.table("tests")["cause"])
    for name in table["id"][table["id"].duplicated()].unique():
        yield f"countermeasures.csv: {name!r} stands twice"
    for row in table.itertuples():
        if row.cause not in tested:
            yield f"countermeasures.csv: {row.id!r} is for {row.cause!r}, which is no tested cause"
        if _before(row.end, row.start):
            yield f"countermeasures.csv: {row.id!r} ends before it starts"
    yield from _responsible(case, "countermeasures", "id")


def _implementation(case: Case) -> Iterator[str]:
    yield from _known_ids(case, "implementation")
    table = case.table("implementation")
    yield from _counts(table, "implementation.csv", "id")
    for (name, metric), rows in table.groupby(["id", "metric"], sort=False):
        for phase in ("before", "after"):
            if phase not in set(rows["phase"]):
                yield f"implementation.csv: {metric!r} of {name!r} has no row {phase}"
        if rows["goal"].nunique() > 1 or rows["better"].nunique() > 1:
            yield f"implementation.csv: {metric!r} of {name!r} has more than one goal or direction"


def _standards(case: Case) -> Iterator[str]:
    yield from _known_ids(case, "standards")


def _known_ids(case: Case, table: str) -> Iterator[str]:
    known = set(case.table("countermeasures")["id"])
    for name in dict.fromkeys(case.table(table)["id"]):
        if name not in known:
            yield f"{table}.csv: {name!r} is no countermeasure"


def _activities(case: Case) -> Iterator[str]:
    if "activities" in case.tables:
        try:
            critical_path(case.table("activities"))
        except DataError as fault:
            yield from (f"activities.csv: {line.strip('- ')}" for line in str(fault).splitlines()[1:])


def _before(end: Any, start: Any) -> bool:
    return bool(pd.notna(end) and pd.notna(start) and end < start)


def _given(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
