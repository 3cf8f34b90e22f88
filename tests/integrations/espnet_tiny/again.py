"""Trains in one folder twice, the second time from nothing, then with us switched off: ``python again.py OPTIONS``."""

from __future__ import annotations

import os
import sys

from espnet2.bin.asr_train import main

import speech_tracker.integrations.espnet

speech_tracker.integrations.espnet.install()
options = [*sys.argv[1:], "--num_att_plot", "0"]
main(cmd=[*options, "--output_dir", "exp/asr", "--max_epoch", "2"])
# ESPnet's frontend reads this rate; we do not
main(cmd=[*options, "--output_dir", "exp/asr", "--max_epoch", "1", "--resume", "false", "--frontend_conf", "fs=16 kb"])
os.environ |= {"SPEECH_TRACKER_MODE": "disabled", "WANDB_MODE": "offline", "WANDB_SILENT": "true"}
main(cmd=[*options, "--output_dir", "exp/off", "--max_epoch", "1", "--use_wandb", "true"])
