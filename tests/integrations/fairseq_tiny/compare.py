"""Ends with 0 when two checkpoints hold the same weights, bit for bit: ``python compare.py A.pt B.pt``."""

import sys

import on_new_python  # noqa: F401 - before anything of Fairseq's
import torch

first, second = (torch.load(path)["model"] for path in sys.argv[1:])
# Fairseq saves a buffer of its position embeddings that it never initialises: it differs from run to run
names = [name for name in first if not name.endswith("_float_tensor")]
sys.exit(first.keys() != second.keys() or not all(torch.equal(first[name], second[name]) for name in names))
