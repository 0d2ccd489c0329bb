"""A whole run: what was asked, made as far as it has to be, recorded and published, while nobody else writes to the reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from g3lib.errors import NoData
from g3lib.runs import ledger, lock
from g3lib.runs.again import Asked
from g3lib.runs.task import LONGEST


@dataclass
class Outcome:
    """What came of a run.

    Attributes:
        rows: every report that it settled.
        unchanged: how many of them it found made.
        faults: comments that cannot be read.
        stray: comments beside a finding that no report has.
    """

    rows: list[ledger.Row]
    unchanged: int
    faults: list[str] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Whether everything that was asked for is there."""
        return not self.faults and not any(row.is_faulty for row in self.rows)


def run(
    asked: Asked, jobs: int, progress: Callable[[int], Callable[[ledger.Row], None]], say: Callable[[str], None] = lambda _: None,
    *, force: bool = False, wait: bool = False, seconds: int = LONGEST, memory_mb: int = 0,
    templates: Mapping[str, str] | None = None,
) -> Outcome:  # fmt: skip
    """Run what was asked for.

    Args:
        asked: which notebooks, for whom.
        jobs: reports at a time.
        progress: is told how many reports are to be made, and gives what hears of each as it ends.
        say: hears whose run is waited for, that kernels are slow to start or were killed, that the store was loaded anew.
        force: make again what is unchanged; wait: for another run to end.
        seconds, memory_mb: a report may take; 0 MB: its share of what is free.
        templates: see `Crew`.

    Raises:
        Busy: another run is at work. NoData: there is nothing to report at all. UsageError: see `batch.plan`.
    """
    with lock.held(asked.reports, wait, say):
        if not force and (standing := asked.unchanged()) is not None:
            return Outcome(standing, sum(row.state == "ok" for row in standing))
        from g3lib.runs.crew import Crew

        with Crew(jobs, say, templates) as crew:  # its templates come up while the reports are planned
            from g3lib.runs import batch, publishing  # pandas, which nothing before this needs

            state = asked.state()
            memory_mb = memory_mb or batch.share_of_memory(jobs)
            given: dict[str, Any] = dict(asked.parameters)
            planned = batch.plan(
                asked.workspace, asked.notebooks, asked.branches, period=asked.period, lang=asked.lang, parameters=given,
                force=force, seconds=seconds, memory_mb=memory_mb,
            )  # fmt: skip
            outcome = Outcome(list(planned.settled), planned.unchanged, planned.faults)
            if not planned.tasks and all(row.state == "skipped" for row in outcome.rows):
                whys = [row.error for row in outcome.rows[:3]] or batch.without_any(planned.store, asked.notebooks)
                raise NoData("Nothing to report: " + " ".join(dict.fromkeys(whys)))
            heard = progress(len(planned.tasks))

            def ended(row: ledger.Row) -> None:
                row.findings = []  # they are in the ledger: of a thousand reports they would be most of this process's memory
                outcome.rows.append(row)
                heard(row)

            batch.execute(planned, crew, ended)
        if planned.later is not None:
            say("The store was loaded anew meanwhile; run again for the reports that were made before and read what has changed.")
        publishing.record(asked.workspace, outcome.rows, asked.lang)
        outcome.stray = publishing.stray(asked.workspace)
        if outcome.is_well and not outcome.stray:
            asked.note(state, outcome.rows)
        return outcome
