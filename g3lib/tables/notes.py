"""What the gate says without refusing: kept with the rows and repeated by every report that uses them.

The sentences are the vocabulary `note`.
"""

from __future__ import annotations

from dataclasses import dataclass

from g3lib.labels import Lang, label


@dataclass(frozen=True)
class Note:
    """A remark of the gate: a code and what fills its sentence, so that it can be said in both languages."""

    code: str
    values: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, code: str, **values: object) -> Note:
        """The note of that code."""
        return cls(code, tuple((name, str(value)) for name, value in values.items()))

    def text(self, lang: Lang) -> str:
        """The sentence.

        >>> Note.of("unit_applied", heading="金额(万元)", unit="万元", factor="10,000").text("en")
        '“金额(万元)” was converted from its unit 万元 (×10,000; cells that name a unit of their own excepted).'
        """
        return label("note", self.code, lang).format(**dict(self.values))

    def as_dict(self) -> dict[str, object]:
        """Plain values for the manifest."""
        return {"code": self.code, "values": dict(self.values)}
