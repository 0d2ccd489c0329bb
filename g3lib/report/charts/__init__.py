"""Charts: each takes a result and an `ax` and returns the `ax`; none computes, shows or saves."""

from g3lib.report.charts.campaigns import before_after, parallel_trends, series_fit, start_and_lift
from g3lib.report.charts.causes import effects, effects_against_minimum, outlet_distribution, pareto_bars
from g3lib.report.charts.channels import (
    attainment_against_time,
    change_waterfall,
    contributions,
    cost_waterfall,
    frontier,
    lorenz_curves,
    movers_waterfall,
    units_by_month,
)  # fmt: skip
from g3lib.report.charts.control import control_chart, cusum_chart
from g3lib.report.charts.customers import cohort_faults, cost_per
from g3lib.report.charts.diagrams import arrow_diagram, fishbone, relation_diagram, tree_diagram
from g3lib.report.charts.overview import quadrants
from g3lib.report.charts.plan import rates_today_and_proposed
from g3lib.report.charts.policy import policy_bands
from g3lib.report.charts.quality import capability_histogram, matrix_diagram
from g3lib.report.charts.relations import histogram, scatter
from g3lib.report.charts.subsidy import lifecycle_bars, rate_against_rule

__all__ = [
    "arrow_diagram", "attainment_against_time", "before_after", "capability_histogram", "change_waterfall",
    "cohort_faults", "contributions", "control_chart", "cost_per", "cost_waterfall", "cusum_chart", "effects",
    "effects_against_minimum", "fishbone", "frontier", "histogram", "lifecycle_bars", "lorenz_curves", "matrix_diagram",
    "movers_waterfall", "outlet_distribution", "parallel_trends", "pareto_bars", "policy_bands", "quadrants",
    "rate_against_rule", "rates_today_and_proposed", "relation_diagram", "scatter", "series_fit", "start_and_lift",
    "tree_diagram", "units_by_month",
]  # fmt: skip
