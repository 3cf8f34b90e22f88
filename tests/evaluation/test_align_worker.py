"""Several processes give what one gives, and a dead one costs nothing but time."""

from __future__ import annotations

import os
import random
import signal
import sys
from typing import Any

import numpy as np
import pytest

from speech_tracker.errors import ScoringError
from speech_tracker.evaluation import align, align_worker, score
from speech_tracker.evaluation.align import Aligner
from speech_tracker.evaluation.align_worker import align_in_processes


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(align, "_CHUNK_UTTERANCES", 40)


@pytest.fixture
def texts() -> tuple[list[str], list[str]]:
    rng = random.Random(7)
    words = ["a", "b", "été", "interminablement", "{ x / y }", "caf\udce9"]
    return tuple([" ".join(rng.choices(words, k=rng.randrange(9))) for _ in range(200)] for _ in range(2))  # type: ignore[return-value]


@pytest.mark.parametrize("alignment", ["kaldi", "sclite"])
def test_processes_give_what_one_gives_and_print_nothing(
    texts: tuple[list[str], list[str]], alignment: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    aligner = Aligner(alignment)
    alone, together = aligner.align(*texts), align_in_processes(aligner, *texts, workers=2)
    assert capfd.readouterr() == ("", "")
    assert np.array_equal(alone.table, together.table)
    assert np.array_equal(alone.offsets, together.offsets)
    assert alone.operations == together.operations
    assert dict(alone.pairs) == dict(together.pairs)


def test_a_process_that_dies_is_replaced_by_this_one(
    texts: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = align_worker._Worker.__enter__

    def start_and_kill(self: align_worker._Worker) -> align_worker._Worker:
        started(self)
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        return self

    monkeypatch.setattr(align_worker._Worker, "__enter__", start_and_kill)
    found = align_in_processes(Aligner("kaldi"), *texts, workers=2)
    assert np.array_equal(found.table, Aligner("kaldi").align(*texts).table)


def test_no_interpreter_to_start_is_no_error(
    texts: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    found = align_in_processes(Aligner("kaldi"), *texts, workers=2)
    assert np.array_equal(found.table, Aligner("kaldi").align(*texts).table)


def test_a_malformed_text_is_named_from_another_process() -> None:
    references = {f"u{index}": "a b" for index in range(200)} | {"u150": "a { b"}
    with pytest.raises(ScoringError, match="reference of utterance 'u150': a brace is not closed"):
        score(references, dict.fromkeys(references, "a b"), alignment="sclite", workers=2)


def test_long_texts_are_cut_into_chunks_by_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(align, "_CHUNK_CHARACTERS", 100)
    texts = ["a" * size for size in (10, 10, 80, 200, 1, 1)]
    chunks = list(Aligner().chunks(texts, texts))
    assert chunks == [slice(0, 2), slice(2, 3), slice(3, 4), slice(4, 6)]
    assert list(Aligner().chunks([], [])) == [slice(0, 0)]
    assert len(Aligner().align([], []).table) == 0
