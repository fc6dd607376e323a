"""What is told once of many lines: how many they are, and the first of them. Knows no model."""

from dataclasses import dataclass, field

from nmt.text.progress import Progress
from nmt.text.verbatim import LateLines


@dataclass
class Counted:
    """Lines of which the same is to be told."""

    count: int = 0
    first: str = ""

    def add(self, line: str) -> None:
        """Count a line."""
        self.add_all(Counted(1, line))

    def add_all(self, later: "Counted") -> None:
        """Count lines that come after these."""
        self.count += later.count
        self.first = self.first or later.first

    def said(self, one: str, more: str) -> str:
        """How many they are, in the words for one or for more of them."""
        return f"{self.count:,} {more}" if self.count > 1 else one


@dataclass
class Remarks:
    """What a translator tells of its lines at the end."""

    strange: Counted = field(default_factory=Counted)  # with characters that the vocabulary lacks
    unmet: Counted = field(default_factory=Counted)  # whose translation is not as asked
    late: LateLines = field(default_factory=LateLines)

    def take(self) -> "Remarks":
        """What there is so far; from now on it is counted anew."""
        taken = Remarks(self.strange, self.unmet, self.late)
        self.strange, self.unmet, self.late = Counted(), Counted(), LateLines()
        return taken

    def add_all(self, later: "Remarks") -> None:
        """Add what is to be told of lines that come after these."""
        self.strange.add_all(later.strange)
        self.unmet.add_all(later.unmet)
        self.late.add_all(later.late)

    def warn(self, progress: Progress) -> None:
        """Tell it, in one line each."""
        if self.strange.count:
            lines = self.strange.said("1 line has", "lines have")
            what = f"characters that the vocabulary lacks, first {self.strange.first}: the model may lose them"
            progress.warn(f"{lines} {what}")
        self.late.warn(progress)
        if self.unmet.count:
            lines = self.unmet.said("1 translation is", "translations are")
            progress.warn(f"{lines} not as asked, first {self.unmet.first}")
