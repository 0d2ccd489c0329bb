"""The store: what adds, corrects or overlaps, which files a reading opens, and a load that is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from g3lib.cli import main
from g3lib.errors import DataError
from g3lib.periods import Period
from g3lib.tables import adding
from g3lib.tables.dataset import Dataset
from g3lib.tables.schema import SCHEMA_VERSION
from g3lib.tables.store import Store

HEAD = "日期,分公司,渠道,台数"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("G3_KEY_FILE", str(tmp_path / "secret" / "key"))
    monkeypatch.setenv("G3_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "exports"
    made.mkdir()
    return made


def write(folder: Path, name: str, *rows: str, head: str = HEAD) -> Path:
    path = folder / name
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def load(root: Path, *paths: Path) -> list[str]:
    return [outcome.state for result in adding.load(root, paths) for outcome in result.outcomes]


def units(root: Path) -> dict[tuple[str, str, str], float]:
    rows = Store(root).read("sales")
    keys = zip(rows["date"].dt.strftime("%Y-%m-%d"), rows["branch"], rows["channel"], strict=True)
    return dict(zip(keys, rows["units"], strict=True))


def snapshot(root: Path) -> pd.DataFrame:
    rows = Store(root).read("sales")
    return rows.sort_values(["branch", "date", "channel"], ignore_index=True)


# ---- what a second file does --------------------------------------------------------------------------


def test_the_same_file_twice_adds_nothing(root: Path, folder: Path) -> None:
    path = write(folder, "a.csv", "2010-01,睢县,自营,3")
    assert load(root, path) == ["added"]
    before = (root / "manifest.json").read_bytes()
    assert load(root, path) == ["already"]
    path.rename(folder / "renamed.csv")
    assert load(root, folder / "renamed.csv") == ["already"]
    assert (root / "manifest.json").read_bytes() == before
    assert units(root) == {("2010-01-01", "睢县", "own"): 3}


def test_a_corrected_file_replaces_its_earlier_rows(root: Path, folder: Path) -> None:
    first = write(folder, "a.csv", "2010-01,睢县,自营,3", "2010-01,睢县,社会,5")
    corrected = write(folder, "a-corrected.csv", "2010-01,睢县,自营,4", "2010-01,睢县,社会,5")
    assert load(root, first, corrected) == ["added", "replaced"]
    assert units(root) == {("2010-01-01", "睢县", "own"): 4, ("2010-01-01", "睢县", "social"): 5}
    assert [e.file for e in Store(root).manifest.superseded] == ["a.csv"]
    assert load(root, first) == ["superseded"]
    assert units(root)["2010-01-01", "睢县", "own"] == 4


def test_masked_then_corrected(root: Path, folder: Path) -> None:
    head = HEAD + ",补贴"
    masked = write(folder, "masked.csv", "2010-01,睢县,自营,3,*", head=head)
    assert load(root, masked) == ["added"]
    assert Store(root).read("sales")["subsidy"].isna().all()
    assert load(root, write(folder, "corrected.csv", "2010-01,睢县,自营,3,120", head=head)) == ["replaced"]
    assert Store(root).read("sales")["subsidy"].tolist() == [120]


def test_a_file_whose_faults_were_mended_replaces_what_was_good_of_it(root: Path, folder: Path) -> None:
    bad = write(folder, "a.csv", "2010-01,睢县,自营,3", "2010-01,宁陵,自营,x", "2010-02,睢县,自营,*")
    assert load(root, bad) == ["added"]
    assert units(root) == {("2010-01-01", "睢县", "own"): 3}
    mended = write(folder, "mended.csv", "2010-01,睢县,自营,3", "2010-01,宁陵,自营,7", "2010-02,睢县,自营,9")
    assert load(root, mended) == ["replaced"]
    assert sum(units(root).values()) == 19


def test_a_mended_date_needs_the_files_own_name(root: Path, folder: Path) -> None:
    write(folder, "a.csv", "2010-01,睢县,自营,3", "2010-02-30,宁陵,自营,1")
    assert load(root, folder / "a.csv") == ["added"]
    rows = ("2010-01,睢县,自营,3", "2010-02,宁陵,自营,1")
    assert load(root, write(folder, "other.csv", *rows, "2010-03,宁陵,自营,1")) == ["refused"]
    assert load(root, write(folder, "a.csv", *rows)) == ["replaced"]


def test_a_partial_overlap_is_refused_and_named(root: Path, folder: Path) -> None:
    write(folder, "a.csv", "2010-01,睢县,自营,3", "2010-02,睢县,自营,4")
    overlap = write(folder, "b.csv", "2010-02,睢县,自营,4", "2010-03,睢县,自营,5")
    assert load(root, folder / "a.csv") == ["added"]
    (result,) = adding.load(root, [overlap])
    ((outcome,), (fault,)) = result.outcomes, result.faults
    assert outcome.state == "refused"
    assert (fault.file, fault.found) == ("b.csv", "a.csv already holds 睢县 2010-02")
    assert sum(units(root).values()) == 7
    kept = next((root / "rejected").glob("*.csv")).read_text(encoding="utf-8-sig")
    assert kept.count("a.csv already holds 睢县 2010-02") == 2
    assert [e.file for e in Store(root).manifest.entries] == ["a.csv"]


@pytest.mark.parametrize("first", ["month", "day"])
def test_days_beside_their_month_are_refused(root: Path, folder: Path, first: str) -> None:
    month = write(folder, "month.csv", "2010-01,睢县,自营,3")
    days = write(folder, "days.csv", "2010-01-05,睢县,自营,1", "2010-01-06,睢县,自营,2")
    paths = [month, days] if first == "month" else [days, month]
    results = adding.load(root, paths)
    assert [o.state for r in results for o in r.outcomes] == ["added", "refused"]
    (fault,) = results[1].faults
    assert fault.expected == "either the days of a month or its sum"
    assert "睢县 2010-01" in fault.found
    assert sum(units(root).values()) == 3


def test_days_of_one_channel_beside_the_month_of_another_are_refused(root: Path, folder: Path) -> None:
    write(folder, "month.csv", "2010-01,睢县,自营,3")
    assert load(root, folder / "month.csv", write(folder, "days.csv", "2010-01-05,睢县,社会,1")) == ["added", "refused"]


def test_days_of_another_month_or_branch_stand_beside_a_month(root: Path, folder: Path) -> None:
    write(folder, "month.csv", "2010-01,睢县,自营,3")
    days = write(folder, "days.csv", "2010-02-05,睢县,自营,1", "2010-01-05,宁陵,自营,2")
    assert load(root, folder / "month.csv", days) == ["added", "added"]


def test_the_second_half_of_a_month_is_added_to_its_first(root: Path, folder: Path) -> None:
    first = write(folder, "first.csv", "2010-01-01,睢县,自营,1", "2010-01-15,睢县,自营,2")
    second = write(folder, "second.csv", "2010-01-16,睢县,自营,4", "2010-01-31,睢县,自营,8")
    assert load(root, first, second) == ["added", "added"]
    assert sum(units(root).values()) == 15
    within = write(folder, "within.csv", "2010-01-10,睢县,自营,1")
    assert load(root, within) == ["refused"]
    whole = write(folder, "whole.csv", *(f"2010-01-{day:02d},睢县,自营,1" for day in range(1, 32)))
    assert load(root, whole) == ["replaced"]
    assert sum(units(root).values()) == 31


def test_another_channel_of_the_same_month_stands_side_by_side(root: Path, folder: Path) -> None:
    own = write(folder, "own.csv", "2010-01,睢县,自营,3")
    social = write(folder, "social.csv", "2010-01,睢县,社会,5")
    assert load(root, own, social) == ["added", "added"]
    assert units(root) == {("2010-01-01", "睢县", "own"): 3, ("2010-01-01", "睢县", "social"): 5}
    assert load(root, write(folder, "own2.csv", "2010-01,睢县,自营,4")) == ["replaced"]
    assert units(root) == {("2010-01-01", "睢县", "own"): 4, ("2010-01-01", "睢县", "social"): 5}


def test_a_correction_without_a_channel_replaces_and_says_what_is_gone(root: Path, folder: Path) -> None:
    both = write(folder, "both.csv", "2010-01,睢县,自营,3", "2010-01,睢县,社会,5")
    adding.load(root, [both])
    (loaded,) = adding.load(root, [write(folder, "own.csv", "2010-01,睢县,自营,4")])
    (outcome,) = loaded.outcomes
    assert (outcome.state, outcome.replaced, outcome.gone) == ("replaced", ("both.csv",), ("social",))
    assert sum(units(root).values()) == 4


def test_two_sheets_of_one_workbook_do_not_correct_each_other(root: Path, folder: Path) -> None:
    with pd.ExcelWriter(folder / "book.xlsx") as book:
        for sheet, count in (("明细", 3), ("汇总", 4)):
            row = {"日期": ["2010-01"], "分公司": ["睢县"], "渠道": ["自营"], "台数": [count]}
            pd.DataFrame(row).to_excel(book, sheet_name=sheet, index=False)
    assert load(root, folder / "book.xlsx") == ["added", "refused"]
    assert sum(units(root).values()) == 3


def test_the_same_bytes_understood_otherwise_are_other_data(root: Path, folder: Path) -> None:
    """A heading learnt since, or another reading of a cell, gives other rows of the same file: who read them is stale."""
    load(root, write(folder, "a.csv", "2010-01,甲,自营,5"), write(folder, "b.csv", "2010-01,乙,自营,5"))
    before = Store(root)
    (root / "manifest.json").write_text((root / "manifest.json").read_text(encoding="utf-8").replace(before.entries("sales", ["甲"])[0].parts["甲"].digest, "0" * 64))
    after = Store(root)
    assert before.digest != after.digest
    own = {branch: [Dataset(store, branch, Period.parse("2010-01")).digest([("sales", "own")]) for store in (before, after)] for branch in "甲乙"}
    assert own["甲"][0] != own["甲"][1]
    assert own["乙"][0] == own["乙"][1]


def test_loading_a_folder_twice_is_idempotent(root: Path, folder: Path) -> None:
    write(folder, "a.csv", "2010-01,睢县,自营,3", "2010-01,宁陵,自营,x")
    (folder / "corrected").mkdir()
    write(folder / "corrected", "a2.csv", "2010-01,睢县,自营,4", "2010-01,宁陵,自营,5")
    write(folder, "b.csv", "2010-02,睢县,自营,3")
    run = CliRunner()
    first = run.invoke(main, ["load", str(folder)])
    files = {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}
    again = run.invoke(main, ["load", str(folder)])
    assert (first.exit_code, again.exit_code) == (1, 1)  # a.csv has a fault, and still has
    assert {p: p.read_bytes() for p in root.rglob("*") if p.is_file()} == files
    assert sum(units(root).values()) == 12


def test_reference_tables_are_known_by_their_keys(root: Path, folder: Path) -> None:
    head = "分公司,上级,级别"
    write(folder, "a.csv", "睢县,全区,县", "宁陵,全区,县", head=head)
    same = write(folder, "b.csv", "睢县,商丘,县", "宁陵,商丘,县", head=head)
    part = write(folder, "c.csv", "睢县,商丘,县", "虞城,商丘,县", head=head)
    assert load(root, folder / "a.csv", same, part) == ["added", "replaced", "refused"]
    assert Store(root).read("branches")["parent"].tolist() == ["商丘", "商丘"]


# ---- reading ------------------------------------------------------------------------------------------


def test_a_branchs_reading_opens_that_branchs_files_alone(root: Path, folder: Path) -> None:
    load(root, write(folder, "a.csv", "2010-01,睢县,自营,3", "2010-01,宁陵,自营,4", "2010-02,宁陵,社会,5"))
    store = Store(root)
    parts = store.manifest.entries[0].parts
    assert {branch: Path(part.path).parent.as_posix() for branch, part in parts.items()} == {
        "睢县": "sales/睢县", "宁陵": "sales/宁陵",
    }  # fmt: skip
    (root / parts["宁陵"].path).write_bytes(b"no parquet")
    assert store.read("sales", ["睢县"])["units"].tolist() == [3]
    with pytest.raises(Exception, match=r"(?i)parquet|magic"):
        store.read("sales", ["宁陵"])


def test_absent_columns_are_there_and_empty(root: Path, folder: Path) -> None:
    load(root, write(folder, "a.csv", "2010-01,睢县,自营,3"))
    rows = Store(root).read("sales", ["睢县"])
    assert rows["subsidy"].isna().all()
    assert rows["device_class"].isna().all()
    assert "_row" not in rows
    assert Store(root).read("sales", ["没有"]).empty


def test_a_stated_total_is_in_no_branchs_files(root: Path, folder: Path) -> None:
    load(root, write(folder, "a.csv", "睢县,2010-02,9.65%", "合计,2010-02,24.54%", head="分公司,日期,参与率"))
    assert Store(root).read("participation")["branch"].tolist() == ["睢县"]
    assert Store(root).stated_totals("participation")["rate"].tolist() == [0.2454]


@pytest.mark.parametrize("branch", ["../外", "a/b", "CON", "x" * 300, "=1+1", "'; DROP TABLE x; --", "县😀", "_", "East", "east"])
def test_a_hostile_branch_name_is_text_and_no_path(root: Path, folder: Path, branch: str) -> None:
    load(root, write(folder, "a.csv", f"2010-01,{branch},自营,3", "2010-01,睢县,自营,4"))
    outside = [p for p in folder.parent.rglob("*.parquet") if root not in p.parents]
    assert outside == []
    assert all(len(p.relative_to(root).parts) == 3 for p in root.rglob("*.parquet"))
    own = Store(root).read("sales", [branch])
    assert own["branch"].tolist() == ([] if branch == "_" else [branch])
    assert Store(root).read("sales", ["睢县"])["units"].tolist() == [4]


def test_an_altered_manifest_leads_to_no_file_outside_the_store(root: Path, folder: Path) -> None:
    load(root, write(folder, "a.csv", "2010-01,睢县,自营,3"))
    secret = folder / "secret.parquet"
    pd.DataFrame({"units": [1.0]}).to_parquet(secret)
    manifest = root / "manifest.json"
    honest = json.loads(manifest.read_text(encoding="utf-8"))
    assert Store(root).read("sales")["units"].tolist() == [3]
    for path in (str(secret), "../exports/secret.parquet", "sales/../../exports/secret.parquet"):
        altered = json.loads(json.dumps(honest))
        altered["entries"][0]["parts"]["睢县"]["path"] = path
        manifest.write_text(json.dumps(altered), encoding="utf-8")
        with pytest.raises(DataError, match="is not in the store: it was altered"):
            Store(root).read("sales")


# ---- the manifest, and loads that are killed ----------------------------------------------------------


def test_a_manifest_of_a_newer_schema_is_refused(root: Path, folder: Path) -> None:
    path = write(folder, "a.csv", "2010-01,睢县,自营,3")
    load(root, path)
    manifest = root / "manifest.json"
    newer = json.loads(manifest.read_text(encoding="utf-8")) | {"schema_version": SCHEMA_VERSION + 1, "unheard_of": 1}
    manifest.write_text(json.dumps(newer), encoding="utf-8")
    with pytest.raises(DataError, match=f"has schema version {SCHEMA_VERSION + 1}, this g3lib reads {SCHEMA_VERSION}"):
        Store(root)
    done = CliRunner().invoke(main, ["load", str(path)])
    assert (done.exit_code, done.exception.__class__) == (1, SystemExit)
    assert "schema version" in done.output
    assert json.loads(manifest.read_text(encoding="utf-8")) == newer


def test_another_machines_key_is_refused_and_the_store_stays(root: Path, folder: Path, tmp_path: Path) -> None:
    head = HEAD + ",客户号码"
    load(root, write(folder, "a.csv", "2010-01-05,睢县,自营,1,13800138000", head=head))
    before = (root / "manifest.json").read_bytes()
    (tmp_path / "secret" / "key").write_text("00" * 32)
    with pytest.raises(DataError, match="would count twice"):
        load(root, write(folder, "b.csv", "2010-02-05,睢县,自营,1,13800138000", head=head))
    assert (root / "manifest.json").read_bytes() == before
    assert load(root, write(folder, "c.csv", "2010-03,睢县,自营,1")) == ["added"]


def test_what_a_killed_load_left_is_swept_and_somebodys_own_file_is_not(root: Path, folder: Path) -> None:
    load(root, write(folder, "a.csv", "2010-01,睢县,自营,3"))
    left = [root / "sales" / "睢县" / name for name in (f"{'0' * 12}-{'a' * 12}.parquet", ".x.parquet.123.tmp")]
    for path in left:
        path.write_bytes(b"half")
    own = root / "my-export.parquet"
    own.write_bytes(b"somebody's")
    assert units(root) == {("2010-01-01", "睢县", "own"): 3}
    load(root, write(folder, "b.csv", "2010-02,睢县,自营,3"))
    assert [path.exists() for path in left] == [False, False]
    assert own.exists()
    assert sum(units(root).values()) == 6


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")
def test_a_load_killed_at_any_moment_leaves_the_store_as_before_or_as_after(root: Path, folder: Path) -> None:
    branches = [f"样例{number:02d}区" for number in range(30)]

    def export(count: int) -> Path:
        rows = (f"2010-{month:02d},{branch},自营,{count}" for branch in branches for month in range(1, 13))
        return write(folder, f"sales-{count}.csv", *rows)

    load(root, export(1))
    code = "import sys; from pathlib import Path; from g3lib.tables import adding\nprint('go', flush=True)\n"
    code += "adding.load(Path(sys.argv[1]), [Path(sys.argv[2])])"
    draw, seen, span = random.Random(2010), set(), 0.0
    for count in range(2, 17):
        before, path = snapshot(root), export(count)
        child = subprocess.Popen([sys.executable, "-c", code, str(root), str(path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        start = time.perf_counter()
        if count > 2:  # the first one shows how long a load takes
            time.sleep(draw.uniform(0.05, 1.05) * span)
            os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        span = span or time.perf_counter() - start
        found = snapshot(root)
        after = before.assign(units=float(count))
        state = "before" if found.equals(before) else "after"
        assert found.equals(before if state == "before" else after)
        assert len(Store(root).manifest.entries) == 1
        seen.add(state)
    assert seen == {"before", "after"}
    assert load(root, export(99)) == ["replaced"]
    assert snapshot(root)["units"].eq(99).all()
    assert not list(root.rglob(".*.tmp"))
    named = {part.path for e in (*Store(root).manifest.entries, *Store(root).manifest.superseded) for part in e.parts.values()}
    assert {p.relative_to(root).as_posix() for p in root.rglob("*.parquet")} == named


def test_rows_among_some_values_and_no_others(store) -> None:
    whole = store.read("activity", ["样例一区"], ["customer", "month", "revenue"])
    few = whole["customer"].drop_duplicates().head(3)
    found = store.read("activity", ["样例一区"], ["customer", "month", "revenue"], among=few)
    assert found.equals(whole[whole["customer"].isin(few)].reset_index(drop=True))
    assert store.read("activity", ["样例一区"], among=few.iloc[:0]).empty
