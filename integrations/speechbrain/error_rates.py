"""Every ``ErrorRateStats`` that a Brain holds is a full evaluation: references, hypotheses, ids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from speechbrain.utils.metric_stats import ErrorRateStats

from speech_tracker.evaluation.score import score
from speech_tracker.integrations.speechbrain import data_sets
from speech_tracker.integrations.utterances import Heard, Scorer

_PHONES = re.compile(r"^(?:per|phn|phone)", re.IGNORECASE)


def statistics_of(brain: Any) -> Iterator[tuple[str, ErrorRateStats]]:
    """Yield (name, statistics) of every ErrorRateStats on the Brain that holds utterances."""
    for name, value in vars(brain).items():
        for place, each in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(each, ErrorRateStats) and each.scores:
                yield (f"{name}_{place}" if isinstance(value, list) else name), each


def percents(brain: Any) -> list[float]:
    """Return the error rates that the recipe has had computed, in percent."""
    return [float(each.summary["WER"]) for _, each in statistics_of(brain) if "WER" in (each.summary or {})]


def heard(statistics: ErrorRateStats, dataset: Any) -> Heard:
    """Return references and hypotheses by utterance id, and of the manifest speakers and audio files.

    Tokens are joined by spaces, characters by nothing, with a space where SpeechBrain has put its mark for one.
    """
    found = Heard()
    for row in statistics.scores:
        found.references[str(row["key"])] = _text(statistics, row["ref_tokens"])
        found.hypotheses[str(row["key"])] = _text(statistics, row["hyp_tokens"] or ())
    speakers, audio = data_sets.speakers(dataset), data_sets.audio(dataset)
    found.speakers = {each: speakers[each] for each in found.references if each in speakers}
    found.audio = {each: audio[each] for each in found.references if each in audio}
    return found


def _text(statistics: ErrorRateStats, tokens: Any) -> str:
    texts = [str(token) for token in tokens]
    if not statistics.split_tokens:
        return " ".join(texts)
    return "".join(" " if text == statistics.space_token else text for text in texts)


class PhoneErrors:
    """Phone error rate: what ErrorRateStats counts where the tokens are phones; it must not pass for a WER."""

    def __init__(self, statistics: Heard) -> None:
        self.counts = score(statistics.references, statistics.hypotheses, unit="word").counts

    def metrics(self) -> dict[str, Any]:
        """Return the rate as a fraction and what it is made of."""
        return {"per": self.counts.error_rate, **self.counts.as_dict()}


class Evaluations:
    """Records them: every test, and of validations those that are better than all before."""

    def __init__(self) -> None:
        self._scorers: dict[str, Scorer] = {}

    def record(
        self, run: Any, brain: Any, dataset: Any, *, test_set: str, stage: str, **position: Any
    ) -> dict[str, float]:
        """Record what the Brain holds at the end of a stage; return the rates by name, as fractions."""
        rates: dict[str, float] = {}
        for name, statistics in statistics_of(brain):
            found = heard(statistics, dataset)
            if _PHONES.match(name):
                errors = PhoneErrors(found)
                rates["per"] = errors.metrics()["per"]
                if stage == "test":
                    rows = [(each, text, found.hypotheses[each]) for each, text in found.references.items()]
                    run.log_table(f"{test_set}/{name}", ("utterance_id", "reference", "hypothesis"), rows)
                    run.log_evaluation(errors, test_set=test_set, stage=stage, statistics=name, **position)
                continue
            scorer = self._scorers.setdefault(name, Scorer(("char" if statistics.split_tokens else "word",)))
            more = scorer.record(run, found, test_set=test_set, stage=stage, statistics=name, **position)
            rates.update({rate: value for rate, value in more.items() if rate not in rates})
        return rates
