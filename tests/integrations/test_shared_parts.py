"""What several adapters share: names, vocabulary, utterances, facts of PyTorch, pace."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import speech_tracker
from speech_tracker.integrations import torch_facts
from speech_tracker.integrations.pace import Pace
from speech_tracker.integrations.utterances import Scorer, Utterances
from speech_tracker.lift import NAMES, lift
from speech_tracker.metric_names import Stage, standard_name
from speech_tracker.schema import Speech
from speech_tracker.testing.capture import capture


@pytest.mark.parametrize(
    ("name", "stage", "ours"),
    [
        ("train_loss", "train", "train/loss"),
        ("val_wer", "valid", "valid/wer"),
        ("validation/WER", "valid", "valid/wer"),
        ("dev-cer", "valid", "valid/cer"),
        ("Loss/val", "valid", "valid/loss"),
        ("eval/loss", "valid", "valid/loss"),
        ("eval/loss", "test", "test/loss"),
        ("val_wer", "test", "test/wer"),
        ("test/wer", "valid", "test/wer"),
        ("wer", "valid", "valid/wer"),
        ("optim/scale", "train", "optim/scale"),
        ("trainable", "train", "train/trainable"),
        ("val", "valid", "valid/val"),
    ],
)
def test_names_of_recipes_become_ours(name: str, stage: Stage, ours: str) -> None:
    assert standard_name(name, stage=stage) == ours


def test_every_field_that_is_lifted_is_in_the_vocabulary() -> None:
    groups = Speech()
    for field in NAMES:
        group, _, name = field.partition(".")
        assert hasattr(getattr(groups, group), name), field


def test_the_outermost_name_counts_and_wrong_types_are_left_out() -> None:
    found = lift({"model": {"lr": 0.5, "n_mels": "eighty"}, "lr": 0.1, "batch_size": True, "spec_augment": {"F": 27}})
    assert found == {"training": {"learning_rate": 0.1}, "augmentation": {"spec_augment": True}}


def test_utterances_that_two_ranks_heard_count_once(tmp_path: Path) -> None:
    ranks = [Utterances(), Utterances()]
    for number, (ids, texts) in enumerate(((["a", "b"], ["one", "two"]), (["b", "c"], ["two", "tree"]))):
        outputs = {"hyps": texts, "refs": ["one", "two"] if number == 0 else ["two", "three"], "ids": ids}
        assert ranks[number].add_outputs(outputs, data_set=0, prefix=str(number))
    heard = Utterances.merged(each.take() for each in ranks)[0]
    with capture(tmp_path) as captured:
        run = speech_tracker.init("utterances")
        rates = Scorer(("word",)).record(run, heard, test_set="dev", stage="test")
    assert rates == {"wer": 1 / 3}
    assert captured.run.evaluations[0]["counts"]["utterances"] == 3
    assert ranks[0].sets == {}


def test_of_validations_those_are_recorded_that_are_better_than_all_before(tmp_path: Path) -> None:
    scorer = Scorer()
    with capture(tmp_path) as captured:
        run = speech_tracker.init("utterances")
        for step, text in enumerate(["x y", "one y", "x y", "one two"]):
            utterances = Utterances()
            utterances.add_outputs({"hyps": [text], "refs": ["one two"]}, data_set=0, prefix="0")
            scorer.record(run, utterances.take()[0], test_set="dev", stage="valid", step=step)
    assert [each["step"] for each in captured.run.evaluations if each["unit"] == "word"] == [0, 1, 3]


@pytest.mark.parametrize("outputs", [None, 1.5, {"loss": 1.0}, {"hyps": ["a"]}])
def test_other_outputs_are_left_alone(outputs: object) -> None:
    utterances = Utterances()
    assert not utterances.add_outputs(outputs, data_set=0, prefix="0")
    assert utterances.sets == {}


def test_tokens_become_words_and_a_single_text_is_one_utterance() -> None:
    utterances = Utterances()
    utterances.add_outputs({"hyp": "a b", "ref": "a c"}, data_set=0, prefix="x")
    utterances.add_outputs({"hyps": [["a", "b"]], "refs": [["a", "b"]]}, data_set=0, prefix="y")
    assert utterances.sets[0].hypotheses == {"x-0000": "a b", "y-0000": "a b"}


def test_the_norm_of_gradients_is_that_of_all_of_them_and_leaves_them_as_they_are() -> None:
    torch = pytest.importorskip("torch")
    weights = [
        torch.nn.Parameter(torch.zeros(2)),
        torch.nn.Parameter(torch.zeros(1)),
        torch.nn.Parameter(torch.zeros(1)),
    ]
    weights[0].grad, weights[1].grad = torch.tensor([3.0, 0.0]), torch.tensor([4.0])
    optimizer = torch.optim.SGD(weights, lr=0.1)
    assert float(torch_facts.gradient_norm(optimizer)) == 5.0
    assert weights[0].grad.tolist() == [3.0, 0.0]
    assert torch_facts.gradient_norm(torch.optim.SGD([weights[2]], lr=0.1)) is None


def test_every_parameter_group_has_its_rate() -> None:
    torch = pytest.importorskip("torch")
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(4)]
    first = torch.optim.SGD([{"params": weights[0]}, {"params": weights[1], "lr": 0.2}], lr=0.1)
    second = torch.optim.SGD([{"params": weights[2], "name": "head"}], lr=0.3)
    assert torch_facts.learning_rates([first, second]) == {
        "train/learning_rate": 0.1,
        "train/learning_rate_0_1": 0.2,
        "train/learning_rate_head": 0.3,
    }


def test_seconds_of_audio_are_taken_only_from_what_says_so() -> None:
    torch = pytest.importorskip("torch")
    assert float(torch_facts.audio_seconds({"durations": torch.tensor([1.5, 2.5])})) == 4.0
    assert torch_facts.audio_seconds({"duration": [1, 2]}) == 3.0
    assert float(torch_facts.audio_seconds({"audio_lengths": torch.tensor([8000, 16000])}, 16000)) == 1.5
    assert torch_facts.audio_seconds({"audio_lengths": torch.tensor([0.5, 1.0])}, 16000) is None  # relative lengths
    assert torch_facts.audio_seconds({"audio_lengths": torch.tensor([8000])}) is None  # of which rate?
    assert torch_facts.audio_seconds([torch.zeros(3)], 16000) is None


def test_pauses_do_not_count_and_each_rate_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("speech_tracker.integrations.pace.time.perf_counter", lambda: now[0])
    pace = Pace()
    pace.start(10)
    pace.add(30.0)
    pace.add(None)
    now[0] = 5.0
    pace.pause(3.0)
    assert pace.rates(14) == {"train/updates_per_second": 2.0, "train/audio_seconds_per_second": 15.0}
    now[0] = 6.0
    assert pace.rates(15) == {"train/updates_per_second": 1.0}
    assert all(math.isfinite(rate) for rate in pace.rates(15).values())
