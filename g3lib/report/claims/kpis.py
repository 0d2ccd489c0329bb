"""The KPI row as a reader sees it: each part written, coloured, and blank with its reason."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from g3lib.findings import Finding, Status
from g3lib.labels import VOCABULARIES, count, percent
from g3lib.report.claims.voice import Voice


def parts(voice: Voice, kpi: pd.DataFrame | None, form: str = "count") -> dict[str, tuple[str, str]]:
    """KPI's label → its text (an em dash where unknown) and status.

    Args:
        kpi: `targets.kpi_row`; None: all blank.
        form: `count` (a flow of devices) or `rate`.
    """
    values = {} if kpi is None else kpi.set_index("kpi")["value"].to_dict()
    status = {} if kpi is None else kpi.set_index("kpi")["status"].to_dict()
    return {
        voice.word("kpi", name): (_part(voice, name, values, form), status.get(name, "plain"))
        for name in VOCABULARIES["kpi"]
        if name != "rank_change"
    }


def _part(voice: Voice, name: str, values: dict[str, float], form: str) -> str:
    value = values.get(name, float("nan"))
    if value != value:
        return "—"
    if name in ("month", "year_to_date"):
        return percent(value) if form == "rate" else count(value, voice.lang)
    if name == "attainment":
        return percent(value)
    if name == "time_gap" or (form == "rate" and name in ("month_on_month", "year_on_year")):
        return voice.points(value)
    if name == "rank":
        moved = values.get("rank_change", float("nan"))
        arrow = "" if moved != moved or moved == 0 else f" {'↑' if moved > 0 else '↓'}{abs(moved):.0f}"
        return f"{value:.0f}{arrow}"
    return f"{value:+.1%}"


def how_compared(voice: Voice, form: str = "count") -> str:
    """What 环比 and 同比 of the row are, growth of daily averages or of a rate a difference in points, and what is ranked."""
    if form == "rate":
        return voice.say("比率的环比、同比是百分点之差，排名按当月比率。", "Of a rate, on month and on year are differences in percentage points; ranks are of the month's rates.")
    return voice.say("销量的环比、同比按日均，排名按当月销量。", "Of sales, on month and on year are of daily averages; ranks are of the month's sales.")


def reasons(voice: Voice, rows: Iterable[tuple[str, pd.DataFrame | None]]) -> str:
    """Why parts of KPI rows are blank or how they were aligned, each reason once with the topics that it concerns."""
    topics: dict[str, list[str]] = {}
    for topic, kpi in rows:
        for code in [] if kpi is None else dict.fromkeys(kpi["reason"]):
            if code:
                topics.setdefault(code, []).append(topic)
    said = [voice.word("kpi_reason", code) + (voice.aside(voice.listed(of)) if any(of) else "") for code, of in topics.items()]
    return voice.say("空白或须留意之处：", "What is blank or needs care: ") + voice.listed(said) if said else ""


def findings(voice: Voice, kpi: pd.DataFrame, of: str, form: str = "count", table: str = "sales") -> list[Finding]:
    """Every part of the row as a finding, `kpi.<of>.<part>`; an unknown one says why."""
    labels = parts(voice, kpi, form)
    found = []
    for row in kpi.itertuples():
        if row.kpi == "rank_change":
            continue
        name = voice.word("kpi", row.kpi)
        why = voice.word("kpi_reason", row.reason) if row.reason else ""
        aligned = why and row.value == row.value  # how a known figure was made; else why it is blank
        shown = labels[name][0] if row.value == row.value else why
        unit = "1" if form == "rate" or row.kpi not in ("month", "year_to_date", "rank") else "" if row.kpi == "rank" else "台"
        text = f"{name} {shown}" + (voice.aside(why) if aligned else "")
        found.append(
            voice.finding(
                f"kpi.{of}.{row.kpi}", row.value, unit, text, definition="kpi_row", table=table, status=Status(row.status)
            )
        )
    return found
