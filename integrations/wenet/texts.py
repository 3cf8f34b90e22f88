"""The utterances behind a ``wer`` file, scored anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.found import LocatedProblem, Tally
from speech_tracker.integrations.wenet.wer_files import Compared, Overall, parse_utterances

if TYPE_CHECKING:
    from speech_tracker.evaluation import Evaluation

Load = Callable[[list[LocatedProblem]], "Evaluation | None"]
Metric = Literal["wer", "cer", "mixed_error_rate"]
_SPACELESS = frozenset({"Mandarin", "Japanese"})


def metric_of(groups: Iterable[Overall]) -> Metric:
    """Return what was counted, by the scripts of the tokens: characters, words, or both (code-switching)."""
    lengths = {each.group: each.reference_length for each in groups if each.group != "Overall"}
    characters = sum(length for group, length in lengths.items() if group in _SPACELESS)
    words = lengths.get("English", 0)
    if not characters:
        return "wer"
    return "cer" if words <= 0.005 * characters else "mixed_error_rate"


def loader(path: Path, shown: str, metric: Metric, tally: Tally) -> Load:
    """Return a function that scores the utterances of a ``wer`` file.

    `compute-wer.py` takes another one of equally good alignments than the reference scorers, so insertions, deletions and
    substitutions may differ by as many as replace each other; the sum of errors is the same.

    Args:
        path: of the file.
        shown: as the user would open it.
        metric: what was counted.
        tally: as the file says.
    """

    def load(problems: list[LocatedProblem]) -> Evaluation | None:
        from speech_tracker.evaluation import score

        try:
            data = path.read_bytes()
        except OSError as error:
            problems.append(LocatedProblem(shown, None, f"cannot be read: {error.strerror}"))
            return None
        references: dict[str, str] = {}
        hypotheses: dict[str, str] = {}
        single = True
        for each in parse_utterances(data):
            if isinstance(each, Problem):
                problems.append(LocatedProblem(shown, each.line_number or None, each.reason, each.text))
            elif isinstance(each, Compared):
                references[each.utterance_id] = " ".join(each.reference)
                hypotheses[each.utterance_id] = " ".join(each.hypothesis)
                single = single and all(len(token) == 1 for token in (*each.reference, *each.hypothesis))
        if not references:
            return None
        if metric == "cer" and single:
            references = {name: text.replace(" ", "") for name, text in references.items()}
            hypotheses = {name: text.replace(" ", "") for name, text in hypotheses.items()}
        unit: Literal["word", "char", "mixed"] = (
            "char" if metric == "cer" and single else "mixed" if metric != "wer" else "word"
        )
        evaluation = score(references, hypotheses, unit=unit, alignment="kaldi")
        counts = evaluation.counts
        if (counts.errors, counts.reference_length) != (tally.errors, tally.reference_length):
            reason = (
                f"its utterances have {counts.errors} errors in {counts.reference_length} tokens, its last lines say "
                f"{tally.errors} in {tally.reference_length}: the utterances were left out"
            )
            problems.append(LocatedProblem(shown, None, reason))
            return None
        return evaluation

    return load
