"""The hypotheses of a test set, scored as the recipe's own scoring stage does.

The recipes split a test set over parallel jobs (``logdir/output.1``, …), each a process of its own; whichever finds all
of them done scores the set, once. Stage 13 of ``asr.sh`` runs sclite over the same texts: references through the
training's ``cleaner``, and both sides without its ``non_linguistic_symbols``. So its ``result.txt`` has the same counts
as what is recorded here, and nothing is to be recorded a second time when that stage runs.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import speech_tracker
from speech_tracker.errors import ScoringError
from speech_tracker.formats.kaldi_text import parse_kaldi_text, parse_utt2spk
from speech_tracker.integrations.utterances import Heard, Scorer

_OUTPUT = re.compile(r"^output\.(\d+)$")
_TEXT = Path("1best_recog", "text")
_SPLITTING = 60.0
"""Seconds within which a recipe writes the lists of all jobs."""


class DecodedSet:
    """What the jobs of one test set wrote.

    Where the set was decoded before, by an earlier model or by more jobs, what these jobs left is in the same folders
    until a job of now has its first hypothesis. It is older than the lists of utterances that the recipe gives to the
    jobs of now, and is left out.

    Args:
        output: the folder of one job.
        data: the test set's data folder, with ``text`` and, where there is one, ``utt2spk``.
        config: the training's ``config.yaml``.
    """

    def __init__(self, output: Path, data: Path, config: Mapping[str, Any]) -> None:
        self.logs = output.parent
        self.parts, self.lists = [output], []
        job = _OUTPUT.match(output.name)
        if job:
            began = _written(self.logs / f"keys.{job[1]}.scp")
            self.lists = [path for path in self.logs.glob("keys.*.scp") if _written(path) > began - _SPLITTING]
            self.parts = [
                path
                for path in self.logs.iterdir()
                if _OUTPUT.match(path.name) and (path == output or _written(path / _TEXT) >= began)
            ]
        self.folder = self.logs.parent if self.logs.name == "logdir" else self.logs
        self.data = data
        self.config = config

    def score(self, run: speech_tracker.Run, keys: list[str], **position: Any) -> None:
        """Score the set and record it, if it is complete and these hypotheses were not scored before.

        Args:
            run: the training's run.
            keys: ids of the utterances of this job, which are all there are where the set was not split.
            position: decoding settings and checkpoint, for the record.
        """
        heard = self._heard(keys)
        if heard is None:
            return
        with self._first(heard) as first:
            if not first:
                return
            run.log_dataset(
                self.folder.name, split=f"test/{self.folder.name}", path=str(self.data),
                utterances=len(heard.references), speakers=len(set(heard.speakers.values())) or None,
            )  # fmt: skip
            position.update(
                self._speed(run), test_set=self.folder.name, stage="test", inference=self.folder.parent.name
            )
            try:
                Scorer(alignment="sclite").record(run, heard, **position)
            except ScoringError:  # braces in a text mean alternatives to sclite; where they are malformed it gives up
                Scorer().record(run, heard, **position)

    def _heard(self, keys: list[str]) -> Heard | None:
        expected = {key for path in self.lists for key in keys_of(path)} or set(keys)
        hypotheses: dict[str, str] = {}
        for part in self.parts:
            hypotheses.update(_texts(part / _TEXT, whole_lines=True))  # of another job it may still be written
        if not expected or not expected <= set(hypotheses) or not (self.data / "text").is_file():
            return None
        references = _texts(self.data / "text")
        together = expected & set(references)
        clean, strip = _cleaner(self.config.get("cleaner")), _without(self.config.get("non_linguistic_symbols"))
        spoken = self.data / "utt2spk"
        rows = parse_utt2spk(spoken.read_text(encoding="utf-8")).records if spoken.is_file() else ()
        return Heard(
            references={key: strip(clean(text)) for key, text in references.items() if key in together},
            hypotheses={key: strip(text) for key, text in hypotheses.items() if key in together},
            speakers={row.utterance_id: row.value for row in rows if row.utterance_id in together},
            audio={key: path for key, path in _texts(self.data / "wav.scp").items() if key in together and "|" not in path},
        )  # fmt: skip

    def _speed(self, run: speech_tracker.Run) -> dict[str, float]:
        """The real-time factor of all jobs that have told theirs."""
        from speech_tracker.view import RunView

        events = RunView.read(run.folder).events if run.folder is not None else []
        told = {event["data"].get("output"): event["data"] for event in events if event["name"] == "decoded"}
        jobs = [told[str(part)] for part in self.parts if str(part) in told]
        timed = [job for job in jobs if job.get("seconds") and job.get("audio_seconds")]
        audio = sum(job["audio_seconds"] for job in timed)
        return {"rtf": sum(job["seconds"] for job in timed) / audio} if audio else {}

    @contextmanager
    def _first(self, heard: Heard) -> Iterator[bool]:
        """Whether these were not scored before: two jobs may end together, and a set may be decoded again."""
        content = repr((sorted(heard.references.items()), sorted(heard.hypotheses.items())))
        mark = self.folder / ".speech_tracker" / f"scored-{hashlib.sha256(content.encode()).hexdigest()[:16]}"
        mark.parent.mkdir(exist_ok=True)
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            yield False
            return
        try:
            yield True
        except BaseException:
            mark.unlink(missing_ok=True)
            raise


def keys_of(path: Any) -> list[str]:
    """Return the utterance ids of a key file; none where there is no file."""
    if not path or not Path(path).is_file():
        return []
    return [line.split(maxsplit=1)[0] for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]


def _written(path: Path) -> float:
    """When a file was written last; 0 where there is none. Opened, so that a network file system asks its server."""
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return 0.0


def _texts(path: Path, *, whole_lines: bool = False) -> dict[str, str]:
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8")
    if whole_lines:
        text = text[: text.rfind("\n") + 1]
    return {each.utterance_id: each.text for each in parse_kaldi_text(text).records}


def _cleaner(kind: Any) -> Callable[[str], str]:
    if not kind:
        return str
    from espnet2.text.cleaner import TextCleaner

    cleaner: Callable[[str], str] = TextCleaner(kind)
    return cleaner


def _without(symbols: Any) -> Callable[[str], str]:
    if not symbols or not Path(str(symbols)).is_file():
        return str
    left_out = {line.rstrip() for line in Path(str(symbols)).read_text(encoding="utf-8").splitlines()}
    return lambda text: " ".join(word for word in text.split() if word not in left_out)
