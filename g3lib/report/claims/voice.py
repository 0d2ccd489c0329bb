"""Who is spoken of, and in which language; and how a finding is put together from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from g3lib.findings import Finding, Status
from g3lib.labels import Lang, count, label, money, number, percent, pick, points


@dataclass(frozen=True)
class Voice:
    """Language, branch and period of a report."""

    lang: Lang
    branch: str
    period: str

    def say(self, zh: str, en: str) -> str:
        """The sentence in the report's language."""
        return pick(self.lang, zh, en)

    def word(self, vocabulary: str, code: object) -> str:
        """A code's label."""
        return label(vocabulary, code, self.lang)

    def points(self, difference: float) -> str:
        """A difference of rates in percentage points."""
        return points(difference, self.lang)

    def count(self, number: float, unit: str = "台") -> str:
        """A count as operators write it; English adds no unit, its sentence does."""
        return count(number, self.lang, unit)

    def money(self, yuan: float) -> str:
        """An amount."""
        return money(yuan, self.lang)

    def finding(
        self, name: str, value: float | None, unit: str, text: str, *, denominator: str = "", definition: str = "",
        table: str = "", status: Status = Status.PLAIN, period: str = "", **more: Any,
    ) -> Finding:  # fmt: skip
        """A finding of this report; an unknown number is None."""
        known = None if value is None or value != value else float(value)
        return Finding(name, known, unit, period or self.period, denominator, definition, text, table, status, **more)

    def figure(self, name: str, value: float, unit: str, of: str = "", **more: Any) -> Finding:
        """A figure behind a claim: its sentence is no more than what it is of and its value."""
        known = bool(value == value)
        shown = percent(value) if unit == "1" else number(value, _digits(value, unit)) + unit * known
        return self.finding(name, value, unit, f"{of or name} {shown}", **more)

    def span(self, period: str) -> str:
        """A period in running text: 2009-11至2010-01, and a month that is not over with its last day known: 2010-02（至10日）."""
        first, _, last = period.partition("..")
        last = last or first
        if self.is_part(last[:7]) or len(last) == 10:
            day = (self.period if self.is_part(last[:7]) else last)[8:]
            last = last[:7] + pick(self.lang, f"（至{day}日）", f" (to day {day})")
        return last if first[:7] == last[:7] else first + pick(self.lang, "至", " to ") + last

    def is_part(self, month: str) -> bool:
        """Whether a month is the report's own and not over."""
        return len(self.period) == 10 and self.period[:7] == month

    def clauses(self, zh: list[str], en: list[str]) -> str:
        """The clauses of one sentence, without its full stop; the English one begins with a capital."""
        sentence = "; ".join(en)
        return pick(self.lang, "；".join(zh), sentence[:1].upper() + sentence[1:])

    def together(self, sentences: list[str]) -> str:
        """Whole sentences one after the other; empty ones are left out."""
        return pick(self.lang, "", " ").join(filter(None, sentences))

    def aside(self, text: str) -> str:
        """Text in the language's own brackets."""
        return pick(self.lang, f"（{text}）", f" ({text})")

    def listed(self, items: list[str]) -> str:
        """Items as a list in running text."""
        return pick(self.lang, "、", ", ").join(items)


def _digits(value: float, unit: str) -> int:
    """None of a whole number; two of a bare index, for 0.95 and 1.05 are on two sides of one; else one."""
    return 0 if value == value and float(value).is_integer() else 1 if unit else 2
