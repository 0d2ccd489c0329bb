"""The canonical tables: what one row is, which columns it has, what a column may hold.

Analysts' headings change; these names don't. Each table is declared once, here, and from the declaration
come the pandera schema (which collects every fault), the overlap rule of the store and the main measure
of a wide sheet. Money is yuan a unit; rates are fractions; identifiers are text, so a leading zero stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandera.pandas as pa

SCHEMA_VERSION = 1


class Kind(StrEnum):
    """How a column's cells are read and checked."""

    TEXT = "text"  # an identifier or a name
    CHOICE = "choice"  # one of a few words, see labels.py
    DATE = "date"  # a day, or a month where the table has a grain
    COUNT = "count"  # a whole number, zero or more
    MONEY = "money"  # yuan, zero or more
    NUMBER = "number"  # any number
    RATE = "rate"  # a fraction, written 0.65 or 65%
    FLAG = "flag"  # yes or no
    PERSONAL = "personal"  # a customer's or device's number: digested at the gate
    FREE = "free"  # free text: phone-like numbers are masked


@dataclass(frozen=True)
class Column:
    """One column of a canonical table."""

    name: str
    kind: Kind
    required: bool = False  # the column must be there and no cell empty
    choices: str = ""  # the vocabulary of labels.py
    additive: bool = False  # a stated total is the sum of its parts
    high: float | None = None


@dataclass(frozen=True)
class Table:
    """One canonical table. `row` says what a row is."""

    name: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()  # no two rows agree on all of these
    main: str = ""  # the measure of a wide sheet's bare month or channel columns
    period: str = ""  # the date column that places a row in time
    slices: tuple[str, ...] = ()  # two exports of one branch and month may each hold one of these
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(c.name for c in self.columns))

    def column(self, name: str) -> Column:
        """The column of that name."""
        return self.columns[self.names.index(name)]

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that must be there."""
        return tuple(c.name for c in self.columns if c.required)


def _text(name: str, required: bool = False) -> Column:
    return Column(name, Kind.TEXT, required)


def _money(name: str) -> Column:
    return Column(name, Kind.MONEY)


BRANCH = Column("branch", Kind.TEXT, required=True)
CHANNEL = Column("channel", Kind.CHOICE, choices="channel")
DEVICE_CLASS = Column("device_class", Kind.CHOICE, choices="device_class")
CONTRACT = Column("contract", Kind.CHOICE, choices="contract")
DEVICE_KIND = Column("kind", Kind.CHOICE, choices="kind")
GRAIN = Column("grain", Kind.CHOICE, choices="grain")
VALIDITY = (Column("valid_from", Kind.DATE), Column("valid_to", Kind.DATE))

_TABLES = (
    Table(
        "sales",
        "one sale, or equal sales of a day or month",
        (
            Column("date", Kind.DATE, required=True),
            GRAIN,
            BRANCH,
            Column("channel", Kind.CHOICE, required=True, choices="channel"),
            Column("units", Kind.COUNT, required=True, additive=True),
            _text("outlet"),
            DEVICE_CLASS,
            _text("model"),
            _text("segment"),
            Column("customer_type", Kind.CHOICE, choices="customer_type"),
            CONTRACT,
            Column("term_months", Kind.COUNT, high=60),
            Column("activated_at", Kind.DATE),
            *map(_money, ("list_price", "paid", "supply_price", "subsidy", "prepaid")),
            *map(_money, ("refund_total", "min_spend", "gift_value")),
            Column("customer", Kind.PERSONAL),
            Column("device", Kind.PERSONAL),
        ),
        main="units",
        period="date",
        slices=("channel", "device_class"),
    ),
    Table(
        "branches",
        "a branch in the hierarchy",
        (
            BRANCH,
            _text("parent"),
            Column("level", Kind.CHOICE, choices="level"),
            _text("aliases"),
            *VALIDITY,
        ),
        key=("branch",),
    ),
    Table(
        "models",
        "a device model",
        (
            _text("model", required=True),
            _text("vendor"),
            Column("device_class", Kind.CHOICE, required=True, choices="device_class"),
            DEVICE_KIND,
            Column("screen_inches", Kind.NUMBER),
            Column("tier", Kind.CHOICE, choices="tier"),
            Column("grade", Kind.CHOICE, choices="grade"),
            Column("launched", Kind.DATE),
            Column("end_of_life", Kind.DATE),
        ),
        key=("model",),
    ),
    Table(
        "outlets",
        "a point of sale",
        (
            _text("outlet", required=True),
            BRANCH,
            CHANNEL,
            _text("zone"),
            Column("opened", Kind.DATE),
            Column("commission_rate", Kind.RATE),
        ),
        key=("outlet",),
    ),
    Table(
        "outlet_facts",
        "a possible cause measured at an outlet",
        (
            _text("outlet", required=True),
            Column("date", Kind.DATE, required=True),
            _text("fact", required=True),
            Column("value", Kind.NUMBER, required=True),
        ),
        key=("outlet", "date", "fact"),
        period="date",
        slices=("fact",),
    ),
    Table(
        "activity",
        "a customer in a month",
        (
            Column("customer", Kind.PERSONAL, required=True),
            Column("month", Kind.DATE, required=True),
            BRANCH,
            _money("revenue"),
            Column("days_on_3g", Kind.COUNT, high=31),
            Column("device_matched", Kind.FLAG),
            Column("state", Kind.CHOICE, choices="state"),
            Column("reason", Kind.CHOICE, choices="reason"),
        ),
        key=("customer", "month", "branch"),
        period="month",
    ),
    Table(
        "targets",
        "a target",
        (
            BRANCH,
            Column("metric", Kind.CHOICE, required=True, choices="metric"),
            _text("unit"),
            Column("kind", Kind.CHOICE, choices="target_kind"),
            Column("direction", Kind.CHOICE, choices="direction"),
            Column("start", Kind.DATE, required=True),
            Column("end", Kind.DATE, required=True),
            # a target that is masked (*) is known to exist and unknown in size: null, never 0
            Column("target", Kind.NUMBER),
            CHANNEL,
            DEVICE_CLASS,
            _text("version"),
        ),
        key=("branch", "metric", "start", "end", "channel", "device_class", "version"),
        main="target",
        period="start",
        slices=("metric", "channel", "device_class"),
    ),
    Table(
        "participation",
        "a branch's campaign count on a date",
        (
            BRANCH,
            Column("date", Kind.DATE, required=True),
            GRAIN,
            Column("participants", Kind.COUNT, additive=True),
            Column("base", Kind.COUNT, additive=True),
            Column("rate", Kind.RATE, high=1.0),
        ),
        key=("branch", "date"),
        main="rate",
        period="date",
    ),
    Table(
        "campaigns",
        "a campaign at a branch",
        (
            _text("campaign", required=True),
            BRANCH,
            Column("start", Kind.DATE, required=True),
            Column("end", Kind.DATE),
            Column("offer", Kind.FREE),
        ),
        key=("campaign", "branch"),
        period="start",
        slices=("campaign",),
    ),
    Table(
        "assumptions",
        "a figure that someone decided",
        (
            _text("name", required=True),
            _text("scope"),
            Column("value", Kind.NUMBER),
            _text("unit"),
            _text("decided_by"),
            Column("valid_from", Kind.DATE),
        ),
        key=("name", "scope", "valid_from"),
    ),
    Table(
        "policy",
        "a subsidy rule",
        (
            _text("rule", required=True),
            Column("rule_type", Kind.CHOICE, choices="rule_type"),
            DEVICE_CLASS,
            Column("kind", Kind.CHOICE, choices="kind"),
            *map(_money, ("price_min", "price_max")),
            Column("screen_min", Kind.NUMBER),
            Column("screen_max", Kind.NUMBER),
            Column("tier", Kind.CHOICE, choices="tier"),
            _text("segment"),
            CONTRACT,
            CHANNEL,
            Column("bound", Kind.CHOICE, choices="bound"),
            _text("qualifier"),
            Column("rate", Kind.RATE, high=1.0),
            Column("rate_status", Kind.CHOICE, choices="rate_status"),
            _money("cap_per_unit"),
            Column("lifecycle_cap", Kind.RATE, high=1.0),
            _text("exception"),
            _text("decided_by"),
            Column("booking", Kind.CHOICE, choices="booking"),
            Column("term_months", Kind.COUNT, high=60),
            Column("free_share", Kind.RATE, high=1.0),
            Column("data_share", Kind.RATE, high=1.0),
            *VALIDITY,
            _text("source"),
        ),
        key=("rule",),
        main="rate",
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _TABLES}


@cache
def pandera_schema(name: str) -> pa.DataFrameSchema:
    """The pandera schema of a canonical table: types are settled before it, it checks values.

    Validate with `lazy=True`: it then collects every failing cell.
    """
    import pandera.pandas as pa

    from g3lib.labels import VOCABULARIES

    def checks(column: Column) -> list[pa.Check]:
        found = []
        if column.choices:
            codes = list(VOCABULARIES[column.choices])
            found.append(pa.Check.isin(codes, error=f"one of {', '.join(codes)}"))
        if column.kind in (Kind.COUNT, Kind.MONEY, Kind.RATE):
            found.append(pa.Check.ge(0, error="zero or more"))
        if column.high is not None:
            found.append(pa.Check.le(column.high, error=f"at most {column.high:g}"))
        return found

    columns = {
        column.name: pa.Column(None, checks(column), nullable=not column.required, required=column.required)
        for column in TABLES[name].columns
    }
    return pa.DataFrameSchema(columns, strict=True, name=name)
