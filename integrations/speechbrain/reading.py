"""How each kind of file of a SpeechBrain experiment is read."""

from __future__ import annotations

from speech_tracker.ingest import endings
from speech_tracker.ingest.codec import RecordCodec
from speech_tracker.ingest.reading import Parsers
from speech_tracker.integrations.speechbrain import (
    checkpoint_meta,
    env_log,
    hyperparams_file,
    run_log,
    score_files,
    train_log,
)

PARSERS = Parsers(
    logs={"run_log": run_log.RUN_LOG, "terminal": run_log.TERMINAL},
    whole={
        "train_log": train_log.parse_train_log,
        "env": env_log.parse_env_log,
        "hyperparams": hyperparams_file.parse_hyperparams,
        "checkpoint": checkpoint_meta.parse_checkpoint_meta,
        "scores": score_files.parse_score_file,
    },
    codec=RecordCodec((checkpoint_meta, endings, env_log, hyperparams_file, run_log, score_files, train_log)),
    version="1",
    may_be_empty=frozenset({"train_log", "scores", "terminal", "run_log", "checkpoint"}),
)
