"""Aligned utterances as a piece of HTML: what was said above, what was recognised below, errors in colour."""

from __future__ import annotations

from html import escape
from typing import Any

from speech_tracker.sync.calls import Page

_STYLE = (
    "<style>body{font-family:sans-serif;font-size:13px}table{border-collapse:collapse;margin:0 0 1em}"
    "td{padding:1px 4px;text-align:center;white-space:nowrap}"
    ".s{background:#ffe08a}.d{background:#f9b4ab}.i{background:#a8d5f7}.n{color:#777;text-align:right}</style>"
    "<p><span class=s>substituted</span> <span class=d>deleted</span> <span class=i>inserted</span></p>"
)
_LONGEST = 400  # aligned pairs of one utterance that are shown


def alignment_page(utterances: list[dict[str, Any]]) -> Page:
    """Return the page for utterances as an ``evaluation`` record lists them (``alignment`` is pairs, None for nothing)."""
    return Page(_STYLE + "".join(_utterance(each) for each in utterances))


def _utterance(utterance: dict[str, Any]) -> str:
    pairs = utterance.get("alignment", [])
    top = "".join(f"<td class={_class(pair)}>{escape(pair[0] or '')}</td>" for pair in pairs[:_LONGEST])
    low = "".join(f"<td class={_class(pair)}>{escape(pair[1] or '')}</td>" for pair in pairs[:_LONGEST])
    more = f" (the first {_LONGEST} of {len(pairs)} tokens)" if len(pairs) > _LONGEST else ""
    title = f"<b>{escape(str(utterance.get('utterance_id', '')))}</b>: {utterance.get('errors', '?')} errors{more}"
    return f"<p>{title}</p><table><tr><td class=n>ref</td>{top}</tr><tr><td class=n>hyp</td>{low}</tr></table>"


def _class(pair: list[Any]) -> str:
    reference, hypothesis = pair
    if reference is None:
        return "i"
    if hypothesis is None:
        return "d"
    return "c" if hypothesis in (reference, "") else "s"  # an optional word that was not spoken is no error
