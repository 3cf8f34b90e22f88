"""YAML as toolkits write it, read as plain values: their tags name Python objects, and nothing is built here."""

from __future__ import annotations

import re
from typing import Any

from speech_tracker.errors import FormatError

_FLOAT = re.compile(r"^[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+$")


def read_yaml(data: bytes) -> Any:
    """Return the values of a YAML document: mappings, lists, texts, numbers, None.

    An unknown tag is kept as a text: ``!ref <seed>`` is ``"!ref <seed>"``, and of ``!new:module.Class`` with arguments
    the mapping gets a further entry ``"_tag"``. Anchors are followed.

    Raises:
        FormatError: it is no YAML; says in which line.
    """
    import yaml

    try:
        return yaml.load(data, Loader=_loader())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise FormatError(f"{where}no YAML: {getattr(error, 'problem', None) or error}") from None
    except (ValueError, RecursionError) as error:  # a date that does not exist, an anchor within itself
        raise FormatError(f"no YAML: {error}") from None


def _loader() -> Any:
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]
        """The safe loader, which knows no tag, with one rule for all of them."""

    def tagged(loader: Any, suffix: str, node: Any) -> Any:
        tag = f"!{suffix}"
        if isinstance(node, yaml.MappingNode):
            return {"_tag": tag, **loader.construct_mapping(node, deep=True)}
        if isinstance(node, yaml.SequenceNode):
            return {"_tag": tag, "_arguments": loader.construct_sequence(node, deep=True)}
        value = loader.construct_scalar(node)
        return f"{tag} {value}".rstrip() if value else tag

    Loader.add_multi_constructor("!", tagged)

    def of_python(loader: Any, suffix: str, node: Any) -> Any:
        if suffix == "tuple" and isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return tagged(loader, f"!python/{suffix}", node)

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", of_python)
    # YAML 1.1 takes 1e-3 for a text, those who wrote it meant a number
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))
    return Loader
