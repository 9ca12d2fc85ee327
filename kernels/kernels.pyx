"""Native kernels: thin wrappers that check arguments, allocate results and release the GIL.

One extension module holds all C, so that there is one thread team, one memory pool and one choice of ISA.
Arrays go in as `ndarray` of any strides, alignment and byte order; results come out as new arrays.
A wrapper refuses what its kernel cannot take with ValueError/TypeError; `autograd.op` explains the refusal.
"""
cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.long cimport PyLong_AsLongAndOverflow
from cpython.number cimport PyNumber_Index
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import math
import os
import operator
import numpy as np

cnp.import_array()

include "table.pxi"
include "memory.pxi"
include "common.pxi"
include "layout.pxi"
include "broadcast.pxi"
include "elementwise.pxi"
include "powers.pxi"
include "machine.pxi"
include "kept.pxi"
include "gemm.pxi"
include "conv.pxi"
include "conv_chain.pxi"
include "explain.pxi"
include "reduce.pxi"
include "loss.pxi"
include "ctc.pxi"
include "pair.pxi"
include "along.pxi"
include "blend.pxi"
include "norm.pxi"
include "pool.pxi"
include "conv_pooled.pxi"
include "optim.pxi"
include "picture.pxi"
include "recurrent.pxi"
