"""A case read, computed and written as a deck: one process, the bar is five seconds for 20 to 30 slides."""

from __future__ import annotations

import time
from pathlib import Path

from g3lib.qc.story.audit import audit
from g3lib.qc.story.computed import computed
from g3lib.qc.story.reading import read_case
from g3lib.report import slides
from g3lib.report.case import CaseData, CaseReport, open_case
from g3lib.report.deck import pptx

CASES = Path(__file__).resolve().parents[2] / "data" / "cases"


def main() -> None:
    about = open_case("nanqu-2010").about
    print(f"{'case':16}{'slides':>8}{'computed s':>12}{'deck s':>8}{'kB':>8}")
    for name in ("demo-province", "nanqu-2010"):
        started = time.perf_counter()
        case = read_case(CASES / name)
        report = CaseReport(about, CaseData(case), "zh", computed(case))
        read = time.perf_counter()
        made = slides.of_case(report.voice, report.story, audit(report.story))
        content = pptx(made, report)
        done = time.perf_counter()
        print(f"{name:16}{len(made):8}{read - started:12.2f}{done - read:8.2f}{len(content) / 1000:8.0f}")


if __name__ == "__main__":
    main()
