"""L-BFGS: Newton's method with an inverse Hessian that is estimated from the last changes of the gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.grad_mode import enable_grad
from autograd.optim.line_search import Point, strong_wolfe
from autograd.optim.many import mark_changed
from autograd.optim.optimizer import Optimizer, Params
from autograd.tensor import Tensor


class Memory:
    """The last changes of the position (s) and of the gradient (y): what is known of the Hessian."""

    def __init__(self, size: int, s: list[Tensor], y: list[Tensor], scale: float) -> None:
        self.size, self.scale = size, scale
        self.pairs = [(a.array, b.array) for a, b in zip(s, y)]

    def add(self, s: np.ndarray, y: np.ndarray) -> None:
        """Notes a change, unless it says that the loss curves downwards."""
        bend = float(y @ s)
        if bend > 1e-10:
            self.pairs = [*self.pairs, (s, y)][-self.size :]
            self.scale = bend / float(y @ y)

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """-H gradient, by the two-loop recursion   (Nocedal and Wright, algorithm 7.4)"""
        q, shares = -gradient, []
        for s, y in reversed(self.pairs):
            shares.append(float(s @ q) / float(y @ s))
            q -= shares[-1] * y
        q *= self.scale
        for (s, y), share in zip(self.pairs, reversed(shares)):
            q += (share - float(y @ q) / float(y @ s)) * s
        return q


class LBFGS(Optimizer):
    """p += t d, d = -H g with H estimated from the last history_size changes; t = lr, or by line search

    One step(closure) makes up to max_iter of these moves, with up to max_eval (default 1.25 max_iter) calls of closure,
    which computes the loss anew, calls backward() and returns the loss. It ends early where every element of g is
    below tolerance_grad, or a move changes loss or parameters by less than tolerance_change. line_search_fn: None or
    "strong_wolfe". One parameter group only.   (Liu, Nocedal 1989)
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if line_search_fn not in (None, "strong_wolfe"):
            raise ValueError(f"LBFGS: line_search_fn must be None or 'strong_wolfe', got {line_search_fn!r}")
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError(f"LBFGS: takes one parameter group, got {len(self.param_groups)}")

    @property
    def _params(self) -> list[Tensor]:
        return self.param_groups[0]["params"]  # type: ignore[no-any-return]

    def _gradient(self) -> np.ndarray:
        """The gradients of all parameters as one vector."""
        arrays = [np.zeros(p.shape, p.dtype) if p.grad is None else p.grad.array for p in self._params]
        return np.concatenate([a.ravel() for a in arrays])

    def _place(self, starts: list[np.ndarray], move: np.ndarray) -> None:
        """Sets the parameters to starts + move."""
        end = 0
        for p, start in zip(self._params, starts):
            begin, end = end, end + start.size
            p.array[...] = start + move[begin:end].reshape(start.shape)
        mark_changed(self._params)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        if closure is None:
            raise TypeError("LBFGS: step() needs a closure that computes the loss, calls backward() and returns it")
        group, state = self.param_groups[0], self.state[self._params[0]]
        memory = Memory(
            group["history_size"], state.get("old_stps", []), state.get("old_dirs", []), state.get("H_diag", 1.0)
        )

        def evaluate() -> Any:
            with enable_grad():
                loss = closure()
            state["func_evals"] = state.get("func_evals", 0) + 1
            return loss

        first = evaluate()
        here = Point(0.0, float(first), self._gradient(), 0.0)
        if np.abs(here.gradient).max() > group["tolerance_grad"]:
            self._moves(group, state, memory, here, evaluate)
        self.steps_taken += 1
        return first

    def _moves(
        self, group: dict[str, Any], state: dict[str, Any], memory: Memory, here: Point, evaluate: Callable[[], Any]
    ) -> None:
        """Moves until the budget is used up or nothing changes any more."""
        last_call = state["func_evals"] - 1 + group["max_eval"]
        least = group["tolerance_change"]
        for left in reversed(range(group["max_iter"])):
            state["n_iter"] = state.get("n_iter", 0) + 1
            if state["n_iter"] == 1:
                d, t = -here.gradient, min(1.0, 1.0 / float(np.abs(here.gradient).sum())) * group["lr"]
            else:
                memory.add(state["d"].array * state["t"], here.gradient - state["prev_flat_grad"].array)
                d, t = memory.direction(here.gradient), group["lr"]
            start = here._replace(t=0.0, slope=float(here.gradient @ d))
            state.update(prev_flat_grad=Tensor(start.gradient), prev_loss=start.loss, d=Tensor(d), t=t)
            if start.slope > -least:
                break
            here = self._move(group, start, d, t, last_call - state["func_evals"], evaluate, left > 0)
            state["t"] = here.t
            steepest = float(np.abs(here.gradient).max())
            if state["func_evals"] >= last_call or steepest <= group["tolerance_grad"]:
                break
            if float(np.abs(d * here.t).max()) <= least or abs(here.loss - start.loss) < least:
                break
        s, y = ([Tensor(pair[k]) for pair in memory.pairs] for k in (0, 1))
        state.update(old_stps=s, old_dirs=y, H_diag=memory.scale)

    def _move(
        self, group: dict[str, Any], start: Point, d: np.ndarray, t: float, budget: int, evaluate: Any, more: bool
    ) -> Point:
        """Goes along d, by t or as far as the line search says; more: whether another move needs the gradient there."""
        origin = [p.array.copy() for p in self._params]

        def at(t: float) -> Point:
            self._place(origin, t * d)
            loss, gradient = float(evaluate()), self._gradient()
            return Point(t, loss, gradient, float(gradient @ d))

        if group["line_search_fn"] is not None:
            here, _ = strong_wolfe(at, start, t, float(np.abs(d).max()), budget)
            self._place(origin, here.t * d)
            return here
        if more:
            return at(t)
        self._place(origin, t * d)
        return start._replace(t=t)

    def _restored(self, what: str, value: Any, p: Tensor) -> Any:
        """As of the other optimizers, but the state is about all parameters: vectors, and lists of vectors."""
        if isinstance(value, (list, tuple)):
            return [self._restored(what, v, p) for v in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        array = np.asarray(value)
        return Tensor(array.astype(p.dtype)) if array.ndim else array.item()
