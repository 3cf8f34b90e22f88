"""A SpeechBrain training, recorded or not: python speechbrain_training.py CORPUS EPOCHS plain|recorded"""

from __future__ import annotations

import sys
from pathlib import Path

import clock  # noqa: F401 - it registers itself
import corpus
import soundfile
import speechbrain as sb
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.utils.metric_stats import ErrorRateStats

RECIPE = Path(__file__).with_name("speechbrain.yaml")
OURS = "speech_tracker.integrations.speechbrain.SpeechTrackerLogger"


def dataset(path: str) -> sb.dataio.dataset.DynamicItemDataset:
    found = sb.dataio.dataset.DynamicItemDataset.from_csv(path)

    @sb.utils.data_pipeline.takes("wav")
    @sb.utils.data_pipeline.provides("sig")
    def audio(wav: str) -> torch.Tensor:
        return torch.tensor(soundfile.read(wav, dtype="float32")[0])

    @sb.utils.data_pipeline.takes("wrd")
    @sb.utils.data_pipeline.provides("wrd", "tokens")
    def text(wrd: str):
        yield wrd
        yield torch.tensor(corpus.numbers(wrd))

    for item in (audio, text):
        found.add_dynamic_item(item)
    found.set_output_keys(["id", "sig", "wrd", "tokens"])
    return found


class Recogniser(sb.Brain):
    def compute_forward(self, batch, stage):
        signal, lengths = batch.to(self.device).sig
        encoded, _ = self.modules.encoder(self.hparams.compute_features(signal))
        return self.modules.output(encoded).log_softmax(-1), lengths

    def compute_objectives(self, predictions, batch, stage):
        scores, lengths = predictions
        tokens, token_lengths = batch.tokens
        if stage != sb.Stage.TRAIN:
            found = sb.decoders.ctc_greedy_decode(scores, lengths, blank_id=0)
            heard = ["".join(corpus.TOKENS[token] for token in row).replace("<space>", " ").split() for row in found]
            self.wer_metric.append(batch.id, heard, [text.split() for text in batch.wrd])
        return sb.nnet.losses.ctc_loss(scores, tokens, lengths, token_lengths, blank_index=0)

    def on_stage_start(self, stage, epoch=None):
        if stage != sb.Stage.TRAIN:
            self.wer_metric = ErrorRateStats()

    def on_stage_end(self, stage, stage_loss, epoch=None):
        if stage == sb.Stage.TRAIN:
            self.train_loss = stage_loss
            return
        stats = {"loss": stage_loss, "WER": self.wer_metric.summarize("error_rate")}
        meta = {"epoch": epoch, "lr": self.optimizer.param_groups[0]["lr"]}
        self.hparams.train_logger.log_stats(meta, train_stats={"loss": self.train_loss}, valid_stats=stats)
        self.checkpointer.save_and_keep_only(meta={"WER": stats["WER"]}, min_keys=["WER"])


def main(folder: str, epochs: str, how: str) -> None:
    text = RECIPE.read_text()
    if how == "recorded":  # the one word that changes
        text = text.replace("speechbrain.utils.train_logger.FileTrainLogger", f"{OURS}\n    steps: 10")
    recipe = Path("recipe.yaml")
    recipe.write_text(text)
    given = {"train_csv": f"{folder}/train.csv", "valid_csv": f"{folder}/dev.csv", "number_of_epochs": int(epochs)}
    with recipe.open() as file:
        hparams = load_hyperpyyaml(file, given)
    sb.create_experiment_directory(hparams["output_folder"], str(recipe), given, save_env_desc=False)
    options = {"device": "cpu", "noprogressbar": True}
    brain = Recogniser(hparams["modules"], hparams["opt_class"], hparams, options, hparams["checkpointer"])
    loader = {"batch_size": hparams["batch_size"]}
    brain.fit(
        brain.hparams.epoch_counter, dataset(hparams["train_csv"]), dataset(hparams["valid_csv"]),
        train_loader_kwargs=dict(loader), valid_loader_kwargs=dict(loader),
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
