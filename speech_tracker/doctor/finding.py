"""What the examination found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["problem", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth knowing.

    Attributes:
        level: ``problem`` is something to act on, ``note`` is not.
        area: ``installation``, ``wandb``, ``store``, ``catalog`` or ``run``.
        what: what is the matter.
        remedy: what to do.
        run: id of the run that is meant.
        path: file that is meant.
        line: line of it, from 1.
    """

    level: Level
    area: str
    what: str
    remedy: str
    run: str | None = None
    path: str | None = None
    line: int | None = None

    def to_dict(self) -> dict[str, str | int | None]:
        """Return the finding as plain values."""
        return {
            "level": self.level, "area": self.area, "what": self.what, "remedy": self.remedy, "run": self.run,
            "path": self.path, "line": self.line,
        }  # fmt: skip
