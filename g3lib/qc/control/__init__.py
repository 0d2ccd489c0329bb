"""Control charts: is a series one process, and where did it change?

Each function takes columns and gives a plain result (`Chart`, `Pair`, `Cusum`): centre, limits of every point,
sigma and its estimator, the rules that were broken and at which points. `charts.control_chart` draws it.
"""

from g3lib.qc.control.attributes import Dispersion, c, dispersion, np_, p, u
from g3lib.qc.control.choice import Suited, for_events, for_measurements, for_parts, reread
from g3lib.qc.control.constants import factors
from g3lib.qc.control.indices import Capability, capability
from g3lib.qc.control.memory import Cusum, cusum, ewma
from g3lib.qc.control.result import Chart, Options, Pair
from g3lib.qc.control.variables import i_mr, run, xbar_r, xbar_s

__all__ = [
    "Capability", "Chart", "Cusum", "Dispersion", "Options", "Pair", "Suited", "c", "capability", "cusum", "dispersion", "ewma",
    "factors", "for_events", "for_measurements", "for_parts", "i_mr", "np_", "p", "reread", "run", "u", "xbar_r", "xbar_s",
]  # fmt: skip
