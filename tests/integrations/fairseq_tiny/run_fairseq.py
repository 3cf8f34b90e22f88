"""Runs ``fairseq_cli.<tool>`` on Python 3.11: ``python run_fairseq.py train …``."""

import importlib
import os
import sys

import on_new_python  # noqa: F401 - before anything of Fairseq's
import torch

if __name__ == "__main__":  # not in the processes that Fairseq starts
    if "DEVICES" in os.environ:  # Fairseq starts as many processes as there are GPUs, with --cpu too
        torch.cuda.device_count = lambda: int(os.environ["DEVICES"])
    tool = sys.argv.pop(1)
    importlib.import_module(f"fairseq_cli.{tool}").cli_main()
