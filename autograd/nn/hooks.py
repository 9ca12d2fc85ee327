"""What somebody has a module do around its forward and backward pass: torch.nn.Module's hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from autograd.errors import GraphError
from autograd.function import Function
from autograd.nn.base import call_forward
from autograd.tape import grad_enabled
from autograd.tensor import Tensor

if TYPE_CHECKING:
    from typing_extensions import Self

# Kinds of hooks; one dict holds them all, so that a call of a module without hooks looks at one dict only.
BEFORE, AFTER, BACKWARD_BEFORE, BACKWARD = "before", "after", "backward before", "backward"


class Handle:
    """What the register_*_hook methods return: remove() takes the hook away. Also a context manager."""

    def __init__(self, hooks: dict[object, Any], hook: Any, prepend: bool = False) -> None:
        self._hooks, self._key = hooks, object()
        hooks[self._key] = hook
        if prepend:
            for key in [k for k in hooks if k is not self._key]:
                hooks[key] = hooks.pop(key)

    def remove(self) -> None:
        self._hooks.pop(self._key, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


class HooksMixin:
    """The part of Module that knows its hooks, {key: (kind, function, whether it takes keyword arguments)}."""

    _hooks: dict[object, tuple[str, Callable[..., Any], bool]]

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """hook(module, args) before forward; what it returns replaces the arguments."""
        return Handle(self._hooks, (BEFORE, hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """hook(module, args, output) after forward; what it returns replaces the output."""
        return Handle(self._hooks, (AFTER, hook, with_kwargs), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """hook(module, grad_output) before gradients go through; what it returns replaces grad_output.

        grad_output is a tuple with one gradient for each result of forward, None for those that need none.
        """
        return Handle(self._hooks, (BACKWARD_BEFORE, hook, False), prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """hook(module, grad_input, grad_output) when gradients went through; what it returns replaces grad_input.

        grad_input is a tuple with one gradient for each positional argument of forward, None for those that need none.
        """
        return Handle(self._hooks, (BACKWARD, hook, False), prepend)

    def _hooks_of(self, kind: str) -> list[tuple[Callable[..., Any], bool]]:
        return [(hook, with_kwargs) for k, hook, with_kwargs in self._hooks.values() if k == kind]

    def _call_hooked(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """forward, and the hooks around it."""
        for hook, with_kwargs in self._hooks_of(BEFORE):
            changed = hook(self, args, kwargs) if with_kwargs else hook(self, args)
            if changed is not None and with_kwargs:
                args, kwargs = changed
            elif changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        watch = _Watch(self) if self._hooks_of(BACKWARD) or self._hooks_of(BACKWARD_BEFORE) else None
        if watch:
            args = watch.enter(args)
        result = call_forward(self, args, kwargs)
        for hook, with_kwargs in self._hooks_of(AFTER):
            changed = hook(self, args, kwargs, result) if with_kwargs else hook(self, args, result)
            result = result if changed is None else changed
        return watch.leave(result) if watch else result


class _Border(Function):
    """The same tensors; their gradients go through `receive`, which may change them."""

    @staticmethod
    def forward(ctx: Any, receive: Callable[[tuple], tuple], *tensors: Tensor) -> tuple:
        ctx.receive = receive
        return tuple(t.clone() for t in tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple:
        return (None, *ctx.receive(gradients))


class _Watch:
    """One call of a module whose gradients somebody wants to see, where they come in and where they leave."""

    def __init__(self, module: HooksMixin) -> None:
        self.module = module
        self.grad_output: tuple | None = None  # while gradients are on their way through
        self.arguments = 0
        self.has_inputs = False

    def enter(self, args: tuple) -> tuple:
        self.arguments = len(args)
        places = _differentiable(args)
        self.has_inputs = bool(places)
        return _bordered(args, places, lambda gradients: self._passed(gradients, places))

    def leave(self, result: Any) -> Any:
        if not isinstance(result, (Tensor, tuple)):
            return result
        results = result if isinstance(result, tuple) else (result,)
        places = _differentiable(results)
        count = len(results)
        found = _bordered(results, places, lambda gradients: self._arrived(gradients, places, count))
        return found if isinstance(result, tuple) else found[0]

    def _arrived(self, gradients: tuple, places: list[int], count: int) -> tuple:
        grad_output = _spread(gradients, places, count)
        for hook, _ in self.module._hooks_of(BACKWARD_BEFORE):
            grad_output = _replaced(self.module, grad_output, hook(self.module, grad_output))
        self.grad_output = grad_output
        if not self.has_inputs:
            self._passed((), [])
        return tuple(grad_output[i] for i in places)

    def _passed(self, gradients: tuple, places: list[int]) -> tuple:
        if self.grad_output is None:  # a second derivative, of what happens inside
            return gradients
        grad_input = _spread(gradients, places, self.arguments)
        for hook, _ in self.module._hooks_of(BACKWARD):
            grad_input = _replaced(self.module, grad_input, hook(self.module, grad_input, self.grad_output))
        self.grad_output = None
        return tuple(grad_input[i] for i in places)


def _differentiable(values: tuple) -> list[int]:
    """Where the tensors are that get gradients."""
    return [i for i, v in enumerate(values) if grad_enabled() and isinstance(v, Tensor) and v.requires_grad]


def _bordered(values: tuple, places: list[int], receive: Callable[[tuple], tuple]) -> tuple:
    """The values, those at the given places behind a border."""
    if not places:
        return values
    return _spread(_Border.apply(receive, *(values[i] for i in places)), places, values)


def _spread(found: tuple, places: list[int], others: int | tuple) -> tuple:
    """What was found at its places, among the others: None, if their number is given."""
    whole: list[Any] = [None] * others if isinstance(others, int) else list(others)
    for i, value in zip(places, found):
        whole[i] = value
    return tuple(whole)


def _replaced(module: HooksMixin, gradients: tuple, changed: Any) -> tuple:
    """The gradients after a hook returned `changed`."""
    if changed is None:
        return gradients
    changed = changed if isinstance(changed, tuple) else (changed,)
    if len(changed) != len(gradients):
        name = type(module).__name__
        raise GraphError(f"{name}: a backward hook returned {len(changed)} gradients, expected {len(gradients)}")
    return changed
