"""The speech vocabulary from configurations of all ages."""

from __future__ import annotations

import pytest

from speech_tracker.integrations.fairseq import facts
from speech_tracker.integrations.fairseq.config_text import parse_config

OLD = (
    "Namespace(arch='s2t_transformer_s', criterion='ctc', encoder_layers=12, lr=[0.002], lr_scheduler='inverse_sqrt', "
    "max_update=300000, optimizer='adam', save_dir='ck', seed=1, task='speech_to_text', train_subset='train-clean-100_asr', "
    "update_freq=[8], valid_subset='dev-clean_asr,dev-other_asr', warmup_updates=10000, fp16=True, config_yaml='config.yaml')"
)
MIXED = "{'task': Namespace(arch='x', task='speech_to_text', optimizer='adam', lr_scheduler='fixed', _name='speech_to_text')}"


def test_an_old_flat_configuration_tells_all_components_by_their_own_words():
    speech = facts.speech(parse_config(OLD), toolkit_version=None)
    assert speech.task == "asr"
    assert (speech.model.type, speech.model.encoder_layers) == ("s2t_transformer_s", 12)
    assert (speech.training.optimizer, speech.training.schedule) == ("adam", "inverse_sqrt")
    assert (speech.training.learning_rate, speech.training.accumulation) == (0.002, 8)
    assert speech.training.warmup_steps == 10000
    assert facts.subsets(parse_config(OLD)) == ["dev-clean_asr", "dev-other_asr"]


def test_the_name_of_one_component_is_not_taken_for_that_of_another():
    speech = facts.speech(parse_config(MIXED), toolkit_version=None)
    assert (speech.model.type, speech.training.optimizer, speech.training.schedule) == ("x", "adam", "fixed")


@pytest.mark.parametrize(
    ("config", "task"),
    [
        ({"task": {"_name": "speech_to_text", "config_yaml": "config_st.yaml"}}, "st"),
        ({"task": {"_name": "speech_to_text", "config_yaml": "config_asr.yaml"}}, "asr"),
        ({"task": {"_name": "speech_to_text", "eval_wer": True}}, "asr"),
        ({"task": {"_name": "speech_to_text"}, "scoring": {"_name": "wer"}}, "asr"),
        ({"task": {"_name": "speech_to_text"}, "dataset": {"train_subset": "train_last"}}, "st"),
        ({"task": {"_name": "hubert_pretraining", "fine_tuning": False}}, "ssl"),
        ({"task": {"_name": "hubert_pretraining", "fine_tuning": True}}, "asr"),
        ({"task": {"_name": "audio_pretraining", "labels": "ltr"}}, "asr"),
        ({"task": {"_name": "audio_finetuning"}}, "asr"),
        ({"args": {"task": "translation"}}, "mt"),
        ({}, "other"),
    ],
)
def test_the_task_is_told_from_what_the_recipe_calls_its_parts(config, task):
    assert facts.task_name(config) == task


def test_fine_tuning_on_audio_tells_tokens_masking_and_seconds_of_a_batch():
    config = {
        "task": {"_name": "audio_finetuning", "labels": "ltr", "sample_rate": 16000},
        "model": {"_name": "wav2vec_ctc", "apply_mask": True, "mask_prob": 0.65, "mask_length": 10},
        "dataset": {"max_tokens": 3200000, "train_subset": "train,more"},
        "criterion": {"_name": "ctc"},
        "lr_scheduler": {"_name": "tri_stage", "warmup_steps": 8000},
    }
    speech = facts.speech(config, toolkit_version="0.12.2", parameters=95, trainable=90)
    assert (speech.model.decoder, speech.model.token_type, speech.model.trainable_parameters) == ("ctc", "char", 90)
    assert (speech.features.type, speech.training.batch_seconds) == ("waveform", 200.0)
    assert speech.augmentation.spec_augment
    assert speech.augmentation.spec_augment_settings == {"mask_prob": 0.65, "mask_length": 10}
    assert speech.data.datasets == ("train", "more")
    assert (speech.training.warmup_steps, speech.training.ctc_weight) == (8000, 1.0)
