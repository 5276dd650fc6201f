"""Optimizers that scale each element's step by the gradients it has had, as PyTorch has them.

In the formulas g is the gradient and t the number of the step; they hold element by element.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from ..engine.tensor import Tensor
from ..ops.descend import descend
from ..ops.elementwise import maximum, sqrt, where
from .formula import Formula


class Adam(Formula):
    r"""Running means of g and g², both rid of their bias towards their start at 0.

    ::

        m = β1 m + (1 - β1) g;    v = β2 v + (1 - β2) g²
        p -= lr / (1 - β1ᵗ) m / (√(v / (1 - β2ᵗ)) + eps)

    With ``amsgrad`` the largest v so far takes the place of v. ``weight_decay`` adds weight_decay p to
    g, or if ``decoupled_weight_decay`` shrinks p by lr weight_decay instead, as `AdamW` does.

    Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True); opt = tg.optim.Adam([w], lr=0.1)
    >>> (w * w).backward(); opt.step(); round(w.item(), 6)
    2.9
    """

    switches = ("amsgrad", "maximize", "decoupled_weight_decay")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
        **unknown: NoReturn,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay,
        }, unknown)

    def shared(self, counters: dict[str, Tensor], options: Mapping[str, Any]) -> dict[str, Any]:
        """The factors that remove the bias; that of v is taken out of the root, and eps with it."""
        t, (beta1, beta2) = counters["step"], options["betas"]
        root = sqrt(1 - beta2 ** t)
        return {"rate": options["lr"] * root / (1 - beta1 ** t), "small": options["eps"] * root}

    def update(self, p: Tensor, g: Tensor, options: Mapping[str, Any]) -> None:
        """One step for one parameter."""
        beta1, beta2 = options["betas"]
        m, v = self.remembered(p, "exp_avg", like=p), self.remembered(p, "exp_avg_sq", like=p)
        m += (1 - beta1) * (g - m)
        v *= beta2
        v += (1 - beta2) * g * g
        if options["amsgrad"]:
            most = self.remembered(p, "max_exp_avg_sq", like=p)
            v = most.assign(maximum(most, v))
        descend(p, options["rate"], m / (sqrt(v) + options["small"]))


class AdamW(Adam):
    """`Adam` whose weights decay by themselves: ``p -= lr weight_decay p`` comes first.

    Loshchilov and Hutter, 2019, https://arxiv.org/abs/1711.05101.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True); opt = tg.optim.AdamW([w], lr=0.1, weight_decay=0.1)
    >>> (w * w).backward(); opt.step(); round(w.item(), 6)  # 3 (1 - 0.01) - 0.1
    2.87
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        **unknown: NoReturn,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize,
                         decoupled_weight_decay=True, **unknown)


class NAdam(Formula):
    r"""`Adam` with Nesterov's look ahead: the step takes the momentum that the next one will have.

    ::

        μ = β1 (1 - 0.96^(t momentum_decay) / 2);    μ' likewise with t + 1;    Πμ of all steps so far
        p -= lr ((1 - μ) / (1 - Πμ) g + μ' / (1 - Πμ μ') m) / (√(v / (1 - β2ᵗ)) + eps)

    Dozat, 2016, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True); opt = tg.optim.NAdam([w], lr=0.1)
    >>> (w * w).backward(); opt.step(); round(w.item(), 4)
    2.8944
    """

    switches = ("maximize", "decoupled_weight_decay")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        **unknown: NoReturn,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }, unknown)

    def check(self, group: dict[str, Any]) -> None:
        """Refuse what is negative."""
        super().check(group)
        self.check_least(group, "momentum_decay")

    def counters(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """The number of the step and the product of all μ."""
        return {"step": 0.0, "mu_product": 1.0}

    def shared(self, counters: dict[str, Tensor], options: Mapping[str, Any]) -> dict[str, Any]:
        """The shares of g and m in a step, and what removes the bias of v."""
        t, product, lr = counters["step"], counters["mu_product"], options["lr"]
        (beta1, beta2), decay = options["betas"], options["momentum_decay"]
        mu, following = (beta1 * (1 - 0.5 * 0.96 ** (n * decay)) for n in (t, t + 1))
        product *= mu
        return {"of_g": lr * (1 - mu) / (1 - product), "correction": 1 - beta2 ** t,
                "of_m": lr * following / (1 - product * following)}

    def update(self, p: Tensor, g: Tensor, options: Mapping[str, Any]) -> None:
        """One step for one parameter."""
        beta1, beta2 = options["betas"]
        m, v = self.remembered(p, "exp_avg", like=p), self.remembered(p, "exp_avg_sq", like=p)
        m += (1 - beta1) * (g - m)
        v *= beta2
        v += (1 - beta2) * g * g
        p -= (options["of_g"] * g + options["of_m"] * m) / (
            sqrt(v / options["correction"]) + options["eps"])


class RAdam(Formula):
    r"""`Adam` that goes by m alone while v has seen too few gradients to be trusted.

    ::

        rho∞ = 2 / (1 - β2) - 1;    rho = rho∞ - 2 t β2ᵗ / (1 - β2ᵗ)
        p -= lr m / (1 - β1ᵗ) r √(1 - β2ᵗ) / (√v + eps)  if rho > 5, else  lr m / (1 - β1ᵗ)
        r = √((rho - 4)(rho - 2) rho∞ / ((rho∞ - 4)(rho∞ - 2) rho))

    Liu and others, 2020, https://arxiv.org/abs/1908.03265.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True); opt = tg.optim.RAdam([w], lr=0.1)
    >>> (w * w).backward(); opt.step(); round(w.item(), 6)  # 3 - 0.1 * 6
    2.4
    """

    switches = ("maximize", "decoupled_weight_decay")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        **unknown: NoReturn,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize,
        }, unknown)

    def shared(self, counters: dict[str, Tensor], options: Mapping[str, Any]) -> dict[str, Any]:
        """Whether v is trusted, and how much; rho is 6 where it is not, which no root minds."""
        t, (beta1, beta2) = counters["step"], options["betas"]
        limit, correction = 2 / (1 - beta2) - 1, 1 - beta2 ** t
        rho = limit - 2 * t * beta2 ** t / correction
        trusted = rho > 5
        rho, limit = where(trusted, rho, 6.0), where(trusted, limit, 6.0)
        r = sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
        return {"trusted": trusted * 1.0, "scale": r * sqrt(correction),
                "rate": options["lr"] / (1 - beta1 ** t)}

    def update(self, p: Tensor, g: Tensor, options: Mapping[str, Any]) -> None:
        """One step for one parameter."""
        beta1, beta2 = options["betas"]
        m, v = self.remembered(p, "exp_avg", like=p), self.remembered(p, "exp_avg_sq", like=p)
        m += (1 - beta1) * (g - m)
        v *= beta2
        v += (1 - beta2) * g * g
        scale = where(options["trusted"] > 0, options["scale"] / (sqrt(v) + options["eps"]), 1.0)
        descend(p, options["rate"], m * scale)


class Adamax(Formula):
    r"""`Adam` with the largest |g|, which decays, in place of the root of v.

    ::

        m = β1 m + (1 - β1) g;    u = max(β2 u, |g| + eps);    p -= lr / (1 - β1ᵗ) m / u

    Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True); opt = tg.optim.Adamax([w], lr=0.1)
    >>> (w * w).backward(); opt.step(); round(w.item(), 6)
    2.9
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **unknown: NoReturn,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
        }, unknown)

    def shared(self, counters: dict[str, Tensor], options: Mapping[str, Any]) -> dict[str, Any]:
        """The rate without the bias of m."""
        return {"rate": options["lr"] / (1 - options["betas"][0] ** counters["step"])}

    def update(self, p: Tensor, g: Tensor, options: Mapping[str, Any]) -> None:
        """One step for one parameter."""
        beta1, beta2 = options["betas"]
        m, u = self.remembered(p, "exp_avg", like=p), self.remembered(p, "exp_inf", like=p)
        m += (1 - beta1) * (g - m)
        u.assign(maximum(beta2 * u, abs(g) + options["eps"]))
        descend(p, options["rate"], m / u)


class RMSprop(Formula):
    r"""The gradient over the root of the running mean of its square.

    ::

        v = alpha v + (1 - alpha) g²;    p -= lr g / (√v + eps)

    ``centered`` takes the square of the running mean of g off v; with ``momentum`` the steps are
    summed up as b = momentum b + g / (√v + eps), and p -= lr b.

    Hinton, lecture 6 of Neural Networks for Machine Learning, 2012.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True); opt = tg.optim.RMSprop([w], lr=0.1)
    >>> (w * w).backward(); opt.step(); round(w.item(), 6)  # v is 0.01 * 36
    2.0
    """

    switches = ("centered", "maximize")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
        **unknown: NoReturn,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum,
            "centered": centered, "maximize": maximize,
        }, unknown)

    def check(self, group: dict[str, Any]) -> None:
        """Refuse what is negative."""
        super().check(group)
        self.check_least(group, "alpha", "momentum")

    def update(self, p: Tensor, g: Tensor, options: Mapping[str, Any]) -> None:
        """One step for one parameter."""
        alpha, momentum = options["alpha"], options["momentum"]
        v = self.remembered(p, "square_avg", like=p)
        v *= alpha
        v += (1 - alpha) * g * g
        if options["centered"]:
            mean = self.remembered(p, "grad_avg", like=p)
            mean += (1 - alpha) * (g - mean)
            v = v - mean * mean
        step = g / (sqrt(v) + options["eps"])
        if momentum:
            buffer = self.remembered(p, "momentum_buffer", like=p)
            buffer *= momentum
            buffer += step
            step = buffer
        descend(p, options["lr"], step)


class Adagrad(Formula):
    r"""The gradient over the root of the sum of all its squares.

    ::

        s = s + g²;    p -= lr / (1 + (t - 1) lr_decay) g / (√s + eps)

    ``initial_accumulator_value`` is what s is at first.

    Duchi, Hazan and Singer, 2011, https://jmlr.org/papers/v12/duchi11a.html.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True); opt = tg.optim.Adagrad([w], lr=0.1)
    >>> (w * w).backward(); opt.step(); round(w.item(), 6)
    2.9
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        **unknown: NoReturn,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "maximize": maximize,
        }, unknown)

    def check(self, group: dict[str, Any]) -> None:
        """Refuse what is negative."""
        super().check(group)
        self.check_least(group, "lr_decay", "initial_accumulator_value")

    def shared(self, counters: dict[str, Tensor], options: Mapping[str, Any]) -> dict[str, Any]:
        """The rate, which decays."""
        return {"rate": options["lr"] / (1 + (counters["step"] - 1) * options["lr_decay"])}

    def update(self, p: Tensor, g: Tensor, options: Mapping[str, Any]) -> None:
        """One step for one parameter."""
        s = self.remembered(p, "sum", like=p, first=options["initial_accumulator_value"])
        s += g * g
        descend(p, options["rate"], g / (sqrt(s) + options["eps"]))


class Adadelta(Formula):
    r"""Steps in the units of the parameter: the root of the mean square step over that of g.

    ::

        v = rho v + (1 - rho) g²;    Δ = √(d + eps) / √(v + eps) g
        d = rho d + (1 - rho) Δ²;    p -= lr Δ

    Zeiler, 2012, https://arxiv.org/abs/1212.5701.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor(3.0, requires_grad=True); opt = tg.optim.Adadelta([w], eps=0.01)
    >>> (w * w).backward(); opt.step(); round(w.item(), 4)
    2.6842
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **unknown: NoReturn,
    ) -> None:
        super().__init__(params, {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
        }, unknown)

    def check(self, group: dict[str, Any]) -> None:
        """Refuse what is negative, and a mean that would forget nothing or too much."""
        super().check(group)
        self.check_within(group, "rho", 0, 1)

    def update(self, p: Tensor, g: Tensor, options: Mapping[str, Any]) -> None:
        """One step for one parameter."""
        rho, eps = options["rho"], options["eps"]
        v, d = self.remembered(p, "square_avg", like=p), self.remembered(p, "acc_delta", like=p)
        v *= rho
        v += (1 - rho) * g * g
        step = sqrt(d + eps) / sqrt(v + eps) * g
        d *= rho
        d += (1 - rho) * step * step
        descend(p, options["lr"], step)
