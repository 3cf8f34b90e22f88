"""WeNet's experiments below a folder: the one place that walks, and whose result becomes runs."""

from __future__ import annotations

from speech_tracker.ingest.folder_ingester import FolderIngester
from speech_tracker.ingest.found import Found
from speech_tracker.ingest.recognise import Sign
from speech_tracker.integrations.wenet import read
from speech_tracker.integrations.wenet.assemble import assemble
from speech_tracker.integrations.wenet.layout import FileRole, role_of


class WenetIngester(FolderIngester[FileRole]):
    """Reads the experiments of WeNet below a folder: a model's folder, a recipe with its logs, a tree of recipes."""

    parsers = read.PARSERS
    signs = (
        Sign(r"\.(log|out|txt)$", "is a training log of WeNet", rb"(?m)(\] |DEBUG )TRAIN (\| [^\n]*)?Batch \d+/\d+ loss "),
        Sign(r"/(epoch_|step_)?\d+\.yaml$", "stands beside a checkpoint of WeNet", rb"(?m)^(cv_loss|loss_dict|save_time):"),
        Sign(r"/(attention|attention_rescoring|ctc_greedy_search|ctc_prefix_beam_search|rnnt_\w+)/wer$", "has scores of WeNet"),
        Sign(r"/wer$", "has scores of WeNet", rb"(?m)^utt: [^\n]*\nWER: "),
        Sign(r"\.log$", "is the log of a decoder of WeNet", rb"(onnx_asr_model|torch_asr_model|decoder_main)\.cc:\d+\] "),
        Sign(r"/README\.md$", "tells results of WeNet", rb"(?s)\| decoding mode.{0,4000}attention (decoder|rescoring)"),
    )  # fmt: skip

    def role_of(self, name: str, folders: tuple[str, ...]) -> FileRole | None:
        """Return what a file is, None when it is of no use."""
        return role_of(name, folders)

    def assemble(self, tree: read.Tree, files: list[read.ReadFile], *, now: float, follow: bool) -> Found:
        """Return the description of everything."""
        return assemble(tree, files, now=now, follow=follow)
