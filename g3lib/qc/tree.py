"""One causes table, read as a tree (fishbone, tree diagram) or as a net (relation diagram).

A row is one link: a cause and the effect that it brings about. What is no cause of anything is the problem;
what has no cause below it is an end cause, and only those are tested.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import pandas as pd

from g3lib.errors import refused


@dataclass(frozen=True)
class Links:
    """Causes and effects: `causes_of` maps each effect to its causes in the table's order; `depth` is 0 for a problem.

    `order` has every name, effects before their causes.
    """

    roots: tuple[str, ...]
    causes_of: Mapping[str, tuple[str, ...]]
    depth: Mapping[str, int]
    order: tuple[str, ...]

    @property
    def root(self) -> str:
        """The problem."""
        return self.roots[0]

    @property
    def ends(self) -> tuple[str, ...]:
        """The end causes: those without a cause of their own, in the table's order."""
        return tuple(name for name in self.order if not self.causes_of.get(name) and name not in self.roots)

    def effects_of(self, cause: str) -> tuple[str, ...]:
        """Everything that lies downstream of a cause, the nearest first."""
        found: dict[str, None] = {}
        near = [cause]
        while near:
            near = [effect for effect, causes in self.causes_of.items() if set(causes) & set(near) and effect not in found]
            found.update(dict.fromkeys(near))
        return tuple(found)


def tree(links: pd.DataFrame) -> Links:
    """The causes of one problem, each with one effect.

    Args:
        links: cause, effect; one row a link.

    Raises:
        DataError: lists empty names, links that stand twice, a cause of itself, causes in a cycle (named), a
            cause with two effects, and more than one problem.

    >>> found = tree(pd.DataFrame({"cause": ["a", "b", "c"], "effect": ["p", "p", "a"]}))
    >>> found.root, found.ends, found.depth["c"]
    ('p', ('b', 'c'), 2)
    """
    return _read(links, one_effect=True)


def net(links: pd.DataFrame) -> Links:
    """The same, where a cause may have several effects and there may be several problems.

    Raises:
        DataError: as `tree`, but for the last two.

    >>> net(pd.DataFrame({"cause": ["a", "a"], "effect": ["p", "q"]})).roots
    ('p', 'q')
    """
    return _read(links, one_effect=False)


def _read(links: pd.DataFrame, one_effect: bool) -> Links:
    pairs = [(_name(c), _name(e)) for c, e in zip(links["cause"], links["effect"], strict=True)]
    blank = [(i, "effect" if c else "cause") for i, (c, e) in enumerate(pairs, 1) if not (c and e)]
    faults = [("", f"row {i}: the {what} is empty") for i, what in blank]
    faults += [(c, f"{c!r} → {e!r} stands {times} times") for (c, e), times in Counter(pairs).items() if times > 1]
    faults += [(c, f"{c!r} is a cause of itself") for c, e in pairs if c == e and c]
    known = list(dict.fromkeys((c, e) for c, e in pairs if c and e and c != e))
    causes_of: dict[str, list[str]] = {}
    for cause, effect in known:
        causes_of.setdefault(effect, []).append(cause)
    causes = dict.fromkeys(c for c, _ in known)
    roots = tuple(dict.fromkeys(e for _, e in known if e not in causes))
    try:
        order = tuple(reversed(tuple(TopologicalSorter(causes_of).static_order())))
    except CycleError as cycle:
        faults.append((cycle.args[1][0], "causes in a cycle: " + " → ".join(map(repr, cycle.args[1]))))
        order = ()
    if one_effect:
        effects = {cause: [e for c, e in known if c == cause] for cause in causes}
        faults += [(c, f"{c!r} has {len(es)} effects: {', '.join(map(repr, es))}") for c, es in effects.items() if len(es) > 1]
        faults += [(roots[-1], f"{len(roots)} problems: {', '.join(map(repr, roots))}")] if len(roots) > 1 else []
    if not pairs:
        faults.append(("", "there is no cause"))
    if faults:
        raise refused(faults, "The causes table:")
    depth = dict.fromkeys(roots, 0)
    for name in order:
        for cause in causes_of.get(name, ()):
            depth[cause] = max(depth.get(cause, 0), depth[name] + 1)
    told = dict.fromkeys([*roots, *causes])  # the table's own order within what must come first
    by_depth = tuple(sorted(told, key=lambda name: depth[name]))
    return Links(roots, {e: tuple(c) for e, c in causes_of.items()}, depth, by_depth)


def _name(value: object) -> str:
    return "" if value is None or value != value else str(value).strip()
