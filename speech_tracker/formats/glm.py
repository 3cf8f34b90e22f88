"""GLM, NIST's global mapping rules: ``SOURCE => TARGET / [left] __ [right]``, one a line.

Source: SCTK 2.4.12, doc/GLMRules.txt; how a rule is cut into its parts follows rfilter1 (src/rfilter1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from speech_tracker.formats.parsed import Findings, lines_of
from speech_tracker.formats.problems import Problem

_QUOTED = re.compile(r"[\"']([^\"']*)[\"']")
_CONDITION = re.compile(r"\s*;;\s+INPUT_DEPENDENT_APPLICATION\s*=\s*\"([^\"]*)\"")
_TRUE = frozenset({"T", "YES", "TRUE", "Y"})


@dataclass(frozen=True, slots=True)
class GlmRule:
    """One rewriting rule.

    Attributes:
        source: what is replaced.
        target: what replaces it; may hold alternates ``{A / B}``.
        left: what must stand before the source; empty for anything.
        right: what must stand after it.
        condition: regular expression that the input type must match (``ctm|hyp``), empty for any input.
    """

    source: str
    target: str
    left: str = ""
    right: str = ""
    condition: str = ""
    line_number: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Glm:
    """A whole rule file."""

    rules: tuple[GlmRule, ...]
    name: str = ""
    description: str = ""
    copy_no_hit: bool = True
    case_sensitive: bool = True
    problems: tuple[Problem, ...] = ()


def parse_glm(text: str) -> Glm:
    """Parse GLM text.

    The first token of the first line marks comments, and lines that begin with ``*`` are the header.

    >>> parse_glm(";; rules\\nOK => O. K. / [ ] __ [ ] ;; spelled\\n").rules[0]
    GlmRule(source='OK', target='O. K.', left=' ', right=' ', condition='', line_number=2)
    """
    findings = Findings()
    header: dict[str, str] = {}
    rules: list[GlmRule] = []
    condition = ""
    comment = (text.split(maxsplit=1) or [";;"])[0]
    if comment.startswith("*") or "=>" in comment or not comment.strip(";#%/"):
        comment = comment if not comment.strip(";#%/") else ";;"
    for number, line in lines_of(text, findings):
        if (found := _CONDITION.match(line)) is not None:
            condition = found[1]
            continue
        if line.startswith("*"):
            value = _QUOTED.search(line)
            if value is None:
                findings.problem(number, line, "a header line without a value in quotes")
            else:
                keyword = line.upper()
                header |= {key: value[1] for key in _HEADER if key in keyword}
            continue
        body = line.split(comment, 1)[0].strip()
        if not body:
            continue
        rule = _rule(body, condition, number)
        if rule is None:
            findings.problem(number, line, "expected SOURCE => TARGET / left __ right")
        else:
            rules.append(rule)
    return Glm(
        tuple(rules),
        header.get("NAME", ""),
        header.get("DESC", ""),
        header.get("COPY_NO_HIT", "T").upper() in _TRUE,
        header.get("CASE_SENSITIVE", "T").upper() in _TRUE,
        findings.problems,
    )


_HEADER = ("NAME", "DESC", "FORMAT", "MAX_NRULES", "COPY_NO_HIT", "CASE_SENSITIVE")


def _rule(body: str, condition: str, number: int) -> GlmRule | None:
    source, arrow, rest = body.partition("=>")
    if not arrow or not source.strip():
        return None
    target, left, right = rest, "", ""
    slash = rest.rfind("/")
    # the last slash begins the context, unless it parts alternates inside [{A / B}]
    if slash >= 0 and (slot := rest.find("_", slash)) >= 0:
        target = rest[:slash]
        left, right = rest[slash + 1 : slot], rest[slot:].lstrip("_")
    found = _bare(source)
    return GlmRule(found, _bare(target), _bare(left), _bare(right), condition, number) if found else None


def _bare(text: str) -> str:
    """Return the text without the white space around it and the brackets or quotes that protect blanks."""
    text = text.strip()
    if len(text) >= 2 and (text[0], text[-1]) in (("[", "]"), ('"', '"')):
        return text[1:-1]
    return text


def format_glm(glm: Glm) -> str:
    """Return GLM text that parses to the same rules."""
    lines = [f";; {glm.name or 'rules'}\n", f'* name "{glm.name}"\n', f'* desc "{glm.description}"\n']
    lines.append("* format = 'NIST1'\n")
    lines.append(f"* max_nrules = '{len(glm.rules) + 1}'\n")  # rfilter1 counts from 1
    lines.append(f"* copy_no_hit = '{'T' if glm.copy_no_hit else 'F'}'\n")
    lines.append(f"* case_sensitive = '{'T' if glm.case_sensitive else 'F'}'\n")
    condition = ""
    for rule in glm.rules:
        if rule.condition != condition:
            condition = rule.condition
            lines.append(f';; INPUT_DEPENDENT_APPLICATION = "{condition}"\n')
        # an empty context keeps rfilter1 from taking the slash of alternates for one
        has_context = rule.left or rule.right or "/" in rule.target
        context = f" / [{rule.left}] __ [{rule.right}]" if has_context else ""
        lines.append(f"[{rule.source}] => [{rule.target}]{context}\n")
    return "".join(lines)
