"""What a notebook says of itself is read from it, and a name that is none is told which are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from g3lib.about import About
from g3lib.errors import UsageError


def notebook(folder: Path, name: str, **g3: object) -> Path:
    path = folder / name
    path.write_text(json.dumps({"metadata": {"g3": g3} if g3 else {}, "cells": []}), encoding="utf-8")
    return path


def test_every_shipped_notebook_says_all_of_it(root: Path) -> None:
    for path in sorted((root / "notebooks").glob("0*.ipynb")):
        about = About.read(path)
        assert about.unit in ("branch", "province", "case")
        # a title that is left out is the file's name, a question nothing
        assert set(about.title.values()).isdisjoint({path.stem, ""}), path.name
        assert "" not in about.question.values(), path.name


def test_a_notebook_that_says_nothing_goes_by_its_files_name(tmp_path: Path) -> None:
    about = About.read(notebook(tmp_path, "09-new.ipynb"))
    assert (about.unit, about.needs, about.title["en"], about.question["zh"]) == ("", (), "09-new", "")


def test_found_with_or_without_its_number(tmp_path: Path) -> None:
    notebook(tmp_path, "07-plan.ipynb", unit="province", needs=["sales.subsidy"])
    assert About.find(tmp_path, "plan") == About.find(tmp_path, "07-plan")
    assert About.find(tmp_path, "plan").needs == ("sales.subsidy",)


def test_an_unknown_name_lists_the_known(tmp_path: Path) -> None:
    notebook(tmp_path, "07-plan.ipynb")
    with pytest.raises(UsageError, match="'paln' is no notebook of .*; known: plan"):
        About.find(tmp_path, "paln")
