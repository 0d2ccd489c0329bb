"""How wide a text is, how it breaks, and where the names of a scatter's points go, whoever draws them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

Side = Literal["right", "left", "above", "below"]
Box = tuple[float, float, float, float]


def text_width(text: str, size: float) -> float:
    """About how wide a text is, in points, never less than it is: a Chinese character is as wide as it is high.

    >>> text_width("缺货", 10), text_width("ill", 10) < text_width("WWW", 10)
    (20.0, True)
    """
    return size * sum(map(_em, text))


def _em(c: str) -> float:
    if ord(c) > 255:
        return 1.0
    return 0.95 if c in "MW@%mw" else 0.7 if c.isupper() else 0.35 if c in "ijlt.,;:'|!()[] " else 0.6


def wrapped(text: str, size: float, wide: float) -> list[str]:
    """The text in lines no wider than `wide` points: Chinese breaks anywhere but before a closing mark, others at spaces.

    A word that is wider than the line is cut.

    >>> wrapped("缺货频繁，补货慢", 10, 50), wrapped("out of stock", 10, 40)
    (['缺货频繁，', '补货慢'], ['out of', 'stock'])
    """
    lines, line = [], ""
    for piece in _pieces(text):
        grown = line + piece
        if text_width(grown.rstrip(), size) <= wide or (not line.strip() and len(piece) == 1):
            line = grown
            continue
        if line.strip():
            lines.append(line.strip())
        while len(piece) > 1 and text_width(piece.rstrip(), size) > wide:
            keep = next(n for n in range(len(piece), 0, -1) if n == 1 or text_width(piece[:n], size) <= wide)
            lines.append(piece[:keep])
            piece = piece[keep:]
        line = piece.lstrip()
    return [*lines, line.strip()] if line.strip() or not lines else lines


def _pieces(text: str) -> list[str]:
    """What is not broken: a word with the space after it, a Chinese character with the closing mark after it."""
    return re.findall(r"[⺀-鿿豈-﫿][，。、；：！？）》”’％]*|[^\s⺀-鿿豈-﫿]+\s*|\s+", text)


def sides(spots: Sequence[tuple[float, float]], names: Sequence[str], size: float, wide: float) -> list[Side]:
    """The side of its point on which each name stands; right where every side is taken.

    Args:
        spots: the points, in points of the page from the plot's lower left corner.
        names, size: the names and the size of their letters, points.
        wide: how far to the right a name may reach, points.

    >>> sides([(40, 40), (60, 40)], ["alpha", "beta"], 9, 400)
    ['left', 'right']
    """
    taken: list[Box] = [(x - 4, y - 4, x + 4, y + 4) for x, y in spots]
    found: list[Side] = []
    for (x, y), name in zip(spots, names, strict=True):
        long, half = text_width(name, size), 0.6 * size
        boxes: dict[Side, Box] = {
            "right": (x + 8, y - half, x + 8 + long, y + half),
            "left": (x - 8 - long, y - half, x - 8, y + half),
            "above": (x - long / 2, y + 10 - half, x + long / 2, y + 10 + half),
            "below": (x - long / 2, y - 10 - half, x + long / 2, y - 10 + half),
        }
        free = [s for s, box in boxes.items() if box[0] > -4 and box[2] < wide and not any(_meet(box, other) for other in taken)]
        side: Side = free[0] if free else "right"
        taken.append(boxes[side])
        found.append(side)
    return found


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
