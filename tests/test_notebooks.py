"""The notebooks' anatomy, and that their committed outputs are a baseline that can fail."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from g3lib.findings import in_notebook
from g3lib.labels import VOCABULARIES

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("0*.ipynb"))


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_anatomy(path: Path) -> None:
    found = cells(path)
    tags = [c["metadata"].get("tags", [""])[0] for c in found]
    assert tags[:5] == ["note", "parameters", "load", "calculate", "headline"]
    assert tags[-2:] == ["checks", "provenance"]
    assert 1 <= tags.count("evidence") <= 4
    for cell in found:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            assert not re.search(r"^\s*(def|class|for|while|if|lambda)\b", source, re.MULTILINE)
            assert not any(output.get("output_type") == "error" for output in cell["outputs"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_parameter_is_typed_and_explained(path: Path) -> None:
    lines = "".join(cells(path)[1]["source"]).splitlines()
    assert all(re.fullmatch(r"\w+: (str|float|int|bool|dict) = \S.*  # .+", line) for line in lines)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_outputs_are_committed_and_small(path: Path) -> None:
    assert path.stat().st_size <= 400_000
    assert all(c["outputs"] for c in cells(path) if c["cell_type"] == "code" and c["metadata"]["tags"][0] in ("headline", "evidence"))


def validate(folder: Path, notebook: Path) -> subprocess.CompletedProcess[str]:
    # a plain pytest of its own: neither this suite's configuration nor its workers
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-p", "no:cacheprovider", "-c", "/dev/null",
               "--rootdir", str(folder), str(notebook)]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


@pytest.fixture(scope="module")
def signup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("baseline")
    (folder / "data").mkdir()
    (folder / "notebooks").mkdir()
    return Path(shutil.copy(next(p for p in NOTEBOOKS if p.stem.startswith("04")), folder / "notebooks"))


def test_the_baseline_holds(signup: Path) -> None:
    done = validate(signup.parent, signup)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize(("old", "new"), [("41.36%", "41.37%"), ('"value": 0.3171', '"value": 0.3172'), ("0.4136", "0.4137")])
def test_one_changed_digit_fails(signup: Path, old: str, new: str) -> None:
    text = signup.read_text(encoding="utf-8")
    assert old in text
    changed = signup.with_name(f"changed-{new[-3:]}.ipynb")
    changed.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert validate(signup.parent, changed).returncode == 1


def test_papermill_alone_runs_a_branch(tmp_path: Path, root: Path) -> None:
    out = tmp_path / "out.ipynb"
    command = [sys.executable, "-m", "papermill", "notebooks/04-signup-campaign.ipynb", str(out), "-p", "branch", "宁陵"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "36.82%" in out.read_text(encoding="utf-8")


def test_the_brief_says_what_the_subsidy_report_says(root: Path) -> None:
    """Both are committed for one branch and month, and each is compared with a fresh run by nbval."""
    brief, report = ({f.name: f for f in in_notebook(json.loads((root / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")))}
                     for name in ("00-branch-brief", "01-subsidy-efficiency"))  # fmt: skip
    shared = ["subsidy.rate", "lifecycle.fails", "customers.valid", "caused.incremental"]
    assert set(shared) <= set(brief)
    for name in shared:
        assert replace(brief[name], headline=False) == replace(report[name], headline=False)


SNIPPETS = re.findall(r"```python\n(.*?)```", (NOTEBOOKS[0].parent.parent / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda text: text.splitlines()[-1][:30])
def test_the_readmes_snippets_run(snippet: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    names: dict[str, object] = {}
    *lines, last = snippet.rstrip().splitlines()
    exec("\n".join(lines), names)
    assert eval(last, names) is not None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_definition_has_words_in_both_languages(path: Path) -> None:
    codes = {f.definition for f in in_notebook(json.loads(path.read_text(encoding="utf-8"))) if f.definition}
    assert codes and codes <= VOCABULARIES["definition"].keys()
    for code in codes:
        assert re.search("[一-鿿]", VOCABULARIES["definition"][code].zh)
        assert not re.search("_|[一-鿿]", VOCABULARIES["definition"][code].en)
