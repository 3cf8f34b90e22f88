"""Runs ``fairseq_cli.<tool>`` on Python 3.11: ``python run_fairseq.py train …``.

Fairseq 0.12.2 was written for older Pythons. What it expects of them is put back here, for this test only: default
values of data classes that need not be hashable, NumPy's old names of the built-in types, and checkpoints that
`torch.load` reads with the classes in them.
"""

import dataclasses
import functools
import importlib
import os
import sys

import numpy
import torch

original = dataclasses.dataclass


def dataclass(cls=None, /, **options):
    if cls is None:
        return functools.partial(dataclass, **options)
    old = cls.__module__.split(".")[0] in ("fairseq", "hydra", "omegaconf")
    if old and "__hash__" not in vars(cls) and options.get("eq", True) and not options.get("frozen"):
        options.setdefault("unsafe_hash", True)
    return original(cls, **options)


dataclasses.dataclass = dataclass
for name, kind in (("float", float), ("int", int), ("bool", bool), ("object", object)):
    if name not in vars(numpy):
        setattr(numpy, name, kind)
torch.load = functools.partial(torch.load, weights_only=False)

sys.path.insert(0, os.environ["FAIRSEQ"])
tool = sys.argv.pop(1)
importlib.import_module(f"fairseq_cli.{tool}").cli_main()
