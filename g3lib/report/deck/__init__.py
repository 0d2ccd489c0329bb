"""Claims and their tables → the slides of a meeting (.pptx): native charts that can be edited, tables that are tables.

A slide's title is its claim, the very sentence of the report; its notes hold definition, denominator, period and source of
every figure on it. No number is typed here: each comes from a finding or a frame of the report.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from g3lib.report.deck.master import master
from g3lib.report.deck.package import without_times
from g3lib.report.slides.kinds import Cover, Slide

if TYPE_CHECKING:
    from g3lib.report.page import Report

__all__ = ["pptx"]


def pptx(slides: Sequence[Slide], report: Report, template: str = "") -> bytes:
    """The slides as a .pptx file: the same slides give the same bytes.

    Args:
        slides: in their order.
        report: whose voice they speak with, and whose data may be made up: then each slide says so.
        template: a .pptx or .potx whose master and layouts they stand on; else our own.

    Raises:
        UsageError: see `master`.
    """
    from datetime import datetime

    from g3lib.report.deck.page import Page
    from g3lib.report.deck.writer import fitting, write

    on = master(template)
    about = on.deck.core_properties
    about.title = " · ".join(filter(None, (report.about.title[report.lang], report.data.branch, report.voice.period)))
    about.author = "g3lib"
    about.created = about.modified = datetime(2000, 1, 1)
    every = [part for slide in slides for part in fitting(slide, on, report.lang)]
    for place, slide in enumerate(every, 1):
        layout = on.opening if isinstance(slide, Cover) else on.other
        drawn = on.deck.slides.add_slide(layout)
        write(Page(drawn, report, on.room, on.own), slide, place, len(every))
    out = io.BytesIO()
    on.deck.save(out)
    return without_times(out.getvalue())
