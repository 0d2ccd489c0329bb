"""Claims: a measured table → the sentence that it carries, in Chinese or English.

Each function takes the voice (language, branch, period) and measured frames, and returns findings; the
first one's sentence is the claim, the others are the figures behind it. Nothing is computed here beyond
picking the row that the sentence is about.
"""

from g3lib.report.claims import (
    attribution,
    brief,
    campaigns,
    causes,
    channels,
    control,
    customers,
    gate,
    group,
    outcome,
    overview,
    plan,
    scenario,
    story,
    subsidy,
    targets,
    verdicts,
)
from g3lib.report.claims.voice import Voice

__all__ = ["Voice", "attribution", "brief", "campaigns", "causes", "channels", "control", "customers", "gate", "group", "outcome", "overview", "plan", "scenario", "story", "subsidy", "targets", "verdicts"]
