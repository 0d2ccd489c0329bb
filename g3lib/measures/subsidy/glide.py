"""The glide path 高补贴→低补贴→零补贴: from stage to stage a model's subsidy does not rise, in yuan or in rate.

Per model and stage the average is a ratio of sums: yuan over devices, and yuan over the base. A stage is held
against the last one before it in which the figure is known. What a policy excepts (a campus, a group
customer) is left out of both sums and counted. An average also rises where a dearer branch, contract or channel
sells a larger part; what the same ones did stands beside it, so that a rise can be told from a change of mix.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from g3lib.errors import UsageError
from g3lib.measures.subsidy.policy import match_policy
from g3lib.measures.subsidy.rates import amounts, subsidy_rate

STAGES = {"quarter": "Q", "month": "M"}
FEN, RATE = 0.01, 1e-9  # what a rise must exceed


def glide_path(sales: pd.DataFrame, policy: pd.DataFrame, stages: str = "quarter", *, numerator: str, base: str) -> pd.DataFrame:
    """Each model's stages and the rises among them.

    Args:
        sales: as for `match_policy`, with model, date and the amounts that `numerator` and `base` need.
        policy: the rules; a sale is excepted where the `exception` of its own rule names its segment (客户 at the
            segment's end does not matter: 校园客户 is named by 校园迎新). An empty policy excepts nothing.
        stages: `quarter` or `month`.
        numerator, base: see `subsidy_rate`.

    Returns:
        model, stage (`2013Q1` or `2013-01`), units (in the rate), yuan_per_unit (over all whose subsidy is known),
        rate, unknown_units and excepted_units (not in the rate), yuan_rise, rate_rise (against the last stage known; NaN
        for the first), rate_rise_same_mix (over the branch × contract × channel sold in both stages, weighted by their
        base in the two together; of these as far as the sales name them), verdict (`fail` for a rise of more than a fen
        or 1e-9, `pass`, `no verdict`), reason (`yuan`, `rate`,
        `yuan+rate`; `one_stage` where the model has no other, `first_stage`, `excepted`: all of the stage,
        `zero_base`: the yuan don't rise and the rate is unknown, `unset`, `unknown`). Stages without a sale are
        absent; sales without a model or date are in none.

    Raises:
        UsageError: stages or a setting is unknown.

    >>> sales = pd.DataFrame({"model": ["m", "m", "n"], "units": 1, "subsidy": [300.0, 300, 9], "list_price": [1000.0, 800, 9],
    ...                       "date": pd.to_datetime(["2013-03-31", "2013-04-01", "2013-04-01"])})
    >>> glide_path(sales, pd.DataFrame(), numerator="device", base="list")[["stage", "verdict", "reason"]].values.tolist()
    [['2013Q1', 'no verdict', 'first_stage'], ['2013Q2', 'fail', 'rate'], ['2013Q2', 'no verdict', 'one_stage']]
    """
    if stages not in STAGES:
        raise UsageError(f"stages is {stages!r}; expected one of {', '.join(STAGES)}.")
    whole = sales[sales["model"].notna() & sales["date"].notna()]
    staged = whole.assign(stage=pd.to_datetime(whole["date"]).dt.to_period(STAGES[stages]).astype("object").astype("str"))
    left_out = _excepted(staged, policy)
    by = ["model", "stage"]
    rates = subsidy_rate(staged[~left_out], by, numerator=numerator, base=base).set_index(by)
    apart = staged.assign(excepted_units=staged["units"].where(left_out, 0)).groupby(by)["excepted_units"].sum()
    out = rates.reindex(apart.index).join(apart).reset_index()
    counts = ["units", "unknown_units", "excepted_units"]
    out[counts] = out[counts].fillna(0)
    kept = staged[~left_out]
    given = kept[by].assign(yuan=amounts(kept, numerator, base)["subsidy_yuan"])
    given["units"] = kept["units"].where(given["yuan"].notna() & (kept["units"] > 0))
    sums = given.groupby(by).sum(min_count=1).reindex(apart.index).reset_index()
    out["yuan_per_unit"] = sums["yuan"] / sums["units"]
    for figure, rise in (("yuan_per_unit", "yuan_rise"), ("rate", "rate_rise")):
        before = out.groupby("model")[figure].transform(lambda known: known.ffill().shift())
        out[rise] = out[figure] - before
    out["rate_rise_same_mix"] = _at_same_mix(staged[~left_out], out, numerator, base)
    yuan, rate = out["yuan_rise"] > FEN + 1e-9, out["rate_rise"] > RATE
    known = out["yuan_per_unit"].notna().groupby(out["model"]).transform("sum")
    why = {
        "yuan+rate": yuan & rate, "yuan": yuan, "rate": rate,
        "unset": pd.Series(not (numerator and base), index=out.index),
        "excepted": (out["excepted_units"] > 0) & (out["units"] + out["unknown_units"] == 0),
        "unknown": out["yuan_per_unit"].isna(), "one_stage": known == 1, "first_stage": out["yuan_rise"].isna(),
        "zero_base": out["rate_rise"].isna(),
    }  # fmt: skip
    out["reason"] = np.select(list(why.values()), list(why), "")
    out["verdict"] = np.select([yuan | rate, out["reason"] != ""], ["fail", "no verdict"], "pass")
    rises = ["yuan_rise", "rate_rise", "rate_rise_same_mix"]
    return out[[*by, "units", "yuan_per_unit", "rate", *counts[1:], *rises, "verdict", "reason"]]


def _at_same_mix(staged: pd.DataFrame, out: pd.DataFrame, numerator: str, base: str) -> pd.Series:
    mix = [name for name in ("branch", "contract", "channel") if name in staged]
    stages = out["stage"].where(out["rate"].notna()).groupby(out["model"])
    before = stages.transform(lambda known: known.ffill().shift()).astype("str")
    by = ["model", *mix]
    cells = subsidy_rate(staged, [*by, "stage"], numerator=numerator, base=base)[[*by, "stage", "rate", "base_yuan"]]
    now = cells.merge(out[["model", "stage"]].assign(before=before), on=["model", "stage"], validate="many_to_one")
    pairs = now.merge(cells, left_on=[*by, "before"], right_on=[*by, "stage"], suffixes=("", "_before"), validate="many_to_one")
    weight = (pairs["base_yuan"] + pairs["base_yuan_before"]).where(pairs["rate"].notna() & pairs["rate_before"].notna())
    parts = pairs[["model", "stage"]].assign(rise=weight * (pairs["rate"] - pairs["rate_before"]), weight=weight)
    sums = parts.groupby(["model", "stage"]).sum(min_count=1)
    return (sums["rise"] / sums["weight"]).reindex(pd.MultiIndex.from_frame(out[["model", "stage"]])).set_axis(out.index)


def _excepted(sales: pd.DataFrame, policy: pd.DataFrame) -> pd.Series:
    if "exception" not in policy or "segment" not in sales or not sales["segment"].notna().any():
        return pd.Series(False, index=sales.index)
    position = match_policy(sales, policy)
    said = pd.DataFrame({"words": policy["exception"].reset_index(drop=True).reindex(position).to_numpy(dtype="object"),
                         "segment": sales["segment"].to_numpy(dtype="object")})  # fmt: skip
    pairs = said.dropna().drop_duplicates()
    stems = pairs["segment"].str.strip().str.removesuffix("客户")
    named = pairs[np.array([bool(stem) and stem in words for stem, words in zip(stems, pairs["words"], strict=True)], dtype=bool)]
    return pd.Series(pd.MultiIndex.from_frame(said).isin(pd.MultiIndex.from_frame(named)), index=sales.index)
