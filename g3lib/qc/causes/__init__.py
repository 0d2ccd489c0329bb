"""Causes: whether a possible cause is one.

A cause is confirmed by data or not at all. Each end cause declares, before anyone looks, its own data, its measure and
the smallest effect that matters, δ. |θ| ≤ δ rejected says 要因, |θ| ≥ δ rejected (TOST) says 非要因, else the evidence does
not suffice, and the sample is told that would decide. Effects are stratified, so that a stratum that goes with both does
not make a cause, nor hide one; Holm's procedure runs over all declared causes.
"""

from g3lib.qc.causes.confirm import confirm, crude_verdicts
from g3lib.qc.causes.declared import TYPES
from g3lib.qc.causes.outlets import confirm_facts, low_sellers, outlet_units, outlet_year
from g3lib.qc.causes.twogroups import heterogeneity, risk_difference

__all__ = [
    "TYPES", "confirm", "confirm_facts", "crude_verdicts", "heterogeneity", "low_sellers", "outlet_units", "outlet_year",
    "risk_difference",
]  # fmt: skip
