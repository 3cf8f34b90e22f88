"""Compiles the two Cython modules of Fairseq's data loading; run in Fairseq's source folder."""

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

MODULES = ("data_utils_fast", "token_block_utils_fast")

setup(
    name="fairseq-data",
    ext_modules=cythonize(
        [
            Extension(
                f"fairseq.data.{name}", [f"fairseq/data/{name}.pyx"], language="c++", include_dirs=[numpy.get_include()]
            )
            for name in MODULES
        ],
        language_level=3,
    ),
)
