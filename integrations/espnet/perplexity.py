"""After ``lm_calc_perplexity``: the perplexity of a language model on a text."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

import speech_tracker
from speech_tracker.guard import never_raises
from speech_tracker.paths import id_file


@dataclass(frozen=True, slots=True)
class Perplexity:
    """A perplexity; for whole texts it is that of all their tokens together.

    Attributes:
        value: as ESPnet wrote it.
    """

    value: float

    def metrics(self) -> dict[str, float]:
        """Return it under its name."""
        return {"perplexity": self.value}


@never_raises
def record(arguments: list[str], *, module: str) -> None:
    """Record the perplexity that was computed, if the model's training was recorded.

    Args:
        arguments: the command line.
        module: the module that was run, for its parser.
    """
    options = vars(importlib.import_module(module).get_parser().parse_args(arguments))
    config = options.get("train_config")
    if config is None or not id_file(Path(config).parent).exists():
        return
    value = float((Path(options["output_dir"]) / "ppl").read_text(encoding="utf-8"))
    source = Path(options["data_path_and_name_and_type"][0][0])
    run = speech_tracker.attach(Path(config).parent)
    try:
        # the recipes give the text itself (``dump/raw/org/dev/text``), whatever it is called
        name = source.parent.name if source.name == "text" else source.stem
        run.log_evaluation(Perplexity(value), test_set=name, checkpoint=options.get("model_file"), stage="test")
    finally:
        run.finish()
