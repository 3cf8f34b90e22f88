"""Any configuration becomes plain data; nothing in it stops a training; credentials stay out."""

from __future__ import annotations

import argparse
import dataclasses
import enum
import math
import types
from collections import UserDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import speech_tracker
from speech_tracker.encoding import decode, encode
from speech_tracker.plain import DEEPEST, plain
from speech_tracker.view import RunView


def kept(value: Any) -> Any:
    """What a reader of the journal finds of `value`."""
    return decode(encode(plain(value)[0]))


class Size(enum.Enum):
    SMALL = "small"


@dataclasses.dataclass
class Optim:
    lr: float
    betas: tuple[float, float] = (0.9, 0.98)


class Node:
    """What configuration libraries have: `to_dict`."""

    def to_dict(self) -> dict[str, Any]:
        return {"beam": 10}


class Hostile:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no")

    def __repr__(self) -> str:
        raise RuntimeError("never")


class BrokenMapping(UserDict[str, Any]):
    def items(self) -> Any:
        raise OSError("gone")


@pytest.mark.parametrize(
    ("value", "plain_value"),
    [
        ({"a": (1, 2), "b": {3, 1, 2}}, {"a": [1, 2], "b": [1, 2, 3]}),
        ({1: "one", None: "none", 2.5: "x"}, {"1": "one", "None": "none", "2.5": "x"}),
        ({1: "int", "1": "text"}, {"1": "int", "1 (str)": "text"}),
        (Path("/data/set"), "/data/set"),
        (Size.SMALL, "small"),
        (Optim(0.001), {"lr": 0.001, "betas": [0.9, 0.98]}),
        (argparse.Namespace(beam=5), {"beam": 5}),
        (types.SimpleNamespace(a=1), {"a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (Node(), {"beam": 10}),
        (np.arange(3), [0, 1, 2]),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(False), False),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array([1 + 2j]), ["(1+2j)"]),
        (np.array([b"x"]), ["<1 bytes>"]),
        (np.array([{"api_key": "abcdef"}], dtype=object), [{"api_key": "<masked>"}]),
        (np.zeros((1001,)), {"array": "float64", "shape": [1001]}),
        (torch.zeros(2), [0.0, 0.0]),
        (torch.zeros(40, 40), {"array": "torch.float32", "shape": [40, 40]}),
        (torch.device("cpu"), "device(type='cpu')"),
        (torch.float16, "torch.float16"),
        (math.sqrt, "math.sqrt"),
        (Optim, f"{Optim.__module__}.Optim"),
        (b"\x00\x01", "<2 bytes>"),
        (1 + 2j, "(1+2j)"),
        (range(3), [0, 1, 2]),
        ({"$float": "nan"}, {"$float": "nan"}),
        (2**100, 2**100),
        ("half \ud800", "half \ud800"),
        (True, True),
        (None, None),
    ],
)  # fmt: skip
def test_what_recipes_hold_becomes_plain_data(value: Any, plain_value: Any) -> None:
    found = kept({"value": value})["value"]
    assert found == plain_value
    assert type(found) is type(plain_value)


def test_not_a_number_and_infinities_are_kept() -> None:
    found = kept([math.nan, math.inf, -math.inf, -0.0])
    assert repr(found) == "[nan, inf, -inf, -0.0]"


def test_an_object_is_described_without_its_address() -> None:
    assert kept(object()) == "<object object>"


def test_a_value_that_contains_itself_is_cut_there() -> None:
    loop: dict[str, Any] = {"name": "a"}
    loop["self"] = loop
    loop["list"] = [loop, 1]
    assert kept(loop) == {"name": "a", "self": "<cycle>", "list": ["<cycle>", 1]}


def test_the_same_object_in_two_places_is_no_cycle() -> None:
    shared = {"lr": 1}
    assert kept({"a": shared, "b": shared}) == {"a": {"lr": 1}, "b": {"lr": 1}}


def test_endless_depth_ends() -> None:
    deep: Any = "bottom"
    for _ in range(5000):
        deep = {"next": deep}
    found, depth = kept(deep), 0
    while isinstance(found, dict):
        found, depth = found["next"], depth + 1
    assert found == "<too deep>"
    assert depth == DEEPEST


def test_shared_parts_that_would_fill_the_memory_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speech_tracker.plain.MOST", 1000)
    shared: Any = [1]
    for _ in range(30):
        shared = [shared, shared]  # two to the thirtieth values
    text = encode(plain(shared)[0])
    assert len(text) < 200_000
    assert b"<too much>" in text


def test_a_hostile_object_is_described_and_the_rest_is_kept() -> None:
    found = kept({"lr": 0.1, "model": Hostile(), "mapping": BrokenMapping(), "beam": 4})
    assert found["lr"] == 0.1
    assert found["beam"] == 4
    assert found["model"].endswith("Hostile>")
    assert found["mapping"].endswith("BrokenMapping>")


SECRET = "sesame-open-0123456789"


@pytest.mark.parametrize(
    "name",
    ["api_key", "apiKey", "API_KEY", "wandb_api_key", "WANDB_API_KEY", "hf_token", "hub_token", "auth_token", "access_token",
     "password", "db.password", "passwd", "secret", "client_secret", "secret_key", "aws_secret_access_key", "private_key",
     "Authorization", "credentials", "token", "github_token", "bearer"],
)  # fmt: skip
def test_a_credential_s_value_is_masked_and_its_name_is_told(name: str) -> None:
    value, masked = plain({"outer": {name: SECRET, "beam": 3}})
    assert SECRET not in encode(value).decode()
    assert value["outer"][name] == "<masked>"
    assert masked == [f"outer.{name}"]


@pytest.mark.parametrize(
    "name",
    ["token_type", "token_list", "n_tokens", "tokens", "tokenizer", "max_token", "blank_token", "pad_token", "unk_token",
     "num_tokens_per_batch", "key", "keyboard", "author", "passes", "monkey", "secretary", "bos_token", "key_dim"],
)  # fmt: skip
def test_the_words_of_speech_recipes_are_no_credentials(name: str) -> None:
    assert plain({name: "bpe"}) == ({name: "bpe"}, [])


@pytest.mark.parametrize("empty", [None, "", False, True])
def test_an_empty_credential_is_shown_since_that_tells_that_none_was_given(empty: Any) -> None:
    assert kept({"api_key": empty}) == {"api_key": empty}


@pytest.mark.parametrize("value", [1, 0, 12345678, ["a", "b"], {"user": "me"}, np.arange(3), b"raw"])
def test_a_credential_that_is_no_text_is_masked_too(value: Any) -> None:
    assert kept({"password": value, "lr": 1}) == {"password": "<masked>", "lr": 1}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:sesame@host/x.git", "https://<masked>@host/x.git"),
        ("use hf_abcdefghijklmnopqrstuvwxyz0123", "use <masked>"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "<masked>"),
        ("AKIAABCDEFGHIJKLMNOP", "<masked>"),
        ("train.py --api-key=sesame123", "train.py --api-key=<masked>"),
        ("password=sesame123 rest", "password=<masked> rest"),
        ("train.py --hf-token=sesame123", "train.py --hf-token=<masked>"),
        ("password: sesame123 rest", "password: <masked> rest"),
        ("Authorization: Bearer sesame123", "Authorization: Bearer <masked>"),
    ],
)
def test_a_known_form_of_a_credential_is_masked_in_any_text(text: str, shown: str) -> None:
    value, masked = plain({"note": text})
    assert value == {"note": shown}
    assert masked == ["note"]


def test_the_journal_never_holds_a_secret(tmp_path: Path) -> None:
    config = {"api_key": SECRET, "nested": [{"auth": {"password": SECRET}}], "url": f"https://u:{SECRET}@host"}
    with speech_tracker.init(config=config, store=tmp_path, mode="local", capture_environment=False) as run:
        run.log_config({"hf_token": SECRET})
        run.log_json("setup", {"secret": SECRET})
        run.log_event("login", password=SECRET)
        run.log_dataset("d", access_token=SECRET)
        run.log_checkpoint("/x.ckpt", api_key=SECRET)
        run.log_table("t", ["url"], [[f"https://u:{SECRET}@host"]])
        run.log_speech({"training": {"auth_token": SECRET}})
        run.alert("login failed", f"401 for https://u:{SECRET}@host")
        run.log_problem(f"https://u:{SECRET}@host does not answer", text=f"curl https://u:{SECRET}@host")
        run.finish("failed", reason=f"ConnectionError: https://u:{SECRET}@host")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 2
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    assert run.folder is not None
    view = RunView.read(run.folder)
    assert view.config["api_key"] == "<masked>"
    assert "api_key" in view.records("config")[0].data["masked"]


@settings(deadline=None, max_examples=150)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.complex_numbers()),
        lambda inner: st.one_of(
            st.lists(inner), st.tuples(inner, inner), st.sets(st.integers()),
            st.dictionaries(st.one_of(st.text(), st.integers(), st.none(), st.tuples(st.integers())), inner),
        ),
        max_leaves=10,
    )
)  # fmt: skip
def test_anything_can_be_written_and_read(value: Any) -> None:
    kept(value)
