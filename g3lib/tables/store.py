"""The store: immutable Parquet files by branch and one manifest. Only this module knows where tables live.

A load writes its files under names that hold their content's digest, then replaces the manifest in one
step: a reader sees all of a load or none, and a load that is killed leaves the store as it was. A reader
opens the files that the manifest names and no path outside the store.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

import pandas as pd

from g3lib.errors import DataError, listed
from g3lib.files import replace_bytes
from g3lib.names import safe_name
from g3lib.tables.schema import SCHEMA_VERSION, TABLES, Kind

_NO_BRANCH = "_"
_PART_NAME = re.compile(r"[0-9a-f]{12}-[0-9a-f]{12}\.parquet")
TOTALS = "stated_totals"
MANIFEST = "manifest.json"
REJECTED = "rejected"

# the tables whose rows place a report in time, and make a unit one with rows of its own
DATED = ("sales", "participation")


@dataclass(frozen=True)
class Part:
    """One Parquet file: the rows of one branch that one export gave."""

    path: str
    rows: int
    digest: str


@dataclass(frozen=True)
class Entry:
    """One export in the store."""

    file: str
    sheet: str
    digest: str
    table: str
    records: int
    rows: int
    rejected: int
    totals: int
    cells: Mapping[str, list[str]]  # branch → its months; "" where the table has no branch or no period
    slices: list[list[str]]
    keys: list[str]
    columns: list[str]  # columns in which something is known
    made_up: bool
    notes: list[dict[str, Any]]
    parts: Mapping[str, Part]
    totals_part: Part | None = None
    rejected_path: str = ""
    claims: Mapping[str, list[str]] = field(default_factory=dict)  # cells, and those of its rejected rows
    day_cells: Mapping[str, list[str]] | None = None  # the cells whose rows are days; None: not known
    days: Sequence[str] = ()  # first and last of those days

    @property
    def title(self) -> str:
        """How a report names the source."""
        return f"{self.file} · {self.sheet}" if self.sheet else self.file

    @cached_property
    def identity(self) -> str:
        """What the export gave, in one line: the same bytes understood otherwise (a heading learnt since) give other rows."""
        parts = sorted(f"{branch}|{part.digest}" for branch, part in self.parts.items())
        given = [*parts, self.totals_part.digest if self.totals_part else "", f"{self.records}|{self.rejected}|{self.made_up}"]
        return f"{self.table}|{self.file}|{self.sheet}|{self.digest}|{hashlib.sha256('|'.join(given).encode()).hexdigest()}"

    def begins_by(self, month: str) -> bool:
        """Whether some row is of that month or earlier, or of no month at all."""
        months = [m for own in self.cells.values() for m in own]
        return not months or min(months) <= month


@dataclass
class Manifest:
    """What the store holds now, and what it held before a correction."""

    schema_version: int = SCHEMA_VERSION
    key_id: str | None = None
    entries: list[Entry] = field(default_factory=list)
    superseded: list[Entry] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """The manifest at a path; an empty one where there is none."""
        if not path.exists():
            return cls()
        plain = json.loads(path.read_text(encoding="utf-8"))
        if plain["schema_version"] != SCHEMA_VERSION:
            raise DataError(
                f"{path.parent} has schema version {plain['schema_version']}, this g3lib reads {SCHEMA_VERSION}. "
                "Use the g3lib that made it, or load the files into a new store."
            )
        lists = {name: [_entry(e) for e in plain[name]] for name in ("entries", "superseded")}
        return cls(plain["schema_version"], plain["key_id"], **lists)

    def write(self, path: Path) -> None:
        """Replace the manifest in one step."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1, sort_keys=True)
        replace_bytes(path, text.encode())


class Store:
    """A snapshot of the store at the moment it was opened."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifest = Manifest.read(root / MANIFEST)

    @cached_property
    def digest(self) -> str:
        """One digest of all that the store holds."""
        return hashlib.sha256("\n".join(sorted(e.identity for e in self.manifest.entries)).encode()).hexdigest()

    @cached_property
    def _entries(self) -> dict[tuple[str, str], dict[int, Entry]]:
        """Table and branch → its exports by their place: a province of 3,000 branches asks for them 100,000 times."""
        found: dict[tuple[str, str], dict[int, Entry]] = {}
        for place, e in enumerate(self.manifest.entries):
            for branch in e.parts:
                found.setdefault((e.table, branch), {})[place] = e
        return found

    def entries(self, table: str, branches: Sequence[str] | None = None, real: bool = False) -> list[Entry]:
        """The exports that hold a table's rows of these branches (all where None).

        `real` leaves out what is made up: a real branch must not be held against a made-up policy.
        """
        if branches is None:
            return [e for e in self.manifest.entries if e.table == table and not (real and e.made_up)]
        found: dict[int, Entry] = {}
        for branch in (*branches, _NO_BRANCH):
            found |= self._entries.get((table, branch), {})
        return [found[place] for place in sorted(found) if not (real and found[place].made_up)]

    def read(
        self, table: str, branches: Sequence[str] | None = None, columns: Sequence[str] | None = None, real: bool = False,
        among: pd.Series | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """A canonical table: only the named branches' files are opened.

        `among` keeps the rows whose column of its name holds one of its values; the others never leave the engine.

        Columns that no export gave are there and empty, so a measure asks `notna()`, never `in`.

        Raises:
            DataError: files that are gone, or that are no more what was loaded.
        """
        wanted = list(columns or TABLES[table].names)
        parts = self._parts(table, branches, real)
        frame = self._query(parts, wanted, among) if parts else pd.DataFrame()
        return typed(frame, table, wanted)

    def stated_totals(self, table: str, branches: Sequence[str] | None = None) -> pd.DataFrame:
        """The totals that exports with rows of these branches state, with what each is the total of."""
        parts = [e.totals_part for e in self.entries(table, branches) if e.totals_part]
        names = [*TABLES[table].names, "row", "label", "agrees"]
        frame = self._query(parts, names) if parts else pd.DataFrame()
        stated = typed(frame, table, TABLES[table].names)
        return stated.assign(**{name: frame.get(name) for name in names if name not in stated})

    @cached_property
    def parents(self) -> pd.Series:
        """The parent of each branch, missing where unknown."""
        return self.read("branches").drop_duplicates("branch").set_index("branch")["parent"]

    @cached_property
    def _under(self) -> dict[str, list[str]]:
        """Unit → the branches right under it: a province asks for each of a thousand branches."""
        found: dict[str, list[str]] = {}
        for branch, unit in self.parents.dropna().items():
            found.setdefault(str(unit), []).append(str(branch))
        return found

    @cached_property
    def with_rows(self) -> set[str]:
        """The branches that sold or counted something: a line in the list of branches, or a target, makes nothing sold."""
        return {branch for e in self.manifest.entries if e.table in DATED for branch in e.parts} - {_NO_BRANCH}

    def above(self, unit: str) -> list[str]:
        """What a unit lies in, nearest first: its city, its province."""
        found = [unit]
        while isinstance(parent := self.parents.get(found[-1]), str) and parent not in found:
            found.append(parent)
        return found[1:]

    def sisters(self, branch: str) -> list[str]:
        """All branches of the same province, this one included; only itself where nothing above it is known."""
        above = self.above(branch)
        return self._leaves(above[-1]) if above else [branch]

    def members(self, unit: str) -> list[str]:
        """Whose rows are a unit's own: itself where it has sales or counts, else the branches under it, at any depth.

        Never both: a city's own rows may be the sum of its counties'.
        """
        return [unit] if unit in self.with_rows else self._leaves(unit) or [unit]

    def _leaves(self, unit: str) -> list[str]:
        """The branches under a unit at which rows are or would be: the first with rows on each way down, else the lowest."""
        found: set[str] = set()
        below, seen = list(self._under.get(unit, ())), {unit}
        while below:
            branch = below.pop()
            under = [] if branch in self.with_rows else self._under.get(branch, [])
            found |= set() if under else {branch}
            below += [b for b in under if b not in seen]
            seen |= {branch, *under}
        return sorted(found)

    def area(self, unit: str) -> list[str]:
        """What a unit is read against: the members of a province, the sisters of a branch."""
        own = self.members(unit)
        return own if own != [unit] else self.sisters(unit)

    def _parts(self, table: str, branches: Sequence[str] | None, real: bool = False) -> list[Part]:
        entries = self.entries(table, branches, real)
        if branches is None:
            return [part for e in entries for part in e.parts.values()]
        return [e.parts[b] for e in entries for b in (*branches, _NO_BRANCH) if b in e.parts]

    def _path(self, part: Part) -> Path:
        named = PurePath(part.path)
        if named.is_absolute() or ".." in named.parts:
            raise DataError(f"{self.root / MANIFEST} names {part.path}, which is not in the store: it was altered.")
        return self.root / named

    def _contents(self, parts: Sequence[Part]) -> list[bytes]:
        """The bytes of some files, which are those that were loaded: whoever changes a file in place changes no report unseen."""
        found, faults = [], []
        for part in parts:
            path = self._path(part)
            try:
                found.append(path.read_bytes())
            except OSError as error:
                faults.append(f"{path}: {error.strerror}")
                continue
            if hashlib.sha256(found[-1]).hexdigest() != part.digest:
                faults.append(f"{path} was changed since it was loaded")
        if faults:
            raise DataError(listed(faults, "The store is not as it was loaded; move it away and load the exports again:"))
        return found

    def _query(self, parts: Sequence[Part], columns: list[str], among: pd.Series | None = None) -> pd.DataFrame:
        """The rows of some files, one below the other in their order; a column that a file lacks is empty there."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        tables = []
        for content in self._contents(parts):
            file = pq.ParquetFile(pa.BufferReader(content))
            known = set(file.schema_arrow.names)
            names = [name for name in columns if name in known]
            table = file.read(names, use_threads=False)  # one thread: reports run side by side
            tables.append(table if among is None or among.name not in names else _kept(table, among))
        whole = pa.concat_tables(tables, promote_options="permissive")
        return whole.to_pandas(date_as_object=False, use_threads=False, ignore_metadata=True)


def _kept(table: Any, among: pd.Series) -> Any:
    """The rows of a pyarrow table whose column of that name holds one of the values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = table[among.name]
    return table.filter(pc.is_in(column, value_set=pa.array(among.dropna().unique(), type=column.type)))


def typed(frame: pd.DataFrame, table: str, columns: Sequence[str]) -> pd.DataFrame:
    """A frame with these canonical columns, in their types; absent ones are empty."""
    kinds = {c.name: c.kind for c in TABLES[table].columns}
    out = {}
    for name in columns:
        values = frame[name] if name in frame else pd.Series(None, index=frame.index, dtype="object")
        match kinds[name]:
            case Kind.DATE:
                out[name] = pd.to_datetime(values).astype("datetime64[us]")
            case Kind.COUNT | Kind.MONEY | Kind.NUMBER | Kind.RATE:
                out[name] = pd.to_numeric(values).astype("float64")
            case Kind.FLAG:
                out[name] = values.astype("boolean")
            case _:
                out[name] = values.astype("str")
    return pd.DataFrame(out, columns=list(columns))


def write_part(root: Path, table: str, branch: str | None, rows: pd.DataFrame, source: str) -> Part:
    """Write one Parquet file; its name holds its content's digest, so a name never changes its meaning."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), buffer, compression="zstd")
    content = buffer.getvalue().to_pybytes()
    digest = hashlib.sha256(content).hexdigest()
    folder = safe_name(branch) if branch else _NO_BRANCH
    relative = f"{table}/{folder}/{source}-{digest[:12]}.parquet"
    replace_bytes(root / relative, content)
    return Part(relative, len(rows), digest)


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """One load at a time; the second waits, then says whose store is busy."""
    from filelock import FileLock, Timeout

    root.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(root / ".lock", timeout=60):
            yield
    except Timeout as error:
        raise DataError(f"Another load has been writing to {root} for a minute; wait for it, then try again.") from error


def sweep(root: Path, manifest: Manifest) -> None:
    """Remove files that a killed load left behind: those that no entry, current or superseded, names."""
    kept = {part.path for e in (*manifest.entries, *manifest.superseded) for part in e.parts.values()}
    kept |= {e.totals_part.path for e in (*manifest.entries, *manifest.superseded) if e.totals_part}
    for path in root.rglob("*.parquet"):
        # G3_STORE may name a folder that holds somebody's own exports: only what a load names goes
        if _PART_NAME.fullmatch(path.name) and path.relative_to(root).as_posix() not in kept:
            path.unlink()
    for path in root.rglob(".*.tmp"):
        path.unlink()


def _entry(plain: dict[str, Any]) -> Entry:
    parts = {branch: Part(**part) for branch, part in plain["parts"].items()}
    totals = Part(**plain["totals_part"]) if plain["totals_part"] else None
    return Entry(**{**plain, "parts": parts, "totals_part": totals})
