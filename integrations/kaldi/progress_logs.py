"""Logs of how far each iteration moved the network: `progress.X.log` of nnet2 and nnet3.

Source: nnet3bin/nnet3-show-progress.cc, nnet3bin/nnet3-am-info.cc, nnet2bin/nnet-show-progress.cc, nnet3/nnet-utils.cc.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.numerals import WHOLE, number
from speech_tracker.ingest.scan import Grammar, Message, Record, scan
from speech_tracker.integrations.kaldi.messages import HEADER_END


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """``Relative parameter differences per layer are [ tdnn1.affine:0.0171 output.affine:0.0321 ]``.

    Attributes:
        quantity: ``relative`` (to the norm), ``absolute``, or ``norm`` (of the parameters themselves).
        components: names in the network's order; nnet2 prints none, so they are numbered from 0.
        values: one per component, 2-norms.
    """

    quantity: str
    components: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class NetworkFact:
    """``num-parameters: 41924340`` and its like, as `nnet3-am-info` prints them."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Component:
    """``component name=tdnn1.affine type=NaturalGradientAffineComponent, input-dim=220, output-dim=1024, …``."""

    name: str
    type: str


_QUANTITIES = {
    b"Relative parameter differences per layer are ": "relative",
    b"Parameter differences per layer are ": "absolute",
    b"Norms of parameter matrices ": "norm",
}


def _changes(marker: bytes, quantity: str) -> Message:
    def build(match: re.Match[bytes]) -> ParameterChange:
        names: list[str] = []
        values: list[float] = []
        for index, item in enumerate(match[1].split()):
            name, colon, value = item.rpartition(b":")
            names.append(name.decode("utf-8", "backslashreplace") if colon else str(index))
            values.append(number(value))
        return ParameterChange(quantity, tuple(names), tuple(values))

    pattern = re.escape(marker) + rb"(?:from <new-nnet-in> )?(?:are )? ?\[ ([^\]\n]*)\]"
    return Message(ParameterChange, marker, pattern, lead=HEADER_END, build=build)


FACTS = (
    "num-parameters",
    "num-pdfs",
    "input-dim",
    "ivector-dim",
    "left-context",
    "right-context",
    "frame-subsampling-factor",
)
"""Names of the facts that are read."""

PROGRESS = Grammar(
    (
        *(_changes(marker, quantity) for marker, quantity in _QUANTITIES.items()),
        *(
            Message(
                NetworkFact, name.encode() + b": ", rb"(" + name.encode() + rb"): " + WHOLE + rb"\s*$", open_ended=True
            )
            for name in FACTS
        ),
    )
)

COMPONENTS = Grammar((Message(Component, b"component name=", rb"component name=(\S+) type=(\w+)[,\s]", common=True),))


def parse_progress_log(pieces: bytes | Iterable[bytes]) -> Iterator[Record | Problem]:
    """Yield the parameter changes and the size of the network, in file order.

    Yields:
        `ParameterChange`, `NetworkFact`; `Problem` for a line that cannot be read.
    """
    return scan(pieces, PROGRESS)


def parse_components(pieces: bytes | Iterable[bytes]) -> Iterator[Record | Problem]:
    """Yield the components of the network that a progress log or the output of `nnet3-info` lists."""
    return scan(pieces, COMPONENTS)
