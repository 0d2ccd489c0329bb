"""A QC case: read and validated as a whole, computed, audited; the shipped cases say what their documents say."""

from __future__ import annotations

import ast
import itertools
import math
import re
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from demo_case import CONFOUNDED, MASKED, PLANTED, write
from scipy import stats

from g3lib.errors import DataError, NoData
from g3lib.findings import Status, Verdict
from g3lib.labels import VOCABULARIES, read_csv
from g3lib.qc.story import audit as auditing
from g3lib.qc.story import change
from g3lib.qc.story.audit import audit
from g3lib.qc.story.case import SPEC
from g3lib.qc.story.computed import computed, declared
from g3lib.qc.story.pictures import picture
from g3lib.qc.story.reading import read_case
from g3lib.report.case import CaseData
from g3lib.report.claims import causes as of_branch
from g3lib.report.claims import characteristic, outcome, verdicts
from g3lib.report.claims import story as told
from g3lib.report.claims.voice import Voice

CASES = Path(__file__).resolve().parent.parent / "data" / "cases"
DEMO, NANQU = CASES / "demo-province", CASES / "nanqu-2010"


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO, tmp_path / "demo"))


def retold(folder: Path, **changes: object) -> None:
    plain = yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))
    for path, value in changes.items():
        section, _, key = path.partition("__")
        if key:
            plain.setdefault(section, {})[key] = value
        elif value is None:
            plain.pop(section)
        else:
            plain[section] = value
    (folder / "case.yaml").write_text(yaml.safe_dump(plain, allow_unicode=True), encoding="utf-8")


def edit(folder: Path, name: str, row: int | None, column: str, value: object) -> None:
    path = folder / f"{name}.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[slice(None) if row is None else row, column] = value
    table.to_csv(path, index=False)


def reasons(folder: Path) -> dict[int, dict[str, str]]:
    table = audit(computed(read_case(folder)))
    return {int(step): dict(zip(own["reason"], own["detail"], strict=True)) for step, own in table.groupby("step")}


# ---- the shipped cases --------------------------------------------------------------------------------


def test_the_documents_case_stops_where_its_document_stops() -> None:
    case = read_case(NANQU)
    story = computed(case)
    steps = audit(story).drop_duplicates("step").set_index("step")["verdict"].to_dict()
    assert steps == {1: "complete", 2: "incomplete", **dict.fromkeys(range(3, 11), "missing")}
    assert not case.made_up
    # the document's own figures: 1,678 in three months, shares 15.55, 65.61, 18.83, target 16,475 a year
    assert case.table("survey")["count"].sum() == 1678
    shares = story.levels[0].pareto.set_index("渠道")["share"]
    assert shares.round(4).to_dict() == {"社会": 0.6561, "末端": 0.1883, "自营": 0.1555}
    assert round(story.now.value, 2) == 559.33
    assert round(12 * case.say("topic", "requirement"), 6) == 16475
    assert case.table("series")["value"].tolist() == [590, 452, 636]
    # sixteen activities are a number, not a list; ten members by role
    assert case.say("group", "meetings") == 16 and "schedule" not in case.tables
    assert len(case.table("roster")) == 10
    assert "姓名" not in (NANQU / "roster.csv").read_text(encoding="utf-8")


def test_the_demonstration_is_whole_and_its_planted_causes_are_found() -> None:
    story = computed(read_case(DEMO))
    assert (audit(story)["verdict"] == "complete").all()
    assert dict(zip(story.tested["cause"], story.tested["verdict"], strict=True)) == PLANTED
    by_cause = story.tested.set_index("cause")
    masked, made = by_cause.loc[MASKED], by_cause.loc[CONFOUNDED]
    assert abs(masked["crude"]) < masked["minimum_effect"] < masked["low"]
    assert made["low_crude"] > made["minimum_effect"] > abs(made["effect"])


def test_the_demonstration_is_made_again_byte_for_byte(tmp_path: Path) -> None:
    write(tmp_path)
    made = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert made == {p.name: p.read_bytes() for p in DEMO.iterdir()}


# ---- computed -----------------------------------------------------------------------------------------


def test_the_figures_of_the_demonstration_by_hand() -> None:
    case = read_case(DEMO)
    story, series = computed(case), case.table("series")
    before = series[(series["phase"] == "before") & series["excluded"].isna()]
    after = series[series["phase"].isin(["after", "consolidation"])]
    rates = [part["count"].sum() / part["of"].sum() for part in (before, after)]
    assert (story.effect.before.value, story.effect.after.value) == pytest.approx(rates)
    assert story.gap == pytest.approx(rates[0] - 0.20)
    survey = case.table("survey")
    first = survey[survey["phase"] == "before"]
    inside = first[(first["渠道"] == "末端") & (first["区域"] == "乡镇")]["count"].sum()
    assert story.crux_share == pytest.approx(inside / first["count"].sum())
    assert story.goal.needed == pytest.approx(rates[0] * (1 - inside / first["count"].sum() * 0.8))
    assert story.effect.attainment == pytest.approx((rates[1] - rates[0]) / (0.20 - rates[0]))
    assert story.benefit.net == pytest.approx(15_000 * (rates[0] - rates[1]) * 120 - 70_000)
    assert story.benefit.low == pytest.approx(15_000 * -story.effect.high * 120 - 70_000)


def test_a_month_set_aside_moves_no_figure(demo: Path) -> None:
    first = computed(read_case(demo))
    edit(demo, "series", 0, "件数", "200")
    again = computed(read_case(demo))
    assert again.effect == first.effect
    assert again.location.lower.tolist() == first.location.lower.tolist()


def test_points_that_scatter_more_widen_the_interval(demo: Path) -> None:
    calm = computed(read_case(demo)).effect
    table = pd.read_csv(demo / "series.csv", dtype=str, keep_default_na=False)
    for i in range(1, 12):  # the same sum, far more scatter
        table.loc[i, "件数"] = str(int(table.loc[i, "件数"]) + (100 if i % 2 else -100) * (i != 11))
    table.to_csv(demo / "series.csv", index=False)
    wild = computed(read_case(demo)).effect
    assert wild.before.count == calm.before.count
    assert wild.dispersion > 3 > calm.dispersion
    assert wild.high - wild.low > 1.5 * (calm.high - calm.low)


def test_a_volume_is_held_by_welch(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(NANQU, tmp_path / "n"))
    rows = [("2010-02", "after", 900), ("2010-03", "after", 1000), ("2010-04", "after", 950)]
    with (folder / "series.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"{m},{p},{v}\n" for m, p, v in rows)
    retold(folder, target={"value": 1200, "basis": "peer", "reference": 1250})
    story = computed(read_case(folder))
    from scipy.stats import ttest_ind

    interval = ttest_ind([900, 1000, 950], [590, 452, 636], equal_var=False).confidence_interval()
    assert (story.effect.low, story.effect.high) == pytest.approx((interval.low, interval.high))
    assert story.effect.met is False
    assert story.goal.holds


# ---- the audit ----------------------------------------------------------------------------------------


def test_a_target_beyond_its_basis_is_said(demo: Path) -> None:
    retold(demo, target__value=0.05)
    assert "beyond_basis" in reasons(demo)[3]
    retold(demo, target__solvable_basis="x", target__solvable=None)
    assert "no_arithmetic" in reasons(demo)[3]


def test_a_countermeasure_for_no_cause_is_orphaned_and_the_cause_left_without(demo: Path) -> None:
    edit(demo, "countermeasures", 0, "要因", "未设G3专区")
    found = reasons(demo)[6]
    assert found["orphaned"] == "D1（未设G3专区）"
    assert found["no_countermeasure"] == "店员未通过补贴政策考核"


def test_an_end_cause_without_a_test_and_one_left_general(demo: Path) -> None:
    with (demo / "causes.csv").open("a", encoding="utf-8") as file:
        file.write("服务意识不强,方法\n")
    found = reasons(demo)
    assert found[4] == {"general": "服务意识不强"}
    assert found[5] == {"untested": "服务意识不强"}


def test_every_step_says_what_it_lacks(demo: Path) -> None:
    retold(demo, survey__strata=["渠道"], survey__source=None, benefit=None, next_topic=None, lessons__people=None, topic__reason="")
    edit(demo, "implementation", None, "目标值", "0.01")
    edit(demo, "implementation", None, "副作用", "")
    for name in ("options", "standards"):
        (demo / f"{name}.csv").unlink()
    found = reasons(demo)
    assert found[1] == {"no_reason": ""}
    assert set(found[2]) == {"one_stratum", "no_source"}
    assert set(found[6]) == {"no_options"}
    assert set(found[7]) == {"goal_missed", "no_side_effects"}
    assert "no_benefit" in found[8]
    assert found[9] == {"no_standard": ""}
    assert set(found[10]) == {"no_people", "no_next"}


def test_few_units_leave_the_step_undecided(demo: Path) -> None:
    table = pd.read_csv(demo / "display.csv", dtype=str)
    table.head(40).to_csv(demo / "display.csv", index=False)
    assert "undecided" in reasons(demo)[5]
    story = computed(read_case(demo))
    row = story.tested.set_index("cause").loc["未设G3专区"]
    said = {f.name: f.text for f in told.confirmed(Voice("zh", "b", "2010-01"), story)}["cause.未设G3专区"]
    assert row.needed > 40 and f"约需{row.needed:,.0f}个对象才有80%的把握判定" in said


def test_every_reason_has_its_words() -> None:
    given = set()
    for node in ast.walk(ast.parse(Path(auditing.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.For) and isinstance(node.iter, ast.Tuple):  # no_ and each of the names that a loop goes through
            given |= {f"no_{name.value}" for name in node.iter.elts}
        reason = node.value.elts[0] if isinstance(node, ast.Yield) else None
        ways = [reason.body, reason.orelse] if isinstance(reason, ast.IfExp) else [reason]
        given |= {way.value for way in ways if isinstance(way, ast.Constant)}
    assert given | {"no_data"} == VOCABULARIES["audit"].keys()


# ---- refused ------------------------------------------------------------------------------------------


def test_every_fault_of_every_file_is_listed(demo: Path) -> None:
    edit(demo, "series", 1, "件数", "many")
    edit(demo, "series", 2, "阶段", "later")
    edit(demo, "schedule", 0, "计划开始", "soon")
    edit(demo, "radar", 1, "活动后", "")
    (demo / "standards.csv").write_text("编号,标准,归口部门\nD1,x,y\n", encoding="utf-8")
    (demo / "roster.csv").write_bytes(b"\xff\xfe\x00\x01broken")
    (demo / "activities.csv").write_text("工作,工期,紧前工作,多余\na,1,,x\n", encoding="utf-8")
    with pytest.raises(DataError) as fault:
        read_case(demo)
    said = str(fault.value)
    for text in ("series.csv row 3, 件数: many", "series.csv row 4, 阶段: later", "schedule.csv row 2, 计划开始: soon",
                 "radar.csv row 3, 活动后: nothing", "standards.csv, 生效日期: no such column; expected the column 生效日期 (in_force)", "activities.csv, 多余: a column that the table does not have",
                 "roster.csv"):  # fmt: skip
        assert text in said, (text, said)


def test_what_reads_is_fitted_together_in_the_same_pass(demo: Path) -> None:
    edit(demo, "schedule", 0, "计划开始", "2013-01")
    edit(demo, "survey", 2, "渠道", "总和")
    edit(demo, "series", 3, "期间", "合计")
    edit(demo, "exam", 1, "未通过", "有")
    edit(demo, "stock", 0, "缺货频繁", "12分")
    edit(demo, "standards", 0, "生效日期", "2012-12-31")
    (demo / "case.yaml").write_text((demo / "case.yaml").read_text(encoding="utf-8") + "\nnext: a: b\n", encoding="utf-8")
    said = faults_of(demo)
    for text in ("schedule.csv row 2, 计划开始: 2013-01; expected a day such as 2010-03-05", "case.yaml row ", "in quotes",
                 "'未通过' of exam has '有' in row 3; expected yes or no", "'缺货频繁' of stock has '12分' in row 2; expected yes or no",
                 "standards.csv row 2: ", "(how series.csv, survey.csv, schedule.csv fit as a whole is looked at once these are mended)"):  # fmt: skip
        assert text in said, (text, said)
    (demo / "case.yaml").write_text((DEMO / "case.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    edit(demo, "schedule", 0, "计划开始", "2013-01-04")
    said = faults_of(demo)
    assert "survey.csv row 4, 渠道: 总和; expected the parts alone" in said and "series.csv row 5, 期间: 合计; expected the parts" in said
    assert "looked at once" not in said


def test_a_total_among_units_another_format_and_a_day_that_is_none_are_faults(demo: Path) -> None:
    for name, line in (("staff", "合计,,20000,9000\n"), ("radar", "总计,27,43\n")):
        with (demo / f"{name}.csv").open("a", encoding="utf-8") as file:
            file.write(line)
    (demo / "more.xlsx").write_bytes(b"")
    said = faults_of(demo)
    assert re.search(r"staff.csv row \d+, 网点: 合计; expected the parts alone", said) and "radar.csv row 7, 项目: 总计; expected" in said
    assert "more.xlsx: a xlsx file; expected a CSV" in said
    text = (DEMO / "case.yaml").read_text(encoding="utf-8")
    (demo / "case.yaml").write_text(text.replace("2013-01-04", "2013-13-04"), encoding="utf-8")
    assert "case.yaml: group.started is '2013-13-04', expected a date" in faults_of(demo)


def test_a_stratum_that_is_no_text_is_named_and_a_reference_is_no_calculation(demo: Path) -> None:
    retold(demo, survey__strata=[{"渠道": "区域"}])
    assert "survey.strata is [{'渠道': '区域'}], expected a list of texts" in faults_of(demo)
    retold(demo, survey__strata=["渠道", "区域"], target__solvable=None, target__reference=0.3)
    story = computed(read_case(demo))
    assert not story.goal.holds
    assert "no_arithmetic" in reasons(demo)[3]
    assert told.target(Voice("zh", "b", "2010-01"), story)


def test_more_units_are_not_asked_for_where_they_would_not_decide() -> None:
    row = {"verdict": "insufficient", "needed": 900.0, "needed_clusters": float("nan"), "units": 2000, "reason": "", "warnings": (), "minimum_effect": 0.1, "low": 0.02, "high": 0.14}
    voice = Voice("en", "b", "2010-01")
    assert "but the interval holds the smallest" in verdicts.would_decide(voice, row)
    assert "judged together (Holm)" in verdicts.would_decide(voice, row | {"low": -0.05, "high": 0.09})
    assert verdicts.would_decide(voice, row | {"warnings": ("heterogeneous",)}) == ""
    assert "some 900 units in 9 clusters would decide" in verdicts.would_decide(voice, row | {"units": 400, "needed_clusters": 9.0})
    # a branch's own report says it in the same cases, and no more
    branch = {**row, "units": 400, "effect": 0.05}
    for other, text in (({}, "about 900 outlets"), ({"warnings": ("heterogeneous",)}, "more outlets cannot decide them"), ({"units": 2000}, "more outlets cannot decide them"),
                         ({"reason": "between_branches"}, "more outlets cannot decide them"), ({"verdict": "rejected"}, "none is a root cause")):  # fmt: skip
        assert text in of_branch.effects(voice, pd.DataFrame([branch | other]))[0].text


def test_comments_stay_with_their_case_whatever_its_period(tmp_path: Path) -> None:
    from g3lib.tables import comments

    comments.add(tmp_path, "demo-province", "effect.difference", "核对过", "2012-01")
    comments.add(tmp_path, "another", "effect.difference", "不是这个案例")
    own = CaseData(read_case(DEMO), tmp_path).comments
    assert own["comment"].tolist() == ["核对过"]


def test_quarters_have_a_report(demo: Path) -> None:
    table = pd.read_csv(demo / "series.csv", dtype=str, keep_default_na=False).head(8)
    table["期间"] = [f"{year}Q{q}" for year in (2012, 2013) for q in range(1, 5)]
    table["阶段"], table["剔除原因"] = ["before"] * 4 + ["after"] * 4, ""
    table.to_csv(demo / "series.csv", index=False)
    case = read_case(demo)
    assert str(CaseData(case).period) == "2012-01..2013-12"
    assert (computed(case).now.first, computed(case).now.last) == ("2012-01", "2012-12")


def test_months_of_a_countermeasure_are_counted_once(demo: Path) -> None:
    table = pd.read_csv(demo / "implementation.csv", dtype=str, keep_default_na=False)
    more = table.iloc[[0, 1, 2]].copy()
    more["期间"], more["目标值"] = [table["期间"][0], "合计", "2019-01"], ["0.1", "0.1", "10"]
    more.loc[2, "阶段"], more.loc[2, "件数"] = "consolidation", "3"
    pd.concat([table, more]).to_csv(demo / "implementation.csv", index=False)
    retold(demo, survey__after_period="2013年5月", survey__strata=["渠道", "渠道"])
    said = faults_of(demo)
    n = len(table) + 2
    for text in (f"implementation.csv row {n}: ", f"row {n + 1}, 期间: 合计; expected the parts alone", f"row {n + 2}: the phase is 'consolidation', expected before or after",
                 f"row {n + 2}: the goal of", "is 10, expected a fraction", "survey.after_period is '2013年5月', expected a period",
                 "survey.strata names '渠道' twice"):  # fmt: skip
        assert text in said, (text, said)


def test_data_that_cannot_be_read_are_not_missing(demo: Path) -> None:
    (demo / "exam.csv").write_text("网点,网点\n1,2\n", encoding="utf-8")
    said = faults_of(demo)
    assert "1 fault:" in said and "exam.csv, 网点: the same heading twice" in said


def test_counts_below_nought_and_mixed_spellings_name_their_rows(demo: Path) -> None:
    edit(demo, "series", 2, "件数", "-5")
    edit(demo, "exam", 1, "未通过", "1")
    said = faults_of(demo)
    assert "series.csv row 4, 件数: -5; expected 0 or more" in said
    assert "'未通过' of exam has '1' in row 3; expected yes or no" in said


def test_sales_have_no_crux(demo: Path) -> None:
    retold(demo, survey__counts="sales")
    story = computed(read_case(demo))
    assert not story.has_crux and math.isnan(story.goal.needed)
    assert "没有复查" in outcome.symptom_moved(Voice("zh", "b", "2010-01"), story)[0].text
    retold(demo, survey__counts="problem")
    again = computed(read_case(demo))
    assert told.level_claim(Voice("zh", "b", "2010-01"), again, again.after_levels[0], "after", "after_period").period == "2013-05..2013-10"


def test_a_computed_volume_without_a_requirement_has_no_arithmetic(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(NANQU, tmp_path / "n"))
    retold(folder, topic__requirement=None, target={"value": 900, "basis": "computed", "solvable": 0.5}, survey__counts="problem")
    story = computed(read_case(folder))
    assert math.isnan(story.goal.needed) and "no_arithmetic" in reasons(folder)[3]
    assert characteristic.value(Voice("en", "b", "2010-01"), story, 5.0) == "5.0 台"


def test_the_benefit_of_a_volume_counts_months(demo: Path) -> None:
    retold(demo, topic__form="volume", topic__requirement=500, target__value=500, target__basis="assigned", benefit__volume=1200)
    assert "benefit.volume is 1200, expected 10, the months of benefit.period" in faults_of(demo)


def test_data_wait_for_their_tests_and_a_misspelt_table_does_not(demo: Path) -> None:
    (demo / "tests.csv").rename(demo / "test.csv")
    (demo / "options.csv").unlink()
    (demo / "countermeasures.csv").unlink()
    said = faults_of(demo)
    assert "test.csv: neither a table of a case" in said and "1 fault:" in said


@pytest.mark.parametrize("name", ["roster", "causes", "countermeasures"])
def test_a_table_that_is_not_there_makes_no_faults_of_others(demo: Path, name: str) -> None:
    (demo / f"{name}.csv").unlink()
    assert name not in read_case(demo).tables


def test_what_does_not_fit_together_is_listed(demo: Path) -> None:
    retold(demo, kind="vote", topic__better="up", target__solvable=1.4, benefit__volume="many", colour="red")
    edit(demo, "schedule", 1, "负责人", "张三")
    edit(demo, "schedule", 2, "计划结束", "2012-01-01")
    edit(demo, "countermeasures", 0, "负责人", "李四")
    edit(demo, "countermeasures", 1, "要因", "天气")
    edit(demo, "implementation", 0, "编号", "D9")
    edit(demo, "standards", 0, "编号", "D8")
    edit(demo, "tests", 0, "声明日期", "2013-03-01")
    edit(demo, "tests", 1, "数据", "nowhere")
    edit(demo, "series", 3, "总数", "0")
    edit(demo, "series", 4, "件数", "9999")
    with pytest.raises(DataError) as fault:
        read_case(demo)
    said = str(fault.value)
    for text in ("kind is 'vote'", "topic.better is 'up'", "target.solvable is 1.4", "benefit.volume is 'many'", "'colour' is unknown",
                 "'现状调查' is given to '张三', who is not in roster.csv", "'设定目标' has its planned end before its start", "'D1' is given to '李四'",
                 "'D2' is for '天气', which is no tested cause", "implementation.csv row 2: 'D9' is no countermeasure", "standards.csv row 2: 'D8' is no countermeasure",
                 "declared on 2013-03-01, after its data were looked at on 2013-02-04", "names data 'nowhere'", "2012-04 is counted out of 0",
                 "2012-05 counts 9999 of 1500"):  # fmt: skip
        assert text in said, text


def test_a_cycle_and_two_problems_are_named(demo: Path) -> None:
    with (demo / "causes.csv").open("a", encoding="utf-8") as file:
        file.write("人员,店员工龄短\n别的,另一个问题\n")
    (demo / "activities.csv").write_text("工作,工期,紧前工作\na,1,b\nb,1,a\n", encoding="utf-8")
    said = faults_of(demo)
    rows = (demo / "causes.csv").read_text(encoding="utf-8").splitlines()
    assert re.search(r"causes\.csv row \d+: causes in a cycle", said)
    assert f"causes.csv row {rows.index('别的,另一个问题') + 1}: 2 problems" in said
    assert re.search(r"activities\.csv row [23]: activities that wait for each other", said)


def test_a_survey_of_what_was_not_broken_down_has_no_vital_few(demo: Path) -> None:
    survey = pd.read_csv(demo / "survey.csv", dtype=str, keep_default_na=False)
    survey.assign(渠道=" Other").to_csv(demo / "survey.csv", index=False)
    story = computed(read_case(demo))
    assert story.levels[0].vital == ()
    assert told.survey(Voice("en", "b", "2010-01"), story)[1].text == "by 渠道, Other holds 100.0%"
    assert "other_largest" in reasons(demo)[2]
    gaps = pd.DataFrame({"channel": ["其他"], "gap": [5.0], "share": [1.0], "cumulative": [1.0], "vital": [False]})
    assert of_branch.vital_few(Voice("en", "b", "2010-01"), gaps, "channel")[0].text == "The whole shortfall is in what was not broken down"


def test_bounds_hold_on_either_side(demo: Path) -> None:
    # a target may round its basis to two figures, no more
    allows = computed(read_case(demo)).goal.needed
    for target, holds in ((allows * 0.9901, True), (allows * 0.9899, False)):
        retold(demo, target__value=float(target))
        assert computed(read_case(demo)).goal.holds is holds
    # on its planned day an activity is not late
    schedule = pd.read_csv(demo / "schedule.csv", dtype=str, keep_default_na=False)
    schedule.assign(实际开始=schedule["计划开始"], 实际结束=schedule["计划结束"]).to_csv(demo / "schedule.csv", index=False)
    assert computed(read_case(demo)).late == 0
    # a crux of the same part has not grown
    survey = pd.read_csv(demo / "survey.csv", dtype=str, keep_default_na=False)
    before = survey[survey["阶段"].isin(["before", "活动前"])]
    pd.concat([before, before.assign(阶段="after")]).to_csv(demo / "survey.csv", index=False)
    assert "symptom_grew" not in reasons(demo)[8]
    row = {"share_low": -0.2, "share_high": 1.3}
    assert verdicts.share_between(Voice("en", "b", "2010-01"), row) == "0–100 %"


def test_causes_without_a_test_are_told_beside_those_with_one(demo: Path) -> None:
    tests = pd.read_csv(demo / "tests.csv", dtype=str, keep_default_na=False)
    tests.head(4).to_csv(demo / "tests.csv", index=False)
    for name in set(tests["数据"]) - set(tests["数据"].head(4)):
        (demo / f"{name}.csv").unlink()
    voice, story = Voice("en", "b", "2010-01"), computed(read_case(demo))
    assert told.confirmed(voice, story)[0].text.startswith("4 of 10 end causes tested: ")
    assert "black: not tested" in told.causes(voice, story)[0].text
    whole = computed(read_case(DEMO))
    assert "black" not in told.causes(voice, whole)[0].text and told.confirmed(voice, whole)[0].text.startswith("10 end causes tested: ")


def test_what_would_mislead_is_in_the_audit(demo: Path) -> None:
    retold(demo, topic__requirement=0.5, target__value=0.4)
    edit(demo, "countermeasures", 0, "开始", "2013-01-01")
    edit(demo, "countermeasures", 1, "要因", "未设G3专区")
    series = pd.read_csv(demo / "series.csv", dtype=str, keep_default_na=False).drop(index=4)
    series.to_csv(demo / "series.csv", index=False)
    found, story = reasons(demo), computed(read_case(demo))
    assert found[1] == {"no_problem": ""} and "no_better" in found[3]
    assert found[2]["series_hole"] == "2012-05"
    assert found[6]["too_early"] == "D1"
    assert math.isnan(story.effect.attainment)  # of a change that was not aimed at there is no part
    assert told.countermeasures_table(Voice("zh", "b", "2010-01"), story)["root_cause"].tolist()[1] == "未设G3专区（非要因）"
    assert any("序列缺少期间（2012-05）" in check.text for check in told.checks(Voice("zh", "b", "2010-01"), story, audit(story)))
    kept = series.groupby("阶段", sort=False).nth(1)
    kept[kept["阶段"].isin(["before", "after"])].to_csv(demo / "series.csv", index=False)
    assert "no_interval" in reasons(demo)[8]


def test_what_came_before_its_countermeasure_is_not_its_result(demo: Path) -> None:
    assert reasons(demo)[7] == reasons(demo)[8] == {"": ""}
    edit(demo, "countermeasures", None, "开始", "2013-12-20")
    edit(demo, "countermeasures", None, "完成", "2014-01-31")
    edit(demo, "standards", None, "生效日期", "2014-02-01")
    found = reasons(demo)
    assert found[7]["result_too_soon"] == "D1、D2、D3"
    assert found[8]["effect_too_soon"] == "2013-12-20"


def test_periods_are_held_against_the_series(demo: Path) -> None:
    retold(demo, benefit__period="2012-01..2012-10")
    assert reasons(demo)[8] == {"benefit_elsewhere": "2012-01..2012-10"}
    series = pd.read_csv(demo / "series.csv", dtype=str, keep_default_na=False)
    for month, step in (("2013-07", 8), ("2013-12", 9)):
        series[series["期间"] != month].to_csv(demo / "series.csv", index=False)
        found = reasons(demo)
        assert found[step]["series_hole"] == month and "series_hole" not in found[2]
    retold(demo, survey__after_period="2012-12..2013-10")
    assert "survey.after_period (2012-12..2013-10) begins before survey.period (2012-01..2012-12) has ended" in faults_of(demo)


def test_a_class_as_large_as_all_others_is_asked_about(demo: Path) -> None:
    survey = pd.read_csv(demo / "survey.csv", dtype=str, keep_default_na=False)
    before = survey["阶段"] == "before"
    total = pd.to_numeric(survey.loc[before, "数量"]).sum()
    row = dict.fromkeys(survey.columns, "乡镇") | {"阶段": "before", "渠道": "全网", "数量": str(int(total))}
    pd.concat([survey, pd.DataFrame([row])]).to_csv(demo / "survey.csv", index=False)
    assert reasons(demo)[2]["maybe_total"] == "全网"


def test_a_place_or_a_department_may_be_the_whole_province(demo: Path) -> None:
    edit(demo, "countermeasures", 0, "地点", "全区")
    edit(demo, "standards", 0, "归口部门", "全省")
    assert read_case(demo).table("countermeasures")["where"].iloc[0] == "全区"


def test_a_computed_target_is_told_by_the_formula_that_gave_it(demo: Path, tmp_path: Path) -> None:
    def formula(folder: Path) -> tuple[str, str, float]:
        story = computed(read_case(folder))
        found = next(f for f in told.target(Voice("en", "b", "2010-01"), story) if f.name == "target.computed")
        return found.text, found.definition, story.goal.needed

    text, definition, needed = formula(demo)
    assert text == f"33.68% × (1 − 58.2% × 80%) = {100 * needed:.2f}%" and definition == "what is left once the solvable part is gone"
    table = pd.read_csv(demo / "series.csv", dtype=str, keep_default_na=False)
    table["件数"] = (1500 - table["件数"].astype(int)).astype(str)
    table.to_csv(demo / "series.csv", index=False)
    retold(demo, topic__better="higher", topic__requirement=0.9, target__value=0.80)
    text, definition, needed = formula(demo)
    assert text.startswith("66.32% + (100.00% − 66.32%) × 58.2% × 80% = ") and definition == "solvable part of what fails"
    table.assign(数值=table["件数"], 件数="", 总数="").to_csv(demo / "series.csv", index=False)
    retold(demo, topic__form="volume", topic__unit="台", topic__requirement=1200, target__value=1000, benefit=None)
    text, definition, needed = formula(demo)
    now = computed(read_case(demo)).now.value
    assert definition == "solvable part of what is missing" and "(1,200.0" in text
    assert needed == pytest.approx(now + (1200 - now) * 0.582356 * 0.8, rel=1e-5)
    retold(demo, topic__requirement_unit="户")  # what is missing cannot be told in other units
    assert math.isnan(computed(read_case(demo)).goal.needed)


def test_the_whole_by_another_name_is_no_class(demo: Path) -> None:
    with (demo / "survey.csv").open("a", encoding="utf-8") as file:
        file.write("before,全部,乡镇,6000\n")
    assert "全部; expected the parts alone" in faults_of(demo)


def test_a_test_declared_on_the_day_of_looking_is_told_apart(demo: Path) -> None:
    edit(demo, "tests", 2, "声明日期", "2013-02-04")
    story = computed(read_case(demo))
    assert told.declared(Voice("en", "b", "2010-01"), story)[0].text == (
        "The tests of 9 end causes were declared before looking, 1 on the same day (in which order is not known)")  # fmt: skip


def test_several_may_share_a_task_and_the_unknown_one_among_them_is_named(demo: Path) -> None:
    edit(demo, "schedule", 0, "负责人", "组长、组员1")
    assert read_case(demo).table("schedule")["responsible"].iloc[0] == "组长、组员1"
    edit(demo, "countermeasures", 0, "负责人", "组员3；张三")
    assert faults_of(demo).splitlines()[1:] == ["  - countermeasures.csv row 2: 'D1' is given to '张三', who is not in roster.csv"]


def test_the_headings_of_every_file_are_told_and_a_total_may_be_called_so(demo: Path) -> None:
    told_of = (CASES.parent.parent / "docs" / "case.md").read_text(encoding="utf-8")
    parts = {part.split("`")[0].removesuffix(".csv"): part for part in told_of.split("## `")[1:]}
    for spec in read_csv("g3lib.qc.story", "tables.csv"):
        bold = "**" if spec["required"] else ""
        assert f"| {bold}{spec['heading']}{bold} | {bold}`{spec['column']}`{bold} | " in parts[spec["table"]], spec["column"]
    assert set(parts) == set(SPEC)
    table = pd.read_csv(demo / "series.csv", dtype=str, keep_default_na=False)
    table.rename(columns={"总数": "Total"}).to_csv(demo / "series.csv", index=False)
    assert read_case(demo).table("series")["of"].iloc[0] == float(table["总数"].iloc[0])


def test_a_phase_that_comes_back_and_an_end_before_the_start_are_one_fault_each(demo: Path) -> None:
    edit(demo, "series", 13, "阶段", "before")
    retold(demo, group__started=date(2014, 3, 1))
    lines = faults_of(demo).splitlines()[1:]
    assert [line.strip(" -") for line in lines] == [
        "case.yaml: group.ended is 2014-02-28, before group.started (2014-03-01)",
        "series.csv row 15: phase 'before' ends and comes back; sort the rows by time",
        "series.csv row 16: phase 'during' ends and comes back; sort the rows by time",
    ]


def test_a_folder_without_a_case_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoData, match=r"case\.yaml"):
        read_case(tmp_path)
    (tmp_path / "case.yaml").write_text("title: [", encoding="utf-8")
    with pytest.raises(DataError, match="lines of `key: value` in order"):
        read_case(tmp_path)
    (tmp_path / "case.yaml").write_text("- a\n- b\n", encoding="utf-8")
    with pytest.raises(DataError, match="keys and values"):
        read_case(tmp_path)


def test_a_case_with_nothing_but_a_topic_is_read(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text("title: t\nbranch: b\ntopic: {characteristic: c, reason: r}\n", encoding="utf-8")
    table = audit(computed(read_case(tmp_path)))
    assert table.set_index("step")["verdict"].to_dict() == {1: "incomplete", **dict.fromkeys(range(2, 11), "missing")}
    voice = Voice("zh", "b", "2010-01")
    assert told.headline(voice, computed(read_case(tmp_path)), table)[0].value is None


# ---- said ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("folder", [DEMO, NANQU], ids=lambda p: p.name)
def test_every_claim_has_its_definition_in_words(folder: Path, lang: str) -> None:
    story = computed(read_case(folder))
    voice = Voice(lang, "b", "2012-01..2014-02")  # type: ignore[arg-type]
    steps = (told.topic, told.survey, told.target, told.causes, told.confirmed, told.countermeasures, outcome.implementation, outcome.effect,
             outcome.standards, told.summary, outcome.benefit, outcome.symptom_moved)  # fmt: skip
    found = [f for step in steps for f in step(voice, story)] + told.control(voice, story, story.chart) + told.headline(voice, story, audit(story))
    for f in found:
        assert f.text and "nan" not in f.text.lower(), f
        if f.value is not None:
            assert f.definition in VOCABULARIES["definition"], f.definition
    assert {c.verdict for c in told.checks(voice, story, audit(story))} <= {Verdict.WARNING, Verdict.PASS, Verdict.NONE}


# ---- what readers found ---------------------------------------------------------------------------------


def test_other_is_last_in_the_pareto_and_may_still_be_the_largest(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(NANQU, tmp_path / "n"))
    edit(folder, "survey", None, "渠道", pd.read_csv(folder / "survey.csv", dtype=str)["渠道"].replace("社会", "其他"))
    story = computed(read_case(folder))
    claim = told.level_claim(Voice("zh", "b", "2010-01"), story, story.levels[0], "1")
    assert claim.text == "其他贡献最大（65.61%），自营最小（15.55%）"
    assert "other_largest" in reasons(folder)[2]


def test_every_value_of_the_wrong_kind_is_a_fault(demo: Path) -> None:
    retold(demo, topic__requirement=20, topic__requirment=0.2, lessons="many", made_up="false", survey__strata="渠道", group__started="soon",
           benefit__volume=float("inf"))  # fmt: skip
    edit(demo, "implementation", None, "目标值", "95")
    edit(demo, "series", 5, "期间", "soon")
    edit(demo, "series", 7, "阶段", "after")
    (demo / "standard.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with (demo / "options.csv").open("a", encoding="utf-8") as file:
        file.write("缺货频繁,增加配送车次,○,△,△,好\n")
    with pytest.raises(DataError) as fault:
        read_case(demo)
    said = str(fault.value)
    for text in ("topic.requirement is 20, expected a fraction", "topic.requirment is unknown", "lessons is 'many', expected keys and values",
                 "made_up is 'false', expected true or false", "survey.strata is '渠道', expected a list", "group.started is 'soon'",
                 "benefit.volume is inf", "goal of '考核未通过的店员' of 'D1' is 95", "'soon' is no period", "phase 'before' ends and comes back",
                 "standard.csv: neither a table of a case", "'增加配送车次' of '缺货频繁' stands twice", "时间性 is '好'"):  # fmt: skip
        assert text in said, text


def test_a_heading_twice_is_a_fault(demo: Path) -> None:
    (demo / "causes.csv").write_text("原因,cause,结果\na,b,p\n", encoding="utf-8")
    (demo / "exam.csv").write_text("网点,网点\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"causes\.csv, cause: a Chinese and an English heading(.|\n)*exam\.csv, 网点: the same heading twice"):
        read_case(demo)


def test_a_first_month_of_effect_is_read_and_has_no_interval(demo: Path) -> None:
    table = pd.read_csv(demo / "series.csv", dtype=str, keep_default_na=False)
    table.head(13).assign(阶段=["before"] * 12 + ["after"]).to_csv(demo / "series.csv", index=False)
    story = computed(read_case(demo))
    assert story.effect.low == story.effect.low  # twelve months before say how much they scatter
    table.iloc[[1, 12]].assign(阶段=["before", "after"]).to_csv(demo / "series.csv", index=False)
    story = computed(read_case(demo))
    assert story.effect.low != story.effect.low
    for lang in ("zh", "en"):
        voice = Voice(lang, "b", "2012-02..2013-01")  # type: ignore[arg-type]
        said = outcome.effect(voice, story)[0].text + outcome.benefit(voice, story)[0].text
        assert "—" not in said and ("无法估计" in said or "too few periods" in said)


def test_few_months_keep_their_level() -> None:
    """No change at all, months that scatter five times as much as counts: called a change in some 5 %, few months or many."""
    import numpy as np

    rng = np.random.default_rng(8)
    for each in (3, 8):
        called = 0
        for _ in range(400):
            rates = rng.beta(0.3 * 59, 0.7 * 59, 2 * each)  # φ ≈ 1 + 239 / 60
            rows = pd.DataFrame({"phase": ["before"] * each + ["after"] * each, "excluded": None, "of": 240.0})
            rows["count"] = rng.binomial(240, rates)
            called += change.of_rates(rows).p <= 0.05
        assert called / 400 <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5, each


@pytest.mark.parametrize(
    ("before", "after"),
    [((6, 1500, 0.02), (24, 1500, 0.001)), ((24, 1500, 0.001), (6, 1500, 0.02)), ((12, (200, 10_000), 0.005), (12, (200, 10_000), 0.005))],
)
def test_phases_that_scatter_unlike_and_months_of_unlike_size_are_covered(before: tuple, after: tuple) -> None:
    # one φ for both, each month counting alike, covered 73 to 88 %
    rng, of, held = np.random.default_rng(before[0]), 400, 0
    for _ in range(of):
        rows = []
        for phase, (points, size, alike) in (("before", before), ("after", after)):
            n = np.resize(size, points)
            rows.append(pd.DataFrame({"phase": phase, "of": n, "excluded": None,
                                      "count": rng.binomial(n, rng.beta(0.3 * (1 - alike) / alike, 0.7 * (1 - alike) / alike, points))}))  # fmt: skip
        found = change.of_rates(pd.concat(rows))
        held += found.low <= 0 <= found.high
    assert held / of >= 0.95 - 3 * (0.05 * 0.95 / of) ** 0.5


def test_how_alike_the_units_of_a_month_are_is_found_whatever_its_size() -> None:
    rho, rng, n = 0.05, np.random.default_rng(12), np.array([50, 400, 100, 1000, 50, 200])
    draws = rng.binomial(n, rng.beta(0.3 * (1 - rho) / rho, 0.7 * (1 - rho) / rho, (30_000, 6)))
    true = (draws.sum(axis=1) / n.sum()).var()
    phases = [change._phase(pd.DataFrame({"count": d, "of": n, "excluded": None})) for d in draws[:1500]]
    # the variance of the whole rate, by chance and by the months' own rates
    told = np.mean([phase.independent * (1 + phase.icc * phase.size) for phase in phases])
    assert told == pytest.approx(true, rel=0.1)
    # equal months: the usual variance of a mean of rates
    d, n = np.array([3.0, 15.0, 9.0, 4.0]), np.full(4, 20.0)
    alone = change._phase(pd.DataFrame({"count": d, "of": n, "excluded": None}))
    assert alone.independent * (1 + alone.icc * alone.size) == pytest.approx(np.var(d / n, ddof=1) / 4)
    assert alone.freedom == pytest.approx(3)


@pytest.mark.parametrize(("months", "whole"), [(100, 10_000), (100, 1200)])
def test_a_single_month_borrows_how_alike_units_are_and_not_how_much_months_scatter(months: int, whole: int) -> None:
    # the ratio of variances itself covered 63 %: a month of a hundred times the units scatters more than by chance far more
    rng, of, held = np.random.default_rng(whole), 300, 0
    for _ in range(of):
        n = np.r_[np.full(12, months), whole]
        rows = pd.DataFrame({"phase": ["before"] * 12 + ["after"], "of": n, "excluded": None,
                             "count": rng.binomial(n, rng.beta(0.3 * 49, 0.7 * 49, 13))})  # fmt: skip
        found = change.of_rates(rows)
        held += found.low <= 0 <= found.high
    assert held / of >= 0.95 - 3 * (0.05 * 0.95 / of) ** 0.5


def test_independent_months_of_unlike_size_keep_their_power() -> None:
    rng, of, called = np.random.default_rng(14), 200, 0
    n = np.tile(np.r_[np.full(11, 500), 2500], 2)
    for _ in range(of):
        rows = pd.DataFrame({"phase": ["before"] * 12 + ["after"] * 12, "of": n, "excluded": None,
                             "count": rng.binomial(n, np.repeat([0.30, 0.25], 12))})  # fmt: skip
        called += change.of_rates(rows).p <= 0.05
    assert called / of >= 0.9


def test_a_phase_of_nothing_has_no_change() -> None:
    rows = pd.DataFrame({"phase": ["before", "after", "after"], "count": [5, 0, 0], "of": [10, 0, 0], "excluded": None})
    assert math.isnan(change.of_rates(rows).difference)
    assert math.isnan(change.of_rates(rows.assign(excluded="strike")).low)


def test_a_phase_without_any_problem_says_nothing_of_the_scatter() -> None:
    counts = [0] * 12 + [0, 0, 9, 0, 0, 0, 8, 0, 0, 0, 0, 7]
    rows = pd.DataFrame({"phase": ["before"] * 12 + ["after"] * 12, "excluded": None, "count": counts, "of": 1000.0})
    found = change.of_rates(rows)
    assert found.dispersion == pytest.approx(6.65, abs=0.02)  # 73.2 on 11 degrees of freedom, not on 22
    assert found.p > 0.05


def test_a_higher_rate_counts_what_fails(demo: Path) -> None:
    table = pd.read_csv(demo / "series.csv", dtype=str, keep_default_na=False)
    table["件数"] = (1500 - table["件数"].astype(int)).astype(str)
    table.to_csv(demo / "series.csv", index=False)
    retold(demo, topic__better="higher", topic__requirement=0.9, target__value=0.80)
    story = computed(read_case(demo))
    now, part = story.now.value, story.crux_share * 0.8
    assert story.goal.needed == pytest.approx(1 - (1 - now) * (1 - part))
    assert story.effect.met and story.effect.difference > 0


def test_leading_zeros_are_kept_in_data(demo: Path) -> None:
    table = pd.read_csv(demo / "exam.csv", dtype=str)
    table["网点"] = [f"{i:04d}" for i in range(len(table))]
    table.to_csv(demo / "exam.csv", index=False)
    assert read_case(demo).data["exam"]["网点"].iloc[12] == "0012"


def in_a_row(n: int, r: float, rng: np.random.Generator) -> np.ndarray:
    """Points that follow each other at r, of variance one."""
    out = np.zeros(n + 50)
    for i, e in enumerate(rng.normal(size=n + 50) * math.sqrt(1 - r * r)):
        out[i] = r * out[i - 1] + e
    return out[50:]


@pytest.mark.parametrize(("r", "least"), [(0.0, 0.94), (0.3, 0.9), (0.6, 0.86)])
def test_months_that_follow_each_other_are_worth_fewer(r: float, least: float) -> None:
    """Nothing changed: how often the interval of before and after holds nought (taken for independent: 87 and 70 %)."""
    rng, of = np.random.default_rng(round(10 * r)), 300
    phase = ["before"] * 12 + ["after"] * 8
    held = np.zeros(2)
    for _ in range(of):
        x = in_a_row(20, r, rng)
        values = pd.DataFrame({"phase": phase, "value": 10 + x, "excluded": None})
        counts = pd.DataFrame({"phase": phase, "count": rng.binomial(2000, 0.3 + 0.02 * x), "of": 2000, "excluded": None})
        for i, found in enumerate((change.of_means(values["value"][:12], values["value"][12:]), change.of_rates(counts))):
            held[i] += found.low <= 0 <= found.high
    assert (held / of >= least).all(), held / of


def faults_of(folder: Path) -> str:
    with pytest.raises(DataError) as fault:
        read_case(folder)
    return str(fault.value)


def test_a_total_among_the_parts_or_a_part_without_a_name_is_a_fault(demo: Path) -> None:
    with (demo / "survey.csv").open("a", encoding="utf-8") as file:
        file.write("before,合计,乡镇,6000\nbefore,末端,,12\n")
    said = faults_of(demo)
    assert "survey.csv row 18, 渠道: 合计; expected the parts alone: leave the total's row out" in said
    assert "survey.csv row 19: 区域 is blank" in said


def test_one_bad_cell_holds_back_its_own_row_only(demo: Path) -> None:
    edit(demo, "countermeasures", 0, "开始", "三月")
    edit(demo, "countermeasures", 1, "负责人", "老王")
    edit(demo, "implementation", 3, "编号", "D9")
    edit(demo, "series", 3, "件数", "多")
    edit(demo, "series", 5, "件数", "99999")
    said = faults_of(demo)
    for text in ("countermeasures.csv row 2, 开始: 三月", "countermeasures.csv row 3: 'D2' is given to '老王'", "implementation.csv row 5: 'D9'",
                 "series.csv row 5, 件数: 多", "series.csv row 7: 2012-06 counts 99999", "(how countermeasures.csv, series.csv fit as a whole"):  # fmt: skip
        assert text in said, (text, said)
    # what follows from the bad cell alone is not told again
    assert "2012-04 has no count" not in said and "'D1' ends" not in said


# texts that are no value of a kind: whatever the table, they are faults of their cell
_NO_VALUE = {"date": ("坏", "-1", "9" * 30, "2013-13-01"), "count": ("坏", "-1", "2.5", "2013-01-01"), "number": ("坏", "2013-01-01", "1,23"),
             "money": ("坏", "-1", "12台", "2013-01-01"), "choice": ("坏", "-1", "2013-01-01"), "text": ("",)}  # fmt: skip


def test_a_bad_cell_anywhere_is_a_fault_of_that_cell(demo: Path) -> None:
    for path in demo.glob("*.csv"):
        if path.stem not in SPEC:  # a few units are read as many are
            path.write_text("\n".join([*path.read_text(encoding="utf-8").splitlines()[:40], ""]), encoding="utf-8")
    for spec in read_csv("g3lib.qc.story", "tables.csv"):
        path = demo / f"{spec['table']}.csv"
        whole, heading = path.read_text(encoding="utf-8"), spec["heading"]
        if heading not in whole.splitlines()[0].split(","):
            continue
        texts = (*_NO_VALUE[spec["kind"]], "") if spec["required"] else [text for text in _NO_VALUE[spec["kind"]] if text]
        for text in texts:
            edit(demo, spec["table"], 0, heading, text)
            assert f"{path.name} row 2, {heading}: {text or 'nothing'}; expected " in faults_of(demo), (path.name, heading, text)
            path.write_text(whole, encoding="utf-8")


def test_an_odd_cell_anywhere_never_crashes(demo: Path) -> None:
    for path in demo.glob("*.csv"):
        if path.stem not in SPEC:  # a few units are read as many are
            path.write_text("\n".join([*path.read_text(encoding="utf-8").splitlines()[:40], ""]), encoding="utf-8")
    texts = itertools.cycle(["坏", "", "-1", "9" * 30, "2013-01-01"])
    for path in sorted(demo.glob("*.csv")):
        whole = path.read_text(encoding="utf-8")
        for column in pd.read_csv(path, nrows=0).columns if path.stem in SPEC else ():
            edit(demo, path.stem, 0, column, next(texts))
            try:
                read_case(demo)
            except DataError as fault:
                assert str(fault).startswith("The case demo has ")  # noqa: PT017
            path.write_text(whole, encoding="utf-8")


def test_a_table_pasted_twice_is_told_and_kinds_may_repeat(demo: Path) -> None:
    stock = (demo / "stock.csv").read_text(encoding="utf-8").splitlines()
    (demo / "stock.csv").write_text("\n".join([*stock, *stock[1:], ""]), encoding="utf-8")
    said = faults_of(demo)
    assert "stock.csv row 1502: 网点 'W0001' stands above with the same values: give each row once" in said
    assert "stock.csv: 1495 more rows that stand above" in said
    (demo / "stock.csv").write_text("\n".join([*stock, ""]), encoding="utf-8")
    # customers of an interview without a name: answers repeat
    talks = pd.read_csv(demo / "interviews.csv").drop(columns="顾客")
    talks.to_csv(demo / "interviews.csv", index=False)
    assert len(read_case(demo).data["interviews"]) == len(talks)
    # numbers for names: some alike may be chance, every one twice is not
    numbers = pd.read_csv(demo / "staff.csv").assign(网点=range(10_001, 10_001 + len(pd.read_csv(demo / "staff.csv"))))
    pd.concat([numbers, numbers]).to_csv(demo / "staff.csv", index=False)
    assert "staff.csv row " in faults_of(demo)
    pd.concat([numbers, numbers.head(2)]).to_csv(demo / "staff.csv", index=False)
    assert len(read_case(demo).data["staff"]) == len(numbers) + 2


def test_rows_without_a_value_and_problems_counted_otherwise_are_said(demo: Path) -> None:
    voice = Voice("en", "b", "2012-02..2013-01")
    said = {c.name for c in told.checks(voice, computed(read_case(demo)), audit(computed(read_case(demo))))}
    assert not said & {"tests.left_out", "survey.against_series"}
    stock = pd.read_csv(demo / "stock.csv", dtype=str)
    stock.loc[:149, "缺货频繁"] = ""
    stock.to_csv(demo / "stock.csv", index=False)
    survey = pd.read_csv(demo / "survey.csv", dtype=str)
    before = survey["阶段"] == "before"
    total = survey.loc[before, "数量"].astype(int).sum()
    survey.loc[0, "数量"] = str(int(survey["数量"][0]) + 7)
    survey.to_csv(demo / "survey.csv", index=False)
    story = computed(read_case(demo))
    texts = {c.name: c.text for c in told.checks(voice, story, audit(story))}
    assert "缺货频繁 150 of 1,500 rows" in texts["tests.left_out"]
    assert f"the survey counts {total + 7:,} problems, the series {total:,}" in texts["survey.against_series"]
    row = next(r for r in story.tested.to_dict("records") if r["cause"] == "缺货频繁")
    assert verdicts.cause(voice, row).denominator == "1,350 units (150 more rows lack a value)"


@pytest.mark.parametrize("written", ["2012/2", "2012年2月", "12年2月", "201202"])
def test_a_month_of_a_series_is_written_as_dates_are(demo: Path, written: str) -> None:
    edit(demo, "series", 1, "期间", written)
    assert read_case(demo).table("series")["period"].iloc[1] == "2012-02"


def test_faults_of_trees_activities_and_options_name_their_row(demo: Path) -> None:
    with (demo / "causes.csv").open("a", encoding="utf-8") as file:
        file.write("方法,人员\n")
    edit(demo, "activities", 1, "紧前工作", "没有的工作")
    edit(demo, "options", 2, "有效性", "好")
    said = faults_of(demo)
    assert re.search(r"causes\.csv row \d+: '方法' has 2 effects", said)
    assert "activities.csv row 3: '全员考核' waits for '没有的工作'" in said
    assert "options.csv row 4: " in said and "有效性 is '好'" in said


@pytest.mark.parametrize("mark", ["99999", "-1", "6"])
def test_a_mark_beyond_the_scale_is_a_fault(demo: Path, mark: str) -> None:
    edit(demo, "options", 2, "有效性", mark)
    assert f"options.csv row 4: 有效性 is {mark}, expected one of ◎ ○ △ × or 0 to 5" in faults_of(demo)
    edit(demo, "options", 2, "有效性", "4")
    assert read_case(demo).table("options")["有效性"].iloc[2] == "4"


def test_a_problem_that_is_gone_after_is_told_and_no_fault(demo: Path) -> None:
    survey = pd.read_csv(demo / "survey.csv", dtype=str)
    survey.loc[survey["阶段"] == "after", "数量"] = "0"
    survey.to_csv(demo / "survey.csv", index=False)
    story = computed(read_case(demo))
    assert (story.after_levels, story.nothing_left) == ((), True)
    assert "symptom_unseen" not in reasons(demo)[8]
    claim = outcome.symptom_moved(Voice("zh", "b", "2012-02..2013-01"), story)[0]
    assert (claim.value, claim.status) == (0.0, Status.GOOD)
    assert "症结已消除" in claim.text
    edit(demo, "survey", None, "数量", "0")
    assert "survey.csv: nothing is counted in phase 'before'" in faults_of(demo)


def test_a_day_that_is_none_hides_no_other_fault(demo: Path) -> None:
    text = (demo / "case.yaml").read_text(encoding="utf-8")
    text = text.replace("started: 2013-01-04", "started: 2013-13-04").replace("form: rate", "form: rates")
    (demo / "case.yaml").write_text(text, encoding="gb18030")  # as an office's editor saves it
    said = faults_of(demo)
    assert "group.started is '2013-13-04', expected a date" in said
    assert "topic.form is 'rates'" in said


def test_a_total_in_any_table_is_a_fault_and_headings_alone_are_no_table(demo: Path) -> None:
    with (demo / "countermeasures.csv").open("a", encoding="utf-8") as file:
        file.write("合计,合计,x,x,x,x,2013-03-25,2013-04-10,组员5,70000\n")
    assert "countermeasures.csv row 5, 编号: 合计; expected the parts alone: leave the total's row out" in faults_of(demo)
    assert faults_of(demo).count("row 5") == 1
    (demo / "roster.csv").write_bytes("成員,性別,文化程度,小組職務\n組長,女,本科,組長\n".encode("big5"))
    assert "roster.csv: none of its headings is known (" in faults_of(demo)
    shutil.copy(DEMO / "roster.csv", demo / "roster.csv")
    (demo / "countermeasures.csv").unlink()
    for name in ("radar", "implementation", "standards"):
        head = (demo / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0]
        (demo / f"{name}.csv").write_text(head + "\n", encoding="utf-8")
    case = read_case(demo)
    assert not {"radar", "implementation", "standards"} & set(case.tables)


def test_a_countermeasures_goal_may_be_a_value(demo: Path) -> None:
    table = pd.read_csv(demo / "implementation.csv", dtype=str, keep_default_na=False)
    own = table["编号"] == "D3"
    after = (table.loc[own, "阶段"] == "after").to_numpy()
    values = np.where(after, [f"{v:.1f}" for v in np.linspace(7, 8, own.sum())], [f"{v:.1f}" for v in np.linspace(12, 13, own.sum())])
    table["数值"], table["单位"] = "", ""
    table.loc[own, ["指标", "目标值", "件数", "总数", "单位"]] = ["办理时长", "9", "", "", "分钟"]
    table.loc[own, "数值"] = values
    table.to_csv(demo / "implementation.csv", index=False)
    story = computed(read_case(demo))
    row = next(r for r in story.measures.to_dict("records") if r["id"] == "D3")
    before, now = values[~after].astype(float), values[after].astype(float)
    welch = stats.ttest_ind(now, before, equal_var=False)
    assert (row["before"], row["after"], row["met"]) == (pytest.approx(before.mean()), pytest.approx(now.mean()), True)
    assert row["low"] <= welch.confidence_interval().low and row["high"] >= welch.confidence_interval().high  # neighbours count less
    claim = outcome.measure(Voice("zh", "b", "2012-02..2013-01"), row)
    assert claim.text.startswith(f"D3 办理时长从{before.mean():.1f}分钟到{now.mean():.1f}分钟（−".replace("−", "-")) and "目标9.0分钟达到" in claim.text
    edit(demo, "implementation", int(own.idxmax()), "件数", "5")
    said = faults_of(demo)
    assert f"implementation.csv row {own.idxmax() + 2}: '办理时长' of 'D3' needs a count and its total, or a value alone" in said


def test_a_blank_stratum_is_none_and_told(demo: Path) -> None:
    table = pd.read_csv(demo / "stock.csv", dtype=str, keep_default_na=False)
    table.loc[:194, "规模"] = ""
    table.to_csv(demo / "stock.csv", index=False)
    story = computed(read_case(demo))
    row = story.tested.set_index("cause").loc["缺货频繁"]
    assert (row.left_out, row.units) == (195, 1305)
    table.iloc[195:].to_csv(demo / "stock.csv", index=False)
    assert computed(read_case(demo)).tested.set_index("cause").loc["缺货频繁", "effect"] == row.effect
    plain = story.tested.to_dict("records")[1] | {"stratum": ""}
    assert "风险差（未分层）" in verdicts.cause(Voice("zh", "b", "2010-01"), plain).text


def test_an_unknown_cost_makes_no_net_benefit(demo: Path) -> None:
    edit(demo, "countermeasures", 0, "费用", "")
    story = computed(read_case(demo))
    claim = outcome.benefit(Voice("zh", "b", "2010-01"), story)[0]
    assert (claim.name, claim.value) == ("benefit.gross", story.benefit.gross)
    assert "对策费用未知（D1），净效益没有计算" in claim.text
    assert reasons(demo)[8] == {"no_cost": "D1"}
    retold(demo, benefit__volume=-15000)
    assert "benefit.volume is -15000, expected a number above 0" in faults_of(demo)


def test_the_survey_after_is_held_against_the_series_and_a_crux_that_grew_is_told(demo: Path) -> None:
    survey = pd.read_csv(demo / "survey.csv", dtype=str)
    row = survey.index[(survey["阶段"] == "after") & (survey["渠道"] == "末端") & (survey["区域"] == "乡镇")][0]
    survey.loc[row, "数量"] = "4010"
    survey.to_csv(demo / "survey.csv", index=False)
    found = reasons(demo)
    assert "2013-05..2013-10: " in found[2]["counts_differ"]
    assert found[8]["symptom_grew"].startswith("58.2% → 7")


def test_days_are_not_held_against_their_whole_month(demo: Path) -> None:
    rows = [f"2012-03-{day:02d},before,40,1500," for day in range(1, 9)]
    (demo / "series.csv").write_text("\n".join(["期间,阶段,件数,总数,剔除原因", *rows, ""]), encoding="utf-8")
    for period, known in (("2012-03", False), ("2012-03-10", False)):
        retold(demo, survey__period=period)
        assert bool(computed(read_case(demo)).counts) is known
    retold(demo, survey__period="2012-03-08")
    assert computed(read_case(demo)).counts[0].series == 40


def test_a_requirement_in_another_unit_is_not_subtracted_from() -> None:
    story, voice = computed(read_case(NANQU)), Voice("zh", "b", "2009-11..2010-01")
    claim = told.topic(voice, story)[0]
    assert claim.value is None and claim.text.endswith("数值低于要求的1,372.9户（单位不同）")
    assert "topic.units" in {c.name for c in told.checks(voice, story, audit(story))}


def test_a_change_that_may_be_none_is_said(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(NANQU, tmp_path / "n"))
    with (folder / "series.csv").open("a", encoding="utf-8") as file:
        file.write("2010-02,after,900\n2010-03,after,1100\n")
    retold(folder, target__value=1000, target__basis="assigned", benefit__volume=2, benefit__unit_value=50, benefit__period="2010-02..2010-03")
    story, voice = computed(read_case(folder)), Voice("zh", "b", "2009-11..2010-03")
    claim = outcome.effect(voice, story)[0]
    assert claim.text.endswith("目标1,000.0台已达到，与活动前的差别尚不能确定") and claim.status is Status.WATCH
    assert "change_uncertain" in reasons(folder)[8]
    assert story.benefit.cost != story.benefit.cost and "对策费用未知，净效益没有计算" in outcome.benefit(voice, story)[0].text


def test_a_step_rests_on_the_one_before(demo: Path) -> None:
    (demo / "causes.csv").unlink()
    for name in ("standards", "radar"):
        (demo / f"{name}.csv").unlink()
    found = reasons(demo)
    assert (found[4], found[5], found[9]) == ({"no_data": ""}, {"no_causes": ""}, {"no_standard": ""})
    retold(demo, lessons=None, next_topic=None)
    shutil.copy(DEMO / "radar.csv", demo / "radar.csv")
    story = computed(read_case(demo))
    assert told.summary(Voice("zh", "b", "2010-01"), story)[0].name == "story.next"


@pytest.mark.parametrize("line", ["meetings: 0b_", "name: !!int abc", "name: !!timestamp abc", "name: !!bool maybe"])
def test_a_scalar_that_is_none_is_a_fault(demo: Path, line: str) -> None:
    text = (demo / "case.yaml").read_text(encoding="utf-8")
    (demo / "case.yaml").write_text(text.replace("group:\n", f"group:\n  {line}\n", 1).replace("  meetings: 16\n", ""), encoding="utf-8")
    assert "case.yaml" in faults_of(demo)


def test_utf16_that_breaks_off_is_a_fault(demo: Path) -> None:
    text = (demo / "case.yaml").read_text(encoding="utf-8")
    (demo / "case.yaml").write_bytes(text.encode("utf-16") + b"x")
    assert "case.yaml: " in faults_of(demo)


@pytest.mark.parametrize("written", ["today", 2010, "2010", "2013-02"])
def test_a_day_is_written_as_one(demo: Path, written: object) -> None:
    retold(demo, group__ended=written)
    assert "group.ended is " in faults_of(demo)


def test_an_end_in_quotes_is_an_end(demo: Path) -> None:
    edit(demo, "tests", 0, "查看日期", "2031-02-04")
    retold(demo, group__ended="2014-02-28")
    assert "was looked at on 2031-02-04, after the activity ended (2014-02-28)" in faults_of(demo)


def test_an_option_under_two_causes_has_its_own_row(demo: Path) -> None:
    table = pd.read_csv(demo / "options.csv", dtype=str)
    edit(demo, "options", 2, "备选对策", table["备选对策"][0])
    edit(demo, "options", 2, "有效性", "好")
    assert "options.csv row 4: " in faults_of(demo) and "options.csv row 2: " not in faults_of(demo)


def test_options_for_what_was_not_tested_are_a_fault(demo: Path) -> None:
    with (demo / "options.csv").open("a", encoding="utf-8") as file:
        file.write("天气,换天气,○,○,○,○\n")
    assert "options.csv row 8: '天气' is no tested cause" in faults_of(demo)


def test_a_case_of_a_topic_alone_is_of_the_day_it_is_read(tmp_path: Path) -> None:
    told: dict[str, object] = {"title": "只有课题", "branch": "示范分公司", "topic": {"characteristic": "占比"}}
    (tmp_path / "case.yaml").write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    assert str(CaseData(read_case(tmp_path)).period) == f"{date.today():%Y-%m}"
    told["survey"] = {"period": "2012年初"}
    (tmp_path / "case.yaml").write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    assert "survey.period is '2012年初', expected a period" in faults_of(tmp_path)
    told["survey"], told["group"] = {}, {"started": "2013-01-02", "ended": "2013-03-01"}
    (tmp_path / "case.yaml").write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    assert str(CaseData(read_case(tmp_path)).period) == "2013-01..2013-03"


def test_a_constant_measure_has_its_picture(demo: Path) -> None:
    case = read_case(demo)
    row = next(r for r in declared(case).to_dict("records") if r["type"] == "correlation")
    assert len(picture(row, case.data[row["data"]].assign(**{row["measure"]: 12.0}))) == 1


def test_consolidation_is_held_against_the_target_by_itself(demo: Path) -> None:
    good = computed(read_case(demo)).effect
    assert good.held is True
    assert good.consolidation.points == 4
    table = pd.read_csv(demo / "series.csv", dtype=str, keep_default_na=False)
    table.loc[table["阶段"] == "consolidation", "件数"] = "400"
    table.to_csv(demo / "series.csv", index=False)
    story = computed(read_case(demo))
    assert story.effect.held is False
    said = {f.name: f for f in outcome.effect(Voice("zh", "示范分公司", str(CaseData(story.case).period)), story)}
    assert said["effect.consolidation"].status is Status.BREACH
    assert "含巩固期" in said["effect.after"].text
    assert "not_held" in reasons(demo)[9] and "not_held" not in reasons(DEMO)[9]


def test_nothing_that_was_written_is_lost(demo: Path) -> None:
    path = demo / "series.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(",剔除原因", ",", 1), encoding="utf-8")  # the heading blanked, its reasons still there
    exam = (demo / "exam.csv").read_text(encoding="utf-8").splitlines()
    (demo / "exam.csv").write_text("\n".join([exam[0], exam[1] + ",多", *exam[2:]]), encoding="utf-8")
    case = (demo / "case.yaml").read_text(encoding="utf-8")
    (demo / "case.yaml").write_text(case + "\ntarget:\n  value: 0.3\n", encoding="utf-8")
    said = faults_of(demo)
    assert "series.csv row 2: 春节停业，乡镇网点多半未开门 under no heading" in said
    assert "exam.csv row 2: 多 under no heading" in said
    assert f"case.yaml row {len(case.splitlines()) + 2}: the key target stands twice" in said


def test_a_tables_name_is_read_in_any_case_and_stands_once(demo: Path) -> None:
    (demo / "survey.csv").rename(demo / "SURVEY.CSV")
    assert computed(read_case(demo)).levels
    shutil.copy(demo / "SURVEY.CSV", demo / "survey.csv")
    assert "a second survey.csv; expected one file of each name" in faults_of(demo)


@pytest.mark.parametrize(("written", "fault"), [
    ("2012-2", "'2012-02' stands twice"), ("2012Q1", "2012-03 does not come after 2012Q1"),
    ("2012-01-15", "2012-01-15 does not come after 2012-02"), ("2011-12", "2011-12 does not come after 2012-02"),
])  # fmt: skip
def test_periods_are_in_order_and_none_is_within_another(demo: Path, written: str, fault: str) -> None:
    edit(demo, "series", 2, "期间", written)
    edit(demo, "series", 2, "阶段", "before")
    table = pd.read_csv(demo / "series.csv", dtype=str, keep_default_na=False)
    table.loc[3, "期间"] = "2012-03"
    table.to_csv(demo / "series.csv", index=False)
    assert fault in faults_of(demo)


def test_days_of_a_month_are_points_of_their_own(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(NANQU, tmp_path / "n"))
    rows = "\n".join(f"2010-03-{day:02},before,{40 + day % 3}" for day in range(1, 9))
    (folder / "series.csv").write_text(f"期间,阶段,数值\n{rows}\n", encoding="utf-8")
    assert computed(read_case(folder)).now.value == pytest.approx(41.125)


def test_before_comes_before_after(demo: Path) -> None:
    table = pd.read_csv(demo / "series.csv", dtype=str, keep_default_na=False)
    table["阶段"] = table["阶段"].map({"before": "after", "after": "before"}).fillna(table["阶段"])
    table.to_csv(demo / "series.csv", index=False)
    implemented = pd.read_csv(demo / "implementation.csv", dtype=str, keep_default_na=False)
    implemented.loc[implemented["期间"] == "2012-12", "期间"] = "2014-05"
    implemented.to_csv(demo / "implementation.csv", index=False)
    said = faults_of(demo)
    assert "series.csv: the phases come as after, during, before, consolidation, expected before, during, after, consolidation" in said
    edit(demo, "tests", 0, "查看日期", "2031-02-04")
    said += faults_of(demo)
    assert "tests.csv row 2: '店员未通过补贴政策考核' was looked at on 2031-02-04, after the activity ended (2014-02-28)" in said
    assert "of 'D1' has a period before that does not end when those after begin" in said


def test_a_first_phase_without_neighbours_has_no_chart(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(NANQU, tmp_path / "n"))
    (folder / "series.csv").write_text("期间,阶段,数值,剔除原因\n2009-11,before,590,\n2009-12,before,452,盘点停业\n2010-01,before,636,\n", encoding="utf-8")
    assert computed(read_case(folder)).chart is None


def test_a_phase_read_against_the_one_before_has_no_mean_of_its_own(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(NANQU, tmp_path / "n"))
    with (folder / "series.csv").open("a", encoding="utf-8") as file:
        file.write("2010-02,after,900\n2010-03,after,950\n2010-04,consolidation,2000\n")
    story = computed(read_case(folder))
    assert story.chart.chart.location.borrowed == ("consolidation",)
    said = told.control(Voice("zh", "b", "2010-01"), story, story.chart)[0].text
    assert "活动后 925" in said and "巩固期按前一阶段的界限看" in said and "巩固期 " not in said


def test_a_level_referred_to_is_no_calculation(demo: Path) -> None:
    retold(demo, target={"value": 0.2, "basis": "peer", "reference": 0.19})
    found = {f.name: f for f in told.target(Voice("zh", "b", "2010-01"), computed(read_case(demo)))}
    assert found["target.allowed"].table == "case.case" and "症结" not in Voice("zh", "b", "2010-01").word("definition", found["target.allowed"].definition)
    causes = computed(read_case(demo)).tested
    units = {row["type"]: verdicts.cause(Voice("zh", "b", "2010-01"), row).unit for row in causes.to_dict("records")}
    assert (units["mean"], units["risk"]) == ("", "1")
