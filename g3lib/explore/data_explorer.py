"""The data explorer: a file looked at before it is loaded; faults beside the rows, an unknown heading named, and loaded then."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import anywidget
import ipywidgets
import pandas as pd
import traitlets

from g3lib.errors import Fault, UsageError
from g3lib.explore.answering import Explorer, asked, dropdown, heading, headline, script
from g3lib.findings import Status
from g3lib.labels import VOCABULARIES, Lang, label
from g3lib.report import claims
from g3lib.report.claims.voice import Voice
from g3lib.tables import adding, headings, loading
from g3lib.tables.gate import ROW
from g3lib.tables.reading import SUFFIXES, Unreadable, read
from g3lib.tables.schema import TABLES
from g3lib.tables.workspace import Workspace

_TABLES = ("understood", "faults", "rejected", "rows", "notes")
_PARTS = [("headline", "headline"), *((name, "html") for name in _TABLES)]
_UPLOADS = "g3-upload-"
_SHOWN = 20  # rows of each table on the page
_HIDDEN = ("customer", "device", "grain")  # whose numbers reach no page; and what the gate itself adds


class FileDrop(anywidget.AnyWidget):
    """A place to drop a file on (ipywidgets' upload is a button alone); sends its name and its bytes in pieces."""

    _esm = script("drop.js")
    accept = traitlets.Unicode().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)


class DataExplorer(Explorer):
    """A file through the gate, with nothing loaded until it is asked for.

    Args:
        workspace: whose store it is loaded into.
        lang: `zh` or `en`.
    """

    def __init__(self, workspace: Workspace, lang: Lang) -> None:
        super().__init__(Voice(lang, "", ""), _PARTS, "data explorer", workspace.scenarios)
        self.workspace = workspace
        _sweep()
        self._scratch = tempfile.TemporaryDirectory(prefix=f"{_UPLOADS}{os.getpid()}-")  # its owner's alone
        self.path: Path | None = None
        self.found: loading.Checked | None = None
        say = self.voice.say
        hint = say("把文件拖到这里，或选择：", "Drop a file here, or choose one:")
        self.file = FileDrop(accept=",".join(sorted(SUFFIXES)), label=hint)
        self._pieces: list[bytes] = []
        self.typed = ipywidgets.Text(description=say("或路径", "or a path"), continuous_update=False)
        tables = [(say("（按表头判断）", "(by its headings)"), ""), *((label("table", name, lang), name) for name in TABLES)]
        self.table = dropdown(say("数据表", "Table"), tables)
        self.unknown = dropdown(say("未识别表头", "Heading"), [])
        self.column = dropdown(say("它是", "It is"), [("", ""), *((self._word(name), name) for name in headings.columns())])
        self.file.on_msg(self._dropped)
        self.typed.observe(lambda change: self._press(lambda: self._typed(change["new"])), "value")
        self.table.observe(lambda _: self._press(self.check), "value")
        learn = self.buttons({say("记住这个表头", "Remember this heading"): self.learn})
        loads = self.buttons({say("装载", "Load"): self.load})
        named = heading(say("未识别的表头", "headings that are not understood"))
        controls = [self.file, self.typed, self.table, named, self.unknown, self.column, learn, loads]
        self.bare_page(say("数据探索", "Data explorer"), controls)

    def _word(self, column: str) -> str:
        """A column's first heading that people use, and its name."""
        word = _WORDS.get(column, "")
        return f"{word}（{column}）" if word and self.voice.lang == "zh" else column.replace("_", " ")

    # ---- what is looked at

    def _dropped(self, _widget: Any, message: Any, buffers: Any) -> None:
        """A piece of a file; with the last one the file is there."""
        if not isinstance(message, dict) or not {"name", "number", "pieces"} <= message.keys() or not buffers:
            return
        self._pieces = [*self._pieces, bytes(buffers[0])] if message["number"] else [bytes(buffers[0])]
        if len(self._pieces) == message["pieces"]:
            content, self._pieces = b"".join(self._pieces), []
            self._press(lambda: self._uploaded(Path(str(message["name"])).name, content))

    def _uploaded(self, name: str, content: bytes) -> None:
        """Keep an upload for as long as it is looked at: it may hold customers' numbers."""
        self.forget()
        if name in ("", ".", ".."):
            raise UsageError(self.voice.say("文件没有名字。", "The file has no name."))
        path = Path(self._scratch.name) / name
        path.write_bytes(content)
        self.take(path)

    def forget(self) -> None:
        """Remove what was uploaded."""
        for path in Path(self._scratch.name).iterdir():
            path.unlink()
        self.path, self.found = None, None

    def _typed(self, text: str) -> None:
        if text.strip():
            self.take(Path(text.strip()))

    def take(self, path: Path) -> None:
        """Look at a file.

        Raises:
            UsageError: there is no such file, or one of a kind that nobody reads.
        """
        self.path, self.found = None, None  # what cannot be looked at leaves nothing to be loaded
        path = path if path.is_absolute() else self.workspace.root / path
        if not path.is_file() or path.suffix.lower() not in SUFFIXES:
            kinds = ", ".join(sorted(SUFFIXES))
            zh, en = f"{path.name}不是可读的文件（{kinds}）。", f"{path.name} is no file that can be read ({kinds})."
            raise UsageError(self.voice.say(zh, en))
        self.path = path
        self.say("")
        self.check()

    def check(self) -> None:
        """Through the gate; nothing is written."""
        if self.path is None:
            return
        self.found = loading.check(self.path, self.table.value or None)
        names = list(dict.fromkeys([*self._unknown_to_the_gate(), *self._in_heads()]))
        with self.quiet():
            self.unknown.options = names
            self.unknown.value = names[0] if names else None
            self.column.value = ""
        self.show()

    def _unknown_to_the_gate(self) -> list[str]:
        exports = self.found.exports if self.found else []
        return [dict(note.values)["heading"] for export in exports for note in export.notes if note.code == "unknown_heading"]

    def _in_heads(self) -> list[str]:
        """The words of a sheet that was not understood that may be its headings."""
        if self.path is None or self.found is None or self.found.exports:
            return []
        try:
            return [word for sheet in read(self.path) for word in headings.unknown_words(sheet)]
        except Unreadable:
            return []

    # ---- the answer

    def now(self) -> dict[str, Any]:
        """What the file is taken for, and how much of it is good."""
        return {"headline": headline(claims.gate.headline(self.voice, self.found))}

    def then(self) -> dict[str, Any]:
        """Headings, faults, the rejected rows with their reasons, the first good rows, remarks."""
        nothing = {name: {"html": ""} for name in _TABLES}
        if self.found is None:
            return nothing
        faults, exports = self.found.all_faults, self.found.exports
        parts: dict[str, Any] = nothing | {"faults": self.told(claims.gate.faults(self.voice, faults), _fault_table(faults))}
        if exports:
            refused = [(export, _rejected(export.rejected)) for export in exports if len(export.rejected)]
            parts |= {
                "understood": self.told(claims.gate.understood(self.voice, exports), *map(self._columns, exports)),
                "rejected": _below(self.told(claims.gate.rejected(self.voice, export), table) for export, table in refused),
                "rows": _below(self.told(claims.gate.rows(self.voice, one, _SHOWN), self._preview(one)) for one in exports),
            }
            remarks = [note.text(self.voice.lang) for one in exports for note in one.notes]
            if remarks:
                parts["notes"] = self.told(claims.gate.remarks(self.voice, len(remarks)), pd.DataFrame({"says": remarks}))
        return parts

    def _columns(self, export: loading.Export) -> pd.DataFrame:
        """Which columns were found, and of how many good rows each says something."""
        rows = [(self._word(name), int(export.rows[name].notna().sum())) for name in export.rows if name not in (ROW, "grain")]
        return pd.DataFrame(rows, columns=["taken_as", "filled"])

    def _preview(self, export: loading.Export) -> pd.DataFrame:
        """The first good rows as texts, without whose numbers they are; each row's number in the sheet first."""
        shown = export.rows.drop(columns=[name for name in _HIDDEN if name in export.rows]).head(_SHOWN)
        texts = {self._word(name): [self._said_as(name, value) for value in shown[name]] for name in shown if name != ROW}
        return pd.DataFrame({"sheet_row": shown[ROW].astype(int).tolist(), **texts})

    def _said_as(self, column: str, value: object) -> str:
        """A value of the store in the reader's words."""
        return label(column, value, self.voice.lang) if column in VOCABULARIES and isinstance(value, str) else _text(value)

    def plain(self) -> str:
        """The headline's sentence."""
        return claims.gate.headline(self.voice, self.found)[0].text

    # ---- the buttons

    def learn(self) -> None:
        """Keep what an unknown heading stands for, and look again."""
        if not self.unknown.value or not self.column.value:
            raise UsageError(self.voice.say("先选未识别的表头，再选它是哪一列。", "Choose an unknown heading, then what it is."))
        word = self.unknown.value
        path = headings.learn(word, self.column.value)
        self.check()
        self.say(self.voice.say(f"已记住“{word}”（{path.name}）。", f"“{word}” is kept in {path.name}."))

    def load(self) -> None:
        """Into the store: good rows are added, rejected ones kept with their reasons."""
        if self.path is None:
            raise UsageError(self.voice.say("还没有文件。", "There is no file yet."))
        (loaded,) = adding.load(self.workspace.store_root, [self.path], self.table.value or None)
        if self.path.is_relative_to(self._scratch.name):
            self.forget()
        said = claims.gate.loaded(self.voice, loaded)
        self.say("\n".join(one.text for one in said), breach=any(one.status == Status.BREACH for one in said))


def _sweep() -> None:
    """Remove what explorers that were killed had been given."""
    import psutil

    for folder in Path(tempfile.gettempdir()).glob(f"{_UPLOADS}*"):
        writer = folder.name.removeprefix(_UPLOADS).split("-")[0]
        if writer.isdecimal() and not psutil.pid_exists(int(writer)):
            shutil.rmtree(folder, ignore_errors=True)


def _first_headings() -> dict[str, str]:
    from g3lib.labels import read_csv

    found: dict[str, str] = {}
    for row in read_csv("g3lib.tables", "headings.csv"):
        found.setdefault(row["column"], row["heading"])
    return found


_WORDS = _first_headings()


def _below(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The same of several sheets, one below the other."""
    return {"html": "".join(part["html"] for part in parts)}


def _text(value: object) -> str:
    if value is None or value != value:
        return "—"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}" if value == value.normalize() else f"{value:%Y-%m-%d %H:%M:%S}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _fault_table(faults: list[Fault]) -> pd.DataFrame:
    rows = [(f.row, f.column, f.found, f.expected, str(f.severity)) for f in faults[:200]]
    return pd.DataFrame(rows, columns=["sheet_row", "fault_column", "fault_found", "fault_expected", "severity"])


def _rejected(rejected: pd.DataFrame) -> pd.DataFrame:
    """Each rejected row beside its reasons."""
    shown = rejected.head(_SHOWN)
    records = [" | ".join(str(cell) for cell in json.loads(record).values()) for record in shown["record"]] if len(shown) else []
    return pd.DataFrame({"sheet_row": shown["row"].tolist(), "record_text": records, "reasons": shown["reasons"].tolist()})


def open_data(lang: Lang = "zh") -> DataExplorer:
    """The explorer of an export before it is loaded.

    Args:
        lang: `zh` or `en`.
    """
    chosen = cast(Lang, asked(lang=lang)["lang"])
    explorer = DataExplorer(Workspace.find(), chosen)
    explorer.begin(restore=False)
    return explorer
