"""Puts back what Fairseq 0.12.2, which was written for older Pythons, expects: for these tests only.

Default values of data classes that need not be hashable, NumPy's old names of the built-in types, and checkpoints that
`torch.load` reads with the classes in them.
"""

import dataclasses
import functools
import os
import sys
from pathlib import Path

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
sys.path.insert(0, os.environ.get("FAIRSEQ", str(Path(sys.prefix) / "fairseq")))
