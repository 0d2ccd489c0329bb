"""Scenario files: a report's parameters under a name, in data/scenarios/, for papermill (`-f`) and `g3 run --parameters`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from g3lib.errors import UsageError, listed
from g3lib.files import replace_bytes
from g3lib.names import safe_name

_SUFFIX = ".yaml"


def read(path: Path) -> dict[str, Any]:
    """The parameters that a file holds.

    Raises:
        UsageError: it cannot be read, is no YAML, or no mapping of names to values; every fault is listed.
    """
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UsageError(f"{path} is no YAML{place}: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path} holds {type(found).__name__}; expected parameters, one a line, such as `budget: 1300000`.")
    found = {name: _as_text(value) for name, value in found.items()}
    if strange := [f"{name!r} is no name of a parameter" for name in found if not isinstance(name, str)]:
        raise UsageError(listed(strange, f"{path}:"))
    return found


def _as_text(value: Any) -> Any:
    """A date of YAML as its text: a parameter is a literal."""
    return value.isoformat() if isinstance(value, date) else value


def save(folder: Path, name: str, parameters: Mapping[str, Any], about: str = "") -> Path:
    """Keep parameters under a name, whole or not at all; an older scenario of that name is replaced.

    Args:
        folder: `Workspace.scenarios`.
        name: what the analyst calls it; the file's name is one that is safe on every system.
        parameters: name → a literal, or a mapping of literals.
        about: a line for whoever opens the file.

    Returns:
        The file.

    Raises:
        UsageError: the name is empty.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(Path(folder), "秋季：手机＋2", {"budget": 1.3e6, "moves": {"channel": {"social": -0.01}}})
    ...     path.name, read(path)["moves"]
    ('秋季-手机-2~412c7433.yaml', {'channel': {'social': -0.01}})
    """
    import yaml

    if not name.strip():
        raise UsageError("A scenario needs a name.")
    path = folder / (safe_name(name.strip()) + _SUFFIX)
    text = yaml.safe_dump({key: _plain(value) for key, value in parameters.items()}, allow_unicode=True, sort_keys=False)
    lines = [f"# {' '.join(line.split())}\n" for line in (name, about) if line.strip()]
    replace_bytes(path, ("".join(lines) + text).encode())
    return path


def kept(folder: Path) -> dict[str, Path]:
    """The scenarios that a folder holds, by the name that each was saved under, the latest first."""
    own = folder.glob("*" + _SUFFIX) if folder.is_dir() else ()
    files = [path for path in own if not path.name.startswith(".") and path.is_file()]
    paths = sorted(files, key=lambda path: (-path.stat().st_mtime_ns, path.name))
    found: dict[str, Path] = {}
    for path in paths:
        found.setdefault(_title(path), path)
    return found


def _title(path: Path) -> str:
    """What a file was saved as: its first comment; else its own name."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline().strip()
    return first.removeprefix("#").strip() if first.startswith("#") else path.stem


def _plain(value: Any) -> Any:
    """Numbers of NumPy, which YAML does not know, as Python's own."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return value.item() if hasattr(value, "item") else value
