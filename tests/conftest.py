"""One store for the session: the shipped tables and the made-up province, through the real gate."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# the same examples on every machine: a red CI can be seen again; `make study` draws others
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """Before any worker or notebook kernel starts: they find the store through the environment."""
    if hasattr(config, "workerinput"):
        return
    folder = Path(tempfile.mkdtemp(prefix="g3-tests-"))
    config.stash[_FOLDER] = folder
    os.environ["G3_STORE"] = str(folder / "store")
    os.environ["G3_KEY_FILE"] = str(folder / "key")
    os.environ["G3_SCENARIOS"] = str(folder / "scenarios")
    os.environ["G3_HEADINGS"] = str(folder / "headings.csv")
    os.environ["G3_TEST_SAMPLE"] = str(folder / "sample")
    if config.option.collectonly:
        return
    from g3lib.tables import adding, loading, sample

    sample.make(folder / "sample")
    loaded = adding.load(folder / "store", loading.exports_in((ROOT / "data" / "sources", folder / "sample")))
    faults = [fault for one in loaded for fault in one.faults]
    assert not faults, faults


def pytest_unconfigure(config: pytest.Config) -> None:
    if _FOLDER in config.stash:
        shutil.rmtree(config.stash[_FOLDER], ignore_errors=True)


_FOLDER = pytest.StashKey[Path]()


@pytest.fixture(scope="session", autouse=True)
def _templates():
    """Templates kept for the session: a run of a test forks from them and need not start its own."""
    from g3lib.runs.warm.client import KERNELS, WORKERS, Template, why_impossible

    if why_impossible():
        yield
        return
    kept = {variable: Template(role) for variable, role in ((KERNELS, "kernels"), (WORKERS, "workers"))}
    os.environ |= {variable: template.path for variable, template in kept.items()}
    yield
    for variable, template in kept.items():
        del os.environ[variable]
        template.close()


@pytest.fixture
def own_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of this test start templates of their own, as a user's do."""
    for variable in ("G3_WARM", "G3_WARM_WORKERS"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project."""
    return ROOT


@pytest.fixture(scope="session")
def sample_folder() -> Path:
    """The made-up province's exports and its truth."""
    return Path(os.environ["G3_TEST_SAMPLE"])


@pytest.fixture(scope="session")
def store():
    """The session's store."""
    from g3lib.tables.store import Store

    return Store(Path(os.environ["G3_STORE"]))


@pytest.fixture(scope="session")
def workspace_copy(tmp_path_factory: pytest.TempPathFactory):
    """A workspace of its own with the project's notebooks; its store is the session's."""
    from g3lib.tables.workspace import Workspace

    folder = tmp_path_factory.mktemp("workspace")
    (folder / "data").mkdir()
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    return Workspace(folder)
