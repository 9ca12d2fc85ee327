"""Somebody's own Cython module, compiled outside the package, cimports the tape and the kernels."""

import subprocess
import sys

import pytest

MODULE = """
cimport numpy as cnp
from autograd.kernels cimport matmul
from autograd.tape cimport Value

cnp.import_array()


def shape_of(Value x):
    return x.array.shape, x.node is None


def product(cnp.ndarray a, cnp.ndarray b):
    return matmul(a, b)
"""
SETUP = """
import numpy
import autograd
from pathlib import Path
from Cython.Build import cythonize
from setuptools import Extension, setup

where = [str(Path(autograd.__file__).parent.parent)]  # which an editable install does not put on the path
own = [Extension("mine", ["mine.pyx"], include_dirs=[numpy.get_include()])]
setup(ext_modules=cythonize(own, include_path=where, quiet=True))
"""
USE = """
import numpy as np
import autograd as ag
import mine

a, b = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones((3, 4), np.float32)
assert (mine.product(a, b) == a @ b).all()
assert mine.shape_of(ag.Tensor(a)) == ((2, 3), True)
try:
    mine.product(a, None)
except (TypeError, ValueError):
    print("refused")
"""


@pytest.mark.slow
def test_cimport_from_outside(tmp_path):
    for name, text in {"mine.pyx": MODULE, "setup.py": SETUP, "use.py": USE}.items():
        (tmp_path / name).write_text(text)
    for arguments in (["setup.py", "-q", "build_ext", "--inplace"], ["use.py"]):
        done = subprocess.run([sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert done.stdout == "refused\n"
