"""Builds hardshrink.pyx beside this file: python setup.py build_ext --inplace"""

from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

import autograd

WHERE = Path(autograd.__file__).parent.parent  # holds the .pxd files; an editable install does not put it on the path

setup(
    name="hardshrink",
    ext_modules=cythonize(
        [Extension("hardshrink", ["hardshrink.pyx"], include_dirs=[numpy.get_include()])], include_path=[str(WHERE)]
    ),
)
