"""Train a small recogniser of spoken digit strings with SpeechBrain; one line of hparams.yaml has everything recorded.

python recipes/speechbrain_digits/train.py recipes/speechbrain_digits/hparams.yaml
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import speechbrain as sb
import torch
from hyperpyyaml import load_hyperpyyaml
from prepare import prepare


class Recogniser(sb.Brain):
    """CTC over digits."""

    def compute_forward(self, batch: Any, stage: sb.Stage) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log probabilities, shape (utterances, frames, tokens), and relative lengths."""
        samples, lengths = batch.to(self.device).sig
        features = self.modules.normalize(self.hparams.compute_features(samples), lengths)
        if stage == sb.Stage.TRAIN:
            features, lengths = self.hparams.fea_augment(features, lengths)
        encoded, _ = self.modules.recurrent(self.modules.encoder(features), lengths=lengths)
        return self.modules.output(encoded).log_softmax(-1), lengths

    def compute_objectives(
        self, predictions: tuple[torch.Tensor, torch.Tensor], batch: Any, stage: sb.Stage
    ) -> torch.Tensor:
        """Return the loss; of validation and tests also count the errors."""
        scores, lengths = predictions
        tokens, token_lengths = batch.tokens
        if stage == sb.Stage.TRAIN:
            tokens, token_lengths = self.hparams.fea_augment.replicate_multiple_labels(tokens, token_lengths)
        else:
            best = sb.decoders.ctc_greedy_decode(scores, lengths, blank_id=self.hparams.blank_index)
            self.wer_metric.append(batch.id, self.hparams.label_encoder.decode_ndim(best), batch.words)
        return self.hparams.ctc_cost(scores, tokens, lengths, token_lengths)

    def on_stage_start(self, stage: sb.Stage, epoch: int | None = None) -> None:
        """Begin to count."""
        if stage != sb.Stage.TRAIN:
            self.wer_metric = self.hparams.error_rate_computer()

    def on_stage_end(self, stage: sb.Stage, stage_loss: float, epoch: int | None = None) -> None:
        """Say what was measured, and keep the checkpoint with the lowest WER."""
        if stage == sb.Stage.TRAIN:
            self.train_stats = {"loss": stage_loss}
            return
        stats = {"loss": stage_loss, "WER": self.wer_metric.summarize("error_rate")}
        if stage == sb.Stage.TEST:
            loaded = {"Epoch loaded": self.hparams.epoch_counter.current}
            self.hparams.train_logger.log_stats(loaded, test_stats=stats)
            with Path(self.hparams.test_wer_file).open("w", encoding="utf-8") as file:
                self.wer_metric.write_stats(file)
            return
        old, new = self.hparams.lr_annealing(epoch)
        sb.nnet.schedulers.update_learning_rate(self.optimizer, new)
        self.hparams.train_logger.log_stats(
            {"epoch": epoch, "lr": old}, train_stats=self.train_stats, valid_stats=stats
        )
        self.checkpointer.save_and_keep_only(meta={"WER": stats["WER"]}, min_keys=["WER"])


def data_set(path: str, label_encoder: Any) -> sb.dataio.dataset.DynamicItemDataset:
    """Return the data set of a manifest, CSV or JSON."""
    kind = sb.dataio.dataset.DynamicItemDataset
    found = kind.from_json(path) if path.endswith(".json") else kind.from_csv(path)

    @sb.utils.data_pipeline.takes("wav")
    @sb.utils.data_pipeline.provides("sig")
    def audio(wav: str) -> torch.Tensor:
        return sb.dataio.dataio.read_audio(wav)

    @sb.utils.data_pipeline.takes("wrd")
    @sb.utils.data_pipeline.provides("words", "tokens")
    def text(wrd: str) -> Any:
        words = wrd.split()
        yield words
        yield torch.LongTensor(label_encoder.encode_sequence(words))

    found.add_dynamic_item(audio)
    found.add_dynamic_item(text)
    found.set_output_keys(["id", "sig", "words", "tokens"])
    return found


def main() -> None:
    """Prepare the data, train, test."""
    hparams_file, run_options, overrides = sb.parse_arguments(sys.argv[1:])
    sb.utils.distributed.ddp_init_group(run_options)
    torch.set_num_threads(1)  # the layers are too small to share out, and other people's jobs want the cores
    with Path(hparams_file).open(encoding="utf-8") as file:
        hparams = load_hyperpyyaml(file, overrides)
    sb.create_experiment_directory(hparams["output_folder"], hparams_file, overrides)
    names = ("data_folder", "recordings", "per_digit", "strings", "test_strings", "seed")
    sb.utils.distributed.run_on_main(prepare, kwargs={name: hparams[name] for name in names})

    label_encoder = hparams["label_encoder"]
    train, valid = (data_set(hparams[name], label_encoder) for name in ("train_csv", "valid_json"))
    label_encoder.expect_len(hparams["output_neurons"])
    label_encoder.insert_blank(index=hparams["blank_index"])
    label_encoder.update_from_iterable(
        sorted({word for row in train.data.values() for word in row["wrd"].split()}), False
    )

    brain = Recogniser(hparams["modules"], hparams["opt_class"], hparams, run_options, hparams["checkpointer"])
    loader = {"batch_size": hparams["batch_size"]}
    brain.fit(
        hparams["epoch_counter"], train, valid,
        train_loader_kwargs={**loader, "shuffle": True}, valid_loader_kwargs=dict(loader),
    )  # fmt: skip
    for path in hparams["test_csv"]:
        brain.hparams.test_wer_file = Path(hparams["output_folder"]) / f"wer_{Path(path).stem}.txt"
        brain.evaluate(data_set(path, label_encoder), min_key="WER", test_loader_kwargs=dict(loader))


if __name__ == "__main__":
    main()
