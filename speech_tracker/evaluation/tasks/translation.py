"""Speech translation: BLEU, chrF and TER by sacreBLEU, with the signature that makes them comparable.

Source: M. Post, "A call for clarity in reporting BLEU scores", WMT 2018; M. Popović, "chrF", WMT 2015.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from speech_tracker.errors import InvalidArgumentError, ScoringError
from speech_tracker.optional import require

TranslationMetric = Literal["bleu", "chrf", "ter"]


@dataclass(frozen=True, slots=True)
class CorpusScore:
    """One score of a corpus.

    Attributes:
        score: from 0 to 100, as sacreBLEU prints it (TER may exceed 100).
        low: lower end of the bootstrap interval over sentences; None without one (or where sacreBLEU has none, as for
            a few sentences of which some resamples score 0).
        high: upper end.
        signature: sacreBLEU's: version, tokenizer, case, references.
    """

    score: float
    low: float | None
    high: float | None
    signature: str


@dataclass(frozen=True, slots=True)
class Translation:
    """Scores of a translated test set.

    Attributes:
        scores: ``bleu``, ``chrf``, ``ter`` → the score.
        sentences: how many were scored.
        references: references per sentence.
        problems: what was missing or left out.
    """

    scores: Mapping[str, CorpusScore]
    sentences: int
    references: int
    problems: tuple[str, ...]

    @property
    def bleu(self) -> float | None:
        """Corpus BLEU, 0 to 100; None where it was not asked for."""
        return self.scores["bleu"].score if "bleu" in self.scores else None

    @property
    def chrf(self) -> float | None:
        """Corpus chrF, 0 to 100; None where it was not asked for."""
        return self.scores["chrf"].score if "chrf" in self.scores else None

    def metrics(self) -> dict[str, float]:
        """Return what can be logged, under standard names. The signatures are in `as_dict`."""
        found: dict[str, float] = {}
        for name, score in self.scores.items():
            found[name] = score.score
            if score.low is not None and score.high is not None:
                found |= {f"{name}_ci_low": score.low, f"{name}_ci_high": score.high}
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return asdict(self)


def translation(
    references: Mapping[str, str | Sequence[str]],
    hypotheses: Mapping[str, str],
    *,
    metrics: Sequence[TranslationMetric] = ("bleu", "chrf"),
    tokenizer: str | None = None,
    lowercase: bool = False,
    word_order: int = 0,
    missing: Literal["error", "empty", "skip"] = "error",
    replications: int = 1000,
) -> Translation:
    """Score translations against one or more references each.

    Args:
        references: id → reference, or a list of references; all sentences need equally many.
        hypotheses: id → translation, detokenised.
        metrics: which scores.
        tokenizer: sacreBLEU's, for BLEU: ``13a`` (its default), ``zh``, ``ja-mecab``, ``ko-mecab``, ``char``,
            ``flores200``, …
        lowercase: fold case.
        word_order: of chrF; 2 makes it chrF++.
        missing: what to do where a reference has no translation: ``"error"``, score an ``"empty"`` one, or ``"skip"``.
        replications: bootstrap resamples of sentences for the intervals, as sacreBLEU makes them; 0 for none.

    Raises:
        MissingExtraError: sacreBLEU is not installed.
        InvalidArgumentError: an argument cannot be taken as it is.
        ScoringError: translations are missing and `missing` is ``"error"``; there is nothing to score.
    """
    sacrebleu = require("sacrebleu", extra="translation", purpose="score translations")
    unknown = [name for name in metrics if name not in ("bleu", "chrf", "ter")]
    if unknown or not metrics:
        raise InvalidArgumentError(f"metrics: got {list(metrics)!r}, expected some of bleu, chrf, ter")
    listed = {key: [text] if isinstance(text, str) else list(text) for key, text in references.items()}
    absent = [key for key in listed if key not in hypotheses]
    if absent and missing == "error":
        raise ScoringError(
            f"{len(absent)} of {len(listed)} references have no translation (for example {absent[0]!r}); expected one "
            "for each; pass missing='empty' or missing='skip'"
        )
    ids = [key for key in listed if key in hypotheses or missing != "skip"]
    if not ids:
        raise ScoringError("there is nothing to score: no translation has a reference; check the ids")
    counts = {len(listed[key]) for key in ids}
    if len(counts) > 1 or 0 in counts:
        raise InvalidArgumentError(
            f"sentences with different numbers of references: got {sorted(counts)}, expected equally many for each"
        )
    extra = [key for key in hypotheses if key not in listed]
    problems = []
    if absent:
        problems.append(f"{len(absent)} sentences without translation: {'left out' if missing == 'skip' else 'empty'}")
    if extra:
        problems.append(f"{len(extra)} translations without reference left out: {', '.join(extra[:5])}")
    translated = [hypotheses.get(key, "") for key in ids]
    streams = [[listed[key][number] for key in ids] for number in range(counts.pop())]
    scores: dict[str, CorpusScore] = {
        name: _score(_scorer(sacrebleu, name, tokenizer, lowercase, word_order), translated, streams, replications)
        for name in metrics
    }
    return Translation(scores, len(ids), len(streams), tuple(problems))


def _scorer(sacrebleu: Any, name: str, tokenizer: str | None, lowercase: bool, word_order: int) -> Any:
    try:
        if name == "bleu":
            return sacrebleu.BLEU(tokenize=tokenizer, lowercase=lowercase)
        if name == "chrf":
            return sacrebleu.CHRF(word_order=word_order, lowercase=lowercase)
        return sacrebleu.TER(case_sensitive=not lowercase)
    except (ValueError, KeyError, RuntimeError, ImportError, AssertionError) as error:
        raise InvalidArgumentError(
            f"sacreBLEU refuses tokenizer={tokenizer!r}, word_order={word_order!r}: {error}; see `sacrebleu --help`"
        ) from error


def _score(scorer: Any, translated: Sequence[str], streams: Sequence[Sequence[str]], replications: int) -> CorpusScore:
    resampled = replications > 1 and len(translated) > 1
    try:
        result = scorer.corpus_score(translated, streams, n_bootstrap=replications if resampled else 1)
    except TypeError:  # sacreBLEU 2.6 cannot average its resamples when the score of one of them is exactly 0
        result = scorer.corpus_score(translated, streams)
    mean, reach = getattr(result, "_mean", None), getattr(result, "_ci", None)
    low = high = None
    if mean is not None and reach is not None and not math.isnan(mean + reach) and mean >= 0 <= reach:
        low, high = float(mean - reach), float(mean + reach)
    return CorpusScore(float(result.score), low, high, str(scorer.get_signature()))
