"""Write a small experiment in Kaldi's formats: data, a monophone, a triphone and a chain model, decoded and scored.

    python make_tree.py DIR

The texts are scored for real, so that every error count in the tree is right; only what a machine would have measured
(likelihoods, times) is drawn. Nothing of Kaldi is needed.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from speech_tracker.evaluation import Evaluation, score

WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "oh",
    "Zürich",
    "Łódź",
    "北京",
    "กรุงเทพ",
]
VERSION = "5.5.1113~1-a52a4"
NJ = 2


@dataclass
class Clock:
    """The time at which the jobs of the experiment ran, one after the other."""

    now: datetime = datetime(2024, 3, 5, 9, 0, 0, tzinfo=timezone.utc)

    def text(self) -> str:
        return self.now.strftime("%a %b %e %H:%M:%S UTC %Y")


@dataclass
class Writer:
    """Writes the files of a tree."""

    root: Path
    clock: Clock = field(default_factory=Clock)
    random: random.Random = field(default_factory=lambda: random.Random(7))

    def file(self, path: str, text: str | bytes) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())

    def job(self, path: str, command: str, lines: list[str], seconds: int = 1, status: int = 0) -> None:
        """A log as run.pl makes it."""
        started = self.clock.text()
        self.clock.now += timedelta(seconds=seconds)
        trailer = [f"# Accounting: time={seconds} threads=1",
                   f"# Ended (code {status}) at {self.clock.text()}, elapsed time {seconds} seconds"]  # fmt: skip
        body = [f"# {command} ", f"# Started at {started}", "#", command, *lines, *trailer]
        self.file(path, "\n".join(body) + "\n")


def said(program: str, text: str, where: str = "main():main.cc:100") -> str:
    return f"LOG ({program}[{VERSION}]:{where}) {text}"


def make_tree(root: Path) -> None:
    """Write the tree into `root`, the folder of the recipe."""
    w = Writer(root)
    texts = {name: data_folder(w, name, speakers, 12) for name, speakers in (("train", 6), ("dev", 3), ("test", 4))}
    w.file("conf/mfcc.conf", "--use-energy=false\n--sample-frequency=16000\n")
    w.file("conf/mfcc_hires.conf", "--use-energy=false\n--sample-frequency=16000\n--num-mel-bins=40\n--num-ceps=40\n")
    gmm(w, "mono", "", iterations=8, gaussians=(120, 400), start=-104.0)
    for name in ("dev", "test"):
        decode(w, "mono", name, texts[name], decoder="gmm-latgen-faster", error_rate=0.35, best_lmwt=9)
    alignment(w, "mono")
    gmm(w, "tri1", "mono_ali", iterations=6, gaussians=(600, 1500), start=-96.0)
    for name in ("dev", "test"):
        decode(w, "tri1", name, texts[name], decoder="gmm-latgen-faster", error_rate=0.22, best_lmwt=11)
    alignment(w, "tri1")
    chain(w, "chain/tdnn1a", "tri1_ali", iterations=5)
    best = decode(w, "chain/tdnn1a", "dev", texts["dev"], decoder="nnet3-latgen-faster", error_rate=0.1, best_lmwt=10)
    # the test set is scored at the development set's best point only, as careful recipes do
    decode(w, "chain/tdnn1a", "test", texts["test"], decoder="nnet3-latgen-faster", error_rate=0.12, best_lmwt=best[0],
           only=best)  # fmt: skip


def data_folder(w: Writer, name: str, speakers: int, each: int) -> dict[str, str]:
    texts, utt2spk, durations = {}, {}, {}
    for speaker in range(1, speakers + 1):
        for number in range(1, each + 1):
            utterance = f"{name}-spk{speaker}-utt{number:02d}"
            length = w.random.randint(2, 8)
            texts[utterance] = " ".join(w.random.choices(WORDS, k=length))
            utt2spk[utterance] = f"{name}-spk{speaker}"
            durations[utterance] = round(0.4 * length + w.random.random(), 2)

    def table(rows: dict[str, object]) -> str:
        return "".join(f"{key} {rows[key]}\n" for key in sorted(rows))

    folder = f"data/{name}"
    w.file(f"{folder}/text", table(texts))
    w.file(f"{folder}/utt2spk", table(utt2spk))
    w.file(f"{folder}/utt2dur", table(durations))
    w.file(f"{folder}/wav.scp", table({key: f"audio/{key}.wav" for key in texts}))
    w.file(f"{folder}/spk2gender", table({speaker: "fm"[int(speaker[-1]) % 2] for speaker in utt2spk.values()}))
    for job in range(1, NJ + 1):
        w.job(f"exp/make_mfcc/{name}/make_mfcc_{name}.{job}.log",
              f"compute-mfcc-feats --config=conf/mfcc.conf scp,p:exp/make_mfcc/{name}/wav.{job}.scp ark:- |",
              [said("compute-mfcc-feats", f" Done {len(texts) // NJ} out of {len(texts) // NJ} utterances.")], 2)  # fmt: skip
    return texts


def features(name: str, job: int) -> str:
    split = f"data/{name}/split{NJ}/{job}"
    return (f'"ark,s,cs:apply-cmvn  --utt2spk=ark:{split}/utt2spk scp:{split}/cmvn.scp scp:{split}/feats.scp ark:- '
            '| add-deltas  ark:- ark:- |"')  # fmt: skip


def model_files(w: Writer, name: str, *, context: int, pdfs: int) -> None:
    folder = f"exp/{name}"
    w.file(f"{folder}/num_jobs", f"{NJ}\n")
    w.file(f"{folder}/cmvn_opts", "\n")
    w.file(f"{folder}/tree", f"ContextDependency {context} {context // 2} ToPdf NULL EndContextDependency \n")
    w.file(f"{folder}/final.mdl", f"<TransitionModel> </TransitionModel> <DIMENSION> 39 <NUMPDFS> {pdfs} \n")


def gmm(w: Writer, name: str, alignments: str, *, iterations: int, gaussians: tuple[int, int], start: float) -> None:
    folder, frames = f"exp/{name}", 20_000
    if alignments:
        w.job(f"{folder}/log/build_tree.log", f"build-tree --max-leaves=60 {folder}/treeacc data/lang/phones/roots.int",
              [(f"VLOG[1] (build-tree[{VERSION}]:BuildTree():build-tree.cc:200) Including just phones that were split, "
               f"improvement is 4.51908 per frame over {NJ * frames} frames.")])  # fmt: skip
        for job in range(1, NJ + 1):
            w.job(f"{folder}/log/convert.{job}.log",
                  f"convert-ali exp/{alignments}/final.mdl {folder}/1.mdl {folder}/tree ark:- ark:-",
                  [said("convert-ali", "Succeeded converting alignments for 36 files, failed for 0")])  # fmt: skip
    else:
        w.job(f"{folder}/log/init.log", f"gmm-init-mono data/lang/topo 39 {folder}/0.mdl {folder}/tree", [])
    first, last = gaussians
    for x in range(1, iterations + 1):
        likelihood = start + 12.0 * (1 - 0.75**x)
        for job in range(1, NJ + 1):
            retried = max(0, 6 - x)
            w.job(f"{folder}/log/align.{x}.{job}.log",
                  f'gmm-align-compiled --beam=10 --retry-beam=40 {folder}/{x}.mdl ark:- {features("train", job)} ark:-',
                  [said("gmm-align-compiled", f"Overall log-likelihood per frame is {likelihood - 0.8:.4f} over {frames} frames."),
                   said("gmm-align-compiled", f"Retried {retried} out of 36 utterances."),
                   said("gmm-align-compiled", "Done 36, errors on 0")], 3)  # fmt: skip
        for job in range(1, NJ + 1):
            w.job(f"{folder}/log/acc.{x}.{job}.log",
                  f'gmm-acc-stats-ali {folder}/{x}.mdl {features("train", job)} "ark:gunzip -c {folder}/ali.{job}.gz|" -',
                  [said("gmm-acc-stats-ali", "Done 36 files, 0 with errors."),
                   said("gmm-acc-stats-ali", f"Overall avg like per frame (Gaussian only) = {likelihood + 0.01 * job:.4f} "
                        f"over {frames} frames.")], 2)  # fmt: skip
        before = first + (last - first) * (x - 1) // iterations
        after = first + (last - first) * x // iterations
        w.job(f"{folder}/log/update.{x}.log", f"gmm-est --mix-up={after} --power=0.25 {folder}/{x}.mdl {folder}/{x + 1}.mdl",
              [said("gmm-est", f"Transition model update: Overall {0.1 / x:.5g} log-like improvement per frame over "
                    f"{NJ * frames} frames."),
               said("gmm-est", f"GMM update: Overall {1.0 / x:.5g} objective function improvement per frame over "
                    f"{NJ * frames} frames"),
               said("gmm-est", f"GMM update: Overall avg like per frame = {likelihood + 0.015:.4f} over {NJ * frames} frames."),
               said("gmm-est", f"Split 60 states with target = {after}, power = 0.25, perturb_factor = 0.01 and min_count = "
                    f"20, split #Gauss from {before} to {after}")])  # fmt: skip
    status = 127 if name == "tri1" else 0  # a machine without python: it happens, and harms nothing
    w.job(f"{folder}/log/analyze_alignments.log", f"steps/diagnostic/analyze_phone_length_stats.py {folder}/graph",
          ["/usr/bin/env: 'python': No such file or directory"] if status else ["Overall, nonsilence accounts for 80%"],
          0, status)  # fmt: skip
    model_files(w, name, context=3 if alignments else 1, pdfs=60)


def alignment(w: Writer, model: str) -> None:
    for job in range(1, NJ + 1):
        w.job(f"exp/{model}_ali/log/align.{job}.log",
              f'gmm-align-compiled --beam=10 --retry-beam=40 exp/{model}_ali/final.mdl ark:- {features("train", job)} ark:-',
              [said("gmm-align-compiled", "Overall log-likelihood per frame is -92.1 over 20000 frames."),
               said("gmm-align-compiled", "Retried 0 out of 36 utterances."),
               said("gmm-align-compiled", "Done 36, errors on 0")], 4)  # fmt: skip


def chain(w: Writer, name: str, alignments: str, *, iterations: int) -> None:
    folder, report = f"exp/{name}", ["%Iter\tduration\ttrain_objective\tvalid_objective\tdifference"]
    w.file(f"{folder}/configs/network.xconfig",
           "input dim=40 name=input\nrelu-batchnorm-layer name=tdnn1 input=Append(-1,0,1) dim=64\n"
           "relu-batchnorm-layer name=tdnn2 input=Append(-3,0,3) dim=64\n"
           "output-layer name=output include-log-softmax=false dim=60\noutput-layer name=output-xent dim=60\n")  # fmt: skip
    w.job(f"{folder}/log/make_phone_lm.log",
          f'chain-est-phone-lm "ark:gunzip -c exp/{alignments}/ali.1.gz|" {folder}/phone_lm.fst', [])  # fmt: skip
    for x in range(iterations + 1):
        for split, objective in (("train", -0.6 * 0.6**x - 0.05), ("valid", -0.62 * 0.6**x - 0.06)):
            w.job(f"{folder}/log/compute_prob_{split}.{x if x < iterations else 'final'}.log",
                  f'nnet3-chain-compute-prob "nnet3-am-copy --raw=true {folder}/{x}.mdl -|" {folder}/den.fst ark:-',
                  [said("nnet3-chain-compute-prob", f"Overall log-probability for 'output-xent' is {6 * objective:.6g} per "
                        "frame, over 2000 frames.", "PrintTotalStats():nnet-chain-diagnostics.cc:193"),
                   said("nnet3-chain-compute-prob", f"Overall log-probability for 'output' is {objective:.6g} + "
                        f"{objective / 100:.6g} = {1.01 * objective:.6g} per frame, over 2000 frames.",
                        "PrintTotalStats():nnet-chain-diagnostics.cc:193")], 4)  # fmt: skip
        if x == iterations:
            break
        report.append(f"{x}\t30.0\t{-0.6 * 0.6**x - 0.05:g}\t{-0.62 * 0.6**x - 0.06:g}\t{-0.02 * 0.6**x - 0.01:g}")
        w.job(f"{folder}/log/progress.{x + 1}.log", f"nnet3-show-progress {folder}/{x}.mdl {folder}/{x + 1}.mdl",
              ["num-parameters: 23484", "num-pdfs: 60",
               said("nnet3-show-progress", f"Relative parameter differences per layer are [ tdnn1.affine:{0.2 / (x + 1):.4g} "
                    f"tdnn2.affine:{0.1 / (x + 1):.4g} output.affine:{0.05 / (x + 1):.4g} ]")])  # fmt: skip
        for job in range(1, NJ + 1):
            lines = [
                said("nnet3-chain-train", f"Average objective function for 'output' for minibatches {first}-{first + 9} is "
                     f"{-0.7 * 0.6**x - 0.05:.6g} over 6400 frames.", "PrintStatsForThisPhase():nnet-training.cc:253")
                for first in (0, 10, 20, 30)
            ]  # fmt: skip
            for output, value in (("output", -0.65 * 0.6**x - 0.05), ("output-xent", -4.0 * 0.8**x - 0.5)):
                lines.append(said("nnet3-chain-train", f"Overall average objective function for '{output}' is "
                                  f"{value - 0.001 * job:.6g} over 25600 frames.", "PrintTotalStats():nnet-training.cc:292"))  # fmt: skip
            lines.append(said("nnet3-chain-train", "The global max-change was enforced 2.5 % of the time."))
            rate = 0.001 * NJ * 0.8**x
            w.job(f"{folder}/log/train.{x}.{job}.log",
                  f'nnet3-chain-train --max-param-change=2.0 "nnet3-am-copy --raw=true --learning-rate={rate:.8g} '
                  f'{folder}/{x}.mdl - |" {folder}/den.fst "ark:nnet3-chain-copy-egs ark:{folder}/egs/cegs.{job}.ark ark:-|"',
                  lines, 30)  # fmt: skip
    w.job(f"{folder}/log/combine.log", f"nnet3-chain-combine {folder}/4.mdl {folder}/5.mdl {folder}/final.mdl",
          [said("nnet3-chain-combine", "Combining 2 nnets, objective function changed from -0.0712 to -0.0705")], 6)  # fmt: skip
    report.append("Total training time is 0:02:30\n")
    w.file(f"{folder}/accuracy.report", "\n".join(report))
    w.file(f"{folder}/frame_subsampling_factor", "3\n")
    model_files(w, name, context=2, pdfs=60)


def recognise(w: Writer, texts: dict[str, str], error_rate: float) -> dict[str, str]:
    """Hypotheses with about this many errors."""
    hypotheses = {}
    for utterance, text in texts.items():
        words: list[str] = []
        for word in text.split():
            chance = w.random.random() / error_rate
            if chance > 1:
                words.append(word)
            elif chance > 0.4:
                words.append(w.random.choice(WORDS))
            elif chance > 0.2:
                words += [word, w.random.choice(WORDS)]
        hypotheses[utterance] = " ".join(words)
    return hypotheses


def decode(
    w: Writer,
    model: str,
    name: str,
    texts: dict[str, str],
    *,
    decoder: str,
    error_rate: float,
    best_lmwt: int,
    only: tuple[int, str] | None = None,
) -> tuple[int, str]:
    """A decode folder with its sweep; returns the best point."""
    folder = f"exp/{model}/decode_{name}"
    for job in range(1, NJ + 1):
        frames = 100 * len(texts)
        w.job(f"{folder}/log/decode.{job}.log",
              f"{decoder} --max-active=7000 --beam=13.0 --lattice-beam=6.0 --acoustic-scale=0.083333 "
              f"--word-symbol-table=exp/{model}/graph/words.txt exp/{model}/final.mdl exp/{model}/graph/HCLG.fst "
              f'{features(name, job)} "ark:|gzip -c > {folder}/lat.{job}.gz"',
              [said(decoder, f"Time taken {frames / 5000:.4f}s: real-time factor assuming 100 frames/sec is 0.02"),
               said(decoder, f"Done {len(texts) // NJ} utterances, failed for 0"),
               said(decoder, f"Overall log-likelihood per frame is -7.{job} over {frames} frames.")], 3)  # fmt: skip
    w.file(f"{folder}/num_jobs", f"{NJ}\n")
    w.file(f"{folder}/scoring_kaldi/test_filt.txt", "".join(f"{key} {text}\n" for key, text in texts.items()))
    points = [only] if only else [(lmwt, wip) for wip in ("0.0", "0.5", "1.0") for lmwt in range(7, 14)]
    scored: dict[tuple[int, str], Evaluation] = {}
    for lmwt, wip in points:
        distance = abs(lmwt - best_lmwt) + 2 * abs(float(wip) - 0.5)
        hypotheses = recognise(w, texts, error_rate * (1 + 0.12 * distance))
        scored[lmwt, wip] = score(texts, hypotheses, alignment="kaldi")
        penalty = f"{folder}/scoring_kaldi/penalty_{wip}"
        w.file(f"{penalty}/{lmwt}.txt", "".join(f"{key} {text}\n" for key, text in hypotheses.items()))
        w.file(f"{folder}/wer_{lmwt}_{wip}", wer_file(folder, scored[lmwt, wip]))
    best = min(scored, key=lambda point: scored[point].counts.errors)
    lmwt, wip = best
    counts = scored[best].counts
    w.file(f"{folder}/scoring_kaldi/best_wer", f"{counts.kaldi_line()} {folder}/wer_{lmwt}_{wip}\n")
    details = f"{folder}/scoring_kaldi/wer_details"
    w.file(f"{details}/lmwt", f"{lmwt}\n")
    w.file(f"{details}/wip", f"{wip}\n")
    # per_utt is made by align-text, which breaks ties between alignments in another way than compute-wer
    hypotheses = dict(zip(scored[best].utterance_ids, scored[best].hypotheses, strict=True))
    w.file(f"{details}/per_utt", per_utt(score(texts, hypotheses, alignment="align-text")))
    return best


def wer_file(folder: str, evaluation: Evaluation) -> str:
    counts = evaluation.counts
    wrong, total = counts.utterances_with_errors, counts.utterances
    return (f"compute-wer --text --mode=present ark:{folder}/scoring_kaldi/test_filt.txt ark,p:- \n"
            f"{counts.kaldi_line()}\n%SER {100 * wrong / total:.2f} [ {wrong} / {total} ]\n"
            f"Scored {total} sentences, 0 not present in hyp.\n")  # fmt: skip


def per_utt(evaluation: Evaluation) -> str:
    lines = []
    for index, utterance in enumerate(evaluation.utterance_ids):
        operations = evaluation.operations(index).decode()
        pairs = [(reference or "***", hypothesis or "***") for reference, hypothesis in evaluation.aligned(index)]
        rows: tuple[list[str], list[str], list[str]] = ([], [], [])
        for (reference, hypothesis), operation in zip(pairs, operations, strict=True):
            width = max(len(reference), len(hypothesis))
            for row, cell in zip(rows, (reference, hypothesis, operation), strict=True):
                row.append(cell.center(width))
        for label, row in zip(("ref ", "hyp ", "op  "), rows, strict=True):
            lines.append(f"{utterance} {label} " + "  ".join(row))
        lines.append(f"{utterance} #csid " + " ".join(str(operations.count(each)) for each in "CSID"))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python make_tree.py DIR")
    make_tree(Path(sys.argv[1]))
    print(f"wrote {sum(path.is_file() for path in Path(sys.argv[1]).rglob('*'))} files below {sys.argv[1]}")
