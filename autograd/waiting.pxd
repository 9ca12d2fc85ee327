# C-level view of what waits, for the tape and the sweep.

from autograd.deferred cimport Deferred
from autograd.plan cimport Plan, Step
from autograd.value cimport Node, Value
from cpython.object cimport PyObject

cdef tuple WITH_NORM
cdef tuple WITH_TALLY
cdef tuple WITH_BOTH

cdef tuple taken(tuple takes, PyObject **inputs, Py_ssize_t place, PyObject **arguments, Py_ssize_t total)
cdef tuple all_taken(tuple takes, PyObject **inputs, Py_ssize_t n, PyObject **arguments, Py_ssize_t total)
cdef tally_for(PyObject *weight)
cdef postpone(part, PyObject **inputs, Py_ssize_t n, PyObject **arrays, Py_ssize_t total, tuple names)
cdef Deferred join(op, dict joints, PyObject **inputs, Py_ssize_t n, tuple attrs, PyObject **arrays)
cdef bint may_wait(Deferred later, bint watched) noexcept
cdef defer(Value out, Deferred later, Plan plan, Py_ssize_t degree)
cdef tuple joint_steps(Node node, set wanted_ids, bint watched)
cdef rule_waits(Step step, PyObject **arguments, Node edge)
cdef bint gradient_may_wait(Value g, Node edge, bint watched) except -1
cdef gradient_tally(Node edge, set wanted_ids, bint watched)
cdef bint mask_sum(Value g, Node edge, bint watched) except -1
