"""The refund ledger: what is owed to contract customers month by month, in whole fen, and what is left to pay.

Counted is every refund promised with a sale, posted at the end of each of the term's months, the first one
after the month of the sale. A total of T fen over n months posts ⌊T/n⌋ a month and the remainder in the last
one. With c_t posted by month t, the free part of month t is ⌊s·c_t⌋ − ⌊s·c_{t−1}⌋ (s an exact fraction: 0.7
is 7/10), data-only credit is the rest; so free + data = T for every contract, whatever the split. A customer
who leaves in a month still gets that month's refund; what is due later is released in that same month. No fen
is both posted and released.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pandas as pd

from g3lib.errors import DataError, UsageError, listed

# later than any month: a customer who has not left
_NEVER = 10**6
# a share is read as the nearest fraction with at most this denominator
_FINEST = 10**6
# no term is longer, in months
_LONGEST = 1200
# fen: sums stay inside 64 bits, and so does one refund × the numerator of its share
_LARGEST = 2.0**62


def refund_ledger(
    sales: pd.DataFrame, shares: pd.DataFrame, ended: pd.Series | None = None, by: Sequence[str] = ()
) -> pd.DataFrame:
    """What is due when, one row for each month of each group of equal refunds.

    Args:
        sales: date, units, contract, term_months, refund_total (yuan a unit).
        shares: free_share and data_share (fractions, summing to 1) by `rule` where both frames have it, else
            by `contract` (a policy table will do), else one row a sale under the index of the sales.
        ended: the month in which each sale's customer left (Timestamp), missing where in service; index as
            the sales. The refund of that month is still posted, later ones are not.
        by: columns of the sales to keep apart (branch, …).

    Returns:
        by…, sold (first day of the sale's month), term, ended, number (1…term), due (first day of the month
        at whose end it is posted), units, free_fen, data_fen (whole fen for all the units). Refunds of zero
        have no rows; sales whose refund, term or split is unknown are left out, see `refunds_by_sale`.

    Raises:
        UsageError: `shares` gives one contract two splits; an index that is not the sales'.
        DataError: every fault: negative, infinite or sub-fen totals, a refund over no whole number of months,
            shares that don't sum to 1, units that are no count, a customer who left before the sale.

    >>> sales = pd.DataFrame({"date": [pd.Timestamp("2013-01-31")], "units": [1], "contract": ["spend"],
    ...                       "term_months": [3], "refund_total": [0.11]})
    >>> shares = pd.DataFrame({"contract": ["spend"], "free_share": [0.7], "data_share": [0.3]})
    >>> ledger = refund_ledger(sales, shares)
    >>> ledger[["number", "free_fen", "data_fen"]].values.tolist(), ledger["due"].iloc[0]
    ([[1, 2, 1], [2, 2, 1], [3, 3, 2]], Timestamp('2013-02-01 00:00:00'))
    """
    terms = _terms(sales, shares, ended)
    owed = (terms["reason"] == "") & (terms["refund"] > 0)
    keys = ["sold", "term", "refund", "above", "below", "ended"]
    known = pd.concat([sales[list(by)], terms], axis=1)[owed]
    groups = known.groupby([*by, *keys], as_index=False, dropna=False)["units"].sum()
    rows = groups.loc[groups.index.repeat(groups["term"])]
    number = rows.groupby(level=0).cumcount().to_numpy() + 1
    until, before = _posted(rows, number), _posted(rows, number - 1)
    units = rows["units"].to_numpy()
    out = rows[[*by, "sold", "term", "ended"]].assign(
        number=number, due=_first_day(rows["sold"] + number), units=units,
        free_fen=(until[0] - before[0]) * units, data_fen=(until[1] - before[1]) * units,
    )  # fmt: skip
    out["sold"], out["ended"] = _first_day(out["sold"]), _first_day(out["ended"])
    return out.reset_index(drop=True)


def refunds_by_sale(sales: pd.DataFrame, shares: pd.DataFrame, ended: pd.Series | None = None) -> pd.DataFrame:
    """What each sale's refunds come to in all, and why where that is unknown.

    Args:
        sales, shares, ended: as for `refund_ledger`; its rows, up to each customer's leaving, sum to this.

    Returns:
        index as the sales: free_yuan, data_yuan (for all its units, at face), units, reason: "" or
        `unknown_refund`, `unknown_term`, `unknown_split`. No refund is 0, whatever else is unknown.

    Raises:
        UsageError, DataError: as `refund_ledger`.

    >>> sales = pd.DataFrame({"date": pd.Timestamp("2013-01-31"), "units": 2, "contract": ["plan", "tariff", "bare"],
    ...                       "term_months": [24, 18, np.nan], "refund_total": [300.0, 100.0, 0.0]})
    >>> shares = pd.DataFrame({"contract": ["plan"], "free_share": [1.0], "data_share": [0.0]})
    >>> refunds_by_sale(sales, shares)[["free_yuan", "reason"]].values.tolist()
    [[600.0, ''], [nan, 'unknown_split'], [0.0, '']]
    """
    terms = _terms(sales, shares, ended)
    free, data = _posted(terms, (terms["ended"] - terms["sold"]).to_numpy())
    known = terms["reason"] == ""
    units = terms["units"]
    yuan = {"free_yuan": (free * units / 100).where(known), "data_yuan": (data * units / 100).where(known)}
    return pd.DataFrame({**yuan, "units": units, "reason": terms["reason"]})


def liability(ledger: pd.DataFrame, months: Sequence[str | pd.Timestamp]) -> pd.DataFrame:
    """What is still owed to customers: opening + new − posted − released = closing, to the fen.

    Args:
        ledger: `refund_ledger`.
        months: the table runs from the earliest to the latest of these, without a hole; a missing one (nothing is ever due)
            is none.

    Returns:
        month (Timestamp), opening, new (contracts of the month), posted_free, posted_data, released (not due
        any more because the customer left in the month), closing: whole fen. After the last due month 0.

    >>> columns = ["sold", "ended", "due", "free_fen", "data_fen"]
    >>> jan, feb, mar = pd.to_datetime(["2013-01-01", "2013-02-01", "2013-03-01"])
    >>> ledger = pd.DataFrame([[jan, feb, feb, 7, 3], [jan, feb, mar, 8, 3]], columns=columns)
    >>> liability(ledger, ["2013-01", "2013-02"]).iloc[:, 1:].values.tolist()
    [[0, 21, 0, 0, 0, 21], [21, 0, 7, 3, 11, 0]]
    """
    asked = _month_number(pd.Series(pd.to_datetime(list(months))).dropna())
    ledger = ledger.reset_index(drop=True)
    sold, due, ended = (_month_number(ledger[column]) for column in ("sold", "due", "ended"))
    span = pd.RangeIndex(min([*asked, *sold], default=0), max([*asked, *due], default=-1) + 1)
    posted, both = due <= ended, ledger["free_fen"] + ledger["data_fen"]
    flows = {
        "new": both.groupby(sold).sum(),
        "posted_free": ledger["free_fen"][posted].groupby(due).sum(),
        "posted_data": ledger["data_fen"][posted].groupby(due).sum(),
        "released": both[~posted].groupby(ended).sum(),
    }
    # reindexed one by one: beside a hole whole numbers would become floats, and lose fen
    out = pd.DataFrame({name: fen.reindex(span, fill_value=0).astype("int64") for name, fen in flows.items()})
    out["closing"] = (out["new"] - out["posted_free"] - out["posted_data"] - out["released"]).cumsum()
    out.insert(0, "opening", out["closing"].shift(fill_value=0))
    out.insert(0, "month", _first_day(pd.Series(span, index=span)))
    return out[(span >= asked.min()) & (span <= asked.max())].reset_index(drop=True)


def _posted(terms: pd.DataFrame, month: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Free and data-only fen a unit that are posted by the end of the term's given month."""
    total, term = terms["refund"].to_numpy(), terms["term"].to_numpy()
    paid = np.where(month < term, total // np.maximum(term, 1) * month, total)
    free = terms["above"].to_numpy() * paid // terms["below"].to_numpy()
    return free, paid - free


def _terms(sales: pd.DataFrame, shares: pd.DataFrame, ended: pd.Series | None) -> pd.DataFrame:
    """Each sale's refund in whole numbers: months since year 0, fen a unit, the free share above/below."""
    left = pd.Series(pd.NaT, index=sales.index) if ended is None else ended
    split = _splits(sales, shares, left)
    fen, months, units = (sales[column].astype("float64") for column in ("refund_total", "term_months", "units"))
    fen = fen * 100
    owed = fen.ne(0) & fen.notna()
    whole = fen.where(np.isfinite(fen), 0).round()
    free, data = ({x: Fraction(x).limit_denominator(_FINEST) for x in split[c].dropna().unique()} for c in split)
    parts = pd.Series([free.get(f, 0) + data.get(d, 0) for f, d in zip(*split.to_numpy().T, strict=True)], index=sales.index)
    known_split = split.notna().all(axis=1)
    sold, end = _month_number(pd.to_datetime(sales["date"])), _month_number(pd.to_datetime(left))
    faults = {
        "a negative or infinite refund": (fen < 0) | np.isinf(fen),
        "a refund finer than a fen": (fen - whole).abs().gt(1e-4) & np.isfinite(fen),
        "a refund over no whole number of months": owed & months.notna() & ~(months.between(1, _LONGEST) & months.mod(1).eq(0)),
        "free and data shares that are negative or don't sum to 1": known_split & (parts.ne(1) | split.lt(0).any(axis=1)),
        "units that are no count": ~(units.ge(0) & units.mod(1).eq(0)),
        "no date": sold.eq(_NEVER),
        "a customer who left before the sale": end < sold,
        "more fen than can be counted": whole.gt(_LARGEST / _FINEST) | (float((whole * units).sum()) > _LARGEST),
    }
    found = [f"{what}: {sum(rows)} sales, at {sales.index[rows][:3].tolist()} …" for what, rows in faults.items() if rows.any()]
    if found:
        raise DataError(listed(found, "The refunds can't be spread over their terms; correct these sales or their rules:"))
    unknown = [fen.isna(), ~owed, months.isna(), ~known_split]
    share = [free.get(x, Fraction(0)) for x in split["free_share"]]
    terms = {
        "sold": sold, "ended": end, "term": months.where(owed).fillna(0), "refund": whole, "units": units,
        "above": [x.numerator for x in share], "below": [x.denominator for x in share],
    }  # fmt: skip
    reason = np.select(unknown, ["unknown_refund", "", "unknown_term", "unknown_split"], "")
    return pd.DataFrame(terms, index=sales.index).astype("int64").assign(reason=reason)


def _splits(sales: pd.DataFrame, shares: pd.DataFrame, left: pd.Series) -> pd.DataFrame:
    columns = ["free_share", "data_share"]
    key = next((k for k in ("rule", "contract") if k in shares and k in sales), None)
    own = shares if key is None else sales
    if not (left.index.equals(sales.index) and own.index.equals(sales.index)):
        raise UsageError("`ended`, or `shares` without a rule or contract, has not the index of the sales; give one row a sale.")
    if key is None:
        return shares[columns].astype("float64")
    stated = shares.dropna(subset=[key, *columns])[[key, *columns]].drop_duplicates()
    if twice := sorted(stated.loc[stated[key].duplicated(), key].unique()):
        raise UsageError(f"`shares` gives more than one split for {', '.join(twice)}; expected one, or splits by rule.")
    found: pd.DataFrame = stated.set_index(key).reindex(sales[key])[columns].astype("float64").set_axis(sales.index)
    return found


def _month_number(days: pd.Series) -> pd.Series:
    return (days.dt.year * 12 + days.dt.month - 1).fillna(_NEVER).astype("int64")


def _first_day(months: pd.Series) -> pd.Series:
    """The month number as the first day of that month; missing for never."""
    days = (months.clip(upper=_NEVER) - 1970 * 12).to_numpy().astype("datetime64[M]").astype("datetime64[us]")
    return pd.Series(days, index=months.index).where(months < _NEVER)
