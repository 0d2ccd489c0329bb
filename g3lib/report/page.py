"""A report's page: what each cell of a notebook shows, in the chosen language.

`Report` is what a notebook talks to. Each of its methods returns something that displays itself: HTML for
the eye, the findings and the chart's data beside it for the index, the brief and the tests. It computes
nothing.
"""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from g3lib import __version__
from g3lib.about import About
from g3lib.findings import FINDINGS_MIME, Check, Finding, Status, as_bundle
from g3lib.labels import Lang, label, pick
from g3lib.periods import Period
from g3lib.report.assets import notebook_style
from g3lib.report.claims import kpis
from g3lib.report.claims.voice import Voice
from g3lib.report.tables import comments_html, html_table, kpis_html, lines_html
from g3lib.tables.coverage import open_dataset
from g3lib.tables.notes import Note
from g3lib.tables.workspace import Workspace

if TYPE_CHECKING:
    from g3lib.report.slides.kinds import Slide


@dataclass
class Shown:
    """What one cell displays: MIME bundles in order."""

    bundles: list[dict[str, Any]] = field(default_factory=list)

    def _ipython_display_(self) -> None:
        import IPython.display as shell

        publish: Any = shell.display  # untyped upstream
        for bundle in self.bundles:
            publish(bundle, raw=True)


class Data(Protocol):
    """What a report asks of its data: whose they are, of when, made up or not, and where they come from."""

    @property
    def branch(self) -> str:
        """Whom or what the report is about."""

    @property
    def period(self) -> Period:
        """Of when."""

    @property
    def made_up(self) -> bool:
        """Whether the data are made up."""

    @property
    def comments(self) -> pd.DataFrame:
        """Analysts' comments on this report's findings."""

    @property
    def notes(self) -> list[Note]:
        """What the gate said of the files."""

    @property
    def sources(self) -> Sequence[Any]:
        """The files read, each with title, table, digest, rows, rejected, totals and parts."""

    @property
    def members(self) -> list[str]:
        """The branches whose rows are the report's own."""


@dataclass
class Report:
    """One report: what it is about, its data, its voice, and the methods that show.

    `about` is the notebook's own description of itself (`metadata.g3`).
    """

    about: About
    data: Data
    lang: Lang

    @property
    def voice(self) -> Voice:
        """Who is spoken of, and in which language."""
        return Voice(self.lang, self.data.branch, str(self.data.period))

    @property
    def subject(self) -> str:
        """Whom or what the heading names."""
        return self.data.branch

    def _ipython_display_(self) -> None:
        self.title()._ipython_display_()

    def title(self) -> Shown:
        """The title, the question, and whether the data are made up."""
        banner = made_up_html(self.lang) if self.data.made_up else ""
        title = self._named()
        body = (
            f"<style>{notebook_style()}</style><h1>{_esc(title)}</h1>"
            f'<p class="quiet">{_esc(self._span())}{_esc(self.about.question[self.lang])}</p>{banner}'
        )
        return Shown([_html(body, f"{title} {self.data.period}")])

    def _named(self) -> str:
        return f"{self.about.title[self.lang]} · {self.subject}"

    def _about(self) -> str:
        """Which report this is, of which period, by which version; in one line, for files that leave their page."""
        return " · ".join([self._named(), self._versions(), *([_made_up(self.lang)] if self.data.made_up else [])])

    def _span(self) -> str:
        """The period and what parts it from what follows; empty where a case has none."""
        return f"{pick(self.lang, '期间', 'Period')} {self.voice.span(self.voice.period)} · " if self.voice.period else ""

    def headline(self, findings: Sequence[Finding], kpi: pd.DataFrame | None = None, of: str = "units", form: str = "count") -> Shown:
        """What the report opens with: the sentences of the findings marked as headline, under them the KPI row.

        Args:
            findings: the claims; those marked as headline are shown.
            kpi: `targets.kpi_row`; of: what it is of (names its findings); form: `count` or `rate`.
        """
        first = [f for f in findings if f.headline] or list(findings[:1])
        lines = "".join(f'<p class="{_esc(str(f.status))}">{_esc(f.text)}</p>' for f in first)
        row, carried, plain = "", list(findings), "\n".join(f.text for f in first)
        if kpi is not None:
            shown = kpis.parts(self.voice, kpi, form)
            why = self.voice.together([kpis.how_compared(self.voice, form), kpis.reasons(self.voice, [("", kpi)])])
            row = kpis_html(shown, self.lang) + f'<p class="quiet">{_esc(why)}</p>'
            carried += kpis.findings(self.voice, kpi, of, form)
            plain += "\n" + " · ".join(f"{name} {text}" for name, (text, _) in shown.items()) + "\n" + why
        body = f'<div class="headline">{lines}</div>{row}{self._comments(first)}'
        return Shown([_html(body, plain, carried)])

    def chart(
        self, findings: Sequence[Finding], draw: Callable[..., Any], *args: Any, height: float = 3.2,
        below: pd.DataFrame | None = None, **kwargs: Any,
    ) -> Shown:  # fmt: skip
        """A claim as heading, then the chart that shows it, with the table of its figures below where there is one."""
        from g3lib.report.charts.look import CHART_MIME, drawn, figure, look, png

        if args and (args[0] is None or (isinstance(args[0], pd.DataFrame) and args[0].empty)):
            return self._nothing(findings)
        with look():
            fig, ax = figure(height)
            draw(*args, ax=ax, lang=self.lang, **kwargs)
            picture, data = png(fig), drawn(fig)
        image = {"image/png": base64.b64encode(picture).decode(), CHART_MIME: data, "text/plain": findings[0].text}
        table = [] if below is None else [_html(html_table(below, self.lang), below.to_string(index=False))]
        return Shown([self._claim(findings), image, *table, self._source(findings[0])])

    def table(self, findings: Sequence[Finding], frame: pd.DataFrame, bold: Sequence[bool] | None = None) -> Shown:
        """A claim as heading, then the table behind it."""
        if frame.empty:
            return self._nothing(findings)
        table = _html(html_table(frame, self.lang, bold), frame.to_string(index=False))
        return Shown([self._claim(findings), table, self._source(findings[0])])

    def lines(self, findings: Sequence[Finding], lines: pd.DataFrame) -> Shown:
        """A claim as heading, then the lines of a brief: topic, sentence, and under it the row of KPIs.

        Args:
            findings: the claim.
            lines: topic, finding, status and one text column a KPI.
        """
        body = _html(lines_html(lines, self.lang), lines.to_string(index=False))
        return Shown([self._claim(findings), body])

    def workbook(self, sheets: Mapping[str, pd.DataFrame]) -> Shown:
        """The long tables, in an .xlsx beside the report; the page says which and how long. Its last sheet says where they come from.

        A sheet's title is its name in Chinese, a space, and its name in English.

        The command names the file to write (`G3_WORKBOOK`); a notebook that is run by hand writes none, and its
        reader has the frames.
        """
        if path := os.environ.get("G3_WORKBOOK"):
            from g3lib.report.workbook import xlsx

            own = {self._sheet(title): frame for title, frame in sheets.items()}
            Path(path).write_bytes(xlsx(own | {self._sheet("出处 provenance"): self._files()}, self.lang, self._about()))
        named = [self._sheet(title) + self._length(len(frame)) for title, frame in sheets.items()]
        text = pick(self.lang, "长表在报告旁的同名.xlsx中：", "Long tables are in the .xlsx of the same name beside the report: ")
        text += self.voice.listed(named)
        return Shown([_html(f'<p class="quiet">{_esc(text)}</p>', text)])

    def _sheet(self, title: str) -> str:
        """A sheet's name in the report's language: `渠道月度 months` has both; a name in one language stays."""
        zh, _, en = title.partition(" ")
        return pick(self.lang, zh, en or zh)

    def _length(self, rows: int) -> str:
        zh, en = (f"（{rows:,}行）", f" ({rows:,} row{'s' * (rows != 1)})") if rows else ("（无数据）", " (no data)")
        return pick(self.lang, zh, en)

    def deck(self, slides: Sequence[Slide]) -> Shown:
        """The slides of a meeting, in a .pptx beside the report (the command names the file: `G3_DECK`)."""
        if path := os.environ.get("G3_DECK"):
            from g3lib.report.deck import pptx

            Path(path).write_bytes(pptx(slides, self, os.environ.get("G3_DECK_TEMPLATE", "")))
        text = pick(self.lang, f"会议材料（{len(slides)}页）在报告旁的同名.pptx中。", f"A deck of {len(slides)} slides is in the .pptx of the same name.")
        return Shown([_html(f'<p class="quiet">{_esc(text)}</p>', text)])

    def checks(self, checks: Sequence[Check]) -> Shown:
        """What was checked and what must be said: exclusions, caveats, definitions."""
        # how a file was decoded or its numbers hidden is the loader's affair, not the reader's
        notes = [note for note in self.data.notes if note.code not in ("read_as", "masked", "digested")]
        remarks = [note.text(self.lang) for note in notes]
        rows = [(label("verdict", str(c.verdict), self.lang), c.text) for c in checks]
        rows += [(pick(self.lang, "资料提示", "remark on data"), text) for text in remarks]
        frame = pd.DataFrame(rows, columns=["check", "says"])
        title = pick(self.lang, "核对与说明", "Checks and caveats")
        findings = [_as_finding(c, self.voice) for c in checks]
        findings += [
            Finding(f"caveat.{note.code}", None, "", self.voice.period, "", "", note.text(self.lang), status=Status.WATCH)
            for note in notes
        ]
        body = f"<h2>{_esc(title)}</h2>{html_table(frame, self.lang)}"
        return Shown([_html(body, "\n".join(f"{a}: {b}" for a, b in rows), findings)])

    def provenance(self) -> Shown:
        """Which files the figures come from, with digests and versions."""
        frame = self._files().assign(digest=lambda files: files["digest"].str[:12])
        title, versions = pick(self.lang, "出处", "Provenance"), self._versions()
        body = f'<h2>{_esc(title)}</h2>{html_table(frame, self.lang)}<p class="quiet">{_esc(versions)}</p>'
        return Shown([_html(body, frame.to_string(index=False))])

    def _files(self) -> pd.DataFrame:
        rows = [(e.title, label("table", e.table, self.lang), e.digest, e.rows, e.rejected, e.totals) for e in self.data.sources]
        return pd.DataFrame(rows, columns=["file", "table", "digest", "rows", "rejected", "totals"]).astype({"digest": "str"})

    def _versions(self) -> str:
        return f"g3lib {__version__}" + (f" · {pick(self.lang, '期间', 'period')} {self.voice.period}" if self.voice.period else "")

    def _claim(self, findings: Sequence[Finding]) -> dict[str, Any]:
        return _html(f"<h2>{_esc(findings[0].text)}</h2>{self._comments(findings)}", findings[0].text, findings)

    def _comments(self, findings: Sequence[Finding]) -> str:
        """What analysts wrote beside these findings' names, with owner and due date."""
        names = {f.name for f in findings}
        own = self.data.comments[self.data.comments["finding"].isin(names)]
        return comments_html(own, self.data.period.asof, self.lang) if len(own) else ""

    def _nothing(self, findings: Sequence[Finding]) -> Shown:
        # no heading over nothing: the claim itself says that there is nothing to show
        return Shown([_html(f'<p class="quiet">{_esc(findings[0].text)}</p>', findings[0].text, findings)])

    def _source(self, finding: Finding) -> dict[str, Any]:
        every = [e for e in self.data.sources if e.table == finding.table]
        own = [e for e in every if set(self.data.members) & e.parts.keys()]  # sisters' files are read for comparison
        titles = [e.title for e in own or every]
        files = titles[-1] if titles else ""
        if len(titles) > 1:
            files += pick(self.lang, f"等{len(titles)}个文件", f" and {len(titles) - 1} more files")
        parts = [
            pick(self.lang, "来源：", "Source: ") + (files or finding.table) if finding.table else "",
            pick(self.lang, "期间：", "Period: ") + self.voice.span(finding.period) if finding.period else "",
            pick(self.lang, "分母：", "Denominator: ") + finding.denominator if finding.denominator else "",
        ]
        line = pick(self.lang, "；", "; ").join(filter(None, parts))
        return _html(f'<p class="quiet">{_esc(line)}</p>', line)


def open_report(name: str, branch: str, period: str = "", lang: Lang = "zh") -> Report:
    """Open a report: its data are found, checked for what the notebook needs, and read when asked for.

    Args:
        name: the notebook's file name without its number; its `metadata.g3` says what it needs.
        branch: the branch, or the province, as the exports write it.
        period: a month, quarter, range or date; empty for the latest month of the data.
        lang: `zh` or `en`.

    Raises:
        NoData, UsageError: see `open_dataset`; UsageError also where no such notebook is there.
    """
    pick(lang, "", "")  # an unknown language is refused before any work
    about = About.find(Workspace.find().notebooks, name)
    return Report(about, open_dataset(branch, period, about.needs), lang)


def made_up_html(lang: Lang) -> str:
    """The notice that stands on everything that is made of made-up data."""
    return f'<p class="made-up">{_esc(_made_up(lang))}</p>'


def _made_up(lang: Lang) -> str:
    return pick(lang, "虚构样例数据（made-up data），不代表任何真实分公司。", "This is made-up data: no real branch is meant.")


def _as_finding(check: Check, voice: Voice) -> Finding:
    status = {"pass": Status.GOOD, "fail": Status.BREACH, "warning": Status.WATCH}.get(str(check.verdict), Status.UNKNOWN)
    return Finding(f"check.{check.name}", None, "", voice.period, "", "", check.text, status=status)


def _html(body: str, plain: str, findings: Iterable[Finding] = ()) -> dict[str, Any]:
    bundle: dict[str, Any] = {"text/html": f'<div class="g3">{body}</div>', "text/plain": plain}
    carried = list(findings)
    if carried:
        bundle[FINDINGS_MIME] = as_bundle(carried)
    return bundle


def _esc(text: str) -> str:
    return html.escape(text, quote=True)


