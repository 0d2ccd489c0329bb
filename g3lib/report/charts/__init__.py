"""Charts: each takes a result and an `ax` and returns the `ax`; none computes, shows or saves."""

from g3lib.report.charts.campaigns import before_after, start_and_lift
from g3lib.report.charts.causes import effects, outlet_distribution, pareto_bars
from g3lib.report.charts.channels import attainment_against_time, change_waterfall, units_by_month
from g3lib.report.charts.subsidy import lifecycle_bars, rate_against_rule, rate_over_time

__all__ = [
    "attainment_against_time",
    "before_after",
    "change_waterfall",
    "effects",
    "lifecycle_bars",
    "outlet_distribution",
    "pareto_bars",
    "rate_against_rule",
    "rate_over_time",
    "start_and_lift",
    "units_by_month",
]
