"""Trains the tiny recogniser with the real SpeechBrain as recipes do: with error rates in files, and its system described.

python train_and_score.py REQUEST…, each the JSON of ``{"folder": …, "env": {…}}``; each training is a fork of this
process, which has imported SpeechBrain once, and the exit statuses are printed as one JSON list.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

import speechbrain as sb

TINY = Path(__file__).parent.parent / "integrations" / "speechbrain_tiny" / "train.py"


def asked() -> bool:
    """Return True in a fork for each request, and False in this process when all have ended."""
    statuses = []
    for argument in sys.argv[1:]:
        request = json.loads(argument)
        child = os.fork()
        if child == 0:
            os.chdir(request["folder"])
            os.environ.update(request["env"])
            with Path("stderr.txt").open("w") as file:
                os.dup2(file.fileno(), 2)
            return True
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(json.dumps(statuses))
    return False


def with_score_files(kind):
    """Have a Brain write the error rates of its tests as recipes do."""
    tested = iter(["test-near", "test-far"])
    original = kind.on_stage_end

    def on_stage_end(self, stage, stage_loss, epoch=None):
        original(self, stage, stage_loss, epoch)
        if stage == sb.Stage.TEST:
            name = next(tested)
            for rate, metric in (("wer", self.wer_metric), ("cer", self.cer_metric)):
                path = Path(self.hparams.output_folder) / f"{rate}_{name}.txt"
                with path.open("w") as file:
                    metric.write_stats(file)

    kind.on_stage_end = on_stage_end


if asked():
    spec = importlib.util.spec_from_file_location("tiny_recipe", TINY)
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    with_score_files(recipe.Recogniser)
    make = sb.create_experiment_directory
    sb.create_experiment_directory = lambda *arguments, **_: make(*arguments)  # which describes the system
    recipe.main(["hparams.yaml", "--noprogressbar", "--device=cpu"])
