"""Which master the slides stand on: ours, or a company's template with placeholders of its own.

A slide is placed by its layout: the title goes into the layout's title placeholder, what stands under it into the
room that the placeholder leaves. So a template moves and colours titles, and brings its logo and footer.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from g3lib.errors import UsageError

INCH = 914_400
_MARGIN = 0.6  # inches
_FOOT = 0.7
# kinds of placeholders, by python-pptx's numbers
_TITLES = (1, 3)  # TITLE, CENTER_TITLE
_BODIES = (2, 4, 7)  # BODY, SUBTITLE, OBJECT


@dataclass(frozen=True)
class Room:
    """The room under a title, inches."""

    left: float
    top: float
    wide: float
    high: float


@dataclass(frozen=True)
class Master:
    """A presentation without slides, its layouts for an opening and for every other slide, and the room that those leave."""

    deck: Any
    opening: Any
    other: Any
    own: bool

    @property
    def room(self) -> Room:
        """Under the title of every other slide."""
        title = title_of(self.other)
        high, wide = self.deck.slide_height / INCH, self.deck.slide_width / INCH
        top = (title.top + title.height) / INCH + 0.12
        return Room(_MARGIN, top, wide - 2 * _MARGIN, high - _FOOT - top)


def title_of(layout: Any) -> Any:
    """The title's placeholder; None where the layout has none."""
    return next((p for p in layout.placeholders if p.placeholder_format.type in _TITLES), None)


def master(template: str = "") -> Master:
    """Our own master, or a template's.

    Raises:
        UsageError: no such file, no presentation, or one without a layout that has a title.
    """
    from pptx import Presentation
    from pptx.exc import PackageNotFoundError

    if not template:
        return _own()
    try:
        deck: Any = Presentation(_as_presentation(Path(template)))
    except (PackageNotFoundError, BadZipFile, KeyError, ValueError, OSError) as error:
        why = "no .pptx or .potx can be read from it" if Path(template).is_file() else "there is no such file"
        raise UsageError(f"{Path(template).name} is no PowerPoint template: {why}.") from error
    layouts = [layout for layout in deck.slide_layouts if title_of(layout) is not None]
    if not layouts:
        raise UsageError(f"{Path(template).name} has no layout with a title placeholder; a template needs one at least.")
    for slide in list(deck.slides._sldIdLst):  # a template's own slides are samples
        deck.part.drop_rel(slide.rId)
        deck.slides._sldIdLst.remove(slide)
    opening = next((la for la in layouts if title_of(la).placeholder_format.type == _TITLES[1]), layouts[0])
    # the plainest: a title and no body, else the one with the fewest places to leave empty
    other = min(layouts, key=lambda la: sum(p.placeholder_format.type in _BODIES for p in la.placeholders))
    return Master(deck, opening, other, False)


def _as_presentation(path: Path) -> Any:
    """A .potx opens like a .pptx once its main part is called one."""
    if path.suffix.lower() != ".potx":
        return str(path)
    out = io.BytesIO()
    with ZipFile(path) as old, ZipFile(out, "w") as new:
        for item in old.infolist():
            inside = old.read(item)
            if item.filename == "[Content_Types].xml":
                inside = inside.replace(b"presentationml.template.main+xml", b"presentationml.presentation.main+xml")
            new.writestr(item, inside)
    out.seek(0)
    return out


def _own() -> Master:
    from pptx import Presentation
    from pptx.util import Inches

    deck: Any = Presentation()
    deck.slide_width, deck.slide_height = Inches(13.333), Inches(7.5)
    opening, other = deck.slide_layouts[0], deck.slide_layouts[5]
    for layout, places in ((opening, ((0.9, 2.2, 11.5, 1.5), (0.9, 3.9, 11.5, 1.6))), (other, ((_MARGIN, 0.42, 12.13, 1.1),))):
        kept = [p for p in layout.placeholders if p.placeholder_format.type in (*_TITLES, *_BODIES)]
        for placeholder, (left, top, wide, high) in zip(kept, places, strict=False):
            placeholder.left, placeholder.top, placeholder.width, placeholder.height = map(Inches, (left, top, wide, high))
        for placeholder in layout.placeholders:
            if placeholder not in kept and placeholder.placeholder_format.type not in (*_TITLES, *_BODIES):
                placeholder._element.getparent().remove(placeholder._element)  # date, footer and number: we write our own
    return Master(deck, opening, other, True)
