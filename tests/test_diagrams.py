"""Causes as trees and nets, activities as a network, options in a matrix, scatter and histogram."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import FancyBboxPatch
from scipy import stats

from g3lib.errors import DataError, UsageError
from g3lib.qc import matrix, relations, schedule, tree
from g3lib.report import diagrams, placing


def links(*pairs: tuple[object, object]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["cause", "effect"])


# ---- causes -------------------------------------------------------------------------------------------


def test_a_tree_of_any_depth_has_its_ends() -> None:
    deep = tree.tree(links(("人", "问题"), ("机", "问题"), *((f"c{i}", f"c{i - 1}" if i else "人") for i in range(12))))
    assert (deep.root, deep.ends, deep.depth["c11"]) == ("问题", ("机", "c11"), 13)
    assert deep.effects_of("c1") == ("c0", "人", "问题")


def test_the_order_of_rows_is_kept_among_sisters() -> None:
    found = tree.tree(links(("b", "p"), ("a", "p"), ("z", "b"), ("y", "b")))
    assert found.causes_of["p"] == ("b", "a")
    assert found.ends == ("a", "z", "y")


def test_every_fault_of_a_causes_table_is_listed() -> None:
    with pytest.raises(DataError) as fault:
        tree.tree(links(("a", "p"), ("a", "q"), ("b", "c"), ("c", "b"), ("d", "d"), (None, "p"), ("a", "p")))
    said = str(fault.value)
    assert "row 6: the cause is empty" in said
    assert "'a' → 'p' stands 2 times" in said
    assert "'d' is a cause of itself" in said
    assert "causes in a cycle: " in said
    assert "'b' → 'c'" in said or "'c' → 'b'" in said
    assert "'a' has 2 effects: 'p', 'q'" in said
    assert "2 problems: 'p', 'q'" in said


def test_a_cycle_of_three_is_named_in_its_order() -> None:
    with pytest.raises(DataError, match=r"'a' → 'b' → 'c' → 'a'|'b' → 'c' → 'a' → 'b'|'c' → 'a' → 'b' → 'c'"):
        tree.net(links(("a", "b"), ("b", "c"), ("c", "a")))


def test_two_roots_are_no_tree_and_a_good_net() -> None:
    two = links(("a", "p"), ("b", "q"), ("a", "q"))
    with pytest.raises(DataError, match="2 problems"):
        tree.tree(two)
    net = tree.net(two)
    assert (net.roots, net.ends) == (("p", "q"), ("a", "b"))


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(DataError, match="there is no cause"):
        tree.tree(links())


# ---- activities ---------------------------------------------------------------------------------------

# a network worked by hand: A3 → C4 → E2 and B5 → D1 → E2, F10 beside them
PLAN = pd.DataFrame(
    [("A", 3, ""), ("B", 5, ""), ("C", 4, "A"), ("D", 1, "B"), ("E", 2, "C、D"), ("F", 10, None)],
    columns=["activity", "days", "after"],
)


def test_the_critical_path_by_hand() -> None:
    table = schedule.critical_path(PLAN).set_index("activity")
    assert table["es"].to_dict() == {"A": 0, "B": 0, "C": 3, "D": 5, "E": 7, "F": 0}
    assert table["ef"].to_dict() == {"A": 3, "B": 5, "C": 7, "D": 6, "E": 9, "F": 10}
    assert table["ls"].to_dict() == {"A": 1, "B": 2, "C": 4, "D": 7, "E": 8, "F": 0}
    assert table["lf"].to_dict() == {"A": 4, "B": 7, "C": 8, "D": 8, "E": 10, "F": 10}
    assert table["total_float"].to_dict() == {"A": 1, "B": 2, "C": 1, "D": 2, "E": 1, "F": 0}
    assert table["free_float"].to_dict() == {"A": 0, "B": 0, "C": 0, "D": 1, "E": 1, "F": 0}
    assert table.index[table["critical"]].tolist() == ["F"]


def test_the_order_of_the_rows_does_not_matter() -> None:
    turned = schedule.critical_path(PLAN[::-1]).set_index("activity").sort_index()
    pd.testing.assert_frame_equal(turned, schedule.critical_path(PLAN).set_index("activity").sort_index())


def test_decimals_do_not_hide_the_path() -> None:
    plan = pd.DataFrame({"activity": list("abc"), "days": [0.1, 0.2, 0.3], "after": ["", "a", ""]})
    assert schedule.critical_path(plan)["critical"].all()


def test_every_fault_of_a_plan_is_listed() -> None:
    with pytest.raises(DataError) as fault:
        schedule.critical_path(pd.DataFrame({"activity": ["a", "a", "b", "c"], "days": [1, 1, -1, None], "after": ["", "", "x", ""]}))
    for said in ("'a' stands 2 times", "'b' has no days", "'c' has no days", "'b' waits for 'x'"):
        assert said in str(fault.value)
    with pytest.raises(DataError, match="wait for each other"):
        schedule.critical_path(pd.DataFrame({"activity": ["a", "b"], "days": [1, 1], "after": ["b", "a"]}))


# ---- matrix -------------------------------------------------------------------------------------------


def test_marks_are_weighed_and_ranked() -> None:
    marks = pd.DataFrame({"对策": ["甲", "乙", "丙"], "有效": ["◎", "○", "△"], "费用": ["△", "○", 4]})
    table = matrix.weighed(marks, "对策", {"有效": 2})
    assert table["score"].tolist() == [11, 9, 6]
    assert table["rank"].tolist() == [1, 2, 3]


def test_every_bad_mark_is_listed() -> None:
    with pytest.raises(DataError, match=r"no criterion(.|\n)*is -1(.|\n)*乙: 有效 is '好'"):
        matrix.weighed(pd.DataFrame({"对策": ["甲", "乙"], "有效": ["◎", "好"]}), "对策", {"快": 1, "有效": -1})


# ---- scatter and histogram ----------------------------------------------------------------------------


def test_r_with_fishers_interval_agrees_with_scipy() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=50)
    frame = pd.DataFrame({"x": x, "y": x + rng.normal(size=50)})
    found, other = relations.correlation(frame, "x", "y"), stats.pearsonr(frame["x"], frame["y"])
    assert (found.r, found.p) == pytest.approx((other.statistic, other.pvalue))
    assert (found.low, found.high) == pytest.approx(tuple(other.confidence_interval()))
    assert found.spearman == pytest.approx(stats.spearmanr(frame["x"], frame["y"]).statistic)


def test_the_partial_r_is_that_of_regression_residuals() -> None:
    rng = np.random.default_rng(2)
    s = rng.integers(0, 3, 90)
    frame = pd.DataFrame({"x": s + rng.normal(size=90), "s": s})
    frame["y"] = 2 * s - 0.5 * frame["x"] + rng.normal(size=90)
    dummies = np.column_stack([frame["s"] == k for k in range(3)]).astype(float)
    left = [v - dummies @ np.linalg.lstsq(dummies, v, rcond=None)[0] for v in (frame["x"], frame["y"])]
    found = relations.correlation(frame, "x", "y", "s")
    assert found.within == pytest.approx(np.corrcoef(*left)[0, 1])
    assert found.r > 0 > found.within
    assert found.by_stratum["n"].sum() == 90


def test_a_constant_side_has_no_correlation() -> None:
    found = relations.correlation(pd.DataFrame({"x": [0.1] * 5, "y": [1.0, 2, 3, 4, 5]}), "x", "y")
    assert np.isnan([found.r, found.low, found.p, found.spearman]).all()


def test_bins_follow_the_rule_that_is_named() -> None:
    x = np.random.default_rng(3).normal(size=200)
    for rule in ("fd", "scott", "sturges"):
        found = relations.histogram([*x, np.nan], rule)
        assert found.edges == pytest.approx(np.histogram_bin_edges(x, rule))
        assert (sum(found.counts), found.n, found.missing) == (200, 200, 1)
    with pytest.raises(UsageError, match="guess"):
        relations.histogram(x, "guess")
    with pytest.raises(DataError):
        relations.histogram([np.nan])


# ---- layouts ------------------------------------------------------------------------------------------

NAMES = ["缺货", "店员未通过培训考核", "补货周期长，省公司每周只配送一次（山区两周），急件没有通道", "SMS gateway timeout during the registration",
         "WWW", "系统需重复录入", "Unpronounceablylongwordwithoutanyspaceinit", "（六张单据）", "m", "价格比对手高10%"]  # fmt: skip


@st.composite
def trees(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(1, 24))
    names = ["问题：" + draw(st.sampled_from(NAMES))] + [f"{draw(st.sampled_from(NAMES))}{i}" for i in range(n)]
    # some are chains, some are brooms, some grow anywhere
    kind = draw(st.sampled_from(["chain", "broom", "any"]))
    parents = [i if kind == "chain" else 0 if kind == "broom" else draw(st.integers(0, i)) for i in range(n)]
    return pd.DataFrame({"cause": names[1:], "effect": [names[p] for p in parents]})


@st.composite
def nets(draw: st.DrawFn) -> pd.DataFrame:
    own = draw(trees())
    order = [own["effect"].iloc[0], *own["cause"]]
    more = draw(st.lists(st.tuples(st.integers(0, len(order) - 1), st.integers(0, len(order) - 1)), max_size=8))
    links = pd.DataFrame([(order[max(a, b)], order[min(a, b)]) for a, b in more if a != b], columns=["cause", "effect"])
    return pd.concat([own, links]).drop_duplicates(ignore_index=True)


def overlaps(drawing: diagrams.Diagram) -> list[tuple[str, str]]:
    def meet(a: diagrams.Box, b: diagrams.Box) -> bool:
        return a.left < b.left + b.wide and b.left < a.left + a.wide and a.top < b.top + b.high and b.top < a.top + a.high

    return [(a.name, b.name) for a, b in itertools.combinations(drawing.boxes, 2) if meet(a, b)]


def off_sheet(drawing: diagrams.Diagram) -> list[str]:
    return [b.name for b in drawing.boxes if min(b.left, b.top) < 0 or b.left + b.wide > drawing.wide or b.top + b.high > drawing.high]


def struck(drawing: diagrams.Diagram) -> list[tuple[str, object]]:
    """Boxes through whose inside a line runs."""
    found = []
    for box in drawing.boxes:
        for line in drawing.lines:
            for (x0, y0), (x1, y1) in itertools.pairwise(line.points):
                t = np.linspace(0.0, 1.0, 60)
                x, y = x0 + t * (x1 - x0), y0 + t * (y1 - y0)
                inside = (x > box.left + 0.5) & (x < box.left + box.wide - 0.5) & (y > box.top + 0.5) & (y < box.top + box.high - 0.5)
                if inside.any():
                    found.append((box.name, line))
    return found


@settings(max_examples=60, deadline=None)
@given(trees(), st.sampled_from([70.0, 120.0, 220.0]))
def test_no_text_meets_another_at_any_depth(table: pd.DataFrame, wide: float) -> None:
    links = tree.tree(table)
    for make in (diagrams.fishbone, diagrams.tree_diagram):
        drawing = make(links, wide)
        assert {b.name for b in drawing.boxes} == {links.root, *links.order}
        assert "".join("".join(b.lines) for b in drawing.boxes).replace(" ", "") == "".join(b.name for b in drawing.boxes).replace(" ", "")
        assert overlaps(drawing) == []
        assert off_sheet(drawing) == []
        assert struck(drawing) == []


@settings(max_examples=60, deadline=None)
@given(nets(), st.sampled_from([70.0, 120.0]))
def test_no_arrow_of_a_relation_diagram_runs_under_a_box(table: pd.DataFrame, wide: float) -> None:
    drawing = diagrams.relation_diagram(tree.net(table), wide)
    assert len(drawing.lines) == len(table)
    assert overlaps(drawing) == []
    assert off_sheet(drawing) == []
    assert struck(drawing) == []


def test_an_arrow_diagram_shows_every_figure() -> None:
    drawing = diagrams.arrow_diagram(schedule.critical_path(PLAN), ("工期", "最早", "最迟", "总时差", "自由时差"))
    assert overlaps(drawing) == [] and struck(drawing) == []
    boxes = {b.name: b for b in drawing.boxes}
    assert boxes["D"].lines == ("D", "工期 1", "最早 5–6", "最迟 7–8", "总时差 2 · 自由时差 1")
    assert [name for name, box in boxes.items() if box.mark == "critical"] == ["F"]


@pytest.mark.parametrize("kind", ["fishbone", "tree_diagram", "relation_diagram"])
def test_letters_stay_inside_their_boxes_as_drawn(kind: str) -> None:
    from g3lib.report import charts
    from g3lib.report.charts.look import figure, look

    pairs = [(f"{name}{i}", f"{NAMES[(i - 1) // 2]}{(i - 1) // 2}" if i else "问题") for i, name in enumerate(NAMES)]
    links = tree.tree(pd.DataFrame([("缺货0", "问题"), *pairs[1:]], columns=["cause", "effect"]))
    with look():
        fig, ax = figure(5.0)
        getattr(charts, kind)(links, ax=ax, lang="zh")
        fig.draw_without_rendering()
        spots = [t.get_window_extent() for t in ax.texts]
        frame = ax.get_window_extent()
        assert len(spots) == len(NAMES) + 1
        for one, other in itertools.combinations(spots, 2):
            assert not one.overlaps(other)
        assert all(frame.x0 - 1 <= s.x0 and s.x1 <= frame.x1 + 1 and frame.y0 - 1 <= s.y0 and s.y1 <= frame.y1 + 1 for s in spots)
        boxes = [p.get_window_extent() for p in ax.patches if isinstance(p, FancyBboxPatch)]
        assert boxes
        assert all(any(b.x0 <= s.x0 and s.x1 <= b.x1 and b.y0 <= s.y0 and s.y1 <= b.y1 for s in spots) for b in boxes)


@given(st.text(alphabet="缺货，。（）ab WM-", max_size=40), st.sampled_from([20.0, 50.0, 120.0]))
def test_wrapping_loses_nothing_and_keeps_to_its_width(text: str, wide: float) -> None:
    lines = placing.wrapped(text, 10, wide)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(placing.text_width(line, 10) <= max(wide, 20.0) or len(line) <= 2 or line[1:].strip("，。）") == "" for line in lines)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_arrows_bins_and_points_are_drawn_from_their_results(lang: str) -> None:
    from g3lib.report import charts
    from g3lib.report.charts.look import drawn, figure, look

    frame = pd.DataFrame({"a": [1.0, 2, 3, 5], "b": [2.0, 1, 4, 3], "s": list("ppqq")})
    with look():
        plan, ax = figure(3.0)
        charts.arrow_diagram(schedule.critical_path(PLAN), ax=ax, lang=lang)
        bars, ax = figure(3.0)
        charts.histogram(relations.histogram([1.0, 1, 2, 9], "sturges"), ax=ax, lang=lang, word="w", limits=(0.5, None))
        dots, ax = figure(3.0)
        charts.scatter(frame, relations.correlation(frame, "a", "b", "s"), ax=ax, lang=lang, x="a", y="b", stratum="s")
        texts = "\n".join(drawn(plan)["axes"][0]["texts"])
        assert all(str(name) in texts for name in PLAN["activity"])
        assert "7–8" in texts
        first = drawn(bars)["axes"][0]
        assert [b[3] for b in first["bars"]] == [3.0, 0.0, 1.0]
        assert first["lines"] == [[0.5, 0.0, 0.5, 1.0]]
        assert drawn(dots)["axes"][0]["lines"] == [[1.0, 2.0, 2.0, 1.0], [3.0, 4.0, 5.0, 3.0]]
        assert "r = 0.53" in dots.axes[0].get_title(loc="left")


def test_a_matrix_shows_marks_and_scores_and_a_capability_its_indices() -> None:
    from g3lib.qc import control
    from g3lib.report import charts
    from g3lib.report.charts.look import drawn, figure, look

    marks = matrix.weighed(pd.DataFrame({"对策": ["甲", "乙"], "有效": ["◎", "△"], "费用": ["○", 2]}), "对策")
    x = np.random.default_rng(12).normal(264, 32, 100)
    wild = np.r_[np.zeros(12) + np.arange(12) % 2, 40 + np.arange(12) % 2]
    with look():
        one, ax = figure(2.0)
        charts.matrix_diagram(marks, ax=ax, lang="zh")
        assert drawn(one)["axes"][0]["texts"] == ["◎", "○", "8", "△", "2.0", "3"]
        _, ax = figure(3.0)
        charts.capability_histogram(control.capability(x, control.i_mr(x, rules=["nelson_1"]), 150, 380), relations.histogram(x), ax=ax, lang="en", limits=(150, 380))
        assert "Cpk = " in ax.get_title(loc="left")
        _, ax = figure(3.0)
        charts.capability_histogram(control.capability(wild, control.i_mr(wild), 0, 60), relations.histogram(wild), ax=ax, lang="zh", limits=(0, None))
        assert "不稳定" in ax.get_title(loc="left") and "Cpk = " not in ax.get_title(loc="left").partition(";")[0]


def test_a_chain_deeper_than_pythons_stack_is_drawn() -> None:
    long = tree.tree(pd.DataFrame({"cause": [f"c{i}" for i in range(1, 1501)], "effect": [f"c{i}" for i in range(1500)]}))
    for draw in (diagrams.fishbone, diagrams.tree_diagram, diagrams.relation_diagram):
        assert len({box.name for box in draw(long).boxes}) == 1501
