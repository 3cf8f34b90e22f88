"""``env.log``: the machine that an experiment ran on, as SpeechBrain describes it.

Source: SpeechBrain 1.1, ``speechbrain.utils.superpowers`` and ``speechbrain.core.create_experiment_directory``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from speech_tracker.formats.problems import Problem

_TITLE = "SpeechBrain system description"
_RULE = re.compile(r"^(.*?)={20,}$")
_REVISION = re.compile(r"^[0-9a-f]{6,40}$")
_PACKAGE = re.compile(r"^([A-Za-z0-9][\w.\-]*)==(\S+)$")


@dataclass(frozen=True, slots=True)
class SystemDescription:
    """What the file says.

    Attributes:
        python: version and build.
        packages: as (name, version); packages installed from a folder or an address have none, and are left out.
        git_revision: of the recipe; None where there was none.
        cuda: its version; None where there was none.
    """

    python: str | None
    packages: tuple[tuple[str, str], ...]
    git_revision: str | None
    cuda: str | None

    def version_of(self, package: str) -> str | None:
        """Return the version of a package, None when it is not listed."""
        return next((version for name, version in self.packages if name.lower() == package), None)


def parse_env_log(data: bytes) -> Iterator[SystemDescription | Problem]:
    """Yield the description; sections are told by their titles, so that one which is missing shifts no other."""
    lines = data.decode("utf-8", "replace").splitlines()
    if not lines or _TITLE not in lines[0]:
        yield Problem(1, "", f"expected the first line {_TITLE!r}")
        return
    sections: dict[str, list[str]] = {}
    title = ""
    for line in lines[1:]:
        rule = _RULE.match(line)
        if rule is not None:
            if rule[1]:  # what could not be found is said without a line end
                sections.setdefault(title, []).append(rule[1])
            title = ""
        elif not title and line.endswith(":"):
            title = line[:-1]
        elif line.strip():
            sections.setdefault(title, []).append(line.strip())
    packages = (_PACKAGE.match(line) for line in sections.get("Installed Python packages", ()))
    revision = next(iter(sections.get("Git revision", ())), "")
    cuda = next(iter(sections.get("CUDA version", ())), "")
    python = " ".join(sections.get("Python version", ()))
    yield SystemDescription(
        python or None,
        tuple((found[1], found[2]) for found in packages if found),
        revision if _REVISION.match(revision) else None,
        cuda if cuda[:1].isdigit() else None,
    )
