"""What was found wrong: counted by kind, with the first few examples."""

from collections import Counter
from dataclasses import dataclass, field

EXAMPLES_MAX = 3


@dataclass(slots=True)
class Findings:
    """Empty is good."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def note(self, kind: str, example: str) -> None:
        self.counts[kind] += 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < EXAMPLES_MAX:
            examples.append(example)

    def merge(self, other: "Findings") -> None:
        self.counts.update(other.counts)
        for kind, examples in other.examples.items():
            mine = self.examples.setdefault(kind, [])
            mine.extend(examples[: EXAMPLES_MAX - len(mine)])

    def __len__(self) -> int:
        return self.counts.total()

    def __str__(self) -> str:
        return "; ".join(
            f"{kind} ({count:,}, such as {' | '.join(self.examples[kind])})"
            for kind, count in self.counts.most_common()
        )
