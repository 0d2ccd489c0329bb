"""Channels: who contributed what, where a change came from, how the outlets do, and at what cost."""

from g3lib.measures.channels.decomposition import factor_effects, mix_and_rate, price_volume_mix, shapley, shift_share
from g3lib.measures.channels.outlets import (
    DISPLAYED, concentration, counter_rate, lorenz, lorenz_by, most_uneven, outlet_table,
)  # fmt: skip
from g3lib.measures.channels.quality import cost_change, efficiency, known_share, role_fit, role_mix, valid_by_quarter, with_yuan
from g3lib.measures.channels.shares import (
    CHANNEL_ORDER, change_of_share, change_table, contribution_share, daily_cells, in_month, known_days, level, same_days,
    whole_months, lowest, month_totals, monthly_units, ordered, printed_sum, share_intervals, share_table, span,
)  # fmt: skip

__all__ = [
    "CHANNEL_ORDER", "DISPLAYED", "change_of_share", "change_table", "concentration", "contribution_share", "cost_change",
    "counter_rate", "daily_cells", "efficiency", "factor_effects", "in_month", "known_days", "known_share", "level", "lorenz",
    "lorenz_by", "lowest", "mix_and_rate", "month_totals", "monthly_units", "most_uneven", "ordered", "outlet_table",
    "price_volume_mix", "printed_sum", "role_fit", "role_mix", "same_days", "shapley", "share_intervals", "share_table",
    "shift_share", "span", "valid_by_quarter", "whole_months", "with_yuan",
]  # fmt: skip
