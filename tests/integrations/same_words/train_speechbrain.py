"""The SpeechBrain training: ``python train_speechbrain.py hparams.yaml`` beside ``data/``."""

from __future__ import annotations

import sys
from pathlib import Path

import corpus
import soundfile
import speechbrain as sb
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.utils.metric_stats import ErrorRateStats


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
        yield torch.tensor([1 + corpus.LETTERS.index(letter) for letter in wrd])

    for item in (audio, text):
        found.add_dynamic_item(item)
    found.set_output_keys(["id", "sig", "wrd", "tokens"])
    return found


class Recogniser(sb.Brain):
    def compute_forward(self, batch, stage):
        signal, lengths = batch.to(self.device).sig
        if stage == sb.Stage.TRAIN:
            signal = self.hparams.speed_perturb(signal)
        features = self.hparams.compute_features(signal)
        if stage == sb.Stage.TRAIN:
            features = self.hparams.freq_drop(features)
        encoded, _ = self.modules.encoder(self.modules.first(features))
        return self.modules.output(encoded).log_softmax(-1), lengths

    def compute_objectives(self, predictions, batch, stage):
        scores, lengths = predictions
        tokens, token_lengths = batch.tokens
        loss = sb.nnet.losses.ctc_loss(scores, tokens, lengths, token_lengths, blank_index=0)
        if stage != sb.Stage.TRAIN:
            found = sb.decoders.ctc_greedy_decode(scores, lengths, blank_id=0)
            heard = ["".join(corpus.LETTERS[int(token) - 1] for token in row).split() for row in found]
            self.wer_metric.append(batch.id, heard, [text.split() for text in batch.wrd])
        return loss

    def on_stage_start(self, stage, epoch=None):
        if stage != sb.Stage.TRAIN:
            self.wer_metric = ErrorRateStats()

    def on_stage_end(self, stage, stage_loss, epoch=None):
        stats = {"loss": stage_loss}
        if stage == sb.Stage.TRAIN:
            self.train_stats = stats
            return
        stats["WER"] = self.wer_metric.summarize("error_rate")
        if stage == sb.Stage.TEST:
            self.hparams.train_logger.log_stats({"Epoch loaded": self.hparams.epoch_counter.current}, test_stats=stats)
            return
        meta = {"epoch": epoch, "lr": self.optimizer.param_groups[0]["lr"]}
        self.hparams.train_logger.log_stats(meta, train_stats=self.train_stats, valid_stats=stats)
        self.checkpointer.save_and_keep_only(meta={"WER": stats["WER"]}, min_keys=["WER"])


def main(arguments: list[str]) -> None:
    path, run_options, overrides = sb.parse_arguments(arguments)
    with Path(path).open() as file:
        hparams = load_hyperpyyaml(file, overrides)
    sb.create_experiment_directory(hparams["output_folder"], path, overrides, save_env_desc=False)
    brain = Recogniser(hparams["modules"], hparams["opt_class"], hparams, run_options, hparams["checkpointer"])
    loader = {"batch_size": hparams["batch_size"]}
    brain.fit(
        brain.hparams.epoch_counter, dataset(hparams["train_csv"]), dataset(hparams["valid_csv"]),
        train_loader_kwargs=dict(loader), valid_loader_kwargs=dict(loader),
    )  # fmt: skip
    for manifest in hparams["test_csv"]:
        brain.evaluate(dataset(manifest), min_key="WER", test_loader_kwargs=dict(loader))


if __name__ == "__main__":
    main(sys.argv[1:])
