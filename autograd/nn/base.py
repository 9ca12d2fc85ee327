"""What every call of a module and every look at its attributes goes through; compiled, as small networks feel it."""

import cython

from autograd.errors import DTypeError, ShapeError


@cython.auto_pickle(False)  # the state is __dict__ alone
@cython.cclass
class Callable:
    """The base of Module: a call runs the hooks and forward."""

    def __call__(self, *args, **kwargs):
        try:
            if has_hooks(self):
                return self._call_hooked(args, kwargs)
            return self.forward(*args, **kwargs)
        except (ShapeError, DTypeError) as error:
            self._locate(error)
            raise

    def __getattr__(self, name):  # only called for what is missing
        self._explain_missing(name)


@cython.cfunc
@cython.returns(cython.bint)
@cython.exceptval(-1)
def has_hooks(module: Callable):
    state: dict = instance_dict(module, cython.NULL)
    if "_hooks" not in state:
        module._explain_missing("_hooks")
    return len(state["_hooks"]) > 0 or len(state["_pre_hooks"]) > 0


def is_plain(module: Callable):
    """Whether calling the module does nothing beside its class's forward."""
    return not has_hooks(module) and "forward" not in instance_dict(module, cython.NULL)
