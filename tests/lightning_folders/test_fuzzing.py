"""Whatever stands in a file, the parsers give records and problems, and never raise."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.formats.problems import Problem
from speech_tracker.ingest.scan import scan
from speech_tracker.integrations.lightning import event_files, hparams_yaml, layout, metrics_csv, trainer_output
from speech_tracker.integrations.lightning.checkpoint_names import parse_checkpoint_name
from speech_tracker.integrations.lightning.columns import column_of, metric_name, stage_of
from speech_tracker.integrations.lightning.folder_curves import curves_of
from speech_tracker.integrations.lightning.ingest import LightningIngester
from speech_tracker.testing.parsers import mutated

GOLDEN = Path(__file__).parent.parent / "golden"
FILES = [path.read_bytes() for path in sorted(GOLDEN.glob("lightning_*.log"))]
CODEC = LightningIngester.parsers.codec


def events_of(*rows):
    """An event file as a TensorBoardLogger writes it; empty where there is no tensorboard."""
    if not event_files.AVAILABLE:
        return b""
    import struct

    from tensorboard.compat.proto.event_pb2 import Event

    data = b""
    for step, tag, value in rows:
        event = Event(step=step, wall_time=1.7e9 + step)
        event.summary.value.add(tag=tag, simple_value=value)
        message = event.SerializeToString()
        data += struct.pack("<QI", len(message), 0) + message + struct.pack("<I", 0)
    return data


EVENTS = events_of(
    (0, "hp_metric", -1), (49, "train_loss_step", 1.5), (49, "epoch", 0), (99, "val_loss", 0.5), (99, "epoch", 0)
)


def records_of(data):
    for parse in (
        metrics_csv.parse_metrics_csv,
        hparams_yaml.parse_hparams,
        event_files.parse_events,
        lambda each: scan(each, trainer_output.OUTPUT),
    ):
        found = list(parse(data))
        yield from found
        curves_of(metrics_csv.rows_of(found))
        curves_of(metrics_csv.rows_of(found), live=True)


@settings(max_examples=150, deadline=None)
@given(mutated([*FILES, EVENTS]))
def test_a_mutated_file_never_raises(data):
    for record in records_of(data):
        assert dataclasses.is_dataclass(record)
        if not isinstance(record, Problem):
            assert repr(CODEC.decode(CODEC.encode(record))) == repr(record)


@settings(max_examples=80, deadline=None)
@given(
    st.binary(max_size=1000)
    | st.text(st.sampled_from('step,epoch\r\n"0123456789.e-+nainf{}[]:&*! '), max_size=300).map(str.encode)
)
def test_arbitrary_bytes_never_raise(data):
    list(records_of(data))


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("_/.-=vallosstrainmetricwerepochpgstepdataloader_idx_0123456789 é"), min_size=1))
def test_any_column_and_any_file_has_a_name_or_none(text):
    for stage in ("train", "valid", "test"):
        name = metric_name(column_of(text), stage, whole_epoch=True)
        assert name is None or name
    assert stage_of([text]) in ("train", "valid", "test")
    parse_checkpoint_name(f"{text}.ckpt")
    layout.role_of(text)


@pytest.mark.skipif(not event_files.AVAILABLE, reason="needs tensorboard")
def test_every_prefix_of_an_event_file_has_the_rows_that_are_whole():
    whole = list(event_files.parse_events(EVENTS))
    assert [(row.step, row.epoch, row.names) for row in whole] == [
        (49, 0, ("train_loss_step",)),
        (99, 0, ("val_loss",)),
    ]
    for length in range(len(EVENTS)):
        found = list(event_files.parse_events(EVENTS[:length]))
        assert [row.names for row in found] == [row.names for row in whole[: len(found)]]
