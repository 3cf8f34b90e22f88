"""What a Trainer prints: why ``fit`` stopped. From ``lightning`` 2.6::

`Trainer.fit` stopped: `max_epochs=2` reached.
"""

from __future__ import annotations

from dataclasses import dataclass

from speech_tracker.ingest.endings import ENDINGS
from speech_tracker.ingest.scan import LINE_START, Grammar, Message


@dataclass(frozen=True, slots=True)
class FitStopped:
    """The training has come to its end as it should.

    Attributes:
        line_number: from 1.
        limit: the setting that was reached, such as ``max_epochs=2``.
    """

    line_number: int
    limit: str


_PATTERN = rb"`?Trainer\.fit`? stopped: `?([\w=.:{}' -]+?)`? reached"

OUTPUT = (
    Grammar(
        # at the beginning of a line, behind a time that a logger puts before it, behind a progress bar
        Message(FitStopped, b"`Trainer.fit` stopped: ", _PATTERN, lead=lead)
        for lead in (LINE_START, b" ", b"]")
    )
    + ENDINGS
)
