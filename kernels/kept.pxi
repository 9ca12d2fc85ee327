# Weights in the form that a kernel wants, kept from call to call. The tape knows when they may (autograd/value.py).

cdef extern from "memory.h" nogil:
    ctypedef struct memory_kept:
        void *data
        int ready


cdef class Form:
    """One form of a weight: packed for products, or transformed. Which one depends on the kernels and the groups."""

    cdef memory_kept memory
    cdef const kernel_table *t
    cdef int form
    cdef int64_t groups

    def __dealloc__(self):
        memory_release(self.memory.data)


cdef class Forms:
    """The forms that one weight is kept in, each filled by the first call that wants it."""

    cdef list kept

    def __init__(self):
        self.kept = []

    cdef Form find(self, const kernel_table *t, int form, int64_t groups):
        """The form, to be filled where it is new. It is not listed before `add`: other threads would find it empty."""
        cdef Form kept
        for kept in self.kept:
            if kept.t == t and kept.form == form and kept.groups == groups:
                return kept
        kept = Form()
        kept.t, kept.form, kept.groups = t, form, groups
        return kept

    cdef int add(self, Form kept) except -1:
        """Lists a form that is filled; those of another instruction set go."""
        if kept.memory.ready and kept not in self.kept:
            self.kept = [other for other in self.kept if (<Form>other).t == kept.t] + [kept]
        return 0
