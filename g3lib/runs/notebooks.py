"""What a notebook asks for: its parameters with their types, its unit, the tables it needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from g3lib.about import About
from g3lib.errors import UsageError, listed
from g3lib.runs.imports import without_grammar
from g3lib.tables.schema import TABLES

UNITS = ("branch", "province")  # what a batch makes reports about, one each
_TYPES = {"str": str, "int": int, "float": float, "bool": bool}


@dataclass(frozen=True)
class Notebook:
    """A parameterised notebook of the workspace."""

    path: Path

    @property
    def name(self) -> str:
        """`02-channel-contribution`."""
        return self.path.stem

    @cached_property
    def plain(self) -> dict[str, Any]:
        """The notebook as JSON."""
        return json.loads(self.path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]

    @cached_property
    def fault(self) -> str:
        """Why nothing can be made by it; empty where it can be."""
        try:
            cells, told = self.plain["cells"], self.plain["metadata"].get("g3", {})
            tagged = any("parameters" in cell["metadata"].get("tags", ()) for cell in cells)
        except (OSError, ValueError) as error:
            return f"{self.path.name} is no notebook: {error}"
        except (KeyError, TypeError, AttributeError):
            return f"{self.path.name} is no notebook: it has no list of cells with their metadata"
        strange = [need for need in told.get("needs", ()) if need.partition(".")[0] not in TABLES]
        if strange:
            return f"{self.path.name} needs {', '.join(strange)} (metadata.g3.needs); known tables: {', '.join(TABLES)}"
        if told.get("unit") in UNITS and not tagged:
            return f"{self.path.name} has no cell that is tagged `parameters`; it is to set {told['unit']}, period and lang"
        return ""

    @cached_property
    def about(self) -> About:
        """What it says of itself."""
        return About.read(self.path)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the cells' sources and what the notebook says of itself: outputs and cell numbers are no change."""
        sources = [(c["cell_type"], "".join(c["source"])) for c in self.plain["cells"]]
        sources.append(("about", json.dumps(self.plain["metadata"].get("g3", {}), sort_keys=True)))
        return hashlib.sha256(json.dumps(sources, ensure_ascii=False).encode()).hexdigest()

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """Parameter name → papermill's description (type, default, help)."""
        with without_grammar():
            from papermill import inspect_notebook

        return inspect_notebook(str(self.path))  # type: ignore[no-any-return]

    def checked(self, given: Mapping[str, object]) -> dict[str, object]:
        """The parameters with their types settled, before any kernel starts.

        papermill only warns of an unknown name and writes any value into the notebook as code.

        Raises:
            UsageError: lists every unknown name and every value of a wrong type.
        """
        faults, settled = [], {}
        for name, value in given.items():
            if name not in self.parameters:
                faults.append(f"{name!r} is no parameter; known: {', '.join(self.parameters)}")
                continue
            wanted = self.parameters[name]["inferred_type_name"] or "str"
            try:
                settled[name] = _settle(value, wanted)
            except (ValueError, TypeError):
                faults.append(f"{name} is {value!r}, expected {wanted}")
        if faults:
            raise UsageError(listed(faults, f"{self.name}: {len(faults)} faults in the parameters"))
        return settled


def _settle(value: object, wanted: str) -> object:
    if wanted == "bool":
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if str(value).casefold() not in words:
            raise ValueError(value)
        return words[str(value).casefold()]
    if wanted == "dict":
        value = json.loads(value) if isinstance(value, str) else value
        if not isinstance(value, Mapping):
            raise ValueError(value)
        return dict(value)
    return _TYPES.get(wanted, str)(value)


def find(folder: Path, named: list[str] | None = None) -> list[Notebook]:
    """The workspace's notebooks that can be run, in order; or those named (by file, name or number).

    Raises:
        UsageError: lists every name that is no notebook, and every named notebook with a fault.
    """
    known = _every(folder)
    if not named:
        return [notebook for notebook in known if not notebook.fault]
    chosen, faults = [], []
    for name in named:
        stem = Path(name).name.removesuffix(".ipynb")
        hits = [n for n in known if n.name == stem or n.name.startswith(f"{stem}-")]
        faults += [n.fault for n in hits if n.fault] if hits else [f"{name!r} is no notebook"]
        chosen += hits
    if faults:
        raise UsageError(listed(faults, f"These cannot be run; known: {', '.join(n.name for n in known)}"))
    return list(dict.fromkeys(chosen))


def faulty(folder: Path) -> list[str]:
    """What is wrong with the notebooks that `find` leaves out."""
    return [notebook.fault for notebook in _every(folder) if notebook.fault]


def names(folder: Path) -> list[str]:
    """The names of all notebooks, faulty ones too."""
    return [notebook.name for notebook in _every(folder)]


def _every(folder: Path) -> list[Notebook]:
    return [Notebook(path) for path in sorted(folder.glob("[0-9]*.ipynb"))]
