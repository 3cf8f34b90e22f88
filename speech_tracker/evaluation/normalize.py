"""Text normalisers by name and version, so that a score says what was done to the text before counting."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from speech_tracker.errors import InvalidArgumentError, InvalidTypeError, explain


@runtime_checkable
class Normalizer(Protocol):
    """What `score` needs of a normaliser; every attribute is stored with the result."""

    @property
    def name(self) -> str:
        """How it is asked for, e.g. ``"whisper-en"``; a chain is ``"a+b"``."""

    @property
    def version(self) -> str:
        """Version of the rules; for rules of a library, of that library."""

    @property
    def digest(self) -> str:
        """Short hash over name, version and what decides the behaviour."""

    def __call__(self, text: str, /) -> str:
        """Return the normalised text."""


@dataclass(frozen=True, slots=True)
class NamedNormalizer:
    """A function with the name, version and digest under which a result records it."""

    name: str
    version: str
    digest: str
    function: Callable[[str], str]

    def __call__(self, text: str, /) -> str:
        """Return the normalised text."""
        return self.function(text)


@dataclass(frozen=True, slots=True)
class Chain:
    """Normalisers applied one after the other, from left to right."""

    parts: tuple[Normalizer, ...]

    @property
    def name(self) -> str:
        """The names, joined by ``+``."""
        return "+".join(part.name for part in self.parts)

    @property
    def version(self) -> str:
        """The versions, joined by ``+``."""
        return "+".join(part.version for part in self.parts)

    @property
    def digest(self) -> str:
        """Hash over the parts' digests, in order."""
        return digest_of(*(part.digest for part in self.parts))

    def __call__(self, text: str, /) -> str:
        """Return the text after all parts."""
        for part in self.parts:
            text = part(text)
        return text


def digest_of(*parts: str) -> str:
    """Return 16 hexadecimal digits that change when any part changes."""
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


PROBES = (
    "It\u2019s Mr. O'Neill's 21st <unk> [noise] colour-TV, um, 3.5% of $1,000 at 10:00!",
    "HELLO  WORLD !SIL %HESITATION {a / b} (mhm)",
    "Stra\u00dfe \u0130stanbul \u039f\u03b4\u03cc\u03c2 caf\u00e9 cafe\u0301",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22 \u0643\u0650\u062a\u064e\u0627\u0628 \u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd",
    "\u4f60\u597d\uff0cABC \u3053\u3093\u306b\u3061\u306f\u3002 \ud55c\uad6d\uc5b4",
)
"""Texts whose normalised form goes into the digest: what a normaliser does is its identity, not how it is written."""


def _as_it_is(text: str) -> str:
    return text


def _basic() -> tuple[str, Callable[[str], str]]:
    from speech_tracker.evaluation.normalizers import basic

    return basic.VERSION, basic.basic


def _kaldi(rule: str) -> Callable[[], tuple[str, Callable[[str], str]]]:
    def load() -> tuple[str, Callable[[str], str]]:
        from speech_tracker.evaluation.normalizers import kaldi

        return kaldi.VERSION, getattr(kaldi, rule)

    return load


def _whisper(rule: str) -> Callable[[], tuple[str, Callable[[str], str]]]:
    def load() -> tuple[str, Callable[[str], str]]:
        from speech_tracker.evaluation.normalizers import whisper

        function = getattr(whisper, rule)()
        return whisper.package_version(), function

    return load


_BUILT_IN: Mapping[str, Callable[[], tuple[str, Callable[[str], str]]]] = {
    "none": lambda: ("1", _as_it_is),
    "lower": lambda: ("1", str.lower),
    "basic": _basic,
    "kaldi": _kaldi("tags"),
    "kaldi-chime": _kaldi("chime"),
    "kaldi-fisher": _kaldi("fisher"),
    "kaldi-gigaspeech": _kaldi("gigaspeech"),
    "kaldi-wsj": _kaldi("wsj"),
    "whisper-en": _whisper("english"),
    "whisper-basic": _whisper("basic"),
    "whisper-basic-marks": _whisper("basic_keeping_marks"),
}
NAMES: tuple[str, ...] = tuple(_BUILT_IN)
"""The built-in normalisers."""


def get_normalizer(which: str | Normalizer | Callable[[str], str]) -> Normalizer:
    """Return a normaliser.

    Args:
        which: a name of `NAMES`; ``name@version`` to insist on a version; ``a+b`` for a chain; ``glm:FILE`` for NIST
            mapping rules; ``module:function`` or ``FILE.py:function`` for a function of one's own; such a function
            itself; or an object that is a normaliser already.

    Raises:
        InvalidArgumentError: no normaliser has that name or version.
        InvalidTypeError: it is no name, function or normaliser.
        MissingExtraError: its library is not installed.
        FormatError: the GLM file cannot be read.
    """
    if isinstance(which, str):
        parts = tuple(_by_name(part.strip()) for part in which.split("+"))
        return parts[0] if len(parts) == 1 else Chain(parts)
    if isinstance(which, Normalizer):
        return which
    if callable(which):
        return from_function(which)
    raise InvalidTypeError(
        explain("no normalizer", got=which, expected="a name, a function or a normaliser", remedy=f"one of {NAMES}")
    )


def _by_name(which: str) -> Normalizer:
    if which.startswith("glm:"):
        from speech_tracker.evaluation.glm import read_glm

        return read_glm(which.removeprefix("glm:"))
    if ":" in which:
        return from_function(_imported(which))
    name, _, wanted = which.partition("@")
    if name not in _BUILT_IN:
        raise InvalidArgumentError(
            explain(
                "unknown normalizer",
                got=which,
                expected=f"one of {', '.join(NAMES)}, glm:FILE or module:function, joined by +",
                remedy="correct the name",
            )
        )
    version, function = _BUILT_IN[name]()
    if wanted and wanted != version:
        raise InvalidArgumentError(
            explain(
                f"another version of {name}",
                got=wanted,
                expected=version,
                remedy="leave the version out, or install it",
            )
        )
    return NamedNormalizer(name, version, digest_of(name, version, *_behaviour(function)), function)


def _behaviour(function: Callable[[str], str]) -> list[str]:
    quiet: Callable[[str], str] = getattr(function, "quietly", function)  # the probes hold every script on purpose
    return [quiet(probe) for probe in PROBES]


def from_function(function: Callable[[str], str], *, name: str | None = None) -> Normalizer:
    """Return a user's own function as a normaliser, identified by its name and a hash of its source.

    Where there is no source (typed at a prompt), and for a lambda, the compiled code is hashed, which changes with the
    version of Python; what the function looks up elsewhere is not part of the hash.
    """
    label = (
        name or f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', type(function).__name__)}"
    )
    code = getattr(function, "__code__", None)
    compiled = "" if code is None else repr((code.co_code, code.co_consts, code.co_names))
    try:
        source = inspect.getsource(function if inspect.isroutine(function) else type(function))
    except (OSError, TypeError):
        source = compiled or repr(type(function))
    if getattr(function, "__name__", "") == "<lambda>":
        source += compiled  # a line may hold several of them

    def checked(text: str) -> str:
        try:
            result: object = function(text)
        except Exception as error:
            raise InvalidArgumentError(
                explain(
                    f"the normaliser {label} failed ({type(error).__name__}: {error})",
                    got=text,
                    expected="a function of one text that returns a text",
                    remedy="correct it",
                )
            ) from error
        if not isinstance(result, str):
            raise InvalidTypeError(
                explain(f"the normaliser {label} returned no text", got=result, expected="a str", remedy="correct it")
            )
        return result

    return NamedNormalizer(label, "source", digest_of(label, source), checked)


def _imported(which: str) -> Callable[[str], str]:
    place, _, attribute = which.rpartition(":")
    try:
        if place.endswith(".py"):
            spec = importlib.util.spec_from_file_location(Path(place).stem, place)
            if spec is None or spec.loader is None:
                raise ImportError(f"cannot load {place}")
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(place)
        found: Any = getattr(module, attribute)
    except Exception as error:  # whatever the user's file raises when it is run
        raise InvalidArgumentError(
            explain(f"no such normalizer ({error})", got=which, expected="module:function", remedy="correct the name")
        ) from error
    if not callable(found):
        raise InvalidArgumentError(explain("no function", got=which, expected="module:function", remedy="correct it"))
    return found  # type: ignore[no-any-return]


def normalize_sides(
    normalizer: Normalizer, references: Mapping[str, str], hypotheses: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str], Normalizer]:
    """Normalise both sides, with the rules of each side where the normaliser tells them apart (GLM).

    Returns:
        References, hypotheses, and a normaliser that changes nothing more but is recorded as this one.
    """
    reference, hypothesis = (_for_side(normalizer, side) for side in ("reference", "hypothesis"))
    done = NamedNormalizer(normalizer.name, normalizer.version, normalizer.digest, _as_it_is)
    return (
        {key: reference(text) for key, text in references.items()},
        {key: hypothesis(text) for key, text in hypotheses.items()},
        done,
    )


def _for_side(normalizer: Normalizer, side: str) -> Normalizer:
    if isinstance(normalizer, Chain):
        return Chain(tuple(_for_side(part, side) for part in normalizer.parts))
    chosen = getattr(normalizer, "for_side", None)
    found: Normalizer = normalizer if chosen is None else chosen(side)
    return found


def describe(names: Sequence[str] = NAMES) -> list[tuple[str, str, str]]:
    """Return name, version and digest of normalisers; those whose library is missing say so in the version."""
    from speech_tracker.errors import MissingExtraError

    rows = []
    for name in names:
        try:
            found = get_normalizer(name)
            rows.append((name, found.version, found.digest))
        except MissingExtraError as error:  # noqa: PERF203 - a handful of names
            rows.append((name, f"not installed: {error}", ""))
    return rows
