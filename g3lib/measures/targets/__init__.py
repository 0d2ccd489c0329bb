"""Targets: how far against how much of the time, what is still needed, whether it will be met, and who owes what."""

from g3lib.measures.targets.cascade import cascade, whole_parts
from g3lib.measures.targets.kpi import kpi_row, rate_kpi, sales_kpi
from g3lib.measures.targets.outlook import outlook
from g3lib.measures.targets.progress import (
    PHASINGS, attainment, calendar, daily_shape, expected_by, last_years_days, phased_target, progress, rate_gap,
    required_run_rate, run_rate_by_day, running, time_progress,
)  # fmt: skip
from g3lib.measures.targets.standing import measured, must_add, standing
from g3lib.measures.targets.thresholds import light, lights, lines
from g3lib.measures.targets.workdays import lunar_new_year, near_spring, spring_festival, working_days

__all__ = [
    "PHASINGS", "attainment", "calendar", "cascade", "daily_shape", "expected_by", "kpi_row", "last_years_days", "light",
    "lights", "lines", "lunar_new_year", "measured", "must_add", "near_spring", "outlook", "phased_target", "progress",
    "rate_gap", "rate_kpi", "required_run_rate", "run_rate_by_day", "running", "sales_kpi", "spring_festival", "standing",
    "time_progress", "whole_parts", "working_days",
]  # fmt: skip
