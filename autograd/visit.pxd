cdef bint visit(list roots, unsigned long long mark, list active, list visited, list wanted) except -1
