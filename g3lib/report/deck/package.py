"""The .pptx as a package: the same slides give the same bytes, whenever they are written."""

from __future__ import annotations

import io
import re
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo


def without_times(content: bytes) -> bytes:
    """The package with fixed times inside: when it was written is no part of what it says."""
    out = io.BytesIO()
    with ZipFile(io.BytesIO(content)) as old, ZipFile(out, "w", ZIP_DEFLATED) as new:
        for item in old.infolist():
            inside = old.read(item)
            if item.filename.endswith(".xlsx"):  # the sheet behind a chart is a package too
                inside = without_times(inside)
            elif item.filename == "docProps/core.xml":
                inside = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2000-01-01T00:00:00Z", inside)
            new.writestr(ZipInfo(item.filename, (2000, 1, 1, 0, 0, 0)), inside, ZIP_DEFLATED)
    return out.getvalue()
