"""Scoring: counts that equal sclite's and Kaldi's, with their alignments, per utterance and per group."""

from __future__ import annotations

from speech_tracker.evaluation.counts import ErrorCounts
from speech_tracker.evaluation.result import Evaluation, NormalizerRecord, ScoringProblem
from speech_tracker.evaluation.score import score

__all__ = ["ErrorCounts", "Evaluation", "NormalizerRecord", "ScoringProblem", "score"]
