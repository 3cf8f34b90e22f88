"""Facts about a model and its features: option files, the tree, the binary model, the network's description.

Source: util/parse-options.cc (option files), tree/context-dep.cc, gmm/am-diag-gmm.cc, steps/libs/nnet3/xconfig.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem, shown

_OPTION = re.compile(r"--([A-Za-z][\w.-]*)(?:=(?:\"([^\"]*)\"|'([^']*)'|(\S*)))?")


@dataclass(frozen=True, slots=True)
class Options:
    """``--name=value`` pairs of a file such as `conf/mfcc.conf` or `cmvn_opts`; the last one of a name counts."""

    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """A line of `network.xconfig`: ``relu-batchnorm-layer name=tdnn1 dim=1024``.

    Attributes:
        type: of the layer.
        name: of the layer, `""` where it has none.
        options: the rest, as text; templates such as ``$dim`` are kept.
    """

    type: str
    name: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TreeShape:
    """The head of a `tree`.

    Attributes:
        context_width: phones in the context: 1 is a monophone, 3 a triphone, 2 a left biphone (chain).
        central_position: the phone that is modelled, from 0.
    """

    context_width: int
    central_position: int


@dataclass(frozen=True, slots=True)
class GmmShape:
    """What the header of a GMM's acoustic model says."""

    feature_dim: int
    num_pdfs: int


def parse_options(data: bytes) -> Options:
    """Return the options of a configuration file; ``#`` begins a comment.

    >>> parse_options(b"--num-mel-bins=40   # like Google's\\n--use-energy=false\\n").values
    (('num-mel-bins', '40'), ('use-energy', 'false'))
    """
    found: dict[str, str] = {}
    for line in data.decode("utf-8", "backslashreplace").splitlines():
        for match in _OPTION.finditer(line.partition("#")[0]):
            value = next((each for each in match.groups()[1:] if each is not None), "true")
            found[match[1]] = value
    return Options(tuple(found.items()))


_ATTRIBUTE = re.compile(r"([\w.-]+)\s*=\s*((?:[^\s=]|\s(?![\w.-]+\s*=))+)")


def parse_xconfig(data: bytes) -> Iterator[Layer | Problem]:
    """Yield the layers of a network description in order; `Problem` for a line that describes none."""
    lines = data.decode("utf-8", "backslashreplace").split("\n")
    for line_number, raw in enumerate(lines, start=1):
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        kind, _, rest = line.partition(" ")
        options = {match[1]: match[2].strip() for match in _ATTRIBUTE.finditer(rest)}
        if not options or "=" in kind:
            yield Problem(line_number, shown(raw), "expected a layer's type and name=value pairs")
            continue
        name = options.pop("name", "")
        yield Layer(kind, name, tuple(options.items()))


def parse_tree_head(head: bytes) -> TreeShape | None:
    """Return the shape of a decision tree from the first bytes of its file, binary or text; None when it is none."""
    marker = b"ContextDependency "
    if head.startswith(b"\0B" + marker):
        body = head[2 + len(marker) :]
        if len(body) >= 10 and body[0] == 4 and body[5] == 4:  # Kaldi writes each integer after its size
            width, position = struct.unpack_from("<i", body, 1)[0], struct.unpack_from("<i", body, 6)[0]
            return _shape(width, position)
        return None
    match = re.match(rb"\s*ContextDependency\s+(\d{1,15})\s+(\d{1,15})\s", head)
    return None if match is None else _shape(int(match[1]), int(match[2]))


def _shape(width: int, position: int) -> TreeShape | None:
    return TreeShape(width, position) if 0 <= position < width <= 20 else None


def parse_gmm_shape(data: bytes) -> GmmShape | None:
    """Return the size of a GMM from the bytes of its `final.mdl`, binary or text; None when they do not say.

    The tokens stand behind the transition model, so enough of the file must be given.
    """
    at = data.find(b"<DIMENSION> ")
    if at < 0:
        return None
    rest = data[at + len(b"<DIMENSION> ") : at + 64]
    if rest[:1] == b"\x04" and rest[5:].startswith(b"<NUMPDFS> \x04") and len(rest) >= 20:
        return GmmShape(struct.unpack_from("<i", rest, 1)[0], struct.unpack_from("<i", rest, 16)[0])
    match = re.match(rb"(\d{1,15})\s+<NUMPDFS>\s+(\d{1,15})(?!\d)", rest)
    return None if match is None else GmmShape(int(match[1]), int(match[2]))
