"""Which jobs of a decoding belong together: their files are written here as ESPnet writes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import speech_tracker
from speech_tracker.integrations.espnet.decoded import DecodedSet
from speech_tracker.view import RunView

WORDS = {"s1-u1": "do mi", "s1-u2": "mi sol", "s2-u3": "sol do", "s2-u4": "do do"}


class Decoding:
    """A test set of four utterances, decoded by jobs."""

    def __init__(self, folder: Path) -> None:
        self.data, self.logs = folder / "data", folder / "decode/test/logdir"
        self.run = speech_tracker.init(mode="local", store=folder / "store", capture_environment=False)
        self.time = 1_700_000_000
        self.data.mkdir()
        self.logs.mkdir(parents=True)
        (self.data / "text").write_text("".join(f"{key} {words}\n" for key, words in WORDS.items()))

    def write(self, path: Path, content: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        os.utime(path, (self.time, self.time))

    def split(self, jobs: int) -> None:
        """Stage 12 begins: it writes the lists of all jobs."""
        self.time += 3600
        for job in range(jobs):
            self.write(self.logs / f"keys.{job + 1}.scp", "".join(f"{key} x.wav\n" for key in list(WORDS)[job::jobs]))
        self.time += 60

    def decode(self, job: int, heard: str | None = None, *, cut: int = 0) -> None:
        """A job ends; it heard `heard` everywhere, or what was said. Of its output the last `cut` characters are missing."""
        keys = [line.split()[0] for line in (self.logs / f"keys.{job}.scp").read_text().splitlines()]
        text = "".join(f"{key} {heard or WORDS[key]}\n" for key in keys)
        self.write(self.logs / f"output.{job}/1best_recog/text", text[: len(text) - cut])

    def score(self, job: int) -> list[tuple[int, int]]:
        """The job looks whether the set is complete; return errors and reference words of every evaluation so far."""
        DecodedSet(self.logs / f"output.{job}", self.data, {}).score(self.run, [])
        assert self.run.folder is not None
        counts = [each["counts"] for each in RunView.read(self.run.folder).evaluations if each["unit"] == "word"]
        return [
            (each["substitutions"] + each["deletions"] + each["insertions"], each["reference_length"])
            for each in counts
        ]


@pytest.fixture
def decoding(tmp_path: Path) -> Decoding:
    return Decoding(tmp_path)


def test_what_an_earlier_model_left_is_no_result_of_this_one(decoding: Decoding) -> None:
    decoding.split(2)
    decoding.decode(1, "do do")
    assert decoding.score(1) == []
    decoding.decode(2, "do do")
    assert decoding.score(2) == [(4, 8)]
    decoding.split(2)  # stage 12 again, with a better model
    decoding.decode(1)
    assert decoding.score(1) == [(4, 8)]
    decoding.decode(2)
    assert decoding.score(2) == [(4, 8), (0, 8)]


def test_what_more_jobs_left_before_does_not_replace_what_fewer_heard_now(decoding: Decoding) -> None:
    decoding.split(4)
    for job in (1, 2, 3, 4):
        decoding.decode(job, "sol sol")
        before = decoding.score(job)
    assert before == [(6, 8)]
    decoding.split(1)
    decoding.decode(1)
    assert decoding.score(1) == [(6, 8), (0, 8)]


def test_an_utterance_that_another_job_is_still_writing_is_not_scored(decoding: Decoding) -> None:
    decoding.split(2)
    decoding.decode(2, cut=3)
    decoding.decode(1)
    assert decoding.score(1) == []
    decoding.decode(2)
    assert decoding.score(2) == [(0, 8)]
