"""What WeNet's C++ decoders print: the model, and how fast they were.

Source: runtime/core/bin/decoder_main.cc and decoder/onnx_asr_model.cc of WeNet 3; the summary of five lines is of a
command-line tool built on them. Real lines::

    I0618 11:03:04.786146    30 onnx_asr_model.cc:158] 	chunk_size 16
    I0618 11:10:04.786146    30 decoder_main.cc:182] RTF: 0.1034
    rtf 0.10604
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from speech_tracker.ingest.numerals import NUMBER, number
from speech_tracker.ingest.scan import Grammar, Message


@dataclass(frozen=True, slots=True)
class DecoderFigure:
    """``rtf 0.10604``, ``audio_sec 26.43``, ``decoded_utterances 10``.

    Attributes:
        name: as printed; ``rtf`` and ``audio_sec``, ``wall_sec`` for the totals of ``decoder_main``.
        value: times in seconds.
    """

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class ModelFact:
    """``	chunk_size 16`` of the model that was loaded."""

    name: str
    value: int


_FIGURES = (b"decoded_utterances", b"failed_utterances", b"audio_sec", b"wall_sec", b"rtf")
_FACTS = (b"encoder_output_size", b"num_blocks", b"head", b"cnn_module_kernel", b"subsampling_rate", b"right_context",
          b"chunk_size", b"num_left_chunks")  # fmt: skip


def _named(match: re.Match[bytes]) -> DecoderFigure:
    return DecoderFigure(match[1].decode("ascii"), number(match[2]))


def _milliseconds(name: str, match: re.Match[bytes]) -> DecoderFigure:
    return DecoderFigure(name, number(match[1]) / 1000)


SDK = Grammar(
    (
        *(
            Message(DecoderFigure, name + b" ", b"(" + name + rb")\s+" + NUMBER + rb"\s*$", open_ended=True, common=True,
                    build=_named)
            for name in _FIGURES
        ),
        Message(DecoderFigure, b"RTF: ", rb"RTF: " + NUMBER, lead=b"] ", open_ended=True,
                build=lambda match: DecoderFigure("rtf", number(match[1]))),
        Message(DecoderFigure, b"decoded ", rb"decoded " + NUMBER + rb"ms audio taken ", lead=b"Total: ", common=True,
                build=lambda match: _milliseconds("audio_sec", match)),
        Message(DecoderFigure, b"taken ", rb"taken " + NUMBER + rb"ms\.", lead=b"ms audio ", common=True,
                build=lambda match: _milliseconds("wall_sec", match)),
        *(
            Message(ModelFact, name + b" ", b"(" + name + rb") (-?\d+)\s*$", lead=b"] \t", open_ended=True, common=True,
                    build=lambda match: ModelFact(match[1].decode("ascii"), int(match[2])))
            for name in _FACTS
        ),
    )
)  # fmt: skip
