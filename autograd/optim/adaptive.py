"""Optimizers that adapt the step of every element: one formula per class, in NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.optim.optimizer import Optimizer, Params
from autograd.tensor import Tensor


class _Elementwise(Optimizer):
    """Calls _one(group, p, g, state, t) for every parameter; weight decay is added to g, or (decoupled) shrinks p."""

    def __init__(self, params: Params, ignored: dict[str, Any], **defaults: Any) -> None:
        unknown = set(ignored) - {"foreach", "maximize", "capturable", "differentiable", "fused"}
        if unknown:
            raise TypeError(f"{type(self).__name__}: unknown option {sorted(unknown)[0]!r}")
        super().__init__(params, {**defaults, "maximize": bool(ignored.get("maximize", False))})

    def _update(
        self, group: dict[str, Any], params: list[Tensor], arrays: list[np.ndarray], grads: list[np.ndarray]
    ) -> None:
        for tensor, p, g in zip(params, arrays, grads):
            state = self.state[tensor]
            t = state["step"] = state.get("step", 0) + 1
            decay = group.get("weight_decay", 0)
            if decay and group.get("decoupled_weight_decay"):
                p *= 1 - group["lr"] * decay
            elif decay:
                g = g + decay * p
            self._one(group, p, g, state, t)

    def _one(self, group: dict[str, Any], p: np.ndarray, g: np.ndarray, state: dict[str, Any], t: int) -> None:
        raise TypeError(f"{self._name}: defines no _one(group, p, g, state, t)")


def kept(state: dict[str, Any], name: str, p: np.ndarray, start: float = 0.0) -> np.ndarray:
    """A state array, filled with `start` at first."""
    if name not in state:
        state[name] = Tensor(np.full_like(p, start))
    return state[name].array  # type: ignore[no-any-return]


def mean_of(array: np.ndarray, new: np.ndarray, beta: float) -> np.ndarray:
    """array = beta * array + (1 - beta) * new, in place."""
    array += (new - array) * (1 - beta)
    return array


class Adagrad(_Elementwise):
    """s += g^2;  p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)   (Duchi, Hazan, Singer 2011)"""

    def __init__(
        self, params: Params, lr: float = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, **ignored: Any,
    ) -> None:  # fmt: skip
        start = initial_accumulator_value
        super().__init__(params, ignored, lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay,
                         initial_accumulator_value=start)  # fmt: skip

    def _one(self, group: dict[str, Any], p: np.ndarray, g: np.ndarray, state: dict[str, Any], t: int) -> None:
        total = kept(state, "sum", p, group["initial_accumulator_value"])
        total += g * g
        p -= group["lr"] / (1 + (t - 1) * group["lr_decay"]) * (g / (np.sqrt(total) + group["eps"]))


class Adadelta(_Elementwise):
    """v = rho v + (1-rho) g^2;  d = sqrt(a + eps) / sqrt(v + eps) g;  a = rho a + (1-rho) d^2;  p -= lr d

    Source: Zeiler, arXiv:1212.5701.
    """

    def __init__(self, params: Params, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
                 **ignored: Any) -> None:  # fmt: skip
        super().__init__(params, ignored, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)

    def _one(self, group: dict[str, Any], p: np.ndarray, g: np.ndarray, state: dict[str, Any], t: int) -> None:
        rho, eps = group["rho"], group["eps"]
        squares, steps = kept(state, "square_avg", p), kept(state, "acc_delta", p)
        squares[...] = rho * squares + (1 - rho) * g * g
        delta = np.sqrt(steps + eps) / np.sqrt(squares + eps) * g
        steps[...] = rho * steps + (1 - rho) * delta * delta
        p -= group["lr"] * delta


class Adamax(_Elementwise):
    """m = b1 m + (1-b1) g;  u = max(b2 u, |g| + eps);  p -= lr / (1 - b1^t) m / u   (Kingma, Ba 2015)"""

    def __init__(self, params: Params, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, **ignored: Any) -> None:  # fmt: skip
        super().__init__(params, ignored, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def _one(self, group: dict[str, Any], p: np.ndarray, g: np.ndarray, state: dict[str, Any], t: int) -> None:
        beta1, beta2 = group["betas"]
        m, u = mean_of(kept(state, "exp_avg", p), g, beta1), kept(state, "exp_inf", p)
        np.maximum(beta2 * u, np.abs(g) + group["eps"], out=u)
        p -= group["lr"] / (1 - beta1**t) * (m / u)


class NAdam(_Elementwise):
    """Adam with Nesterov's momentum, whose weight mu = b1 (1 - 0.96^(t momentum_decay) / 2) grows (Dozat 2016)"""

    def __init__(self, params: Params, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False,
                 **ignored: Any) -> None:  # fmt: skip
        super().__init__(params, ignored, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
                         momentum_decay=momentum_decay, decoupled_weight_decay=decoupled_weight_decay)  # fmt: skip

    def _one(self, group: dict[str, Any], p: np.ndarray, g: np.ndarray, state: dict[str, Any], t: int) -> None:
        (beta1, beta2), rate = group["betas"], group["momentum_decay"]
        mu, later = (beta1 * (1 - 0.5 * 0.96 ** (k * rate)) for k in (t, t + 1))
        product = state["mu_product"] = state.get("mu_product", 1.0) * mu
        m, v = mean_of(kept(state, "exp_avg", p), g, beta1), kept(state, "exp_avg_sq", p)
        v[...] = beta2 * v + (1 - beta2) * g * g
        scale = np.sqrt(v / (1 - beta2**t)) + group["eps"]
        p -= group["lr"] * (1 - mu) / (1 - product) * (g / scale)
        p -= group["lr"] * later / (1 - product * later) * (m / scale)


class RAdam(_Elementwise):
    """Adam whose adaptive part waits until its variance is known. Source: Liu et al., arXiv:1908.03265."""

    def __init__(self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, decoupled_weight_decay: bool = False, **ignored: Any) -> None:  # fmt: skip
        super().__init__(params, ignored, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
                         decoupled_weight_decay=decoupled_weight_decay)  # fmt: skip

    def _one(self, group: dict[str, Any], p: np.ndarray, g: np.ndarray, state: dict[str, Any], t: int) -> None:
        beta1, beta2 = group["betas"]
        m, v = mean_of(kept(state, "exp_avg", p), g, beta1), kept(state, "exp_avg_sq", p)
        v[...] = beta2 * v + (1 - beta2) * g * g
        rest = 1 - beta2**t
        most = 2 / (1 - beta2) - 1
        rho = most - 2 * t * beta2**t / rest
        step = m / (1 - beta1**t)
        if rho > 5:
            rect = math.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
            step = step * (math.sqrt(rest) / (np.sqrt(v) + group["eps"])) * rect
        p -= group["lr"] * step


class ASGD(_Elementwise):
    """p *= 1 - lambd eta;  p -= eta g, eta = lr / (1 + lambd lr t)^alpha; the state's ax is the mean of p after t0

    Source: Polyak and Juditsky 1992.
    """

    def __init__(self, params: Params, lr: float = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
                 weight_decay: float = 0, **ignored: Any) -> None:  # fmt: skip
        super().__init__(params, ignored, lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay)

    def _one(self, group: dict[str, Any], p: np.ndarray, g: np.ndarray, state: dict[str, Any], t: int) -> None:
        eta, mu, mean = state.setdefault("eta", group["lr"]), state.setdefault("mu", 1.0), kept(state, "ax", p)
        p *= 1 - group["lambd"] * eta
        p -= eta * g
        mean += (p - mean) * mu
        state["eta"] = group["lr"] / (1 + group["lambd"] * group["lr"] * t) ** group["alpha"]
        state["mu"] = 1 / max(1, t - group["t0"])


class Rprop(_Elementwise):
    """Only the sign of g counts: a step grows by etas[1] while it stays, shrinks by etas[0] when it changes

    Source: Riedmiller and Braun 1993.
    """

    def __init__(self, params: Params, lr: float = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
                 step_sizes: tuple[float, float] = (1e-6, 50), **ignored: Any) -> None:  # fmt: skip
        super().__init__(params, ignored, lr=lr, etas=etas, step_sizes=step_sizes)

    def _one(self, group: dict[str, Any], p: np.ndarray, g: np.ndarray, state: dict[str, Any], t: int) -> None:
        less, more = group["etas"]
        before, size = kept(state, "prev", p), kept(state, "step_size", p, group["lr"])
        turn = np.sign(g * before)
        np.clip(size * np.where(turn > 0, more, np.where(turn < 0, less, 1)), *group["step_sizes"], out=size)
        g = np.where(turn < 0, 0, g)
        p -= np.sign(g) * size
        before[...] = g


class Adafactor(_Elementwise):
    """v, the mean of g^2, kept for matrices as the means of its rows and columns: their product over their mean

    p -= min(lr, t^-1/2) max(eps[1], rms(p)) u / max(1, rms(u) / d), u = g / max(sqrt(v), eps[0]); eps[0] None: the
    dtype's; the mean's weight is t^beta2_decay.   Source: Shazeer and Stern, arXiv:1804.04235, in PyTorch's form.
    """

    def __init__(self, params: Params, lr: float = 1e-2, beta2_decay: float = -0.8,
                 eps: tuple[float | None, float] = (None, 1e-3), d: float = 1.0, weight_decay: float = 0.0,
                 **ignored: Any) -> None:  # fmt: skip
        super().__init__(params, ignored, lr=lr, beta2_decay=beta2_decay, eps=eps, d=d, weight_decay=weight_decay,
                         decoupled_weight_decay=True)  # fmt: skip

    def _check(self, group: dict[str, Any]) -> None:
        super()._check({k: v for k, v in group.items() if k != "eps"})
        if not group["d"] >= 1 or not group["beta2_decay"] <= 0 or any(e is not None and e < 0 for e in group["eps"]):
            told = ", ".join(f"{name}={group[name]!r}" for name in ("d", "beta2_decay", "eps"))
            raise ValueError(f"Adafactor: expected d >= 1, beta2_decay <= 0 and eps >= 0, got {told}")

    def _one(self, group: dict[str, Any], p: np.ndarray, g: np.ndarray, state: dict[str, Any], t: int) -> None:
        new, (least, smallest) = t ** group["beta2_decay"], group["eps"]
        least = float(np.finfo(p.dtype).eps) if least is None else least
        if p.ndim > 1:
            rows, columns = kept(state, "row_var", p[..., :1]), kept(state, "col_var", p[..., :1, :])
            rows += ((g * g).mean(-1, keepdims=True) - rows) * new
            columns += ((g * g).mean(-2, keepdims=True) - columns) * new
            v = rows @ columns / np.maximum(rows.mean(-2, keepdims=True), least)
        else:
            v = kept(state, "variance", p)
            v += (g * g - v) * new
        u = g / np.sqrt(np.maximum(v, least * least))
        size = max(smallest, _rms(p) / (1 - group["lr"] * group["weight_decay"]))
        p -= min(group["lr"], t**-0.5) * size / max(1.0, _rms(u) / group["d"]) * u


def _rms(x: np.ndarray) -> float:
    return math.sqrt(float((x * x).mean()))
