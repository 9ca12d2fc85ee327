"""Builds hardshrink.pyx beside this file: python setup.py build_ext --inplace"""

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

setup(
    name="hardshrink",
    ext_modules=cythonize([Extension("hardshrink", ["hardshrink.pyx"], include_dirs=[numpy.get_include()])]),
)
