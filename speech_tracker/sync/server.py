"""Asking a W&B server how much of a run it has, without W&B's client: a question of one request, answered or not.

W&B tells it in the answer that its own client uses to resume a run. A server that does not (openwandb 0.5 gives no
resume information) may keep the history as the file ``wandb-history.jsonl``, which openwandb does.
"""

from __future__ import annotations

import base64
import json
import netrc
import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

DEFAULT_URL = "https://api.wandb.ai"
TIMEOUT = 10.0

_STEP = re.compile(rb'"_step":\s*(\d+)')
_QUERY = """query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) {
    bucket(name: $name, missingOk: true) { name historyLineCount historyTail wandbConfig(keys: ["t"]) }
  }
}"""


@dataclass(frozen=True, slots=True)
class Remote:
    """What a server has of a run.

    Attributes:
        rows: the ``_step`` after its last row; 0 when it has none.
        tells: whether it said so in the way that W&B's client resumes by. Only such a server can be asked to take rows
            back; on another one what was sent stays.
    """

    rows: int
    tells: bool


def ask(run: str, *, entity: str | None, project: str | None, base_url: str | None = None) -> Remote | None:
    """Return what the server has of a run; None when it does not answer or does not know how to."""
    base = (base_url or os.environ.get("WANDB_BASE_URL") or DEFAULT_URL).rstrip("/")
    headers = {"Content-Type": "application/json", "User-Agent": "speech-tracker"}
    key = api_key(base)
    if key:
        headers["Authorization"] = "Basic " + base64.b64encode(f"api:{key}".encode()).decode()
    variables = {"project": project, "entity": entity, "name": run}
    body = json.dumps({"query": _QUERY, "variables": variables, "operationName": "RunResumeStatus"}).encode()
    answer = _fetch(f"{base}/graphql", headers, body)
    if answer is None:
        return None
    try:
        model = json.loads(answer)["data"]["model"]
        bucket = model and model["bucket"]
        if not bucket:
            return Remote(0, tells=True)
        tail = json.loads(bucket["historyTail"] or "[]")
        count = int(bucket["historyLineCount"] or 0)
        last = int(json.loads(tail[-1]).get("_step", -1)) if tail else -1
        if count or tail or "t" in json.loads(bucket["wandbConfig"] or "{}"):
            return Remote(max(count, last + 1), tells=True)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    path = "/".join(quote(part, safe="") for part in (entity or "", project or "", run))
    history = _fetch(f"{base}/files/{path}/wandb-history.jsonl", headers, None)
    return None if history is None else Remote(_rows(history), tells=False)


def _rows(history: bytes) -> int:
    return max((int(step) for step in _STEP.findall(history)), default=-1) + 1


def _fetch(url: str, headers: dict[str, str], body: bytes | None) -> bytes | None:
    if urlsplit(url).scheme not in ("http", "https"):
        return None
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            content: bytes = response.read()
            return content
    except (OSError, ValueError, urllib.error.URLError):
        return None


def api_key(base_url: str) -> str | None:
    """Return the key that W&B's client would use (``WANDB_API_KEY``, else the netrc file), None when there is none."""
    key = os.environ.get("WANDB_API_KEY")
    if key:
        return key.strip()
    host = urlsplit(base_url).hostname or ""
    for path in (os.environ.get("NETRC"), "~/.netrc", "~/_netrc"):
        if not path:
            continue
        try:
            found = netrc.netrc(str(Path(path).expanduser())).authenticators(host)
        except (OSError, netrc.NetrcParseError):
            continue
        if found:
            return found[2]
    return None
