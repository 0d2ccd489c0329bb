"""How a case's characteristic is written: values, differences, units, months; and the sentence of a step without data."""

from __future__ import annotations

from g3lib.findings import Finding, Status
from g3lib.labels import number, percent
from g3lib.qc.story.records import Reading, Story
from g3lib.report.claims.voice import Voice


def value(voice: Voice, story: Story, amount: float) -> str:
    """A value of the characteristic as it is written: a rate in percent, a volume with its unit."""
    return percent(amount) if story.is_rate else number(amount, 1) + after_number(voice, unit_of(story))


def change(voice: Voice, story: Story, amount: float) -> str:
    """A difference of two values of the characteristic."""
    return voice.points(amount) if story.is_rate else number(amount, 1, signed=True) + after_number(voice, unit_of(story))


def after_number(voice: Voice, unit: str) -> str:
    """The unit as it follows a number."""
    return voice.say(unit, f" {unit}" if unit else "")


def unit_of(story: Story) -> str:
    """The unit of a finding about the characteristic."""
    return "1" if story.is_rate else str(story.case.say("topic", "unit") or "")


def span(voice: Voice, reading: Reading) -> str:
    """The months of a reading, in running text."""
    return voice.span(f"{reading.first}..{reading.last}")


def base(voice: Voice, reading: Reading) -> str:
    """What a reading is over."""
    if reading.of == reading.of:
        return voice.say(f"{number(reading.of)}个（{number(reading.count)}个有）", f"{number(reading.of)} counted ({number(reading.count)} of them)")
    return voice.say(f"{reading.points}个期间的平均", f"mean of {reading.points} periods")


def missing(voice: Voice, step: int) -> Finding:
    """The sentence of a step without data."""
    name = voice.word("story_step", str(step))
    text = voice.say(f"第{step}步“{name}”没有资料，不补写", f"Step {step}, {name}: there are no data, and none are made up")
    return voice.finding(f"step.{step}", None, "", text, status=Status.UNKNOWN)
