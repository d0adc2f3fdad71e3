"""A folder per day whose documents say which edition they are of, so that a torn read or a lost row shows by itself."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

SECTIONS = 3
# Each section is a chunk of its own: a heading, and enough words that two do not fit into one.
_FILLER = "The office keeps the ledger, the scale and the stamp, and writes down what it weighed. " * 8


@dataclass(frozen=True)
class GeneratedDays:
    """Documents by day: name -> edition. The same seed gives the same days."""

    days: Mapping[date, Mapping[str, int]]

    @classmethod
    def of(
        cls, first_day: date, length: int, documents: int, *, without: Sequence[int] = (), seed: int = 1
    ) -> "GeneratedDays":
        """`length` days, those at the positions `without` left out; a tenth is edited daily, some go and some come."""
        chance = random.Random(seed)
        present = {f"document-{number:04d}": 1 for number in range(documents)}
        days: dict[date, dict[str, int]] = {}
        for position in range(length):
            for name in chance.sample(sorted(present), max(1, documents // 10)):
                present[name] += 1
            gone = chance.choice(sorted(present))
            del present[gone]
            present[f"document-{documents + position:04d}"] = 1
            if position not in without:
                days[first_day + timedelta(days=position)] = dict(present)
        return cls(days)

    def write(self, inbox: Path) -> None:
        """`inbox/2026-11-01/document-0001.md` and so on."""
        for day, documents in self.days.items():
            folder = inbox / day.isoformat()
            folder.mkdir(parents=True)
            for name, edition in documents.items():
                (folder / f"{name}.md").write_text(text_of(name, edition), encoding="utf-8")

    @property
    def lasting(self) -> list[str]:
        """Documents that every day holds, in whatever edition."""
        return sorted(set.intersection(*(set(names) for names in self.days.values())))

    def edit(self, inbox: Path, seed: int = 2) -> "GeneratedDays":
        """The days as somebody mended them: of each a tenth in a higher edition. Written over what lies in `inbox`."""
        chance = random.Random(seed)
        edited = {}
        for day, documents in self.days.items():
            chosen = set(chance.sample(sorted(documents), max(1, len(documents) // 10)))
            edited[day] = {name: edition + 100 * (name in chosen) for name, edition in documents.items()}
            for name in chosen:
                text = text_of(name, edited[day][name])
                (inbox / day.isoformat() / f"{name}.md").write_text(text, encoding="utf-8")
        return GeneratedDays(edited)

    @property
    def last(self) -> Mapping[str, int]:
        return self.days[max(self.days)]


def text_of(name: str, edition: int) -> str:
    """A document of SECTIONS sections, each of which names the document and its edition."""
    sections = [
        f"## Section {number} of {name}\n\nEdition {edition} of {name}. {_FILLER}" for number in range(SECTIONS)
    ]
    return f"# {name}\n\n" + "\n\n".join(sections) + "\n"
