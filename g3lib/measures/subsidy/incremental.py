"""Incremental customers: those whom the company would not have without the subsidy, and what one costs.

Of u units sold at subsidy rate r, u·(1 − exp(−beta·r)) are caused: at no subsidy u·exp(−beta·r) would have sold.
Bare devices that the subsidy took from the company's own counter are no gain, u·(exp(gamma·r̄) − 1) of them, and
an own 2G customer who migrates is no new one. So caused − displaced = incremental + migrated; each sale is in one
of the two, and the migration, a goal of its own, stays beside with its own worth. A sale whose rate or response
is unknown is in none of them and is counted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from g3lib.errors import UsageError
from g3lib.measures.months import month_number
from g3lib.measures.subsidy.cohorts import Floats
from g3lib.measures.subsidy.rates import BARE
from g3lib.measures.subsidy.response import sale_rate


def caused(
    sales: pd.DataFrame,
    response: pd.DataFrame,
    displacement: pd.DataFrame | None = None,
    by: Sequence[str] = (),
    *,
    numerator: str,
    base: str,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Sales that the subsidy caused, what they displaced, and the customers that are new because of it.

    Args:
        sales: rows of the sales table.
        response: `response` by class, of the same numerator and base.
        displacement: `displaced_bare`; without it nothing is deducted, and the reason says so.
        by: the columns that make the groups; empty for one row over all.
        numerator, base: see `subsidy_rate`.
        confidence: of the interval.

    Returns:
        by…, units, unknown_units (of them, in nothing that follows), caused, other_form (caused, were not the response
        to the rate but the elasticity to the net price constant: 1 − (1 − r)^(beta × net share); NaN without the
        response's elasticity), displaced, displaced_se, migrated (net of displaced),
        incremental, se, df, low, high (of incremental), reason.
        The variance is that of the betas and gammas, shared branches included (`influence`), plus Poisson's
        of the units themselves, by the delta method; t with df of Welch and Satterthwaite over the parts.
        NaN and `unknown` where no unit is known, `no_displacement` where bare sales have no gamma,
        `unknown_customer_type`; `partial` where some units are unknown; `not_deducted`: bare sales, and no displacement
        given, so the figure is an upper one.

    Raises:
        UsageError: a class has more than one row in the response.

    A class that has no beta is left out and counted, never taken for zero:

    >>> sales = pd.DataFrame({"device_class": ["handset", "netbook"], "units": 10, "subsidy": 500.0}).assign(
    ...     date=pd.Timestamp("2012-01-01"), branch="b", channel="own", contract="plan", customer_type="new", list_price=1000.0)
    >>> betas = pd.DataFrame({"device_class": ["handset", "netbook"], "beta": [2.0, np.nan], "df": [9.0, np.nan],
    ...                       "influence": [{"b": 0.1}, {}]})
    >>> found = caused(sales, betas, numerator="device", base="list")
    >>> found[["units", "unknown_units", "caused", "reason"]].round(2).values.tolist()
    [[20.0, 10.0, 6.32, 'partial']]
    """
    if response["device_class"].duplicated().any():
        raise UsageError("response has several rows of one class; expected one: leave the channel out of its `by`.")
    rows = sales[sales["units"] > 0]
    classes, units, bare = rows["device_class"], rows["units"].astype(float), rows["contract"] == BARE
    tables = {"beta": response} | ({} if displacement is None else {"gamma": displacement})
    estimate = {name: classes.map(table.set_index("device_class")[name]).astype(float) for name, table in tables.items()}
    rate = sale_rate(rows, numerator, base)
    known = rate.notna() & (estimate["beta"].notna() | (rate == 0))
    # a sale at no subsidy needs no beta, and one that is not bare no gamma
    stay = np.exp(-(estimate["beta"] * rate).where(rate != 0, 0.0))
    level = _subsidised_rate(rows, rate, units).where(bare & (displacement is not None), 0.0)
    more = np.exp((estimate.get("gamma", 0.0) * level).where(level != 0, 0.0))
    new, gain = _new(rows, units), (1 - stay) - (more - 1)
    parts = {"caused": 1 - stay, "displaced": more - 1, "migrated": (1 - new) * gain, "incremental": new * gain}
    # the same slope at the mean, but a constant elasticity of the net price: no data at zero subsidy can tell the two apart
    flat = classes.map(response.set_index("device_class").get("elasticity", pd.Series(dtype="float64"))).astype("float64")
    parts["other_form"] = 1 - (1 - rate.clip(upper=0.999)) ** -flat.where(rate != 0, 0.0)
    parts |= {"noise": (new * gain) ** 2, "bare": bare.astype(float)}
    slope = {"beta": rate * stay, "gamma": -level * more}
    slopes = {f"{name} {c}": new * slope[name].where(classes == c, 0.0) for name in tables for c in tables[name]["device_class"]}
    gammas = {} if displacement is None else dict(zip(displacement["device_class"], displacement["influence"], strict=True))
    lost = {f"lost {c}": (level * more).where(classes == c, 0.0) for c in gammas}
    table = pd.DataFrame(parts | slopes | lost).mul(units, axis=0).where(known, 0.0)
    table = table.assign(units=units, unknown_units=units * ~known)
    sums = table.groupby([rows[name] for name in by] or np.zeros(len(rows)), dropna=False, sort=True).sum(skipna=False)
    sums = sums if by or len(sums) else table.sum().to_frame().T  # no sale at all is one row that knows nothing
    found = _with_interval(sums, sums[list(slopes)].fillna(0.0).to_numpy(), pd.concat(tables.values()), confidence)
    shared = pd.DataFrame(list(gammas.values())).fillna(0.0).to_numpy()
    found["displaced_se"] = np.sqrt(((sums[[*lost]].fillna(0.0).to_numpy() @ shared) ** 2).sum(axis=1)) if lost else np.nan
    found["displaced"] = found["displaced"].where((found["bare"] == 0) | (displacement is not None))
    found.loc[(found["reason"] == "") & found["displaced"].isna(), "reason"] = "not_deducted"
    return found.reset_index(drop=not by)[[*by, *_COLUMNS]]


_COLUMNS = ("units", "unknown_units", "caused", "other_form", "displaced", "displaced_se", "migrated", "incremental", "se", "df",
            "low", "high", "reason")  # fmt: skip


def _with_interval(sums: pd.DataFrame, slopes: Floats, estimates: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The sums with interval and reason; `slopes` are those of incremental to each estimate, a row a group."""
    influence = pd.DataFrame(estimates["influence"].tolist()).fillna(0.0).to_numpy()
    own = slopes**2 * (influence**2).sum(axis=1)
    # Frobenius norms add up to no less than the norm of the sum: never more than the df of the sum of these parts
    least = (own / np.sqrt(estimates["df"].astype("float64").fillna(np.inf).to_numpy())).sum(axis=1)
    out = sums.assign(df=((own.sum(axis=1) + sums["noise"]) / np.where(least > 0, least, np.nan)) ** 2)
    out["se"] = np.sqrt(((slopes @ influence) ** 2).sum(axis=1) + sums["noise"])
    unknown, nothing = out["incremental"].isna(), out["unknown_units"] == out["units"]
    out["reason"] = np.select([nothing, out["displaced"].isna(), unknown, out["unknown_units"] > 0],
                              ["unknown", "no_displacement", "unknown_customer_type", "partial"], "")  # fmt: skip
    out.loc[nothing, ["caused", "other_form", "displaced", "migrated", "incremental"]] = np.nan
    out.loc[nothing | unknown, ["se", "df"]] = np.nan
    reach = stats.t.ppf(0.5 + confidence / 2, out["df"].fillna(1e9)) * out["se"]
    return out.assign(low=out["incremental"] - reach, high=out["incremental"] + reach)


def _subsidised_rate(rows: pd.DataFrame, rate: pd.Series, units: pd.Series) -> pd.Series:
    """Mean rate of the class's subsidised sales of the same branch, channel and month; else of the class."""
    paid = rate.notna() & (rows["contract"] != BARE)
    near = [rows["device_class"], rows["branch"], rows["channel"], rows["date"].dt.to_period("M")]
    return _share(rate.where(paid), units, near).fillna(_share(rate.where(paid), units, near[:1]))


def _new(rows: pd.DataFrame, units: pd.Series) -> pd.Series:
    """Share of new customers: the sale's customer_type, and without one the share of its class."""
    new = (rows["customer_type"] == "new").astype(float).where(rows["customer_type"].notna())
    return new.fillna(_share(new, units, [rows["device_class"]]))


def _share(value: pd.Series, units: pd.Series, keys: list[pd.Series]) -> pd.Series:
    """Mean of the known values by unit in each row's group."""
    parts = pd.DataFrame({"value": value * units, "units": units.where(value.notna())})
    sums = parts.groupby(keys, dropna=False).transform("sum")
    return sums["value"] / sums["units"].replace(0.0, np.nan)


def fieller(
    num: float, num_se: float, den: float, den_se: float, cov: float = 0.0, df: float = np.inf, confidence: float = 0.95
) -> tuple[float, float, str]:
    """Interval of a ratio: all q for which num − q·den is not significantly different from 0 (Fieller 1954).

    q runs between the roots of a·q² − 2b·q + c with a = den² − t²·den_se², b = num·den − t²·cov, c = num² − t²·num_se².

    Returns:
        low, high, reason. Where the denominator's own interval covers 0 (a ≤ 0) there is no upper bound, only the one
        that the positive denominators leave: high is inf and the reason `unbounded` (low −inf where the
        numerator's covers 0 too). `zero_base` with NaN where the denominator is exactly 0, `unknown` where a part is.

    >>> fieller(1000.0, 0.0, 10.0, 20.0, confidence=0.95)[1:], round(fieller(1000.0, 0.0, 10.0, 20.0)[0], 2)
    ((inf, 'unbounded'), 20.33)
    """
    known = bool(np.isfinite([num, num_se, den, den_se, cov]).all())
    if not known or den == den_se == 0:
        return np.nan, np.nan, "zero_base" if known else "unknown"
    t2 = float(stats.t.ppf(0.5 + confidence / 2, df)) ** 2
    a, b, c = den**2 - t2 * den_se**2, num * den - t2 * cov, num**2 - t2 * num_se**2
    root = np.sqrt(max(b * b - a * c, 0.0))
    if a > 0:
        return float((b - root) / a), float((b + root) / a), ""
    # the same root as (b − root) ÷ a, without the division by nearly nothing
    return (float(c / (b + root)) if c > 0 and b + root > 0 else -np.inf), np.inf, "unbounded"


def cost_per(cost: float, denominators: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """One cost over several denominators, side by side: sale, G3 net add, valid customer, incremental customer.

    Args:
        cost: yuan, of the same sales as the denominators.
        denominators: name, value, and se and df where it is an estimate (missing: exact).
        confidence: of the interval.

    Returns:
        name, value (yuan each), low, high, reason. `unbounded`: the denominator's interval covers 0, so say "≥ low,
        unbounded"; the value is NaN where the denominator is not above 0. `fewer_customers`: it lies wholly below 0,
        there is no cost of what was lost. `zero_base`, `unknown`: NaN.

    >>> four = pd.DataFrame({"name": ["sale", "net_add", "valid", "incremental"], "value": [200.0, 0.0, -50.0, 10.0],
    ...                      "se": [np.nan, np.nan, 10.0, 20.0]})
    >>> cost_per(10_000.0, four).round(1).values.tolist()
    [['sale', 50.0, 50.0, 50.0, ''], ['net_add', nan, nan, nan, 'zero_base'], ['valid', nan, nan, nan, 'fewer_customers'],
     ['incremental', 1000.0, 203.3, inf, 'unbounded']]
    """
    rows = []
    given = denominators.reindex(columns=["name", "value", "se", "df"]).fillna({"se": 0.0, "df": np.inf})
    for name, value, se, df in given.itertuples(index=False):
        low, high, reason = fieller(cost, 0.0, value, se, df=df, confidence=confidence)
        if not reason and value < 0:
            low, high, reason = np.nan, np.nan, "fewer_customers"
        rows.append((name, cost / value if value > 0 else np.nan, low, high, reason))
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "reason"])


def migration_worth(
    sales: pd.DataFrame, activity: pd.DataFrame, by: Sequence[str] = ("device_class",), months: int = 3, confidence: float = 0.95
) -> pd.DataFrame:
    """What own customers who migrated pay more: mean monthly revenue of months +1…+3 less that of −3…−1.

    The month of the sale is in neither. A customer who left pays 0 in the months after; one whose months after are not
    all in the table yet, or who has no row before, is not compared (`customers` of `migrated` are). A customer's first
    sale counts.

    Returns:
        by…, migrated (own customers sold to), customers (compared), revenue_before, revenue_after, revenue_change (yuan a month,
        paired), low, high (t over customers), reason: `no_revenue_before` where nobody has a row before the sale,
        `too_young` where nobody who has is followed for long enough, `one_customer` where there is no spread to
        make an interval of.

    >>> sales = pd.DataFrame({"customer": ["c"], "customer_type": "existing", "date": pd.Timestamp("2012-05-03"),
    ...                       "device_class": "handset"})
    >>> after = pd.DataFrame({"customer": "c", "month": pd.date_range("2012-05-01", periods=6, freq="MS"), "revenue": 50.0})
    >>> migration_worth(sales, after)[["migrated", "customers", "revenue_change", "reason"]].values.tolist()
    [[1, 0, nan, 'no_revenue_before']]
    """
    own = sales[(sales["customer_type"] == "existing") & sales["customer"].notna()].sort_values("date", kind="stable")
    own = own.drop_duplicates("customer")[["customer", "date", *by]].assign(month=lambda one: month_number(one["date"]))
    seen = activity[["customer", "revenue", "month"]].assign(paid=month_number(activity["month"]))
    seen = seen.merge(own[["customer", "month"]].rename(columns={"month": "sold"}), on="customer", validate="many_to_one")
    age = seen["paid"] - seen["sold"]
    before = seen[age.between(-months, -1)].groupby("customer").agg(total=("revenue", "sum"), count=("paid", "nunique"))
    after = seen[age.between(1, months)].groupby("customer")["revenue"].sum() / months
    own["revenue_before"] = own["customer"].map(before["total"] / before["count"]).astype(float)
    whole = own["month"] + months <= month_number(activity["month"]).max(initial=0)
    own["revenue_after"] = own["customer"].map(after).astype(float).fillna(0.0).where(whole)
    own["revenue_change"] = own["revenue_after"] - own["revenue_before"]
    groups, pairs = (frame.groupby(list(by), dropna=False, sort=True) for frame in (own, own[own["revenue_change"].notna()]))
    out = groups.agg(migrated=("customer", "size"), customers=("revenue_change", "count"), early=("revenue_before", "count"))
    means = pairs[["revenue_before", "revenue_after", "revenue_change"]].mean()
    out = out.join(means).join(pairs["revenue_change"].std().rename("spread"))
    n, early, spread = out["customers"], out.pop("early"), out.pop("spread")
    reach = stats.t.ppf(0.5 + confidence / 2, (n - 1).where(n > 1)) * spread / np.sqrt(n)
    reason = np.select([early == 0, n == 0, n == 1], ["no_revenue_before", "too_young", "one_customer"], "")
    return out.assign(low=out["revenue_change"] - reach, high=out["revenue_change"] + reach, reason=reason).reset_index()
