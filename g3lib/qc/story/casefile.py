"""What case.yaml may say: its sections, their keys, the kind of each, and the words that are choices."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from g3lib.errors import Fault, UsageError
from g3lib.periods import Period
from g3lib.qc.story.case import FILE, Case, day

KINDS = ("problem", "assigned")
BASES = ("assigned", "best", "peer", "computed")
# what case.yaml may hold, and of which kind
SECTIONS: dict[str, dict[str, str]] = {
    "group": {"name": "text", "registered": "text", "founded": "text", "topic_type": "text", "started": "date", "ended": "date",
              "meetings": "positive", "honours": "texts"},
    "topic": {"characteristic": "text", "unit": "text", "form": "text", "better": "text", "requirement": "level",
              "requirement_unit": "text", "requirement_basis": "text", "reason": "text"},
    "survey": {"period": "text", "after_period": "text", "source": "text", "counts": "text", "strata": "texts"},
    "target": {"value": "level", "basis": "text", "reference": "level", "solvable": "part", "solvable_basis": "text"},
    "benefit": {"volume": "positive", "unit_value": "positive", "period": "text"},
    "lessons": {"technical": "text", "management": "text", "people": "text"},
}  # fmt: skip
PLAIN = {"title": "text", "branch": "text", "kind": "text", "made_up": "flag", "source": "text", "next_topic": "text"}
CHOICES = {("kind",): KINDS, ("topic", "better"): ("higher", "lower"), ("topic", "form"): ("rate", "volume"),
            ("target", "basis"): BASES, ("survey", "counts"): ("problem", "sales")}  # fmt: skip
_FRACTION = "a fraction of 0 to 1 (0.2 for 20 %): the topic's form is rate"


def said(case: Case) -> Iterator[Fault]:
    """Every fault of what case.yaml says: keys that are missing or unknown, values of another kind, words that are no choice."""
    for name in ("title", "branch", "topic"):
        if not case.told.get(name):
            yield _fault(f"{name} is missing")
    for name, value in case.told.items():
        if name in SECTIONS:
            yield from _section(name, value, case.is_rate)
        elif name in PLAIN:
            yield from _kind(name, value, PLAIN[name], False)
        else:
            yield _fault(f"{name!r} is unknown; known: {', '.join((*PLAIN, *SECTIONS))}")
    for section, key in (("survey", "period"), ("survey", "after_period"), ("benefit", "period")):
        period = case.say(section, key)
        try:
            Period.parse(str(period or "2010-03"))
        except UsageError:
            yield _fault(f"{section}.{key} is {period!r}, expected a period such as 2010-03 or 2009-11..2010-01")
    with suppress(UsageError):
        one, other = (Period.parse(str(case.say("survey", key))) for key in ("period", "after_period"))
        if other.start <= one.end:
            yield _fault(f"survey.after_period ({other}) begins before survey.period ({one}) has ended")
    started, ended = (day(case.say("group", key)) for key in ("started", "ended"))
    if started and ended and ended < started:
        yield _fault(f"group.ended is {ended}, before group.started ({started})")
    for path, words in CHOICES.items():
        if (value := case.say(*path)) is not None and value not in words:
            yield _fault(f"{'.'.join(path)} is {value!r}, expected one of {', '.join(words)}")


def _section(section: str, told: Any, rate: bool) -> Iterator[Fault]:
    if not isinstance(told, Mapping):
        yield _fault(f"{section} is {told!r}, expected keys and values ({', '.join(SECTIONS[section])})")
        return
    for key, value in told.items():
        if key not in SECTIONS[section]:
            yield _fault(f"{section}.{key} is unknown; known: {', '.join(SECTIONS[section])}")
        elif value is not None:
            yield from _kind(f"{section}.{key}", value, SECTIONS[section][key], rate)


def _kind(path: str, value: Any, kind: str, rate: bool) -> Iterator[Fault]:
    """A value of another kind than its key's: a rate is a fraction, 0.2 for 20 %."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    within = number and 0 <= value <= 1
    good, expected = {
        "text": (not isinstance(value, Mapping | list | bool), "a text"),
        "texts": (isinstance(value, list) and all(isinstance(v, str) for v in value), "a list of texts"),
        "flag": (isinstance(value, bool), "true or false"),
        "date": (day(value) is not None, "a date such as 2010-02-01"),
        "positive": (number and value > 0, "a number above 0"),
        "part": (within and value > 0, "a part above 0, at most 1"),
        "level": (within if rate else number, _FRACTION if rate else "a number"),
    }[kind]
    if not good:
        yield _fault(f"{path} is {value!r}, expected {expected}")


def _fault(found: str) -> Fault:
    return Fault(FILE, "", None, "", found, "")
