"""What pages are made of: styles, scripts, and the policy that lets no other style or script in and no request out."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources


def text(*path: str) -> str:
    """A file beside this module."""
    return resources.files("g3lib.report").joinpath(*path).read_text(encoding="utf-8")


@cache
def page_style(*names: str) -> str:
    """The styles of a page of its own, by their names below template/: light, and dark where its reader's system is.

    Paper is always light.
    """
    light, dark = text("template", "light.css"), text("template", "dark.css")
    always = f":root {{ color-scheme: light; {light} }}"
    screen = f"@media screen and (prefers-color-scheme: dark) {{ :root {{ color-scheme: dark; {dark} }} }}"
    return "\n".join([always, screen, *(text("template", name) for name in names)])


@cache
def notebook_style() -> str:
    """The styles of a report in JupyterLab, light or dark as its theme."""
    light, dark = text("template", "light.css"), text("template", "dark.css")
    return f".g3 {{ {light} }}\n[data-jp-theme-light='false'] .g3 {{ {dark} }}\n{text('template', 'style.css')}"


def policy(style: str, script: str = "") -> str:
    """The content security policy of a page with this style and this script.

    >>> policy("p { margin: 0 }").split("; ")[:2]
    ["default-src 'none'", 'img-src data:']
    """
    rules = ["default-src 'none'", "img-src data:", f"style-src {_digest(style)}", "style-src-attr 'unsafe-inline'"]
    rules += [f"script-src {_digest(script)}"] if script else []
    return "; ".join([*rules, "base-uri 'none'", "form-action 'none'"])


def _digest(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
