"""YAML with the tags of toolkits becomes plain values; nothing is built."""

from __future__ import annotations

import pytest

from speech_tracker.errors import FormatError
from speech_tracker.ingest.yaml_values import read_yaml


def test_tags_of_hyperpyyaml_are_kept_as_texts_and_entries():
    text = b"""
seed: 7775
__set_seed: !apply:torch.manual_seed [!ref <seed>]
output_folder: !ref results/<seed>
opt: !name:torch.optim.Adam
    lr: 1e-3
net: !new:speechbrain.nnet.Linear
    n_neurons: 28
"""
    values = read_yaml(text)
    assert values["__set_seed"] == {"_tag": "!apply:torch.manual_seed", "_arguments": ["!ref <seed>"]}
    assert values["output_folder"] == "!ref results/<seed>"
    assert values["opt"] == {"_tag": "!name:torch.optim.Adam", "lr": 0.001}
    assert values["net"] == {"_tag": "!new:speechbrain.nnet.Linear", "n_neurons": 28}


def test_python_tuples_are_lists_and_python_objects_are_not_made():
    values = read_yaml(
        b"betas: !!python/tuple [0.9, 0.98]\nfunction: !!python/object/apply:os.system ['touch /tmp/x']\n"
    )
    assert values["betas"] == [0.9, 0.98]
    assert values["function"] == {"_tag": "!!python/object/apply:os.system", "_arguments": ["touch /tmp/x"]}


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 1e-3), ("2E5", 2e5), ("-1.5e+2", -150.0), ("0x1f", 31), ("1e", "1e")]
)
def test_numbers_with_an_exponent_are_numbers(text, value):
    assert read_yaml(f"x: {text}".encode())["x"] == value


@pytest.mark.parametrize("text", [b"a: [1, 2\nb: 3", b"a: 'open", b"\xff\xfe\x00", b"x: 2024-13-45", b"a: *nowhere"])
def test_what_is_no_yaml_is_said(text):
    with pytest.raises(FormatError, match="no YAML"):
        read_yaml(text)
