"""Suspected box-breaking: whole boxes sold on paper, activated in a row and never used.

What is counted is the sale with one known customer, within the outlet's day. Three signs are read at each
sale: its device number is in more than one sale; it is one of a burst of activations at the outlet; its
number is never used in months +1 to +3. A batch is suspected when enough of its sales carry two signs
each: one sign alone has honest explanations (a returned device, a busy Saturday, a drawer phone), and signs
that fall on different sales do not agree. A sign that cannot be read is unknown, neither for nor against:
without a time of day a burst is unknown, for that a day is the same proves nothing.

A suspicion is a reason to look, never a finding: its verdict is at most a warning.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from g3lib.errors import UsageError, listed
from g3lib.findings import Verdict
from g3lib.measures.months import last_full_month, month_number
from g3lib.measures.subsidy.cohorts import WINDOW, Bools, covered, customer_months, traceable

SIGNS = ("repeated_device", "burst", "zero_use")


def sale_signs(sales: pd.DataFrame, activity: pd.DataFrame | None = None, minutes: float = 10, at_least: int = 5) -> pd.DataFrame:
    """The three signs at each sale; missing where a sign cannot be read.

    Args:
        sales: date, branch, units, outlet, customer, device, activated_at.
        activity: customer-months of all branches; without it zero use is unknown.
        minutes, at_least: a burst is `at_least` activations or more at one outlet, first to last within `minutes`.

    Returns:
        index as the sales: repeated_device, burst (unknown where the outlet or the time of day is; midnight sharp
        is taken for no time), zero_use (activated, and neither revenue nor a day on 3G in the months +1 to +3;
        unknown until the table of activity holds these, and for what was never activated).

    >>> day = pd.Timestamp("2013-01-05")  # midnight is no time of day; of two units nobody knows whose they are
    >>> sold = pd.DataFrame({"date": day, "units": [1, 1, 1, 2], "outlet": "o", "customer": list("wxyz"), "device": list("ddee"),
    ...                      "activated_at": [day + pd.Timedelta(hours=9)] * 2 + [day] * 2})
    >>> sale_signs(sold, at_least=2)[["repeated_device", "burst", "zero_use"]].values.tolist()
    [[True, True, <NA>], [True, True, <NA>], [False, <NA>, <NA>], [<NA>, <NA>, <NA>]]
    """
    one = traceable(sales)
    device, when = sales["device"].where(one), pd.to_datetime(sales["activated_at"])
    timed = one & sales["outlet"].notna() & when.notna() & (when != when.dt.normalize())
    signs = {
        "repeated_device": (device.duplicated(keep=False), device.notna()),
        "burst": (_in_burst(sales["outlet"][timed], when[timed], minutes, at_least).reindex(sales.index), timed),
        "zero_use": _zero_use(sales, activity, one),
    }
    return pd.DataFrame({name: pd.Series(sign, sales.index, "boolean").where(known) for name, (sign, known) in signs.items()})


def _in_burst(outlet: pd.Series, when: pd.Series, minutes: float, at_least: int) -> pd.Series:
    """Whether some window of `minutes` at the outlet holds the activation and at least `at_least` in all."""
    frame = pd.DataFrame({"outlet": outlet, "when": when}).sort_values(["outlet", "when"], kind="stable")
    # True at the last activation of each full window; each then reaches back over the places of its window
    ends = frame.groupby("outlet")["when"].diff(at_least - 1) <= pd.Timedelta(minutes=minutes)
    inside = np.convolve(np.append(ends, False), np.ones(at_least))[at_least - 1 : -1] > 0.5
    return pd.Series(inside, index=frame.index)


def _zero_use(sales: pd.DataFrame, activity: pd.DataFrame | None, one: Bools) -> tuple[Bools, Bools]:
    """The sign, and whether it can be read."""
    if activity is None or activity.empty:
        return np.zeros(len(sales), dtype=bool), np.zeros(len(sales), dtype=bool)
    asof = activity["month"].max() + pd.offsets.MonthEnd(0)
    rows = customer_months(sales, activity, asof)
    rows = rows[rows["age"] <= WINDOW]
    later, place = rows["age"] > 0, np.arange(len(sales))
    used = np.isin(place, rows.loc[later & ((rows["revenue"] > 0) | (rows["days_on_3g"] > 0)), "sale"])
    blind = np.isin(place, rows.loc[later & rows["revenue"].isna(), "sale"])
    activated = np.isin(place, rows["sale"]) | sales["activated_at"].notna().to_numpy()
    over = month_number(sales["date"]) + WINDOW <= last_full_month(asof)
    return ~used, covered(sales, activity, range(1, WINDOW + 1)).all(axis=1) & over & activated & ~blind & one


def suspected_boxes(
    sales: pd.DataFrame, activity: pd.DataFrame | None = None, minutes: float = 10, at_least: int = 5
) -> pd.DataFrame:
    """Every outlet's day with `at_least` sales or more, and whether a batch in it is suspected.

    Args:
        sales, activity, minutes, at_least: as for `sale_signs`, with subsidy. A month's rows (grain) have no
            day, sales without an outlet no place: both are left out. No two rows share an index label.

    Returns:
        outlet, day, sales, a column for each of `SIGNS` (sales that carry it; NaN where none can be read),
        agreeing (sales with two signs or three), subsidy_yuan (what those cost; NaN where a part is unknown), verdict
        (`warning`: `at_least` sales agree; `no verdict`: fewer than that have two signs to be read; else `pass`),
        rows (the index labels of the agreeing sales).

    Raises:
        UsageError: lists index labels that are there twice, `at_least` below 2, `minutes` not above 0.

    >>> day = pd.Timestamp("2013-01-05")  # five devices on one day, no time of day: one sign to be read, not two
    >>> sold = pd.DataFrame({"date": day, "grain": "day", "branch": "b", "units": 1, "outlet": "o", "customer": list("vwxyz"),
    ...                      "device": list("ddddd"), "activated_at": day, "subsidy": 500.0})
    >>> suspected_boxes(sold)[["repeated_device", "burst", "verdict"]].values.tolist()
    [[5.0, nan, 'no verdict']]
    """
    twice = sales.index[sales.index.duplicated()].unique()[:5]
    faults = [f"rows share the index label {label!r}; reset_index gives each its own" for label in twice]
    faults += [f"at_least is {at_least}; expected 2 or more"] if at_least < 2 else []
    if faults := faults + ([f"minutes is {minutes}; expected more than 0"] if not minutes > 0 else []):
        raise UsageError(listed(faults, "Boxes cannot be looked for:"))
    signs = sale_signs(sales, activity, minutes, at_least)
    agreeing = signs.fillna(False).sum(axis=1) >= 2
    readable = signs.notna().sum(axis=1) >= 2
    frame = signs.astype(float).assign(sales=1, agreeing=agreeing * 1, readable=readable * 1, rows=sales.index)
    frame[["outlet", "day"]] = sales[["outlet"]].assign(day=sales["date"].dt.normalize())
    frame["subsidy_yuan"] = sales["subsidy"].where(agreeing, 0.0)
    frame = frame[traceable(sales) & sales["outlet"].notna() & sales["grain"].ne("month")]
    by = frame.groupby(["outlet", "day"])
    out = by[["sales", *SIGNS, "agreeing", "readable"]].sum(min_count=1)
    out["subsidy_yuan"] = by["subsidy_yuan"].sum(skipna=False)
    out = out[out["sales"] >= at_least]
    shown = out.pop("readable") >= at_least
    verdicts = [Verdict.WARNING.value, Verdict.NONE.value]
    out["verdict"] = np.select([out["agreeing"] >= at_least, ~shown], verdicts, Verdict.PASS.value)
    labels = frame[frame["agreeing"] == 1].groupby(["outlet", "day"])["rows"].agg(tuple)
    out["rows"] = [labels.get(key, ()) for key in out.index]
    return out.reset_index()


def suspected(sales: pd.DataFrame, boxes: pd.DataFrame) -> pd.Series:
    """Whether each sale is one of the agreeing sales of a suspected batch (index as the sales).

    >>> boxes = pd.DataFrame({"verdict": ["warning", "pass"], "rows": [(7,), (8,)]})
    >>> suspected(pd.DataFrame(index=[7, 8, 9]), boxes).tolist()
    [True, False, False]
    """
    labels = [label for rows in boxes.loc[boxes["verdict"] == Verdict.WARNING.value, "rows"] for label in rows]
    return pd.Series(sales.index.isin(labels), index=sales.index, name="suspected")
