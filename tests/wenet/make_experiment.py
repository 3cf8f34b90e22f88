"""Makes an experiment as WeNet's recipes leave it: its formats, with texts and numbers of our own.

Usage: ``python make_experiment.py FOLDER`` makes a recipe's folder with ``train.log`` and ``exp/conformer``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from speech_tracker.evaluation import score

ACCUMULATION = 4
BATCHES = 100
"""In an epoch of the made training: 25 updates."""

TEXTS = {
    "BAC009S0764W0121": ("甚至出现了", {"attention_rescoring": "甚至出现了", "ctc_greedy_search": "甚至出线"}),
    "BAC009S0764W0122": ("交易停滞", {"attention_rescoring": "交易停制", "ctc_greedy_search": "交易停制的"}),
}
CONFIG = """\
accum_grad: 4
encoder: conformer
encoder_conf:
  attention_heads: 4
  input_layer: conv2d
  num_blocks: 12
  output_size: 256
decoder: transformer
decoder_conf:
  num_blocks: 6
dataset_conf:
  batch_conf:
    batch_size: 16
  fbank_conf:
    frame_length: 25
    frame_shift: 10
    num_mel_bins: 80
  spec_aug: true
  speed_perturb: true
grad_clip: 5
max_epoch: 3
model_conf:
  ctc_weight: 0.3
optim: adam
optim_conf:
  lr: 0.002
output_dim: 4233
scheduler: warmuplr
scheduler_conf:
  warmup_steps: 25000
"""


def old_log(epochs: range, folder: str = "exp/conformer", *, interval: int = 40) -> str:
    """The log of a training with WeNet 1 or 2: no year, and no number of the update."""
    lines: list[str] = []

    def say(text: str, source: str = "executor.py:114") -> None:
        seconds = 3600 + 5 * len(lines) + 100 * epochs.start
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        lines.append(f"I0623 {clock}.062442 139680259150208 {source}] {text}")

    updates = epochs.start * BATCHES // ACCUMULATION
    if epochs.start == 0:
        say(f"Checkpoint: save to checkpoint {folder}/init.pt", "checkpoint.py:34")
    else:
        say(f"Checkpoint: loading from checkpoint {folder}/{epochs.start - 1}.pt for GPU", "checkpoint.py:29")
    for epoch in epochs:
        say(f"Epoch {epoch} TRAIN info lr {max(updates, 1) * 2e-7!r}", "train.py:268")
        say(f"using accumulate grad, new batch size is {ACCUMULATION} times larger than before", "executor.py:33")
        for batch in range(BATCHES):
            updates += batch % ACCUMULATION == 0
            if batch % interval == 0:
                loss = 100 / (1 + epoch * BATCHES + batch)
                values = f"loss {loss:.6f} loss_att {loss / 2:.6f} loss_ctc {loss * 2:.6f} lr {updates * 2e-7:.8f}"
                say(f"TRAIN Batch {epoch}/{batch} {values} rank 0")
        say(f"CV Batch {epoch}/0 loss 67.995300 history loss 63.995577 rank 0", "executor.py:151")
        say(f"Epoch {epoch} CV info cv_loss {50 / (1 + epoch)}", "train.py:275")
        say(f"Checkpoint: save to checkpoint {folder}/{epoch}.pt", "checkpoint.py:34")
    return "\n".join(lines) + "\n"


def write_wer(path: Path, mode: str) -> None:
    """Write what ``tools/compute-wer.py --char=1 --v=1`` prints."""
    references = {name: reference for name, (reference, _) in TEXTS.items()}
    hypotheses = {name: texts[mode] for name, (_, texts) in TEXTS.items()}
    evaluation = score(references, hypotheses, unit="char")
    path.parent.mkdir(parents=True, exist_ok=True)

    def counts(each) -> str:
        rate = 100 * each.errors / each.reference_length
        return (f"{rate:4.2f} % N={each.reference_length} C={each.hits} S={each.substitutions} D={each.deletions} "
                f"I={each.insertions}")  # fmt: skip

    lines: list[str] = []
    for index, name in enumerate(evaluation.utterance_ids):
        lines += ["", f"utt: {name}", f"WER: {counts(evaluation.counts_of(index))}"]
        pairs = evaluation.aligned(index)
        lines.append("lab: " + "".join(f"{reference or '  '} " for reference, _ in pairs))
        lines += ["rec: " + "".join(f"{hypothesis or '  '} " for _, hypothesis in pairs), ""]
    total = counts(evaluation.counts)
    lines += ["=" * 75, "", f"Overall -> {total}", f"Mandarin -> {total}", "=" * 75]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (path.parent / "text").write_text(
        "".join(f"{name} {text}\n" for name, text in hypotheses.items()), encoding="utf-8"
    )


def make_experiment(folder: Path) -> None:
    """Make a training with its log beside `exp`, the files beside its checkpoints, and two searches."""
    model = folder / "exp" / "conformer"
    model.mkdir(parents=True)
    (folder / "train.log").write_text(old_log(range(3)))
    (model / "train.yaml").write_text(CONFIG)
    for epoch in range(3):
        (model / f"{epoch}.pt").write_bytes(b"model")
        measured = (
            f"cv_loss: {50 / (1 + epoch)}\nepoch: {epoch}\nlr: {epoch + 1}.0e-06\nsave_time: 23/06/2024 12:30:00\n"
        )
        (model / f"{epoch}.yaml").write_text(CONFIG + measured)
    (model / "avg_2.pt").write_bytes(b"model")
    for mode in ("attention_rescoring", "ctc_greedy_search"):
        write_wer(model / mode / "wer", mode)


if __name__ == "__main__":
    make_experiment(Path(sys.argv[1]))
