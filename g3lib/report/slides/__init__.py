"""Slides: a report's findings put in the order in which a deck tells them; `report.deck` draws them.

`slides.of_case` is a QC story's deck, `slides.of_province` the monthly meeting's. Claims give the sentences, measures and
`qc.story` the figures; what is worded here are labels of axes, columns and slides.
"""

from g3lib.report.slides.case import of_case
from g3lib.report.slides.province import of_province

__all__ = ["of_case", "of_province"]
