"""Which parser reads which file of an ESPnet2 recipe."""

from __future__ import annotations

from typing import TypeAlias

from speech_tracker.ingest import endings, reading, walk
from speech_tracker.ingest.codec import RecordCodec
from speech_tracker.ingest.endings import ENDINGS
from speech_tracker.ingest.reading import Parsers
from speech_tracker.integrations.espnet import config_file, inference_logs, results_md, score_files, train_log
from speech_tracker.integrations.espnet.layout import EspnetRole
from speech_tracker.integrations.kaldi import job_headers
from speech_tracker.integrations.kaldi.job_headers import JOB

ReadFile: TypeAlias = reading.ReadFile[EspnetRole]
Tree: TypeAlias = walk.Tree[EspnetRole]
Entry: TypeAlias = walk.Entry[EspnetRole]

PARSERS = Parsers(
    # the recipes run their jobs with Kaldi's run.pl, queue.pl and slurm.pl
    logs={
        "train": train_log.TRAIN_LOG + ENDINGS + JOB,
        "inference": inference_logs.INFERENCE_LOG + ENDINGS + JOB,
        "speed": inference_logs.SPEED,
    },
    whole={
        "config": config_file.parse_config,
        "result": score_files.parse_result,
        "translation": score_files.parse_translation,
        "measure": score_files.parse_measure,
        "perplexity": score_files.parse_perplexity,
        "results": results_md.parse_results,
    },
    codec=RecordCodec((config_file, endings, inference_logs, job_headers, results_md, score_files, train_log)),
    version="2",
    head=inference_logs.parse_command,
)
