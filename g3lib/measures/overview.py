"""The province at a glance: where every branch stands, who moved, who is to learn from and who to help.

One row is a unit of the hierarchy: the province, a city, a county. A unit above the branches is the sum of the branches
under it, never the mean of their rates; its ratios are made anew from the sums. Ranks are among units of the same level
(a county among counties), so a city is never ranked against its own counties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from g3lib.measures.channels.shares import change_of_share
from g3lib.measures.guards import parts_only
from g3lib.measures.targets.cascade import cascade
from g3lib.measures.targets.progress import calendar
from g3lib.measures.targets.workdays import near_spring
from g3lib.periods import Period, days_in, shift

_RATIOS = (  # figure, what stands above the line and below it
    ("growth", "units", "before_comparable"), ("year_growth", "units", "last_year_comparable"),
    ("progress_index", "actual", "due"), ("attainment", "actual", "target"), ("valid_share", "valid", "sold"),
    ("cost_per_valid", "cost_yuan", "valid"),
)  # fmt: skip
_SUMS = ["units", "units_before", "last_year", "before_comparable", "last_year_comparable", "actual", "target", "due", "sold",
         "valid", "cost_yuan"]  # fmt: skip


def whole(targets: pd.DataFrame, unit: str, members: Sequence[str] = ()) -> pd.DataFrame:
    """A unit's targets: its own where it has one of that metric and span, else the sum of its branches'.

    A sum with a masked or a missing part is unknown, not smaller. Rates are not summed.

    Args:
        targets: rows of the targets table, of the unit and of the branches under it.
        members: the branches under it; a sum to which one of them gives no target is unknown.

    Returns:
        Rows of the targets table, branch = unit.

    >>> rows = pd.DataFrame({"branch": ["a", "b"], "metric": "units", "unit": "台", "kind": "flow", "direction": "up",
    ...     "start": pd.Timestamp("2013-01-01"), "end": pd.Timestamp("2013-12-31"), "target": [10.0, None], "channel": None,
    ...     "device_class": None, "version": None})
    >>> whole(rows, "p")[["branch", "target"]].values.tolist()
    [['p', nan]]
    """
    keys = ["metric", "unit", "kind", "direction", "start", "end", "channel", "device_class"]
    targets = targets.assign(kind=targets["kind"].fillna("flow"), direction=targets["direction"].fillna("up"))
    own = targets[targets["branch"] == unit]
    below = targets[(targets["branch"] != unit) & (targets["kind"] != "rate")]
    below = below.sort_values("version", kind="stable", na_position="first").drop_duplicates(["branch", *keys], keep="last")
    groups = below.groupby(keys, dropna=False, sort=False, as_index=False)["target"]
    summed = groups.agg(lambda part: part.sum(skipna=False) if len(part) >= len(members) else np.nan)
    summed = summed.assign(branch=unit, version=None)
    spans = ["metric", "start", "end", "channel", "device_class"]
    taken, made = (pd.MultiIndex.from_frame(rows[spans].astype(object).fillna("")) for rows in (own, summed))
    summed = summed[~made.isin(taken)]
    parts = [part[targets.columns] for part in (own, summed) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else own


def branch_figures(
    units: pd.DataFrame, reached: pd.DataFrame, efficiency: pd.DataFrame, period: Period, comparable: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The sums that the standings of every level are made of, one row a branch.

    Args:
        units: branch, month, units.
        reached: `targets.progress` by branch; its calendar rows of the longest target are read. A branch with a target and
            no sales has its row.
        efficiency: `channels.efficiency` by branch.
        period: its last month is what the standings are of.
        comparable: as `units`, of the same sales cut to the days that can be compared (`channels.same_days`); None: the earlier
            months count in proportion to their days.

    Returns:
        branch, units (of the month), units_before (of the month before), last_year; before_comparable and last_year_comparable:
        the same at as many days as are known of the month (unknown from January to March, when the Spring Festival moves:
        the KPI row aligns it); actual, target, due (target × time that has
        passed), sold and valid (of known state), cost_yuan; status (of the target, after the thresholds). Unknown is NaN; a
        branch without a row in a month of which others have some sold nothing that was reported: 0.

    Raises:
        DataError: totals among the branches.
    """
    parts_only(units, ["branch"])
    tables = [one.pivot_table(index="branch", columns="month", values="units", aggfunc="sum")
              for one in (units, units if comparable is None else comparable)]  # fmt: skip
    every = tables[0].index.union(reached["branch"].unique()) if len(reached) else tables[0].index
    months, alike = (table.reindex(every).fillna(0.0) for table in tables)
    month = period.last_month
    wanted = {"units": month, "units_before": shift(month, -1), "last_year": shift(month, -12)}
    out = pd.DataFrame({name: months.get(of) for name, of in wanted.items()}, index=months.index, dtype="float64")
    unknown = pd.Series(np.nan, index=out.index)
    for name, since in (("before_comparable", "units_before"), ("last_year_comparable", "last_year")):
        cut = comparable is not None and period.asof != period.end
        days = min(days_in(wanted[since]), period.asof.day) if cut else days_in(wanted[since])
        then = alike.get(wanted[since], unknown)
        out[name] = unknown if near_spring(month) else then * period.asof.day / days
    first = calendar(reached).drop_duplicates("branch").set_index("branch") if len(reached) else None
    for name in ("actual", "target", "time_progress"):
        out[name] = unknown if first is None else first[name].reindex(out.index).astype("float64")
    out["due"] = out["target"] * out.pop("time_progress")
    out["status"] = "plain" if first is None else first["status"].reindex(out.index).fillna("plain")
    worth = efficiency.set_index("branch")
    out["sold"], out["valid"] = (worth[name].reindex(out.index).astype("float64") for name in ("units", "valid"))
    # of all whose state is known, as `valid` is; unknown where the money of too many of them is
    out["cost_yuan"] = (worth["cost_per_sale"] * worth["units"]).reindex(out.index).astype("float64")
    return out.rename_axis("branch").reset_index()


def standings(
    figures: pd.DataFrame, above: Mapping[str, Sequence[str]], reached: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Every unit's place: the province, its cities, their counties.

    Args:
        figures: `branch_figures`.
        above: branch → what it lies in, nearest first (`Store.above`).
        reached: `targets.progress` of the whole: where it has a target of its own, that is the top row's.

    Returns:
        place, parent, depth (0 the province), is_branch, and the sums; growth and year_growth (of daily averages), attainment,
        progress_index (actual ÷ due), valid_share, cost_per_valid, share (of the province's month), rank of the progress
        index among all branches, or among units of the same depth (none where there is but one); quadrant
        (see `quadrant_of`); status of a branch, as `figures` has it.
        The province first, then each city with its counties.

    >>> figures = pd.DataFrame({"branch": ["a", "b"], "units": [3.0, 1], "units_before": [2.0, 2], "last_year": [1.0, 1],
    ...     "before_comparable": [2.0, 2], "last_year_comparable": [1.0, 1],
    ...     "actual": [30.0, 10], "target": [50.0, 50], "due": [25.0, 25], "sold": [10.0, 10], "valid": [9.0, 5],
    ...     "cost_yuan": [900.0, 1000]})
    >>> found = standings(figures, {"a": ["p"], "b": ["p"]})
    >>> found[["place", "units", "progress_index", "cost_per_valid", "rank", "quadrant"]].round(2).values.tolist()
    [['p', 4.0, 0.8, 135.71, nan, ''], ['a', 3.0, 1.2, 100.0, 1.0, 'learn_from'], ['b', 1.0, 0.4, 200.0, 2.0, 'help']]
    """
    ways = {branch: [branch, *above.get(branch, ())] for branch in figures["branch"]}
    pairs = [
        (branch, unit, len(way) - 1 - i, way[i + 1] if i + 1 < len(way) else "")
        for branch, way in ways.items() for i, unit in enumerate(way)
    ]  # fmt: skip
    links = pd.DataFrame(pairs, columns=["branch", "place", "depth", "parent"])
    sums = links.merge(figures, on="branch").groupby("place", sort=False)[_SUMS].agg(lambda part: part.sum(skipna=False))
    out = links.drop_duplicates("place").set_index("place")[["depth", "parent"]].join(sums).reset_index()
    out["is_branch"] = out["place"].isin(figures["branch"])
    own = calendar(reached) if reached is not None else pd.DataFrame()
    if len(own):
        row = own.iloc[0]
        due = row["target"] * row["time_progress"]
        out.loc[out["depth"] == 0, ["actual", "target", "due"]] = [row["actual"], row["target"], due]
    for name, above_line, below_line in _RATIOS:
        out[name] = out[above_line] / out[below_line].where(out[below_line] > 0)
    out["growth"], out["year_growth"] = out["growth"] - 1, out["year_growth"] - 1
    out["share"] = out["units"] / (total if (total := out.loc[out["depth"] == 0, "units"].sum()) else float("nan"))
    # branches are ranked among branches, however deep each lies; cities among cities
    level_of = out["depth"].where(~out["is_branch"], -1)
    ranks = out.groupby(level_of)["progress_index"].rank(ascending=False, method="min")
    out["rank"] = ranks.where(out.groupby(level_of)["depth"].transform("size") > 1)  # one alone has no rank
    usual = usual_cost(figures)
    corners = zip(out["depth"], out["progress_index"], out["cost_per_valid"], strict=True)
    out["quadrant"] = [quadrant_of(index, cost, usual) if depth else "" for depth, index, cost in corners]
    out["status"] = out["place"].map(figures.set_index("branch")["status"]).fillna("plain") if "status" in figures else "plain"
    return _as_tree(out)


def quadrant_of(progress_index: float, cost_per_valid: float, usual_cost: float) -> str:
    """Progress × efficiency: ahead of time at no more than the province's cost a valid customer is to learn from.

    `learn_from` (ahead, cheap), `spend_better` (ahead, dear), `push` (behind, cheap), `help` (behind, dear), `unknown`.

    >>> quadrant_of(1.0, 100.0, 100.0), quadrant_of(0.9, 101.0, 100.0), quadrant_of(float("nan"), 1.0, 1.0)
    ('learn_from', 'help', 'unknown')
    """
    if progress_index != progress_index or cost_per_valid != cost_per_valid or usual_cost != usual_cost:
        return "unknown"
    names = {(True, True): "learn_from", (True, False): "spend_better", (False, True): "push", (False, False): "help"}
    return names[progress_index >= 1, cost_per_valid <= usual_cost]


def _as_tree(table: pd.DataFrame) -> pd.DataFrame:
    """Each unit followed by what lies under it, those of one parent by rank."""
    order: list[int] = []
    ranked = table.sort_values(["rank", "place"], na_position="last")
    waiting = list(ranked.index[ranked["parent"].eq("") | ~ranked["parent"].isin(table["place"])])[::-1]
    while waiting:
        at = waiting.pop()
        order.append(at)
        waiting += list(ranked.index[ranked["parent"] == table.loc[at, "place"]])[::-1]
    return table.loc[order].reset_index(drop=True)


def movers(units: pd.DataFrame, before: str, month: str, most: int = 8) -> pd.DataFrame:
    """Which branches moved the province's month: the largest changes, all others together; they add up.

    Args:
        units: branch, month, units; of months that can be compared (`channels.same_days` where the last is not over).
        before, month: the two months.
        most: how many are named.

    Returns:
        branch (`""` is all others), units_before, units_after, change; Σ change = the province's. Empty where nothing is
        known of one of the months.

    >>> months = ["2013-03"] * 3 + ["2013-04"] * 3
    >>> units = pd.DataFrame({"branch": list("abcabc"), "month": months, "units": [2.0, 2, 5, 9, 1, 5]})
    >>> movers(units, "2013-03", "2013-04", most=1)[["branch", "change"]].values.tolist()
    [['a', 7.0], ['', -1.0]]
    """
    columns = ["branch", "units_before", "units_after", "change"]
    known = change_of_share(units, before, month, by="branch")[columns]
    ordered = known.assign(size=known["change"].abs()).sort_values(["size", "branch"], ascending=[False, True])
    named, rest = ordered.head(most).sort_values("change", ascending=False)[columns], ordered.iloc[most:]
    if rest.empty:
        return named.reset_index(drop=True)
    others = pd.DataFrame([{"branch": "", **rest[columns[1:]].sum().to_dict()}])
    return pd.concat([named, others], ignore_index=True)


def usual_cost(figures: pd.DataFrame) -> float:
    """The cost a valid customer over all branches of known cost, yuan: a ratio of sums.

    >>> usual_cost(pd.DataFrame({"cost_yuan": [900.0, 1000], "valid": [9.0, 0]}))
    211.11...
    """
    known = figures.dropna(subset=["cost_yuan", "valid"])
    cost, valid = known["cost_yuan"].sum(), known["valid"].sum()
    return float(cost / valid) if valid > 0 else float("nan")


def standings_table(standings: pd.DataFrame) -> pd.DataFrame:
    """The standings as a reader's table: what lies under a unit is indented."""
    indented = ["\u3000" * depth + place for depth, place in zip(standings["depth"], standings["place"], strict=True)]
    columns = ["units", "growth", "year_growth", "attainment", "progress_index", "cost_per_valid", "rank", "quadrant"]
    return standings.assign(place=indented)[["place", *columns]]


def behind(standings: pd.DataFrame) -> pd.DataFrame:
    """The branches behind time, the largest gap first, and what each owes.

    >>> one = pd.DataFrame({"place": ["p", "a"], "is_branch": [False, True], "actual": [4.0, 4.0], "due": 5.0,
    ...                     "target": 9.0, "progress_index": [0.8, 0.8]})
    >>> behind(one)[["place", "gap_to_time"]].values.tolist()
    [['a', 1.0]]
    """
    lowest = standings[standings["is_branch"] & (standings["progress_index"] < 1)]
    lowest = lowest.assign(gap_to_time=lowest["due"] - lowest["actual"], remaining=lowest["target"] - lowest["actual"])
    lowest = lowest.sort_values("gap_to_time", ascending=False, ignore_index=True)
    return lowest[["place", "actual", "target", "progress_index", "gap_to_time", "remaining"]]


def next_target(sales: pd.DataFrame, reached: pd.DataFrame, period: Period, mix_floor: float = 0.0) -> pd.DataFrame:
    """What remains of the province's longest running target, laid out over branches, channels and classes to the last unit.

    In proportion to what each sold in the twelve months before; with the guideline's floor for handsets and wireless phones.

    Args:
        sales: date, branch, channel, device_class, units.
        reached: `targets.progress` of the province.
        mix_floor: the least share of handsets and wireless phones; 0: none is set.

    Returns:
        See `targets.cascade`; empty where no target runs, its time is over, or nothing was sold. Without device_class where no
        sale names one: then, and where neither class was sold, no floor is applied (`floor_unknown`).
    """
    rows = calendar(reached)
    keys, floor = ["branch", "channel", "device_class"], (["handset", "wireless_phone"], mix_floor)
    nothing = pd.DataFrame(columns=[*keys, "units", "target", "split"])
    if rows.empty or not rows["days_left"].iloc[0]:
        return nothing
    remaining = float(rows["remaining"].iloc[0])
    since = pd.Timestamp(period.asof) - pd.DateOffset(months=12)
    basis = sales.loc[sales["date"] > since, [*keys, "units"]]
    if basis["device_class"].isna().all():
        keys, basis = keys[:-1], basis.drop(columns="device_class")
    basis = basis.dropna(subset=keys)
    if basis.empty:
        return nothing
    asked = float(np.ceil(max(remaining, 0.0))) if remaining == remaining else remaining
    usable = "device_class" in basis and basis["device_class"].isin(floor[0]).any()
    split = cascade(asked, basis, keys, floor=floor if mix_floor and usable else None)
    return split.assign(split="floor_unknown") if mix_floor and not usable and asked == asked else split
