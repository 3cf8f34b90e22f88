"""From records to calls: pure, without W&B."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_tracker.journal.record import Record
from speech_tracker.sync.calls import (
    Alert,
    Call,
    Configure,
    Define,
    Describe,
    Page,
    Picture,
    Preempting,
    Publish,
    Row,
    Summarize,
    Table,
    TableFile,
)
from speech_tracker.sync.names import Keys, aliases, artifact_name, safe_key
from speech_tracker.sync.project import RANKS, Projection

FOLDER = Path("/store/runs/abc")


def records(*contents: tuple[str, dict[str, Any]], segment: str = "0001-rank0") -> list[Record]:
    return [Record("abc", segment, number, 100.0 + number, kind, data) for number, (kind, data) in enumerate(contents)]


def calls(
    *contents: tuple[str, dict[str, Any]], projection: Projection | None = None, close: bool = False
) -> list[Call]:
    projection = projection or Projection(FOLDER)
    made = [call for record in records(*contents) for call in projection.feed(record)]
    return made + (projection.close() if close else [])


def test_metrics_become_one_row_with_both_axes_and_are_defined_once() -> None:
    made = calls(
        ("metrics", {"values": {"train/loss": 2.0, "valid/wer": 0.5}, "step": 3, "epoch": 1}),
        ("metrics", {"values": {"train/loss": 1.5, "lr": 0.1}, "step": 4, "time": 7.5}),
    )
    assert made == [
        Define("train/loss", "step", "min"),
        Define("valid/wer", "step", "min"),
        Row({"train/loss": 2.0, "valid/wer": 0.5, "step": 3, "epoch": 1}, 100.0),
        Define("lr", "step", None),
        Row({"train/loss": 1.5, "lr": 0.1, "step": 4}, 7.5),
    ]


def test_special_numbers_stay_what_they_are_and_the_least_ignores_nan() -> None:
    made = calls(
        ("metrics", {"values": {"valid/wer": math.nan, "lr": math.inf, "n": 2**80}, "step": 1}),
        ("metrics", {"values": {"valid/wer": 0.25}, "step": 2}),
        ("metrics", {"values": {"valid/wer": 0.5}, "step": 3}),
        close=True,
    )
    row = next(call for call in made if isinstance(call, Row))
    assert math.isnan(row.values["valid/wer"]) and row.values["lr"] == math.inf and row.values["n"] == 2**80
    summary = made[-1]
    assert isinstance(summary, Summarize)
    assert summary.values["valid/wer"] == {"min": 0.25} and summary.values["lr"] == math.inf


def test_a_metric_named_like_an_axis_is_that_axis() -> None:
    made = calls(("metrics", {"values": {"epoch": 2, "loss": 1.0}, "step": 1}))
    assert made[-1] == Row({"loss": 1.0, "step": 1, "epoch": 2}, 100.0)


def test_names_are_made_safe_and_true_names_are_kept() -> None:
    made = calls(
        ("run", {"name": "r"}),
        ("metrics", {"values": {"test/test-clean/wer": 0.1, "test/test_clean/wer": 0.2}, "step": 1}),
        close=True,
    )
    row = next(call for call in made if isinstance(call, Row))
    assert row.values["test/test_clean/wer"] == 0.1 and row.values["test/test_clean/wer_2"] == 0.2
    kept = [call.values["speech_tracker"] for call in made if isinstance(call, Configure)][-1]
    assert kept["names"]["test/test_clean/wer"] == "test/test-clean/wer"


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=20))
def test_any_names_become_different_keys_of_the_right_form(names: list[str]) -> None:
    keys = Keys()
    made = {name: keys.of(name) for name in names}
    assert len(set(made.values())) == len(set(names))
    for name, key in made.items():
        assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", part) for part in key.split("/")), key
        assert not key.startswith("_")
        assert keys.of(name) == key


def test_keys_that_are_fine_stay_as_they_are() -> None:
    for name in ("train/loss", "valid/wer_ctc", "lr"):
        assert safe_key(name) == name


def test_identity_config_and_speech_are_merged() -> None:
    made = calls(
        ("run", {"id": "abc", "name": "first", "tags": ["a"], "description": "text", "experiment": "exp"}),
        ("config", {"config": {"lr": 0.1, "speech": "the user's own", "nested": {"x": [1, None]}}}),
        ("speech", {"speech": {"task": "asr", "model": {"type": "conformer"}}}),
        ("speech", {"speech": {"model": {"encoder_layers": 12}}}),
        ("run", {"add_tags": ["b", "a"]}),
    )
    assert [call for call in made if isinstance(call, Describe)][-1] == Describe("first", "text", ("a", "b"))
    values: dict[str, Any] = {}
    for call in made:
        if isinstance(call, Configure):
            values.update(call.values)
    assert values["lr"] == 0.1 and values["speech_"] == "the user's own" and values["nested"] == {"x": [1, None]}
    assert values["speech"] == {"task": "asr", "model": {"type": "conformer", "encoder_layers": 12}}
    assert values["speech_tracker"]["run"] == "abc"


def test_the_environment_is_short() -> None:
    (call,) = calls(("environment", {"python": "3.11", "packages": {"torch": "2"}, "host": "node7", "variables": {}}))
    assert call == Configure({"environment": {"python": "3.11", "host": "node7"}})


def test_media_are_rows_and_other_ranks_have_keys_of_their_own() -> None:
    made = calls(
        ("table", {"name": "sweep", "file": "files/t.json", "rows": 3, "step": 5}),
        ("figure", {"name": "attention/decoder.0", "file": "files/f.png", "caption": "utt1"}),
        ("rank_metrics", {"values": {"gpu": 3.0}, "rank": 1, "step": 5}),
        ("rank_metrics", {"values": {"gpu": 3.0}, "rank": RANKS, "step": 5}),
    )
    rows = [call.values for call in made if isinstance(call, Row)]
    assert rows == [
        {"sweep": TableFile(FOLDER / "files/t.json"), "step": 5},
        {"attention/decoder_0": Picture(FOLDER / "files/f.png", "utt1")},
        {"rank_1/gpu": 3.0, "step": 5},
    ]


def evaluation(**more: Any) -> tuple[str, dict[str, Any]]:
    data = {
        "test_set": "test-clean", "unit": "word", "wer": 0.25, "reference_length": 4,
        "wer_ci": {"low": 0.1, "high": 0.4}, "sentence_error_rate": 0.5, "file": "evaluations/x.parquet", **more,
    }  # fmt: skip
    return "evaluation", data


def test_an_evaluation_is_a_few_numbers_small_tables_and_a_file() -> None:
    worst = [{"utterance_id": "u<1>", "errors": 1, "substitutions": 1,
              "alignment": [["a", "a"], ["b", "x"], [None, "y"], ["c", None]]}]  # fmt: skip
    summary, publish = calls(evaluation(worst=worst, speakers=[{"speaker_id": "s1", "error_rate": 0.25}]))
    assert isinstance(summary, Summarize) and isinstance(publish, Publish)
    values = dict(summary.values)
    page, table = values.pop("test/test_clean/worst_alignments"), values.pop("test/test_clean/worst_utterances")
    assert values.pop("test/test_clean/speakers") == Table(("speaker_id", "error_rate"), (("s1", 0.25),))
    assert values == {
        "test/test_clean/wer": 0.25, "test/test_clean/wer_ci_low": 0.1, "test/test_clean/wer_ci_high": 0.4,
        "test/test_clean/sentence_error_rate": 0.5, "test/test_clean/reference_length": 4,
    }  # fmt: skip
    assert isinstance(page, Page) and "u&lt;1&gt;" in page.html and "class=s" in page.html
    assert isinstance(table, Table)
    assert dict(zip(table.columns, table.rows[0], strict=True))["hypothesis"] == "a x y"
    assert publish.type == "evaluation" and publish.uploads == (("/store/runs/abc/evaluations/x.parquet", "x.parquet"),)


def test_a_decoding_sweep_is_one_table_and_its_selected_setting_the_summary() -> None:
    sweep = [evaluation(wer=0.3 + 0.01 * weight, decoding={"lm_weight": weight},
                        metadata={"selected": True} if weight == 7 else {}) for weight in range(35)]  # fmt: skip
    made = calls(*sweep, close=True)
    summary: dict[str, Any] = {}
    for call in made:
        if isinstance(call, Summarize):
            summary.update(call.values)
    assert summary["test/test_clean/wer"] == pytest.approx(0.37)
    table = summary["decode/test_clean"]
    assert len(table.rows) == 35 and "decoding.lm_weight" in table.columns
    assert len([key for key in summary if key.startswith(("test/", "decode/"))]) < 8


def test_checkpoints_that_are_left_are_published_at_the_end() -> None:
    made = calls(
        ("checkpoint", {"path": "/x/1.ckpt", "action": "saved", "step": 1, "metrics": {"valid/wer": 0.5}}),
        ("checkpoint", {"path": "/x/2.ckpt", "action": "saved", "step": 2, "aliases": ["latest"]}),
        ("checkpoint", {"path": "/x/1.ckpt", "action": "best"}),
        ("checkpoint", {"path": "/x/0.ckpt", "action": "saved", "step": 0}),
        ("checkpoint", {"path": "/x/0.ckpt", "action": "deleted"}),
        close=True,
    )
    published = [call for call in made if isinstance(call, Publish)]
    assert [call.references[0][0] for call in published] == ["/x/1.ckpt", "/x/2.ckpt"]
    assert published[0].aliases == ("best", "step-1") and published[1].aliases == ("step-2",)
    assert not published[0].uploads
    uploading = Projection(FOLDER, upload_checkpoints=True)
    calls(("checkpoint", {"path": "/x/1.ckpt", "action": "saved"}), projection=uploading)
    (again,) = [call for call in uploading.close() if isinstance(call, Publish)]
    assert again.uploads and not again.references


def test_a_data_set_recorded_again_is_the_same_version() -> None:
    data = {"name": "libri/train", "version": "v3", "hours": 100.0, "path": "/data"}
    first, second = calls(("dataset", data), ("dataset", data))
    assert isinstance(first, Publish) and first == second
    assert first.name == "libri-train" and first.aliases == ("version-v3",) and first.consumed


def test_status_alert_and_json() -> None:
    projection = Projection(FOLDER)
    made = calls(
        ("alert", {"title": "t", "text": "x", "level": "error"}),
        ("json", {"name": "small", "value": {"a": [1]}}),
        ("json", {"name": "large", "value": ["x" * 300_000]}),
        ("status", {"status": "preempted", "exit_code": 143}),
        projection=projection, close=True,
    )  # fmt: skip
    assert made[0] == Alert("0001-rank0:0", "t", "x", "error")
    assert made[1] == Summarize({"small": {"a": [1]}})
    assert isinstance(made[2], Publish) and made[2].type == "json"
    assert Summarize({"run/status": "preempted"}) in made and Preempting() in made
    assert projection.status == ("preempted", 143)


def test_unknown_kinds_and_strange_content_are_counted_and_never_fatal() -> None:
    projection = Projection(FOLDER)
    assert (
        calls(("hologram", {"x": 1}), ("metrics", {"values": 5}), ("event", {"name": "x"}), projection=projection) == []
    )
    assert projection.skipped == {"hologram": 1, "metrics (not understood)": 1}


def test_text_that_utf8_cannot_hold_is_written_out() -> None:
    (call,) = calls(("config", {"config": {"text": "a \ud800 b", "\udfff": ["\ud800"]}}))
    assert isinstance(call, Configure)
    assert "".join(map(str, call.values.items())).encode()


def test_artifact_names_and_aliases_are_what_wandb_takes() -> None:
    assert artifact_name("a/b:c", "", "d e") == "a-b-c-d-e"
    assert aliases("best", None, "v3", "epoch 12", "best") == ("best", "version-v3", "epoch-12")


content = st.one_of(
    st.fixed_dictionaries(
        {"values": st.dictionaries(st.sampled_from(["loss", "a-b", "a_b", "wer"]), st.floats(), max_size=3)},
        optional={"step": st.integers(0, 9), "epoch": st.integers(0, 9)},
    ).map(lambda data: ("metrics", data)),
    st.dictionaries(st.sampled_from(["x", "speech"]), st.integers(), max_size=2).map(
        lambda c: ("config", {"config": c})
    ),
    st.sampled_from(["a", "b"]).map(lambda name: ("json", {"name": name, "value": 1})),
    st.tuples(st.sampled_from(["saved", "deleted", "best"]), st.sampled_from(["/1", "/2"])).map(
        lambda pair: ("checkpoint", {"action": pair[0], "path": pair[1]})
    ),
    st.just(("run", {"add_tags": ["t"]})),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(content, max_size=20), st.data())
def test_feeding_in_pieces_gives_the_same_calls_as_at_once(
    contents: list[tuple[str, dict[str, Any]]], data: Any
) -> None:
    whole = repr(calls(*contents, close=True))
    projection, made, all_records = Projection(FOLDER), [], records(*contents)
    while all_records:
        size = data.draw(st.integers(1, len(all_records)))
        made += [call for record in all_records[:size] for call in projection.feed(record)]
        all_records = all_records[size:]
    assert repr(made + projection.close()) == whole


def test_an_evaluation_of_a_validation_is_not_among_the_test_sets() -> None:
    for test_set, place in (("valid", "valid"), ("dev-other", "valid/dev_other")):
        kind, data = evaluation(worst=[], speakers=[{"speaker_id": "s1", "error_rate": 0.25}])
        summary, _ = calls((kind, {**data, "test_set": test_set, "metadata": {"stage": "valid"}}))
        assert isinstance(summary, Summarize)
        keys = set(dict(summary.values))
        assert f"{place}/speakers" in keys
        assert f"{place}/wer" not in keys
        assert not any(key.startswith("test/") for key in keys)
