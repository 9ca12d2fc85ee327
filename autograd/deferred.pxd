cdef class Deferred:
    cdef object call
    cdef tuple arguments  # None: computed
    cdef object like
    cdef object result
    cdef list reads  # the versions of the memory that the arguments are on, as far as others know it
    cdef readonly object op
    cdef object __weakref__

    cpdef compute(self)
    cdef Deferred twin(self)
    cdef wait(self)


cdef compute_readers(version)
