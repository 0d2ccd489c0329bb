"""Where the names of a scatter's points go, whoever draws them: the first side where a name meets no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Side = Literal["right", "left", "above", "below"]
Box = tuple[float, float, float, float]


def text_width(text: str, size: float) -> float:
    """About how wide a text is, in points: a Chinese character is as wide as it is high, others little more than half."""
    return size * sum(1.0 if ord(c) > 255 else 0.55 for c in text)


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
