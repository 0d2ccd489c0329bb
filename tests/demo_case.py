"""Writes data/cases/demo-province: a complete case on made-up data, its causes planted. The same seed gives the same bytes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).resolve().parent.parent / "data" / "cases" / "demo-province"
PROBLEM = "末端渠道乡镇网点低销"
OUTLETS = 1500
# what is planted: the verdict that the data must give
PLANTED = {
    "店员未通过补贴政策考核": "confirmed", "缺货频繁": "confirmed", "没有补贴速算工具": "confirmed", "未设G3专区": "rejected",
    "店员工龄短": "rejected", "排班与客流不符": "rejected", "海报更换不及时": "rejected", "演示机损坏": "rejected", "竞争对手在附近开店": "rejected",
    "客群与主推机型不合": "rejected",
}  # fmt: skip
MASKED, CONFOUNDED = "缺货频繁", "未设G3专区"


def write(folder: Path = FOLDER, seed: int = 2013) -> None:
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "case.yaml").write_text(CASE, encoding="utf-8")
    for name, table in {**_fixed(), **_drawn(rng)}.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table.columns)
            writer.writerows([["" if v is None or v != v else v for v in row] for row in table.itertuples(index=False, name=None)])


CASE = """\
# 虚构样例：数据由 tests/demo_case.py 生成，原因是事先植入的，不代表任何真实分公司。
title: 降低示范分公司低销网点占比
branch: 示范分公司
kind: problem
made_up: true
source: 虚构数据

group:
  name: 同心QC小组（虚构）
  registered: DEMO-2013-001
  founded: 2012-03
  topic_type: 现场型
  started: 2013-01-04
  ended: 2014-02-28
  meetings: 16

topic:
  characteristic: 低销网点占比
  unit: "%"
  form: rate
  better: lower
  requirement: 0.20
  requirement_basis: 省公司2013年要求不高于20%
  reason: 低销网点占比全年高于省公司要求，且各月没有好转；补贴已经投入，网点卖不动就换不来客户。

survey:
  period: 2012-01..2012-12
  after_period: 2013-05..2013-10
  source: 网点月度销量台账（低销网点·月）
  counts: problem
  strata: [渠道, 区域]

target:
  value: 0.20
  basis: computed
  solvable: 0.80
  solvable_basis: 兄弟分公司同类症结一年内解决了八成

benefit:
  volume: 15000         # 受益的网点·月：1500个网点 × 10个月
  unit_value: 120       # 每个网点·月由低销转为正常多得的毛利（元）
  period: 2013-05..2014-02

lessons:
  technical: 学会了在看数据之前声明最小有意义差异，分层后再下结论；两个看上去明显的“原因”被数据否定。
  management: 安全库存和考核上岗写进了分公司制度，缺货由事后催补改为按周预警。
  people: 七名成员都独立做过一次检验，能向门店讲清为什么改。

next_topic: 提高末端乡镇网点的合约机销量占比
"""


def _fixed() -> dict[str, pd.DataFrame]:
    roster = [("组长", "女", "本科", "组长", "总体协调", "市场部"), ("组员1", "男", "硕士", "组员", "数据分析", "市场部"),
              ("组员2", "女", "本科", "组员", "现场调查", "渠道部"), ("组员3", "男", "本科", "组员", "培训考核", "人力资源部"),
              ("组员4", "男", "大专", "组员", "库存与配送", "终端管理"), ("组员5", "女", "本科", "组员", "系统与工具", "业务支撑"),
              ("组员6", "女", "本科", "组员", "效果检查", "财务部")]  # fmt: skip
    schedule = [
        (1, "选题", "2013-01-04", "2013-01-08", "2013-01-04", "2013-01-08", "组长"),
        (2, "现状调查", "2013-01-07", "2013-01-16", "2013-01-07", "2013-01-18", "组员2"),
        (3, "设定目标", "2013-01-17", "2013-01-18", "2013-01-19", "2013-01-21", "组长"),
        (4, "原因分析", "2013-01-21", "2013-01-25", "2013-01-22", "2013-01-28", "组员2"),
        (5, "要因确认", "2013-01-28", "2013-02-28", "2013-01-29", "2013-03-06", "组员1"),
        (6, "制定对策", "2013-03-01", "2013-03-08", "2013-03-07", "2013-03-14", "组长"),
        (7, "对策实施", "2013-03-11", "2013-04-30", "2013-03-15", "2013-04-30", "组员4"),
        (8, "效果检查", "2013-05-01", "2013-10-31", "2013-05-01", "2013-10-31", "组员6"),
        (9, "巩固措施", "2013-11-01", "2014-02-20", "2013-11-01", "2014-02-20", "组员6"),
        (10, "总结", "2014-02-21", "2014-02-28", "2014-02-21", "2014-02-28", "组长"),
    ]
    causes = [("人员", PROBLEM), ("机型", PROBLEM), ("方法", PROBLEM), ("环境", PROBLEM), ("不会讲补贴政策", "人员"), ("店员未通过补贴政策考核", "不会讲补贴政策"),
              ("店员工龄短", "不会讲补贴政策"), ("排班与客流不符", "人员"), ("要的机型没有", "机型"), ("缺货频繁", "要的机型没有"), ("客群与主推机型不合", "机型"),
              ("演示机损坏", "机型"), ("办理慢", "方法"), ("没有补贴速算工具", "办理慢"), ("海报更换不及时", "方法"), ("未设G3专区", "环境"),
              ("竞争对手在附近开店", "环境")]  # fmt: skip
    tests = [
        ("店员未通过补贴政策考核", "exam", "未通过", "低销", "risk", 0.10, "规模", "考核成绩单（2013年1月，全部网点）"),
        ("缺货频繁", "stock", "缺货频繁", "低销", "risk", 0.08, "规模", "库存日志（2012年）"),
        ("没有补贴速算工具", "visits", "无工具", "办理分钟", "mean", 2.0, "规模", "神秘顾客走访记录"),
        ("未设G3专区", "display", "未设专区", "低销", "risk", 0.10, "规模", "门店陈列普查"),
        ("店员工龄短", "staff", "工龄月数", "月销量", "correlation", 0.20, "规模", "人员台账"),
        ("排班与客流不符", "roster_kinds", "排班类型", "月销量", "groups", 0.05, "规模", "排班表与销量台账"),
        ("海报更换不及时", "display", "海报过期", "低销", "risk", 0.10, "规模", "门店陈列普查"),
        ("演示机损坏", "stock", "演示机损坏", "低销", "risk", 0.10, "规模", "库存日志（2012年）"),
        ("竞争对手在附近开店", "display", "附近有对手", "低销", "risk", 0.10, "规模", "门店陈列普查"),
        ("客群与主推机型不合", "interviews", "主要客群", "未买原因", "table", 0.20, "", "顾客访谈记录"),
    ]
    options = [("店员未通过补贴政策考核", "考核上岗，未过者复训", "◎", "◎", "○", "○"), ("店员未通过补贴政策考核", "外聘讲师集中授课", "○", "○", "△", "○"),
               ("缺货频繁", "设安全库存，按周预警补货", "◎", "○", "○", "○"), ("缺货频繁", "增加配送车次", "○", "△", "△", "◎"),
               ("没有补贴速算工具", "印制补贴速算卡", "◎", "◎", "◎", "◎"), ("没有补贴速算工具", "开发手机速算程序", "◎", "△", "△", "△")]  # fmt: skip
    countermeasures = [
        ("D1", "店员未通过补贴政策考核", "考核上岗", "考核未通过的店员不高于10%", "编题库、全员考核、未过者复训再考", "各乡镇网点", "2013-03-15", "2013-04-20", "组员3", 18000),
        ("D2", "缺货频繁", "设安全库存并按周预警", "频繁缺货的网点不高于12%", "按机型定安全库存，周一预警，周三补货", "县仓与乡镇网点", "2013-03-20", "2013-04-30", "组员4", 46000),
        ("D3", "没有补贴速算工具", "配发补贴速算卡", "办理超过10分钟的不高于15%", "印卡、贴柜台、店员演练", "各乡镇网点", "2013-03-25", "2013-04-10", "组员5", 6000),
    ]
    activities = [("编制题库", 7, ""), ("全员考核", 10, "编制题库"), ("复训再考", 14, "全员考核"), ("核定安全库存", 8, ""), ("系统预警上线", 20, "核定安全库存"),
                  ("印制速算卡", 5, ""), ("店员演练", 6, "印制速算卡、编制题库"), ("联合试运行", 7, "复训再考、系统预警上线、店员演练")]  # fmt: skip
    standards = [("D1", "《末端网点店员考核上岗办法》", "人力资源部", "2013-11-01"), ("D2", "《乡镇网点安全库存管理规定》", "终端管理", "2013-11-01"),
                 ("D3", "《补贴速算卡更新流程》", "市场部", "2013-11-15")]  # fmt: skip
    radar = [("质量意识", 6.5, 8.8), ("QC方法", 4.2, 8.1), ("团队协作", 7.0, 9.0), ("数据分析", 3.8, 8.4), ("解决问题", 5.6, 8.6)]
    tests_frame = pd.DataFrame(tests, columns=["末端原因", "数据", "度量", "问题", "检验类型", "最小有意义差异", "分层", "数据来源"])
    return {
        "roster": pd.DataFrame(roster, columns=["成员", "性别", "文化程度", "小组职务", "分工", "职务"]),
        "schedule": pd.DataFrame(schedule, columns=["步骤", "活动", "计划开始", "计划结束", "实际开始", "实际结束", "负责人"]),
        "causes": pd.DataFrame(causes, columns=["原因", "结果"]),
        "tests": tests_frame.assign(声明日期="2013-01-28", 查看日期="2013-02-04"),
        "options": pd.DataFrame(options, columns=["要因", "备选对策", "有效性", "可行性", "经济性", "时间性"]),
        "countermeasures": pd.DataFrame(countermeasures, columns=["编号", "要因", "对策", "目标", "措施", "地点", "开始", "完成", "负责人", "费用"]),
        "activities": pd.DataFrame(activities, columns=["工作", "工期", "紧前工作"]),
        "standards": pd.DataFrame(standards, columns=["编号", "标准", "归口部门", "生效日期"]),
        "radar": pd.DataFrame(radar, columns=["项目", "活动前", "活动后"]),
    }


def _drawn(rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    series = _series(rng)
    return {"series": series, "survey": _survey(rng, series), "implementation": _implementation(rng), **_units(rng)}


def _series(rng: np.random.Generator) -> pd.DataFrame:
    months = [str(p) for p in pd.period_range("2012-01", "2014-02", freq="M")]
    phases = ["before"] * 12 + ["during"] * 4 + ["after"] * 6 + ["consolidation"] * 4
    rates = [0.34] * 12 + [0.32, 0.30, 0.27, 0.23] + [0.18] * 6 + [0.175] * 4
    rows = []
    for month, phase, rate in zip(months, phases, rates, strict=True):
        holiday = month == "2012-01"
        rows.append((month, phase, int(rng.binomial(OUTLETS, 0.56 if holiday else rate)), OUTLETS, "春节停业，乡镇网点多半未开门" if holiday else ""))
    return pd.DataFrame(rows, columns=["期间", "阶段", "件数", "总数", "剔除原因"])


def _survey(rng: np.random.Generator, series: pd.DataFrame) -> pd.DataFrame:
    """The series' own low outlets of the year before and of the six months after, by channel and place."""
    before, after_it = (int(series.loc[series["阶段"] == phase, "件数"].sum()) for phase in ("before", "after"))
    parts = {("末端", "乡镇"): 0.58, ("末端", "县城"): 0.13, ("社会", "乡镇"): 0.10, ("社会", "县城"): 0.08, ("自营", "乡镇"): 0.03, ("自营", "县城"): 0.05,
             ("直销", "乡镇"): 0.01, ("直销", "县城"): 0.02}  # fmt: skip
    after = {key: part * (0.22 if key == ("末端", "乡镇") else 0.95) for key, part in parts.items()}
    rows = [(phase, *key, int(n)) for phase, total, of in (("before", before, parts), ("after", after_it, after))
            for key, n in zip(of, rng.multinomial(total, np.array(list(of.values())) / sum(of.values())), strict=True)]  # fmt: skip
    return pd.DataFrame(rows, columns=["阶段", "渠道", "区域", "数量"])


def _implementation(rng: np.random.Generator) -> pd.DataFrame:
    plan = [("D1", "考核未通过的店员", 0.10, 0.28, 0.07, 1800, "无：复训安排在淡季，没有影响排班"),
            ("D2", "频繁缺货的网点", 0.12, 0.37, 0.09, OUTLETS, "库存占用略升，仍在预算内"), ("D3", "办理超过10分钟", 0.15, 0.55, 0.11, 200, "无")]  # fmt: skip
    rows = [(name, metric, "lower", goal, month, phase, int(rng.binomial(n, rate)), n, said if phase == "after" else "")
            for name, metric, goal, before, after, n, said in plan
            for phase, rate, months in (("before", before, ("2012-10", "2012-11", "2012-12")), ("after", after, ("2013-05", "2013-06", "2013-07")))
            for month in months]  # fmt: skip
    return pd.DataFrame(rows, columns=["编号", "指标", "方向", "目标值", "期间", "阶段", "件数", "总数", "副作用"])


def _units(rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """One world of outlets, each with one size, one state and one outcome in every table; and customers who were asked.

    Large outlets sell better and lack most of what is blamed for low sales.
    """
    large = rng.random(OUTLETS) < 0.5
    failed = rng.random(OUTLETS) < np.where(large, 0.20, 0.35)
    # masked: large outlets run out of stock most often, for they sell most
    out = rng.random(OUTLETS) < np.where(large, 0.60, 0.15)
    low = rng.random(OUTLETS) < np.where(large, 0.01, 0.37) + 0.22 * failed + 0.22 * out
    sold = np.round(rng.gamma(6.0, 3.0, OUTLETS) * np.where(large, 1.6, 1.0) * np.where(low, 0.6, 1.0), 0).astype(int)
    # confounded: small outlets have no corner, and sell less for being small
    corner = rng.random(OUTLETS) < np.where(large, 0.15, 0.85)

    def yes(values: np.ndarray) -> np.ndarray:
        return np.where(values, "是", "否")

    every = pd.DataFrame({"网点": [f"W{i:04d}" for i in range(1, OUTLETS + 1)], "规模": np.where(large, "大", "小")})

    def some(n: int) -> tuple[np.ndarray, pd.DataFrame]:
        rows = np.sort(rng.choice(OUTLETS, n, replace=False))
        return rows, every.iloc[rows].reset_index(drop=True)

    exam = every.assign(未通过=yes(failed), 低销=yes(low))
    stock = every.assign(缺货频繁=yes(out), 演示机损坏=yes(rng.random(OUTLETS) < 0.35), 低销=yes(low))
    display = every.assign(未设专区=yes(corner), 海报过期=yes(rng.random(OUTLETS) < 0.3), 附近有对手=yes(rng.random(OUTLETS) < 0.35), 低销=yes(low))
    rows, visits = some(240)
    none = rng.random(240) < 0.55
    visits["无工具"], visits["办理分钟"] = yes(none), np.round(rng.normal(8.0, 2.0, 240) + 5.0 * none - 0.5 * large[rows], 1)
    rows, staff = some(500)
    staff["工龄月数"], staff["月销量"] = rng.integers(1, 72, 500) + 6 * large[rows], sold[rows]
    rows, kinds = some(700)
    kinds["排班类型"], kinds["月销量"] = rng.choice(["早晚两班", "全天一班", "高峰加班"], 700), sold[rows]
    talks = pd.DataFrame({"顾客": [f"K{i:04d}" for i in range(1, 901)], "主要客群": rng.choice(["务农", "务工返乡", "学生", "个体户"], 900),
                          "未买原因": rng.choice(["价格", "不懂政策", "没有货", "等等再说"], 900, p=[0.3, 0.3, 0.25, 0.15])})  # fmt: skip
    return {"exam": exam, "stock": stock, "display": display, "visits": visits, "staff": staff, "roster_kinds": kinds, "interviews": talks}


if __name__ == "__main__":
    write()
