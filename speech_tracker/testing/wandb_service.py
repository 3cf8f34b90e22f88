"""What W&B's service does and openwandb does not, as a `Service` of the fault proxy, so that clients can be tested with it.

openwandb 0.5 appends every history line that it is sent, whatever its offset; tells a client that resumes a run nothing;
cannot rewind; calls every artifact committed at once and takes no files of it; and knows no alerts. W&B's own client
shows what its service does instead (wandb 0.31; the sources of its core are public), and that is what this does:

- a history line has a number; a line that is sent again replaces the one of that number;
- ``RunResumeStatus`` tells the number of lines and the last one;
- ``RewindRun`` forgets the rows behind a ``_step``;
- an artifact is pending until its manifest and files were uploaded and it was committed, and the same content under the
  same name is the same version.

Everything else goes on to the server behind it, history lines exactly once.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from speech_tracker.testing.fault_proxy import Request, Response

HISTORY = "wandb-history.jsonl"
_STREAM = re.compile(r"^/files/([^/]+)/([^/]+)/([^/]+)/file_stream$")
_UPLOAD = re.compile(r"^/artifact-files/([^/]+)/(.+)$")


@dataclass(slots=True)
class Artifact:
    """A version of an artifact, as the service has it."""

    id: str
    name: str
    type: str
    digest: str
    run: str | None
    metadata: dict[str, Any]
    aliases: list[str]
    committed: bool = False
    uploads: dict[str, bytes] = field(default_factory=dict)
    used_by: list[str] = field(default_factory=list)

    @property
    def manifest(self) -> dict[str, Any]:
        """Its manifest's entries: name to what is known of the file."""
        content = self.uploads.get("wandb_manifest.json")
        return {} if content is None else dict(json.loads(content)["contents"])


class WandbService:
    """See the module.

    Attributes:
        artifacts: every version, in the order in which they were made.
        alerts: (run, title, text, severity).
        exits: run to the exit codes that it was finished with.
        rewinds: (run, `_step`) of every rewind.
        refuse_rewind: whether to answer rewinds with an error, as servers without that feature do.
    """

    def __init__(self) -> None:
        self.artifacts: list[Artifact] = []
        self.alerts: list[tuple[str, str, str, str]] = []
        self.exits: dict[str, list[int]] = {}
        self.preempting: list[str] = []
        self.rewinds: list[tuple[str, int]] = []
        self.refuse_rewind = False
        self._lines: dict[str, dict[int, str]] = {}
        self._started: set[str] = set()
        self._lock = threading.RLock()

    def rows(self, run: str) -> list[dict[str, Any]]:
        """Return the history of a run, in the order of its lines."""
        with self._lock:
            lines = self._lines.get(run, {})
            return [json.loads(lines[number]) for number in sorted(lines)]

    def numbers(self, run: str) -> list[int]:
        """Return the numbers of the history's lines: 0, 1, 2, … when none is missing."""
        with self._lock:
            return sorted(self._lines.get(run, {}))

    def handle(self, request: Request, forward: Any) -> Response:
        """Answer `request`, with the server's help."""
        stream = _STREAM.match(request.path)
        if stream:
            return self._stream(stream[3], request, forward)
        upload = _UPLOAD.match(request.path)
        if upload and request.method == "PUT":
            with self._lock:
                self._artifact(upload[1]).uploads[unquote(upload[2])] = request.body
            return Response(200, b"{}")
        if request.path.startswith("/graphql") and request.method == "POST":
            return self._graphql(request, forward)
        return forward(request)  # type: ignore[no-any-return]

    def _stream(self, run: str, request: Request, forward: Any) -> Response:
        body = json.loads(request.body)
        with self._lock:
            history = body.get("files", {}).get(HISTORY)
            if history:
                known = self._lines.setdefault(run, {})
                fresh = []
                for number, line in enumerate(history["content"], start=history["offset"]):
                    if number not in known:
                        fresh.append(line)
                    known[number] = line
                history["content"] = fresh
            if body.get("complete"):
                self.exits.setdefault(run, []).append(body.get("exitcode", 0))
            if body.get("preempting"):
                self.preempting.append(run)
        response: Response = forward(replace(request, body=json.dumps(body).encode()))
        return response

    def _graphql(self, request: Request, forward: Any) -> Response:
        body = json.loads(request.body)
        variables = body.get("variables") or {}
        found = re.search(r"(?:query|mutation)\s+(\w+)", body.get("query", ""))
        handler = getattr(self, f"_on_{found[1]}", None) if found else None
        if handler is not None:
            with self._lock:
                answer = handler(variables, request)
            return Response(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})
        response: Response = forward(request)
        if found and found[1] == "UpsertBucket" and response.status == 200:
            self._started.add(variables.get("name") or variables.get("id") or "")
        if found and found[1] == "RunResumeStatus" and response.status == 200:
            return self._resume(variables["name"], response)
        return response

    def _resume(self, run: str, response: Response) -> Response:
        answer = json.loads(response.body)
        bucket = (answer["data"]["model"] or {}).get("bucket")
        with self._lock:
            if bucket is None or run not in self._started:
                answer["data"]["model"] = {**(answer["data"]["model"] or {}), "bucket": None}
            else:
                lines = self._lines.get(run, {})
                count = max(lines, default=-1) + 1
                tail = [lines[count - 1]] if count else []
                bucket.update(
                    historyLineCount=count, historyTail=json.dumps(tail), eventsLineCount=0, eventsTail="[]",
                    logLineCount=0, wandbConfig='{"t": {"value": 1}}', summaryMetrics=bucket.get("summaryMetrics") or "{}",
                )  # fmt: skip
        return replace(response, body=json.dumps(answer).encode())

    # ---- what openwandb does not know ---------------------------------------------------------------------------

    def _on_RewindRun(self, variables: dict[str, Any], request: Request) -> dict[str, Any]:  # noqa: ARG002, N802
        run, last = variables["runName"], int(variables["metricValue"])
        if self.refuse_rewind:
            return {"data": None, "errors": [{"message": "rewind is not enabled on this server"}]}
        lines = self._lines.get(run, {})
        kept = {number: line for number, line in lines.items() if json.loads(line).get("_step", 0) <= last}
        self._lines[run] = kept
        self.rewinds.append((run, last))
        project = {"id": "1", "name": variables["project"], "entity": {"id": "1", "name": variables["entity"]}}
        rewound = {"id": "1", "name": run, "displayName": run, "description": "", "config": "{}", "sweepName": None,
                   "project": project, "historyLineCount": len(kept)}  # fmt: skip
        return {"data": {"rewindRun": {"rewoundRun": rewound}}}

    def _on_NotifyScriptableRunAlert(self, variables: dict[str, Any], request: Request) -> dict[str, Any]:  # noqa: ARG002, N802
        self.alerts.append((variables["runName"], variables["title"], variables["text"], variables["severity"]))
        return {"data": {"notifyScriptableRunAlert": {"success": True}}}

    def _artifact(self, artifact_id: str) -> Artifact:
        return next(each for each in self.artifacts if each.id == artifact_id)

    def _on_CreateArtifact(self, variables: dict[str, Any], request: Request) -> dict[str, Any]:  # noqa: ARG002, N802
        given = variables["input"]
        name = given["artifactCollectionName"]
        aliases = [each["alias"] for each in given.get("aliases") or []]
        versions = [each for each in self.artifacts if each.name == name and each.committed]
        same = next((each for each in versions if each.digest == given["digest"]), None)
        for other in versions:
            other.aliases[:] = [alias for alias in other.aliases if alias not in aliases]
        if same is not None:
            same.aliases += aliases
            found = same
        else:
            metadata = json.loads(given.get("metadata") or "{}")
            found = Artifact(str(len(self.artifacts) + 1), name, given["artifactTypeName"], given["digest"],
                             given.get("runName"), metadata, aliases)  # fmt: skip
            self.artifacts.append(found)
        latest = {"id": versions[-1].id} if versions else None
        state = "COMMITTED" if found.committed else "PENDING"
        created = {"id": found.id, "state": state, "artifactSequence": {"latestArtifact": latest}}
        return {"data": {"createArtifact": {"artifact": created}}}

    def _url(self, request: Request, artifact_id: str, name: str) -> str:
        host = next((value for key, value in request.headers.items() if key.lower() == "host"), "")
        return f"http://{host}/artifact-files/{artifact_id}/{name}"

    def _on_CreateArtifactManifest(self, variables: dict[str, Any], request: Request) -> dict[str, Any]:  # noqa: N802
        artifact_id = variables["artifactID"]
        file = {
            "id": f"m{artifact_id}",
            "uploadUrl": self._url(request, artifact_id, variables["name"]),
            "uploadHeaders": [],
        }
        return {"data": {"createArtifactManifest": {"artifactManifest": {"id": f"m{artifact_id}", "file": file}}}}

    def _on_CreateArtifactFiles(self, variables: dict[str, Any], request: Request) -> dict[str, Any]:  # noqa: N802
        files = (variables.get("input") or variables)["artifactFiles"]
        edges: list[dict[str, Any]] = [
            {"node": {"storagePath": f"{each['artifactID']}/{each['name']}", "uploadHeaders": [], "uploadMultipartUrls": None,
                      "uploadUrl": self._url(request, each["artifactID"], each["name"]),
                      "artifact": {"id": each["artifactID"]}}}
            for each in files
        ]  # fmt: skip
        return {"data": {"createArtifactFiles": {"files": {"edges": edges}}}}

    def _on_CommitArtifact(self, variables: dict[str, Any], request: Request) -> dict[str, Any]:  # noqa: ARG002, N802
        found = self._artifact(variables["artifactID"])
        found.committed = True
        return {"data": {"commitArtifact": {"artifact": {"id": found.id, "digest": found.digest}}}}

    def _on_UseArtifact(self, variables: dict[str, Any], request: Request) -> dict[str, Any]:  # noqa: ARG002, N802
        given = variables["input"]
        self._artifact(given["artifactID"]).used_by.append(given["runName"])
        return {"data": {"useArtifact": {"artifact": {"id": given["artifactID"]}}}}
