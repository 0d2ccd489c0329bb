"""The command `g3`: thin. Each command says what it did, lists every fault, and its exit code is true.

Exit codes: 0 all well; 1 something asked for failed, and is named; 2 wrong use.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from g3lib import __version__

if TYPE_CHECKING:
    from g3lib.errors import Fault
    from g3lib.tables.workspace import Workspace

FILES = click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
TABLE = click.option("--table", help="The canonical table, where the headings leave it open.")
FORMAT = click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table")
LANG = click.option("--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True)


class _Group(click.Group):
    """Turns the library's own errors into a message and an exit code: 2 for wrong use, 1 else."""

    def invoke(self, ctx: click.Context) -> Any:
        from g3lib.errors import G3Error, UsageError

        try:
            return super().invoke(ctx)
        except UsageError as error:
            click.echo(f"g3: {error}", err=True)
            ctx.exit(2)
        except BrokenPipeError:  # the reader of our output has gone (… | head)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except (G3Error, OSError) as error:
            click.echo(f"g3: {error}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo("g3: interrupted; what was finished stands, run again for the rest.", err=True)
            ctx.exit(130)  # as shells say it


@click.group(cls=_Group)
@click.version_option(__version__, prog_name="g3")
def main() -> None:
    """The analyst workbook of a handset-subsidy programme."""


@main.command()
@FILES
@TABLE
@FORMAT
def check(files: tuple[Path, ...], table: str | None, form: str) -> None:
    """Validate exports and list every fault; writes nothing."""
    from g3lib.tables import loading, telling

    _known_table(table)
    checked = [loading.check(path, table) for path in loading.exports_in(files)]
    exports = [export for one in checked for export in one.exports]
    faults = [fault for c in checked for fault in c.all_faults]
    faults += [fault for e in exports if e.table.name == "policy" for fault in _linted(e.file, e.sheet, e.rows)]
    _list_faults(faults, form)
    if form == "table":
        for e in exports:
            click.echo(telling.counts(e.file, e.sheet, e.table.name, e.records, len(e.rows), len(e.rejected), len(e.totals)))
            for note in e.notes:
                click.echo(f"    {note.text('en')}")
    sys.exit(1 if faults else 0)


@main.command()
@FILES
@TABLE
@FORMAT
def load(files: tuple[Path, ...], table: str | None, form: str) -> None:
    """Validate exports and add their good rows to the store; rejected rows are kept with their reasons."""
    from g3lib.tables import adding, loading, telling
    from g3lib.tables.identity import key_file
    from g3lib.tables.store import Store
    from g3lib.tables.workspace import Workspace

    _known_table(table)
    root, had_key = Workspace.find().store_root, key_file().exists()
    results = adding.load(root, loading.exports_in(files), table)
    faults = [fault for result in results for fault in result.faults]
    # the rules of all files together are the policy; one that is made up stands beside the real ones
    rules = [e.made_up for result in results for e in result.checked.exports if e.table.name == "policy"]
    whole = _linted("the policy in the store", "", Store(root).read("policy", real=not any(rules))) if rules else []
    _list_faults(faults + whole, form)
    if form == "table":
        for result in results:
            for line in telling.loaded(result, root):
                click.echo(line)
        if not had_key and key_file().exists():
            click.echo(f"A key for customer and device numbers was made: {key_file()}. Keep a copy of it.")
    sys.exit(1 if faults else 0)


@main.command()
@click.argument("notebooks", nargs=-1)
@click.option("--period", default="", help="2010-03, 2010Q1, 2009-11..2010-01 or 2010-03-31; else the latest.")
@click.option("--branch", "branches", multiple=True, help="Only this branch or province; may be given again.")
@click.option("--jobs", type=click.IntRange(1, 64), default=None, help="Reports at a time; else one a core.")
@click.option("-p", "--param", "params", nargs=2, multiple=True, help="A notebook's parameter: NAME VALUE.")
@click.option("--parameters", "scenario", type=click.Path(path_type=Path), help="A scenario: a YAML file of parameters.")
@click.option("--force", is_flag=True, help="Make again what is unchanged.")
@click.option("--timeout", type=click.IntRange(1), default=1800, show_default=True, help="Seconds that a report may take.")
@click.option("--memory", type=click.FloatRange(0.1), default=None, help="GB a report may take; else its share of the free.")
@click.option("--wait", is_flag=True, help="Where another run is at work: wait for it.")
@LANG
def run(
    notebooks: tuple[str, ...], period: str, branches: tuple[str, ...], jobs: int | None,
    params: tuple[tuple[str, str], ...], scenario: Path | None, force: bool, timeout: int, memory: float | None, wait: bool,
    lang: Any,
) -> None:  # fmt: skip
    """Run notebooks for branches: reports/<period>/<branch>/<notebook>.html and an index.

    A scenario's file, or its name in data/scenarios/, may also say province (or branch), period and language; an option wins.
    """
    from g3lib.errors import UsageError, listed
    from g3lib.runs import running, telling
    from g3lib.runs.again import Asked
    from g3lib.runs.notebooks import UNITS, faulty, find
    from g3lib.runs.progress import Progress
    from g3lib.tables.workspace import Workspace

    workspace = Workspace.find()
    chosen = find(workspace.notebooks, list(notebooks))
    left_out = [] if notebooks else faulty(workspace.notebooks)
    if notebooks and (other := [n.name for n in chosen if n.about.unit not in UNITS]):
        raise UsageError(f"{', '.join(other)}: no report of a branch or a province (metadata.g3.unit is to say which).")
    if left_out and not chosen:
        raise UsageError(listed(left_out, "No notebook here can be run:"))
    given: dict[str, Any] = dict(params)
    if scenario:
        said = click.get_current_context().get_parameter_source("lang") is not ParameterSource.DEFAULT
        given, branches, period, lang = _of_scenario(workspace, scenario, given, branches, period, lang if said else "")
    asked = Asked(workspace, [n for n in chosen if n.about.unit in UNITS], branches, period, lang, given)
    with Progress() as progress:
        outcome = running.run(
            asked, jobs or os.cpu_count() or 1, progress.begin, lambda text: click.echo(text, err=True),
            force=force, wait=wait, seconds=timeout, memory_mb=int(1024 * (memory or 0)),
        )  # fmt: skip
    for line in telling.run(outcome.rows, outcome.unchanged, asked.reports):
        click.echo(line)
    if outcome.faults:
        click.echo(listed(outcome.faults, "Comments that cannot be read stand in no report:"), err=True)
    if outcome.stray:
        click.echo(listed(outcome.stray, "Comments beside a finding that no report has (its name is in findings.csv):"), err=True)
    if left_out:
        click.echo(listed(left_out, "Notebooks that could not be run:"), err=True)
    sys.exit(0 if outcome.is_well and not left_out else 1)


@main.command()
@click.argument("case")
@click.option("--template", default="", type=click.Path(), help="A company's .pptx or .potx, whose layouts the slides take.")
@LANG
def deck(case: str, template: str, lang: Any) -> None:
    """A QC case: its report, its slides, and the audit of its ten steps (CASE is a name below data/cases, or a folder)."""
    from g3lib.errors import UsageError
    from g3lib.runs import cases
    from g3lib.runs.publishing import CASES
    from g3lib.tables.workspace import Workspace

    workspace = Workspace.find()
    if template and not Path(template).is_file():
        raise UsageError(f"There is no template {template}.")
    row, steps = cases.make(workspace, cases.open_folder(workspace, case, lang), lang, template)
    if row.state != "ok":
        click.echo(f"g3: {row.error}", err=True)
        sys.exit(1)
    for step in steps.itertuples():
        click.echo(f"{step.story_step}: {_completeness(step.completeness, lang)}{f' ({step.says})' if step.says else ''}")
    made = workspace.reports_in(lang) / CASES / row.html
    for suffix in (".html", ".pptx", ".xlsx", ".ipynb"):
        click.echo(made.with_suffix(suffix).relative_to(workspace.root).as_posix())


@main.command()
@click.argument("name", default="")
@click.option("--lab", is_flag=True, help="In JupyterLab instead of a page.")
@click.option("--port", type=click.IntRange(1, 65535), default=8866, show_default=True, help="The first that is tried.")
@click.option("--no-browser", is_flag=True, help="Only say the address.")
def explore(name: str, lab: bool, port: int, no_browser: bool) -> None:
    """The widgets, as pages in the browser or in JupyterLab, on this machine alone (NAME: one explorer; else all)."""
    from g3lib.explore import serving
    from g3lib.tables.workspace import Workspace

    place = serving.find(Workspace.find(), name)
    if lab:
        serving.lab(place, port, not no_browser)
    else:
        serving.pages(place, port, not no_browser, click.echo)


@main.command()
@click.option("--period", default="", help="Only this period.")
def status(period: str) -> None:
    """What the last runs made, what failed and why."""
    from g3lib.errors import UsageError
    from g3lib.periods import Period
    from g3lib.runs import ledger, telling
    from g3lib.tables.workspace import Workspace

    workspace, wanted = Workspace.find(), str(Period.parse(period)) if period else ""
    folders = [folder for folder in ledger.folders(workspace) if wanted in ("", folder.name)]
    if period and not folders:
        raise UsageError(f"There is no run of {period}.")
    failed = False
    for folder in folders:
        rows = telling.standing(folder)
        click.echo(f"{folder.relative_to(workspace.reports).as_posix()}: {telling.counts(rows)}")
        failed |= any(row.is_faulty or row.state == "interrupted" for row in rows)
        for line in telling.unmade(rows, len(rows), folder.parent):
            click.echo(line)
    if not folders:
        click.echo("No run yet: g3 run makes the reports.")
    sys.exit(1 if failed else 0)


@main.command()
@click.argument("period")
@click.option("--by", default="", help="The role or department that signs; no person's name.")
def sign(period: str, by: str) -> None:
    """Sign a period off: its figures are kept, and later differences are reported, never silent."""
    from g3lib.labels import LANGS
    from g3lib.periods import Period
    from g3lib.runs import ledger, lock, publishing, signoff
    from g3lib.tables.workspace import Workspace

    workspace, name = Workspace.find(), str(Period.parse(period))
    with contextlib.ExitStack() as held:  # a run that replaces a page and a signing that stamps it would undo each other
        for root in map(workspace.reports_in, LANGS):
            if root.is_dir():
                held.enter_context(lock.held(root))
        signature = signoff.sign(workspace, name, by)
        for lang in LANGS:
            if name in ledger.Ledger(workspace.reports_in(lang)).periods():
                publishing.refresh(workspace, name, lang)
    click.echo(f"{name} is signed off as revision {signature.revision}: {signoff.folder_of(workspace, name) / signature.file}")


@main.command()
@click.argument("branch")
@click.argument("finding")
@click.argument("comment")
@click.option("--period", default="", help="Only this period; else every one.")
@click.option("--owner", default="", help="A role, no person's name.")
@click.option("--due", default="", help="2010-03-31")
@click.option("--done", is_flag=True)
def note(branch: str, finding: str, comment: str, period: str, owner: str, due: str, done: bool) -> None:
    """Put a comment beside a finding (its name is in findings.csv); it survives every run."""
    from g3lib.errors import UsageError, some
    from g3lib.runs.notebooks import UNITS
    from g3lib.runs.publishing import reported
    from g3lib.tables import comments
    from g3lib.tables.coverage import known_units
    from g3lib.tables.workspace import Workspace

    workspace = Workspace.find()
    known = {name for unit in (*UNITS, "area") for name in known_units(workspace.store(), unit)}
    if branch not in known:
        raise UsageError(f"{branch[:60]!r} has no reports; known: {some(sorted(known)) or 'none, run g3 load first'}.")
    path = comments.add(workspace.notes, branch, finding, comment, period, owner, due, done)
    click.echo(f"Kept in {path}; g3 run shows it.")
    if (branch, finding) not in reported(workspace, period):
        click.echo("No report so far has a finding of that name for this branch: see findings.csv.", err=True)


@main.command()
@click.option("--branches", type=click.IntRange(2, 3000), default=12, show_default=True)
@click.option("--months", type=click.IntRange(3, 120), default=36, show_default=True)
@click.option("--seed", type=int, default=2012, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Folder; else data/sample.")
def sample(branches: int, months: int, seed: int, out: Path | None) -> None:
    """Make a made-up province with planted truth (truth.json); the same seed gives the same bytes."""
    from g3lib.tables.sample import make
    from g3lib.tables.workspace import Workspace

    folder = out or Workspace.find().root / "data" / "sample"
    make(folder, branches=branches, months=months, seed=seed)
    click.echo(f"A made-up province of {branches} branches and {months} months is in {folder}.")


# ---- what the commands say --------------------------------------------------------------------------


def _linted(file: str, sheet: str, rows: Any) -> list[Fault]:
    """The faults of a policy table as a table: found before any sale is looked at."""
    from g3lib.errors import Fault, Severity
    from g3lib.labels import VOCABULARIES, label
    from g3lib.tables.policy import lint

    found, said = lint(rows), []
    for line in found[~found["fault"].isin(["masked", "open"])].to_dict("records"):
        where = {name: value for name, value in line.items() if name not in ("fault", "rules") and value == value and value}
        words = {n: label(n, v, "zh") if n in VOCABULARIES else str(v).removesuffix(" 00:00:00") for n, v in where.items()}
        place = ", ".join(f"{name} {word}" for name, word in words.items())
        said.append(Fault(file, sheet, None, "规则", f"{line['fault']}: {line['rules'] or place}",
                          f"one rule for each sale; {place}" if line["rules"] else "a rule", Severity.NOTE))  # fmt: skip
    return said


def _of_scenario(
    workspace: Workspace, scenario: Path, given: dict[str, Any], branches: tuple[str, ...], period: str, lang: str
) -> tuple[dict[str, Any], tuple[str, ...], str, Any]:
    """The parameters of a scenario under those that were given, and what it is about where nothing else was said."""
    from g3lib.errors import UsageError
    from g3lib.labels import LANGS
    from g3lib.tables import scenarios

    kept = scenarios.kept(workspace.scenarios)
    found = scenarios.read(kept.get(str(scenario), scenario) if not scenario.exists() else scenario)
    about = tuple(str(found.pop(unit)) for unit in ("province", "branch") if unit in found)
    period = period or str(found.pop("period", ""))
    lang = lang or str(found.pop("lang", "zh"))
    if lang not in LANGS:
        raise UsageError(f"{scenario} says lang: {lang!r}; known: {', '.join(LANGS)}.")
    return {k: v for k, v in found.items() if k not in ("period", "lang")} | given, branches or about, period, lang


def _completeness(code: str, lang: Any) -> str:
    from g3lib.labels import label

    return label("completeness", code, lang)


def _known_table(table: str | None) -> None:
    from g3lib.errors import UsageError
    from g3lib.tables.schema import TABLES

    if table is not None and table not in TABLES:
        raise UsageError(f"--table {table!r} is unknown; known: {', '.join(TABLES)}.")


def _list_faults(faults: list[Fault], form: str) -> None:
    if form == "json":
        from g3lib.tables.adding import as_json

        click.echo(as_json(faults))
    elif form == "csv":
        import csv

        from g3lib.files import inert

        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["file", "sheet", "row", "column", "found", "expected", "severity"])
        for fault in faults:
            writer.writerow([inert("" if v is None else str(v)) for v in fault.as_dict().values()])
    elif faults:
        _fault_table(faults)


def _fault_table(faults: list[Fault], most: int = 60) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from g3lib.errors import Severity

    what = {Severity.FILE: "refused", Severity.ROW: "row rejected", Severity.NOTE: "loaded, but"}
    table = Table(title=f"{len(faults)} fault{'s' * (len(faults) != 1)}", title_justify="left")
    for name in ("file", "row", "column", "found", "expected", "so"):
        table.add_column(name, overflow="fold", justify="right" if name == "row" else "left")
    for fault in faults[:most]:
        place = f"{fault.file} · {fault.sheet}" if fault.sheet else fault.file
        cells = (place, "" if fault.row is None else str(fault.row), fault.column, fault.found, fault.expected,
                 what[fault.severity])  # fmt: skip
        table.add_row(*map(Text, cells))  # Text: a cell of the data is no markup
    Console().print(table)
    if len(faults) > most:
        click.echo(f"… and {len(faults) - most} more; --format csv lists all.")


if __name__ == "__main__":
    main()
