"""Hypotheses and references that come out of a validation, batch by batch, and the evaluations made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from speech_tracker.errors import InvalidArgumentError, explain

if TYPE_CHECKING:
    from speech_tracker.evaluation.preference import Alignment

Unit = Literal["word", "char", "mixed"]

_KEYS = {
    "hypotheses": ("hypotheses", "hyps", "hypothesis", "hyp", "predictions", "pred_text"),
    "references": ("references", "refs", "reference", "ref", "targets_text"),
    "ids": ("ids", "utterance_ids", "utt_ids", "uttids", "utterance_id", "keys"),
    "speakers": ("speakers", "speaker_ids", "speaker_id"),
    "audio": ("audio_paths", "audio_filepaths", "paths"),
}


@dataclass(slots=True)
class Heard:
    """The utterances of one data set so far, each by its id: an utterance that comes twice counts once.

    Distributed samplers give some utterances to two ranks so that all ranks have as many; with ids they are told apart.
    """

    references: dict[str, str] = field(default_factory=dict)
    hypotheses: dict[str, str] = field(default_factory=dict)
    speakers: dict[str, str] = field(default_factory=dict)
    audio: dict[str, str] = field(default_factory=dict)

    def update(self, other: Heard) -> None:
        """Take in what another rank heard."""
        self.references.update(other.references)
        self.hypotheses.update(other.hypotheses)
        self.speakers.update(other.speakers)
        self.audio.update(other.audio)


class Utterances:
    """Collects by data set, numbered as the toolkit numbers its loaders."""

    def __init__(self) -> None:
        self.sets: dict[int, Heard] = {}

    def add_outputs(self, outputs: Any, *, data_set: int, prefix: str) -> bool:
        """Take ``{"hyps": […], "refs": […], "ids": […], "speakers": […]}``; return whether it was that.

        Args:
            outputs: what the toolkit's step returned; anything else than such a mapping is left alone.
            data_set: number of the loader.
            prefix: for the ids of utterances that come without.

        Raises:
            InvalidArgumentError: the lists are not of one length.
        """
        if not isinstance(outputs, Mapping):
            return False
        found = {name: next((outputs[key] for key in keys if key in outputs), None) for name, keys in _KEYS.items()}
        if found["hypotheses"] is None or found["references"] is None:
            return False
        lists = {name: _listed(value) for name, value in found.items() if value is not None}
        lengths = {name: len(values) for name, values in lists.items()}
        if len(set(lengths.values())) != 1:
            raise InvalidArgumentError(
                explain("the lists of a step's outputs differ in length", got=lengths, expected="one entry per utterance",
                        remedy="correct what the step returns")
            )  # fmt: skip
        heard = self.sets.setdefault(data_set, Heard())
        ids = [str(each) for each in lists.get("ids", ())]
        ids = ids or [f"{prefix}-{number:04d}" for number in range(lengths["references"])]
        for name, into in (("references", heard.references), ("hypotheses", heard.hypotheses)):
            into.update(zip(ids, map(_text, lists[name]), strict=True))
        for name, into in (("speakers", heard.speakers), ("audio", heard.audio)):
            into.update(zip(ids, map(str, lists.get(name, ())), strict=False))
        return True

    def take(self) -> dict[int, Heard]:
        """Return everything, by loader, and begin anew."""
        taken, self.sets = self.sets, {}
        return taken

    @staticmethod
    def merged(of_ranks: Iterable[Mapping[int, Heard] | None]) -> dict[int, Heard]:
        """Return what all ranks collected together, by loader."""
        whole: dict[int, Heard] = {}
        for one in of_ranks:
            for number, heard in (one or {}).items():
                whole.setdefault(number, Heard()).update(heard)
        return dict(sorted(whole.items()))


class Scorer:
    """Makes evaluations of what was heard and records them.

    Every test is recorded, with every utterance. Of validations those are that are better than all before, and of the
    others the rates remain, as a curve: a file for each epoch would eat a cluster's inodes.

    Args:
        units: what to count; the first is aligned utterance by utterance, of the others the counts are kept.
        alignment: whose rules to count by, where the toolkit's own scores are another program's than Kaldi's.
    """

    def __init__(self, units: Sequence[Unit] = ("word", "char"), *, alignment: Alignment = "kaldi") -> None:
        self.units = tuple(units)
        self.alignment: Alignment = alignment
        self._best: dict[str, float] = {}

    def record(self, run: Any, heard: Heard, *, test_set: str, stage: str, **position: Any) -> dict[str, float]:
        """Score and record one data set; return its rates as fractions: ``{"wer": …, "cer": …}``.

        Args:
            run: the run.
            heard: the utterances.
            test_set: the data set's name.
            stage: ``valid`` or ``test``.
            position: step, epoch and checkpoint, for `Run.log_evaluation`.
        """
        from speech_tracker.evaluation.score import score
        from speech_tracker.evaluation_record import RATE_NAMES

        attributes = {"speaker_id": heard.speakers} if heard.speakers else None
        found = {
            unit: score(heard.references, heard.hypotheses, unit=unit, alignment=self.alignment, attributes=attributes)
            for unit in self.units
        }
        rates = {RATE_NAMES[unit]: rate for unit, each in found.items() if (rate := each.error_rate) is not None}
        if stage == "test" or self._is_best(test_set, found[self.units[0]].error_rate):
            for number, (unit, each) in enumerate(found.items()):
                if number == 0:
                    run.log_evaluation(each, test_set=test_set, audio=heard.audio or None, stage=stage, **position)
                else:  # the first one's file has every utterance already
                    run.log_evaluation(each.counts, test_set=test_set, unit=unit, stage=stage, **position)
        return rates

    def _is_best(self, test_set: str, rate: float | None) -> bool:
        better = rate is not None and rate < self._best.get(test_set, float("inf"))
        if better and rate is not None:
            self._best[test_set] = rate
        return better


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else " ".join(str(token) for token in value)
