"""The house: arrows between rooms point down, modules stay small, the environment files agree."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import g3lib

# from the top down; a room imports from itself and from rooms below
ROOMS = ["cli", "explore", "runs", "report", "qc", "measures", "tables", "base"]
BASE = {"about", "findings", "labels", "errors", "periods", "names", "files"}
PACKAGE = Path(__file__).resolve().parent.parent / "g3lib"
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(module: str) -> str:
    part = module.split(".")[1] if "." in module else "base"
    return "base" if part in BASE else part


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("g3lib"):
            found.add(node.module)
            if node.module == "g3lib":  # the lazy names are modules too
                found |= {g3lib._ROOMS.get(alias.name, "") for alias in node.names}
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("g3lib.")}
    return found - {"g3lib", ""}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    own = room("g3lib." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    upward = {m for m in imports(path) if own in ROOMS and ROOMS.index(room(m)) < ROOMS.index(own)}
    assert not upward


def test_a_planted_upward_import_would_be_seen(tmp_path: Path) -> None:
    planted = tmp_path / "channels.py"
    for line in ("from g3lib.report.page import Report\n", "from g3lib import claims\n"):
        planted.write_text(line)
        assert ROOMS.index(room(imports(planted).pop())) < ROOMS.index("measures")


def test_modules_stay_small() -> None:
    lines = {p.relative_to(PACKAGE).as_posix(): p.read_text(encoding="utf-8").count("\n") for p in MODULES}
    assert {name: n for name, n in lines.items() if n > 400} == {}


def code_lines(path: Path) -> int:
    """Lines that hold code: no blank ones, no comments, no docstrings."""
    text = path.read_text(encoding="utf-8")
    docs = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            docs |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(bool(line.strip()) and not line.strip().startswith("#") and n not in docs for n, line in lines)


@pytest.mark.xfail(strict=True, reason="the subsidy room took the library past its bar of 8,000 lines of code; see the next test")
def test_the_library_stays_small() -> None:
    assert sum(map(code_lines, MODULES)) < 8000


def test_the_library_grows_no_further_unseen() -> None:
    # 9,470 when the bar above was missed; channels, targets and campaigns at full strength (decompositions, outlets,
    # cascading, comparisons), the province's overview with its slides, signing off and comments came on top of it:
    # whoever adds a room cuts another, or raises this knowingly (last: the QC house. Thirteen control charts with their rules
    # and capability, tests of causes of six types, cause and activity diagrams, the case with its audit, and a deck of native
    # charts and shapes: no kept library has the rules, zones by point, minimum effects, layouts or a second axis; then skewed
    # means and phases that scatter each in its own measure, where simulations found false causes and narrow intervals; records
    # and slides in modules of their own, whose heads are counted too; tests of strata that hold their level; then the engine of
    # the batch: kernels forked from a template, a ledger that resumes, what becomes of a process that dies; a page that
    # travels: what is let into it, its policy, its contents; what a run says when it cannot begin, goes on or has broken off;
    # then the explorers: rates held against every limit under a slider, an outlook apart from the plan, pages of widgets; and
    # what they had worked out themselves, as measures with examples; cells apart from their limits, and sums over codes: a slider
    # on five million rows; then pages that are open before they are asked for: of which question and files, and what becomes of a
    # kernel that was promised; and what a page must add where its controls, not the data, chose what is compared)
    assert sum(map(code_lines, MODULES)) < 23250


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, g3lib; print([m for m in ('pandas', 'matplotlib', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_names_that_notebooks_use_are_there() -> None:
    code = "from g3lib import subsidy, channels, targets, campaigns, causes, charts, claims, open_report; print('ok')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "ok"


def test_environment_agrees_with_pyproject(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {*project["dependencies"], *project["optional-dependencies"]["dev"]}
    plain = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    conda = {d for d in plain if isinstance(d, str)} - {"pip"}
    conda |= {d for part in plain if isinstance(part, dict) for d in part["pip"]} - {"-e ."}  # what conda-forge lacks
    assert conda == {*wanted, f"python{project['requires-python']}"}


def test_constraints_are_plain_pins_within_the_bounds(root: Path) -> None:
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lines)
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    pinned = {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in lines}
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for text in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)]), text
