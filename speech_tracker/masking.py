"""Credentials never reach the disk: which names and which texts are taken for one.

Speech configurations are full of harmless *tokens* (``token_type``, ``token_list``, ``n_tokens``), so the bare word
is not enough: a name is a credential's when it says so (``api_key``, ``hf_token``, ``password``).
"""

from __future__ import annotations

import re

MASK = "<masked>"

_NAME = re.compile(
    r"""(?ix)
    (?:^|[_\-.\s]) (?: pass(?:word|wd|phrase) | pwd | secret | credentials? | api[_-]?key | apikey | private[_-]?key
        | access[_-]?key | secret[_-]?key | auth[_-]?key | bearer | authorization ) (?:$|[_\-.\s])
    | (?: hf | hub | auth | access | api | bearer | wandb | github | gitlab | gh | refresh | session | slack | bot
        | huggingface | personal | secret | id ) [_-]? token $
    | ^ (?:token|auth) $
    """
)
# camelCase names are split before they are looked at: apiKey, authToken
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_TEXT = re.compile(
    r"""(?x)
      \b hf_[A-Za-z0-9]{20,}                      # Hugging Face
    | \b gh[pousr]_[A-Za-z0-9]{20,}               # GitHub
    | \b github_pat_[A-Za-z0-9_]{20,}
    | \b glpat-[A-Za-z0-9_\-]{16,}                # GitLab
    | \b sk-[A-Za-z0-9_\-]{20,}
    | \b AKIA[0-9A-Z]{16} \b                      # AWS
    | \b xox[abprs]-[A-Za-z0-9\-]{10,}            # Slack
    | \b wandb_v1_[A-Za-z0-9_\-]{20,}
    | (?<=://) [^/\s:@]+ : [^/\s@]+ (?=@)         # user:password in a URL
    | (?i: (?<=api[_-]key[=:\s]) | (?<=apikey[=:\s]) | (?<=password[=:\s]) | (?<=passwd[=:\s]) | (?<=secret[=:\s])
        | (?<=api[_-]key:\s) | (?<=apikey:\s) | (?<=password:\s) | (?<=passwd:\s) | (?<=secret:\s)
        | (?<=[_-]token[=:\s]) | (?<=authorization:\sbearer\s) ) [^\s'"&]{6,}  # --api-key X, password=X on a command line
    """
)


def is_credential_name(name: str) -> bool:
    """Return whether a value of this name is to be masked.

    >>> is_credential_name("hf_token"), is_credential_name("wandb.apiKey"), is_credential_name("token_type")
    (True, True, False)
    """
    return _NAME.search(_CAMEL.sub("_", name)) is not None


def mask_text(text: str) -> str:
    """Return `text` with known forms of credentials replaced by ``<masked>``.

    >>> mask_text("git clone https://me:sesame@example.org/x.git")
    'git clone https://<masked>@example.org/x.git'
    """
    return _TEXT.sub(MASK, text)
