"""Campaigns: how far a rate rose, how sure its rank is, and what of it a comparison lets one ascribe to the campaign."""

from g3lib.measures.campaigns.comparison import (
    around, balanced, before_start, did, group_time, least_p, minimum_effect, not_in_others, placebo, starts_of, trends,
)  # fmt: skip
from g3lib.measures.campaigns.moves import moves_by_branch
from g3lib.measures.campaigns.ranking import ranked, shrunken
from g3lib.measures.campaigns.series import Segmented, segmented
from g3lib.measures.campaigns.uplift import (
    area_uplift, daily_pace, days_to_line, months, paired_interval, rate_of, start_lift_correlation, uplift, uplift_intervals,
)  # fmt: skip
from g3lib.measures.participation import month_counts, month_rates, own_rates, rates, series_of
from g3lib.measures.ranks import rank_intervals, rate_errors

__all__ = [
    "Segmented", "area_uplift", "around", "balanced", "before_start", "daily_pace", "days_to_line", "did", "group_time",
    "least_p", "minimum_effect", "month_counts", "month_rates", "months", "moves_by_branch", "not_in_others", "own_rates",
    "paired_interval", "placebo", "rank_intervals", "ranked", "rate_errors", "rate_of", "rates", "segmented", "series_of",
    "shrunken", "start_lift_correlation", "starts_of", "trends", "uplift", "uplift_intervals",
]  # fmt: skip
