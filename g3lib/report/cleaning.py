"""What of a notebook's HTML goes into a page that travels: headings, tables, lists and pictures; nothing that runs or is fetched.

What a notebook displays may hold the words of its data, and an analyst's notebook anything at all. The page's policy would stop
it from running; it does not come that far.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_COLOURS = {"color", "background-color", "font-weight", "font-style", "text-align", "text-decoration"}
_PLAIN = re.compile(r'<table(?: class="dataframe")?>(.*?</table>)', re.DOTALL)


def cleaned(html: str) -> str:
    """The harmless part of a piece of HTML, well-formed.

    Scripts, styles, forms, frames and comments go, and so do links and pictures that would fetch something; a heading has no
    attribute left, so that it can be found as it is written.

    >>> cleaned('<h2 onclick="x()">甲</h2><script>x()</script><img src="https://x.example/a.png"><table><td class="l">1')
    '<h2>甲</h2><img><div class="g3-scroll"><table class="g3-table"><tbody><tr><td class="l">1</td></tr></tbody></table></div>'
    """

    def as_ours(table: re.Match[str]) -> str:  # a table of pandas or of a text looks and sorts as ours do
        rows = table[1].replace("<th></th>", "<td></td>")  # its corner is no heading
        return f'<div class="g3-scroll"><table class="g3-table">{rows}</div>'

    return _PLAIN.sub(as_ours, _cleaner().clean(html))


@cache
def _cleaner() -> Any:
    import nh3

    tags = nh3.ALLOWED_TAGS | {"section"}
    attributes = {tag: {"class", "lang", "dir", "title", "style"} for tag in tags - _HEADINGS}
    for tag, more in {"a": {"href"}, "img": {"src", "alt", "width", "height"}, "td": {"colspan", "rowspan"}, "ol": {"start"},
                      "th": {"colspan", "rowspan", "scope"}, "details": {"open"}}.items():  # fmt: skip
        attributes[tag] = attributes[tag] | more
    return nh3.Cleaner(
        tags=tags, attributes=attributes, attribute_filter=_held_back, filter_style_properties=_COLOURS,
        url_schemes={"https", "http", "mailto", "data"}, link_rel="noopener noreferrer",
    )  # fmt: skip


def _held_back(tag: str, attribute: str, value: str) -> str | None:
    """A picture is in the page or it is none; no link opens a page that is written in it."""
    if attribute not in ("src", "href"):
        return value
    inside = value.strip().lower().startswith("data:")
    return value if inside == (tag == "img") else None
