"""A policy as a grid of cells: which rule holds where, and what is wrong with the table before any sale is seen.

Each dimension that the policy names is cut into few steps: its words, or the intervals between the edges of
its bands, half-open as written; a validity runs by days, its last day to the end. Within one cell every
sale has the same rules, so matching looks at distinct cells only, and `lint` at all cells that the table
covers. An empty dimension means any; a rule for a segment goes before a general one; credits stack on top
of a rule and match nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import yaml

from g3lib.errors import DataError, UsageError, listed
from g3lib.labels import VOCABULARIES
from g3lib.tables.schema import TABLES

NO_RULE, SEVERAL = -1, -2
TEXTS = ("device_class", "kind", "tier", "contract", "channel", "segment")
# a band: the sale's column, and the rule's limits
BANDS = {
    "price": ("list_price", "price_min", "price_max"),
    "screen": ("screen_inches", "screen_min", "screen_max"),
    "validity": ("date", "valid_from", "valid_to"),
}
BOX = ("device_class", "kind", "price_from", "price_to", "screen_from", "screen_to", "tier", "contract", "channel",
       "segment", "valid_from", "valid_to")  # fmt: skip
GENERAL = "general"  # every segment that no rule names, and none
MAX_GRID = 5_000_000  # cells that `lint` looks at, and rules × cells that are held at once
MAX_YAML, MAX_HEADINGS = 1_000_000, 100

Steps = Mapping[str, np.ndarray]


def base_rules(policy: pd.DataFrame) -> np.ndarray:
    """Which rows are rules that a sale can fall under: all but the stacking credits."""
    return np.asarray(policy.reindex(columns=["rule_type"])["rule_type"].ne("credit"), dtype=bool)


def in_force(rules: pd.DataFrame, on: object, **words: str) -> pd.DataFrame:
    """The rules, or the faults that `lint` found, that concern one day and the words given.

    Args:
        rules: rows of a policy table, or of `lint`.
        on: the day.
        words: a word of a dimension (device_class, contract, channel …); a row that names none there concerns all.

    >>> rules = pd.DataFrame({"rule": ["old", "new", "own"], "channel": [None, None, "own"],
    ...                       "valid_from": ["2012-01-01", "2013-01-01", None], "valid_to": ["2012-12-31", None, None]})
    >>> [in_force(rules, *asked)["rule"].tolist() for asked in (["2012-12-31"], ["2013-01-01"])]
    [['old', 'own'], ['new', 'own']]
    >>> in_force(rules, "2013-01-01", channel="social")["rule"].tolist()
    ['new']
    """
    day = pd.Timestamp(on)
    holds = ~(pd.to_datetime(rules["valid_from"]) > day) & ~(pd.to_datetime(rules["valid_to"]) < day)
    for dimension, word in words.items():
        holds &= rules[dimension].isna() | rules[dimension].eq(word)
    return rules[holds]


def steps(policy: pd.DataFrame) -> dict[str, np.ndarray]:
    """For each dimension that the policy names its words, or the edges of its bands, sorted.

    >>> steps(pd.DataFrame({"price_min": [np.nan, 2000.0], "price_max": [2000.0, np.nan], "channel": None}))
    {'price': array([2000.])}
    """
    found = {name: np.array(sorted(policy[name].dropna().unique()), dtype=object) for name in TEXTS if name in policy}
    found |= {name: pd.Series(np.concatenate(_limits(policy, name))).dropna().sort_values().unique() for name in BANDS}
    return {name: values for name, values in found.items() if len(values)}


def _limits(policy: pd.DataFrame, band: str) -> tuple[np.ndarray, np.ndarray]:
    limits = policy.reindex(columns=list(BANDS[band][1:]))
    low, high = (_figures(limits[column], band) for column in limits)
    return low, high + (band == "validity")  # the last day is inside


def _figures(column: pd.Series, band: str) -> np.ndarray:
    if band != "validity":
        return np.asarray(pd.to_numeric(column), dtype="float64")
    days = pd.to_datetime(column).to_numpy(dtype="datetime64[D]")
    return np.where(np.isnat(days), np.nan, days.astype("int64"))


def codes(cases: pd.DataFrame, of: Steps) -> pd.DataFrame:
    """Each case's step in each dimension: 0 unknown, from 1 on the steps in order, beyond a word not named."""
    return pd.DataFrame({name: _codes(cases, name, values) for name, values in of.items()}, index=range(len(cases)))


def _codes(cases: pd.DataFrame, name: str, values: np.ndarray) -> np.ndarray:
    if name in BANDS:
        figures = _figures(cases[BANDS[name][0]], name)
        return np.where(np.isnan(figures), 0, np.searchsorted(values, figures, side="right") + 1)
    spots, words = pd.factorize(cases[name])  # -1 is a missing word: the last place of the table
    named = pd.Index(values).get_indexer(pd.Index(words, dtype=object))
    return np.asarray(np.append(np.where(named < 0, len(values), named) + 1, 0)[spots])


def cells(cases: pd.DataFrame, of: Steps) -> tuple[np.ndarray, np.ndarray]:
    """The distinct cells that the cases lie in: each case's cell, and the position of each cell's first case.

    Raises:
        UsageError: the cases lack a column that the policy names.
    """
    lacking = [column for column in (BANDS.get(n, (n,))[0] for n in of) if column not in cases]
    if lacking:
        raise UsageError(listed(lacking, "The sales lack columns that the policy names (see with_models):"))
    mixed, size = np.zeros(len(cases), dtype="int64"), 1
    for name, values in of.items():
        radix = len(values) + 2
        if size > 2**62 // radix:  # one integer would not hold more: number the cells so far anew
            mixed, kept = pd.factorize(mixed)
            size = len(kept)
        mixed *= radix
        mixed += _codes(cases, name, values)
        size *= radix
    return pd.factorize(mixed)[0], np.flatnonzero(~pd.Series(mixed).duplicated())


def admitted(policy: pd.DataFrame, of: Steps) -> dict[str, np.ndarray]:
    """Per dimension which rule (row) admits which step (column, as `codes` counts them)."""
    table = {}
    for name, values in of.items():
        at = np.arange(len(values) + 2)
        if name in BANDS:
            low, high = (limit[:, None] for limit in _limits(policy, name))
            first = np.where(np.isnan(low), -1, np.searchsorted(values, low, side="right") + 1)
            last = np.where(np.isnan(high), at[-1], np.searchsorted(values, high, side="right"))
            table[name] = (first <= at) & (at <= last) & ((at > 0) | (np.isnan(low) & np.isnan(high)))
        else:
            wanted = _codes(policy, name, values)[:, None]
            table[name] = (wanted == 0) | (wanted == at)
    return table


def strongest(spots: pd.DataFrame, policy: pd.DataFrame, of: Steps) -> np.ndarray:
    """Rules × cells: the rules that hold in a cell, without the general ones where a segment's holds."""
    holds = np.repeat(base_rules(policy)[:, None], len(spots), axis=1)
    for name, admits in admitted(policy, of).items():
        holds &= admits[:, spots[name]]
    special = holds & policy.reindex(columns=["segment"]).notna().to_numpy()
    return np.where(special.any(axis=0), special, holds)


def decided(spots: pd.DataFrame, policy: pd.DataFrame, of: Steps) -> np.ndarray:
    """Each cell's rule as a position in the policy; `NO_RULE` (-1) or `SEVERAL` (-2)."""
    found = [np.zeros(0, dtype="int64")]
    for part in np.array_split(np.arange(len(spots)), len(spots) * max(1, len(policy)) // MAX_GRID + 1):
        holds = strongest(spots.iloc[part], policy, of)
        count = holds.sum(axis=0)
        only = holds.argmax(axis=0) if len(policy) else count
        found.append(np.select([count == 1, count > 1], [only, SEVERAL], NO_RULE))
    return np.concatenate(found)


def described(spots: pd.DataFrame, of: Steps) -> pd.DataFrame:
    """The cells in words and limits (the columns of `BOX`); a band of several steps ends in its `…_to` step."""
    out = pd.DataFrame(index=spots.index, columns=list(BOX))
    for name, values in of.items():
        if name in TEXTS:
            out[name] = np.array([np.nan, *values, GENERAL if name == "segment" else np.nan], dtype=object)[spots[name]]
            continue
        start, end = ("valid_from", "valid_to") if name == "validity" else (f"{name}_from", f"{name}_to")
        out[start] = np.r_[np.nan, np.nan, values][spots[name]]
        out[end] = np.r_[np.nan, values, np.nan][spots.get(f"{name}_to", spots[name])]
    out[["valid_from", "valid_to"]] = out[["valid_from", "valid_to"]].astype("float64")
    out["valid_from"] = pd.to_datetime(out["valid_from"], unit="D")
    return out.assign(valid_to=pd.to_datetime(out["valid_to"] - 1, unit="D"))


# ---- what is wrong with a table -------------------------------------------------------------------


def lint(policy: pd.DataFrame) -> pd.DataFrame:
    """Every fault of a policy table, found before any sale is looked at.

    A table covers, for each device class that it names: the words that it names in each dimension (where it
    names none, any; where a general rule stands, also the customers of no named segment), and each band
    from its lowest limit to its highest. A gap is a cell in that without a rule, an overlap one with more
    than one of equal rank. Neighbouring cells are merged into boxes; words only where all that the table
    names are in it.

    Args:
        policy: rows of the policy table.

    Returns:
        fault (`gap`, `overlap`; of a rule by itself `masked`, `open`, `rate_though_masked`, `no_rate`,
        `rate_range`, `price_band`, `screen_band`, `validity`, `shares`, `device_class`, `duplicate_rule`),
        rules (ids joined by "; "; none for a gap), device_class, kind, price_from, price_to (yuan,
        half-open), screen_from, screen_to (inches, half-open), tier, contract, channel, segment (`general`:
        no named one), valid_from, valid_to (days, inclusive). Empty: every one of the table's. Sorted.

    Raises:
        DataError: the words and edges of one class make more than `MAX_GRID` cells.

    >>> rules = pd.DataFrame({"rule": ["low", "high"], "price_max": [1000.0, None], "price_min": [None, 1200.0],
    ...                       "rate": 0.5})
    >>> lint(rules)[["fault", "rules", "price_from", "price_to"]].values.tolist()
    [['gap', '', 1000.0, 1200.0]]
    """
    table = policy.reindex(columns=list(TABLES["policy"].names))
    base = table[base_rules(table)]
    classes = sorted(base["device_class"].dropna().unique()) or [None] * bool(len(base))
    found = [_rule_faults(table)]
    for name in classes:
        part = base[base["device_class"].isna() | base["device_class"].eq(name)]
        found.append(_holes(part.drop(columns="device_class")).assign(device_class=name))
    columns = ["fault", "rules", *BOX]
    faults = pd.concat([frame for frame in found if len(frame)] or found[:1])[columns]
    return faults.sort_values(columns, na_position="first", ignore_index=True)


def _holes(part: pd.DataFrame) -> pd.DataFrame:
    of = steps(part)
    covered = {name: np.arange(1, len(values) + 1) for name, values in of.items()}
    if "segment" in of and part["segment"].isna().any():
        covered["segment"] = np.arange(1, len(of["segment"]) + 2)
    for name, admits in admitted(part, of).items():
        inside = np.flatnonzero(admits[:, 1:].any(axis=0)) + 1
        if name in BANDS:
            covered[name] = np.arange(inside[0], inside[-1] + 1) if len(inside) else inside
    size = math.prod(map(len, covered.values()))
    if size > MAX_GRID:
        raise DataError(f"The policy's words and edges make {size:,} cells of one device class; expected at most {MAX_GRID:,}. "
                        "Check the years, or the device classes, one at a time.")  # fmt: skip
    mesh = np.meshgrid(*covered.values(), indexing="ij")
    spots = pd.DataFrame({name: at.ravel() for name, at in zip(covered, mesh, strict=True)}, index=range(size))
    spots = spots[decided(spots, part, of) < 0]
    names = np.sort(part["rule"].astype("str").to_numpy(dtype=object))
    holds = strongest(spots, part.sort_values("rule", key=lambda rule: rule.astype("str")), of)
    spots = spots.assign(rules=["; ".join(names[own]) for own in holds.T])
    bands = [name for name in BANDS if name in of]
    spots = spots.assign(**{f"{name}_to": spots[name] for name in bands})
    for name in bands:
        others = [c for c in spots if c not in (name, f"{name}_to")]
        spots = spots.sort_values([*others, name])
        same = (spots[others] == spots[others].shift()).all(axis=1) & (spots[name] == spots[f"{name}_to"].shift() + 1)
        spots = spots.groupby((~same).cumsum()).agg(dict.fromkeys(others, "first") | {name: "first", f"{name}_to": "last"})
    for name in [n for n in TEXTS if len(covered.get(n, ())) > 1]:
        whole = spots.groupby([c for c in spots if c != name])[name].transform("size") == len(covered[name])
        spots = spots.assign(**{name: spots[name].where(~whole, 0)}).drop_duplicates()
    return described(spots, of).assign(rules=spots["rules"], fault=np.where(spots["rules"] == "", "gap", "overlap"))


def _rule_faults(table: pd.DataFrame) -> pd.DataFrame:
    rate, status, base = pd.to_numeric(table["rate"]), table["rate_status"], base_rules(table)
    hidden = status.isin(["masked", "open"])
    free, data = pd.to_numeric(table["free_share"]), pd.to_numeric(table["data_share"])
    tests = {
        "masked": base & status.eq("masked"),
        "open": base & status.eq("open"),
        "rate_though_masked": hidden & rate.notna(),
        "no_rate": base & ~hidden & rate.isna(),
        "rate_range": rate.notna() & ~rate.between(0, 1),
        "price_band": pd.to_numeric(table["price_min"]) >= pd.to_numeric(table["price_max"]),
        "screen_band": pd.to_numeric(table["screen_min"]) >= pd.to_numeric(table["screen_max"]),
        "validity": pd.to_datetime(table["valid_from"]) > pd.to_datetime(table["valid_to"]),
        "shares": ((free + data - 1).abs() > 1e-9) | (free.isna() != data.isna()),
        "device_class": table["device_class"].notna() & ~table["device_class"].isin(list(VOCABULARIES["device_class"])),
        "duplicate_rule": table["rule"].duplicated(keep=False),
    }
    renamed = {limit: f"{n}_{end}" for n in ("price", "screen") for limit, end in zip(BANDS[n][1:], ("from", "to"), strict=True)}
    shown = table.rename(columns=renamed).assign(rules=table["rule"].astype("str"))
    return pd.concat([shown[wrong].assign(fault=name) for name, wrong in tests.items()])


# ---- a policy written as YAML ---------------------------------------------------------------------


def yaml_grid(text: str) -> list[list[str]]:
    """A policy written as YAML, a list of mappings, as the rows of texts that a CSV gives: headings, then rules.

    Every value is the text as written (`65%`, `4.0`, `0010`), so the same gate reads both. Read as a stream
    of events and given up at the first that is no plain value: nesting and aliases never unfold.

    Raises:
        DataError: no YAML, another shape, a heading twice in one rule, too large; the message says the line.

    >>> yaml_grid("- {规则: a, 补贴率: 65%}\\n- {规则: b, 渠道: ~}")
    [['规则', '补贴率', '渠道'], ['a', '65%', ''], ['b', '', '']]
    """
    if len(text) > MAX_YAML:
        raise DataError(f"{len(text):,} characters; a policy in YAML has at most {MAX_YAML:,}")
    rules: list[dict[str, str]] = []
    twice: list[str] = []
    depth, heading = 0, None
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # C where it is built in
            match event:
                case yaml.SequenceStartEvent(anchor=None) if depth == 0 and not rules:
                    depth = 1
                case yaml.MappingStartEvent(anchor=None) if depth == 1:
                    depth, heading = 2, None
                    rules.append({})
                case yaml.ScalarEvent(anchor=None) if depth == 2 and heading is None:
                    heading = event.value
                    if heading in rules[-1]:
                        twice.append(f"line {event.start_mark.line + 1}: {heading!r} twice in one rule")
                case yaml.ScalarEvent(anchor=None) if depth == 2:
                    empty = not event.style and event.value in ("~", "null")
                    rules[-1][str(heading)], heading = "" if empty else event.value, None
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    depth -= 1
                case yaml.NodeEvent():
                    raise DataError(f"line {event.start_mark.line + 1}: a list, mapping, anchor or alias out of place")
    except yaml.YAMLError as error:
        raise DataError(" ".join(str(error).split())) from error
    if twice:
        raise DataError("; ".join(twice[:20]))
    headings = list(dict.fromkeys(heading for rule in rules for heading in rule))
    if not headings or len(headings) > MAX_HEADINGS:
        raise DataError(f"{len(rules):,} rules with {len(headings):,} headings; expected one to {MAX_HEADINGS}")
    return [headings, *([rule.get(heading, "") for heading in headings] for rule in rules)]
