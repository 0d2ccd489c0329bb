"""1,000 control charts of 60 points with all rules: one process, the bar is two seconds."""

from __future__ import annotations

import time

import numpy as np

from g3lib.qc import control


def main() -> None:
    rng = np.random.default_rng(60)
    singles = rng.normal(100, 5, (1000, 60))
    subgroups, of = rng.normal(100, 5, (1000, 300)), np.repeat(range(60), 5)
    parts = rng.binomial(5000, 0.3, (1000, 60))
    rows = [
        ("I-MR, Nelson 1-8", lambda: [control.i_mr(x) for x in singles]),
        ("X̄-R of 5, Nelson 1-8", lambda: [control.xbar_r(x, of) for x in subgroups]),
        ("p or p′ chosen, Nelson 1-4", lambda: [control.for_parts(d, np.full(60, 5000)) for d in parts]),
        ("run chart, Anhøj", lambda: [control.run(x) for x in singles]),
        ("EWMA", lambda: [control.ewma(x) for x in singles]),
        ("CUSUM", lambda: [control.cusum(x) for x in singles]),
    ]
    control.factors(5)
    print(f"{'1,000 charts of 60 points':34}{'s':>8}")
    for name, work in rows:
        started = time.perf_counter()
        work()
        print(f"{name:34}{time.perf_counter() - started:8.2f}")


if __name__ == "__main__":
    main()
