"""Retention: how long customers stay, why they leave, and what happens when the contract ends.

What is counted is the customer from the first month in which a sale of his is reported; the denominator of a
month's hazard is everyone then under observation. Ages are months since the month of sale. A customer is
at risk at each age from `entry` to `exit`, both included: one whom the table of activity first shows at age 5
says nothing of the ages before (delayed entry), one who is still there at the end is censored, not lost.
A row with the state cancelled in month a is the event, at age a; the first counts. What was never activated
is no customer and not at risk here, the cohort rates count it. A customer who buys again goes on with the later
sale: the earlier one is censored, so no month is counted twice.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from g3lib.measures.months import last_full_month, month_number
from g3lib.measures.subsidy.cohorts import Floats, Z, customer_months


def durations(sales: pd.DataFrame, activity: pd.DataFrame, asof: date) -> pd.DataFrame:
    """How long each sale's customer was seen, and how it ended.

    Args:
        sales: date, units, customer, device.
        activity: customer-months; a month without a row between two with one is a month in service.
        asof: the last day known.

    Returns:
        index as those sales that have a row: entry, exit (ages, both at risk), event, reason (of the event,
        `unstated` where none is given; of a censored customer `stopped` when the rows end before the table does, else
        empty).

    >>> sold = pd.DataFrame({"date": [pd.Timestamp("2012-11-30")], "units": 1, "customer": "c", "device": "d"})
    >>> seen = pd.DataFrame({"customer": "c", "month": pd.to_datetime(["2013-01-01", "2013-03-01", "2013-04-01"]),
    ...                      "state": ["active", "cancelled", "active"], "reason": None})
    >>> durations(sold, seen, date(2013, 4, 30)).values.tolist()  # comes into sight at age 2, leaves at 4
    [[2, 4, True, 'unstated']]
    """
    rows = customer_months(sales, activity, asof)
    seen = rows.groupby("sale")["age"].agg(["min", "max"])
    left = rows[rows["state"] == "cancelled"].sort_values(["sale", "age", "reason"], kind="stable")
    left = left.drop_duplicates("sale").set_index("sale").reindex(seen.index)
    event = left["age"].notna()
    end = min(last_full_month(asof), int(month_number(activity["month"]).max(initial=0)))
    stopped = seen["max"] < end - month_number(sales["date"])[seen.index]
    reason = left["reason"].astype("object").fillna("unstated").where(event, stopped.map({True: "stopped", False: ""}))
    out = {"entry": seen["min"], "exit": left["age"].fillna(seen["max"]).astype(int), "event": event, "reason": reason}
    return pd.DataFrame(out).set_axis(sales.index[seen.index])


def _life_table(durations: pd.DataFrame) -> tuple[Floats, Floats]:
    """Customers at risk and events at each age from 0 to the last exit."""
    top = int(durations["exit"].max()) + 1 if len(durations) else 0
    sets = durations["entry"], durations["exit"], durations.loc[durations["event"], "exit"]
    came, went, lost = (np.bincount(ages.astype(int), minlength=top)[:top].astype(float) for ages in sets)
    return np.cumsum(came) - np.cumsum(went) + went, lost


def _product_limit(n: Floats, d: Floats) -> tuple[Floats, Floats]:
    """Survival, and Greenwood's d ÷ (n (n − d)) of each month; 0 where the whole risk set is lost."""
    some = np.where(n > 0, n, 1.0)
    return np.asarray(np.cumprod(1 - d / some)), np.where(n > d, d / (some * np.where(n > d, n - d, 1.0)), 0.0)


def _log_log(p: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """95 % limits of a probability on the log(−log) scale; NaN at 0 and at 1."""
    inside = (p > 1e-12) & (p < 1 - 1e-12)
    safe = np.where(inside, p, 0.5)
    spread = np.exp(Z * np.sqrt(np.maximum(variance, 0.0)) / np.abs(safe * np.log(safe)))
    return np.where(inside, safe**spread, np.nan), np.where(inside, safe ** (1 / spread), np.nan)


def kaplan_meier(durations: pd.DataFrame) -> pd.DataFrame:
    """Survival with delayed entry: the product of 1 − events ÷ at risk.

    Args:
        durations: entry, exit, event as `durations` gives them.

    Returns:
        month (0 to the last exit), at_risk, events, survival, low, high (95 %, log-log, Greenwood; NaN at survival 0
        and 1), reason of what to mind: `no_event` so far, `all_lost` (survival 0), `risk_set_emptied` (survival 0
        though others come later: few were at risk early; begin at a later age), `nobody_at_risk` (survival is carried
        on). No customer: no row.

    Source: Klein and Moeschberger, Survival Analysis, 2nd ed. 2003, section 4.6 (left truncation). By hand,
    because statsmodels' SurvfuncRight lets a survival of 0 come back to life.

    >>> early = pd.DataFrame({"entry": [0, 1, 1], "exit": [0, 2, 2], "event": [True, False, False]})
    >>> kaplan_meier(early)[["at_risk", "survival", "reason"]].values.tolist()
    [[1.0, 0.0, 'risk_set_emptied'], [2.0, 0.0, 'risk_set_emptied'], [2.0, 0.0, 'risk_set_emptied']]
    """
    n, d = _life_table(durations)
    survival, greenwood = _product_limit(n, d)
    low, high = _log_log(survival, survival**2 * np.cumsum(greenwood))
    dead = survival == 0
    emptied = dead & bool(n[1:][dead[:-1]].any())
    reason = np.select([emptied, dead, n == 0, survival == 1], ["risk_set_emptied", "all_lost", "nobody_at_risk", "no_event"], "")
    table = {"month": np.arange(len(n)), "at_risk": n, "events": d, "survival": survival, "low": low, "high": high}
    return pd.DataFrame(table | {"reason": reason})


def cumulative_incidence(durations: pd.DataFrame) -> pd.DataFrame:
    """Aalen–Johansen: the chance of having left by a month for each reason, the others competing.

    F_j(t) = Σ_{u≤t} S(u−) d_ju / n_u, ties as they are: Σ_j F_j + S = 1. Variance by the delta method, which for one
    reason is Greenwood's.

    Args:
        durations: entry, exit, event, reason as `durations` gives them.

    Returns:
        month, reason (in alphabetical order), incidence, low, high (95 %, log-log of F; NaN at 0 and 1). No event: no
        row.

    Source: Marubini and Valsecchi, Analysing Survival Data from Clinical Trials, 1995, chapter 10.

    >>> tied = pd.DataFrame({"entry": 0, "exit": [1, 1, 2], "event": [True, True, False], "reason": ["fraud", "upgrade", ""]})
    >>> cumulative_incidence(tied).query("month == 2")["incidence"].round(4).tolist()
    [0.3333, 0.3333]
    """
    n, d = _life_table(durations)
    survival, greenwood = _product_limit(n, d)
    before, some = np.append(1.0, survival)[: len(n)], np.where(n > 0, n, 1.0)
    past = np.tri(len(n))
    none = np.zeros(0)
    parts = [pd.DataFrame({"month": none.astype(int), "reason": none.astype(str), "incidence": none, "low": none, "high": none})]
    for reason, gone in durations[durations["event"]].groupby("reason")["exit"]:
        mine = np.bincount(gone, minlength=len(n))
        share = np.cumsum(before * mine / some)
        ahead = past * (share[:, None] - share)
        own = before**2 * mine * (n - mine) / some**3
        variance = (ahead**2 * greenwood + past * own - 2 * ahead * before * mine / some**2).sum(axis=1)
        low, high = _log_log(share, variance)
        parts.append(pd.DataFrame({"month": np.arange(len(n)), "reason": reason, "incidence": share, "low": low, "high": high}))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def contract_steps(durations: pd.DataFrame, terms: pd.Series, before: int = 6) -> pd.DataFrame:
    """The step of the monthly hazard at the contract's end: expected, and shown.

    Args:
        durations: as `durations` gives them.
        terms: months of contract, index as the sales; none or 0 is left out.
        before: how many months before the end make the level that the step is measured from.

    Returns:
        term, month (the term and the month after), at_risk, events, hazard, hazard_before (events ÷ customer-months of the
        months before), hazard_step (their difference), low, high (Newcombe, 95 %), reason (`nobody_at_risk` on either side).

    >>> stay = pd.DataFrame({"entry": [0, 0], "exit": [24, 9], "event": [True, False], "reason": ["contract_end", ""]})
    >>> contract_steps(stay, pd.Series([24, 24]))[["month", "hazard", "hazard_step", "reason"]].values.tolist()
    [[24, 1.0, 1.0, ''], [25, nan, nan, 'nobody_at_risk']]
    """
    from statsmodels.stats.proportion import confint_proportions_2indep

    own, rows = terms.reindex(durations.index), []
    for term in sorted(set(own[own > 0].astype(int))):
        n, d = (np.append(counts, np.zeros(term + 2)) for counts in _life_table(durations[own == term]))
        base = slice(max(1, term - before), term)
        for month in (term, term + 1):
            counts = d[month], n[month], d[base].sum(), n[base].sum()
            known = counts[1] > 0 and counts[3] > 0
            row = {"term": term, "month": month, "at_risk": counts[1], "events": counts[0]}
            row["hazard"], row["hazard_before"] = (x / y if y else np.nan for x, y in (counts[:2], counts[2:]))
            row["hazard_step"] = row["hazard"] - row["hazard_before"]
            row["low"], row["high"] = confint_proportions_2indep(*counts, method="newcomb") if known else (np.nan, np.nan)
            rows.append(row | {"reason": "" if known else "nobody_at_risk"})
    names = ["term", "month", "at_risk", "events", "hazard", "hazard_before", "hazard_step", "low", "high", "reason"]
    return pd.DataFrame(rows, columns=names)
