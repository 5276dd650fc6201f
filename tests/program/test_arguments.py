"""Arguments of a step: what varies between calls, and gradients that are left in them."""

from __future__ import annotations

import copy
import dataclasses
import math
import re
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.frozen import frozen
from tests.values import values


def leaf(*values: float) -> Any:
    data = values[0] if len(values) == 1 else list(values)
    return tg.Tensor(data, requires_grad=True)


def replays(f: Any, *args: Any) -> Any:
    """``f`` compiled, and called until it replays."""
    run = frozen(f, strict=True)
    for _ in range(3):
        run(*args)
    assert run.program is not None
    return run


def test_float_arguments_are_live() -> None:
    w = leaf(2.0, 3.0)
    run = replays(lambda a: (w * (1 - a)).sum(), 0.5)
    for a in (0.25, 0.0, -3.0, 1e6):
        assert run(a).item() == (w * (1 - a)).sum().item()


def test_integer_arguments_are_captured_one_by_one() -> None:
    w = leaf(2.0, 3.0)
    run = frozen(lambda n: (w**n).sum(), strict=True)
    for n in (1, 2, 3, 1, 2, 3, 1, 2, 3, 2, 1):
        assert run(n).item() == (w**n).sum().item()


def test_new_shapes_and_dtypes_are_captured_again() -> None:
    run = frozen(lambda x: (x * x).mean(), strict=True)
    for _ in range(4):
        for x in (np.arange(3.0), np.arange(4.0), np.arange(3, dtype=np.float32), np.ones((2, 2))):
            got = run(x)
            expected = (tg.Tensor(x) * x).mean()
            assert got.item() == expected.item() and got.dtype == expected.dtype


def test_arguments_in_nested_containers() -> None:
    run = replays(lambda batch: (batch["x"][0] * batch["y"]).sum(),
                  {"x": [np.ones(3)], "y": np.ones(3)})
    assert run({"x": [np.arange(3.0)], "y": np.full(3, 2.0)}).item() == 6.0


def test_the_same_tensor_twice_is_not_two_tensors() -> None:
    run = frozen(lambda a, b: (a * b).sum(), strict=True)
    a, b = tg.Tensor([1.0, 2.0]), tg.Tensor([3.0, 4.0])
    for _ in range(4):
        assert run(a, a).item() == 5.0
        assert run(a, b).item() == 11.0


def test_labels_are_checked_in_every_call() -> None:
    logits = tg.Tensor(np.zeros((2, 3)))
    run = replays(lambda y: tg.nn.cross_entropy(logits, y), np.array([0, 1]))
    with pytest.raises(tg.IndexingError, match=r"label -1 is out of range for 3 classes"):
        run(np.array([0, -1]))


@dataclasses.dataclass
class Batch:
    x: Any
    k: float


def test_another_object_in_each_call_is_told_once() -> None:
    """A program is for the objects that it was given: nobody knows what a function reads of them."""
    run = frozen(lambda batch: (tg.Tensor(batch.x) * batch.k).sum())
    with pytest.warns(tg.CaptureWarning, match=r"test_arguments.py:\d+: .*hardly ever .*objects") as notices:
        assert [run(Batch(np.ones(3) * i, 2.0)).item() for i in range(100)] == [6.0 * i for i in range(100)]
    assert len(notices) == 1


def test_an_object_that_stays_has_a_program_of_its_own() -> None:
    calls = []
    run = frozen(lambda batch: calls.append(1) or (W[:3] * batch.k).sum(), strict=True)
    batches = [Batch(None, 2.0), Batch(None, 5.0)]
    for _ in range(7):
        assert [run(batch).item() for batch in batches] == [6.0, 15.0]
    assert len(calls) < 10


def masks(*counts: int) -> list[tuple[Any, ...]]:
    return [(np.arange(6) < n,) for n in counts]


def waves(*shape: int, n: int = 8) -> list[tuple[Any, ...]]:
    return [(np.sin(np.arange(np.prod(shape)) * (k + 1)).reshape(shape),) for k in range(n)]


W = tg.Tensor(np.arange(6.0), requires_grad=True)
EYES = [(np.eye(3) * 2,)] * 4 + [(np.ones((3, 3)),)] * 2
#: Functions and the arguments of one call after the other; the third says why it is not compiled.
CALLS: dict[str, tuple[Any, ...]] = {
    "a mask that selects": (lambda m: W[m].mean(), masks(3, 3, 3, 3, 2, 5, 3, 2, 2, 0 + 1)),
    "a computed mask": (lambda a: W[W * 1.0 > a].mean(), [(float(k),) for k in (3, 3, 3, 3, 2, 4, 3)]),
    "a mask that sets": (lambda m: W.at[m].set(7.0), masks(3, 3, 3, 2, 5)),
    "pieces": (lambda v: np.piecewise(v, [v < 0, v >= 0], [lambda t: t * t, np.sqrt]),
               [*waves(6), *waves(6, n=1) * 4]),
    "repetitions": (lambda r: np.repeat(W[:3], r).mean(), [(np.array([1, k, 2]),) for k in (3, 3, 3, 2)],
                    "takes the values"),
    "places to delete": (lambda i: np.delete(W, i), [(np.array([k, 1]),) for k in (0, 0, 0, 3)],
                         "takes the values"),
    "places where": (lambda v: np.where(v > 0)[0] + 0 * W[0], waves(5), "takes the values"),
    "distinct values": (lambda v: np.unique(v).sum(), waves(5), "takes the values"),
    "positions to take": (lambda i: np.take(W, i, mode="wrap"), [(np.array([k, 1]),) for k in range(-9, 9)]),
    "positions to put": (lambda i: tg.put(W, i, [1.0, 2.0]), [(np.array([k, 1]),) for k in range(-6, 6)]),
    "sorted values": (lambda v: (np.median(v), np.sort(v), np.argsort(v)), waves(7)),
    "bins that fall": (lambda b: np.digitize(W, b), [(np.array([1.0, 3.0]),)] * 4 + [(np.array([3.0, 1.0]),)]),
    "knots": (lambda x: np.interp(W, np.cumsum(np.abs(x)), x), waves(5)),
    "spacing": (lambda x: np.gradient(W[:5], np.cumsum(np.abs(x) + 1)), waves(5)),
    "a rank": (lambda a: np.linalg.matrix_rank(a) + np.linalg.pinv(a), EYES),
    "least squares": (lambda a: np.linalg.lstsq(a, W[:3], rcond=None)[0], EYES),
    "a norm of zero": (tg.value_and_grad(lambda v: np.linalg.norm(v)), [(np.ones(2),)] * 4 + [(np.zeros(2),)]),
    "a product with zero": (tg.value_and_grad(np.prod), [(np.ones(3),)] * 4 + [(np.array([0.0, 2.0, 3.0]),)]),
    "ties": (tg.value_and_grad(np.max), [(np.array([3.0, 4.0]),)] * 4 + [(np.array([2.0, 2.0]),)]),
    "a slice": (lambda s: W[s] * 1, [(slice(0, 2),), (slice(1, 4),)] * 4),
    "a function": (lambda f: f(W), [(tg.tanh,), (np.exp,)] * 4),
    "a set": (lambda s: W * len(s), [({"a"},), ({"a", "b"},)] * 4),
    "-0.0": (lambda s: tg.copysign(W, s), [(s,) for s in (0.0, -0.0) * 4]),
    "not finite": (lambda s: W * s, [(s,) for s in (0.0, float("inf"), float("nan")) * 3]),
    "memory orders": (lambda x: (np.var(x), np.prod(x), x @ W[:3]), [(f(w),) for w, in waves(40, 3) for f in (
        np.asarray, np.asfortranarray, lambda a: a[::-1], lambda a: a[:, ::-1], lambda a: np.repeat(a, 2, 0)[::2])]),
    "a product of many": (lambda x: np.linalg.multi_dot([x, x.T, x]), waves(3, 2)),
    "no axes, no elements": (lambda x: (x * 2.0).sum() + x.size, [(np.ones(s),) for s in ((), 0, (2, 0)) * 3]),
    "an array changed in place": (lambda x: W * x.__isub__(x.mean()).sum(), waves(3), "writes into what it was given"),
    "a function without a rule": (lambda x: W[:4] * abs(np.fft.fft(x)), waves(4), "no derivative rule"),
    "bytes of an array": (lambda x: W * len(x.tobytes()), waves(4), "no attribute 'tobytes'"),
    "backward to an argument": (lambda t: (t * t).sum().backward() or t * 1, [
        (tg.Tensor([1.0 + k], requires_grad=True),) for k in range(6)]),
}


def anew(x: Any) -> Any:
    return copy.deepcopy(x) if isinstance(x, np.ndarray | tg.Tensor) else x


@pytest.mark.parametrize("name", CALLS)
def test_values_of_arguments_are_those_of_the_call(name: str) -> None:
    f, calls, why = (*CALLS[name], "")[:3]
    run = frozen(f)
    with warnings.catch_warnings(record=True) as notices:
        warnings.simplefilter("always")
        for args in calls:
            expected, found = (g(*map(anew, args)) for g in (f, run))
            for a, b in zip(*(x if isinstance(x, tuple) else (x,) for x in (expected, found)), strict=True):
                np.testing.assert_array_equal(values(a), values(b))
    said = [str(n.message) for n in notices if issubclass(n.category, tg.CaptureWarning)]
    assert len(said) == bool(why) and all(re.search(why, text) for text in said), said
    assert bool(run.problem or run.refused) == bool(why)
    assert why or run.program.instructions, "never frozen"


def test_an_argument_that_is_updated_and_returned_is_the_argument() -> None:
    @frozen
    def lower(t: Any) -> Any:
        with tg.no_grad():
            t -= 1.0
        return t

    t = tg.Tensor([5.0, 6.0])
    with pytest.warns(tg.CaptureWarning, match=r"test_arguments.py:\d+: .*writes into what it was given") as notices:
        for i in range(8):
            assert lower(t) is t and t.tolist() == [4.0 - i, 5.0 - i]
    assert len(notices) == 1


def backward_to(x: Any) -> Any:
    loss = (x * x).sum() + W.sum()
    loss.backward()
    return loss


def backward_anew(x: Any) -> Any:
    x.grad = None
    return backward_to(x)


def look_along(x: Any) -> Any:
    loss = backward_to(x)
    return loss, x.grad * 0.1


def forget(x: Any) -> Any:
    x.grad = None
    return x * 2.0


@pytest.mark.parametrize("step", [backward_to, backward_anew, look_along, forget])
@pytest.mark.parametrize("given", [False, True])
def test_gradients_of_arguments_are_left_in_the_arguments_of_the_call(step: Any, given: bool) -> None:
    run = frozen(step, strict=True)
    for k in range(6):
        pair = [tg.Tensor([1.0 + k, 2.0], requires_grad=True) for _ in range(2)]
        for x in pair:
            x.grad = tg.Tensor([0.5, k]) if given else None
        W.grad = None
        expected = step(pair[0])
        W.grad = None
        found = run(pair[1])
        a, b = pair
        for x, y in zip(*(t if isinstance(t, tuple) else (t,) for t in (found, expected)), strict=True):
            np.testing.assert_array_equal(values(x), values(y))
        np.testing.assert_array_equal(values(a), values(b))
        assert (a.grad is None) == (b.grad is None)
        np.testing.assert_array_equal(*(x.grad if x.grad is not None else 0 for x in pair))
    assert run.program is not None
    W.grad = None


def test_a_tensor_that_the_step_also_sees_as_a_variable() -> None:
    w, u = tg.Tensor([2.0], requires_grad=True), tg.Tensor([5.0], requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)
    run = frozen(lambda x: x * w, strict=True)
    values = [run(x).item() for x in (w, w, w, w, u, u, u, u, w, w)]
    assert values == [4.0] * 4 + [10.0] * 4 + [4.0] * 2

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = (x * w).sum()
        loss.backward()
        optimizer.step()
        return loss

    run = frozen(step, strict=True)
    for x in (u, u, u, u, w, w, w, w, u):
        u.grad, before = None, w.numpy().copy()
        expected = step(x).item()
        after = w.numpy().copy()
        with tg.no_grad():
            w.assign(before)
        u.grad = None
        assert run(x).item() == expected
        np.testing.assert_array_equal(w.numpy(), after)


@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("order", ["000011110000", "000011222222120000", "012" * 6, "01" * 8])
def test_arguments_that_are_variables_in_other_calls(order: str, forgets: bool) -> None:
    def run(wrap: Any) -> Any:
        ws = [leaf(1.0 + k, 2.0) for k in range(3)]

        @wrap
        def step(w: Any, x: Any) -> Any:
            for v in ws if forgets else [w]:
                v.grad = None
            loss = (ws[0] * w * x).sum()
            loss.backward()
            return loss

        found = []
        for n, k in enumerate(map(int, order)):
            loss = step(ws[k], tg.Tensor([n + 1.0, 1.0])).item()
            found.append((loss, [None if v.grad is None else v.grad.tolist() for v in ws]))
        return found

    assert run(frozen) == run(lambda step: step)


def test_a_number_that_is_returned_is_a_plain_one() -> None:
    run = frozen(lambda x, n: (x * n, n * 2, n), strict=True)
    for n in (0.1, 0.1, 0.1, 0.3, 0.3, 0.3):
        _, twice, once = run(np.ones(2), n)
        assert (type(twice), twice, type(once), once) == (float, n * 2, float, n)


def test_a_counter_as_an_argument_is_given_up_before_memory_runs_out() -> None:
    run = frozen(lambda x, i: x * i)
    with pytest.warns(tg.CaptureWarning, match=r"test_arguments.py:\d+: .*hardly ever .*give floats") as notices:
        for i in range(100):
            assert run(np.ones(2), i).tolist() == [i, i]
    assert len(notices) == 1


def test_programs_for_many_shapes_are_kept_up_to_a_limit() -> None:
    """What is replayed pays for what is captured."""
    run = frozen(lambda x: x * 2, strict=True)
    for n in range(70):
        for _ in range(12):
            np.testing.assert_array_equal(run(np.arange(float(n))).numpy(), np.arange(float(n)) * 2)
    assert 32 < len(run._entries) <= 64


def test_shapes_that_hardly_ever_come_back_are_given_up_with_one_notice() -> None:
    run = frozen(lambda x: x * 2)
    with pytest.warns(tg.CaptureWarning, match=r"test_arguments.py:\d+: .*hardly ever") as notices:
        for n in range(200):
            for _ in range(2):
                np.testing.assert_array_equal(values(run(np.arange(float(n)))), np.arange(float(n)) * 2)
    assert len(notices) == 1


def test_arguments_that_are_left_out_are_another_form() -> None:
    run = frozen(lambda x, *others, k=1: x * k, strict=True)
    x = np.ones(2)
    for _ in range(5):
        assert run(x).tolist() == run(x, None).tolist() == run(x, k=1).tolist() == run(x, 2, 3.0).tolist() == [1, 1]
        assert run(x, k=2).tolist() == [2, 2]


def _halved_when_large(loss: Any, number: Any) -> Any:
    return loss * 0.5 if number > 0.2 else loss


#: What Python, NumPy and C code can do with a number besides arithmetic.
USES: dict[str, Callable[[Any, Any], Any]] = {
    "a branch": _halved_when_large,
    "a chain of comparisons": lambda loss, n: loss * 2.0 if 0.1 <= n < 0.3 else loss,
    "truth": lambda loss, n: loss * 2.0 if n - 0.2 else loss,
    "membership": lambda loss, n: loss * 2.0 if n in (0.1, 0.3) else loss,
    "a key of a dict": lambda loss, n: loss * {0.1: 2.0, 0.2: 3.0}.get(n, 1.0),
    "float": lambda loss, n: loss * float(n),
    "int": lambda loss, n: loss * int(n * 10 + 0.5),
    "round": lambda loss, n: loss * (round(n, 1) + round(n * 10)),
    "math.sqrt": lambda loss, n: loss * math.sqrt(n),
    "math.floor and ceil": lambda loss, n: loss * (math.floor(n * 10) + math.ceil(n * 10)),
    "math.isclose": lambda loss, n: loss * (2.0 if math.isclose(n, 0.2) else 1.0),
    "np.sqrt": lambda loss, n: loss * np.sqrt(n),
    "a NumPy comparison": lambda loss, n: loss * np.where(np.arange(3) * 0.1 < n, 2.0, 1.0).sum(),
    "an array's product": lambda loss, n: (loss * (np.arange(3.0) * n)).sum(),
    "np.array": lambda loss, n: (loss * np.array([n, 1.0])).sum(),
    "np.full": lambda loss, n: (loss * np.full(3, n)).sum(),
    "a Tensor": lambda loss, n: loss * tg.Tensor(n),
    "a Tensor's comparison": lambda loss, n: loss * tg.where(loss.detach() > n, 2.0, 1.0),
    "max": lambda loss, n: loss * max(n, 0.15),
    "sum": lambda loss, n: loss * sum([n, n]),
    "divmod": lambda loss, n: loss * divmod(n, 0.15)[1] + n // 0.15,
    "powers": lambda loss, n: loss * (n ** 2 + 2 ** n + abs(-n) - (+n) + n % 0.15),
    "complex": lambda loss, n: loss * abs(n * 1j + complex(n)),
    "a fraction": lambda loss, n: loss * float(Fraction(1, 2) + Fraction(n)),
    "text": lambda loss, n: loss * float(f"{n:.3f}") * float(str(n)) * len(f"{n}"),
    "a method": lambda loss, n: loss * (2.0 if n.is_integer() else n.real),
    "an option of an operation": lambda loss, n: loss + tg.leaky_relu(-loss, n) + tg.elu(-loss, n),
    "a bound": lambda loss, n: tg.clip(loss, n, 5.0 * n) + loss,
    "isinstance": lambda loss, n: loss * n if isinstance(n, float) else loss,
    "a copy": lambda loss, n: loss * copy.deepcopy(n) * copy.copy(n),
}


@pytest.mark.parametrize("use", USES)
def test_numbers_that_python_looks_at_are_a_part_of_the_form(use: str) -> None:
    """Each has a program of its own then; numbers that only go into operations share one."""
    ran = []

    def loss_of(number: Any) -> Any:
        ran.append(number)
        return USES[use]((W * W).mean(), number)

    run = frozen(loss_of, strict=True)
    for number in [0.1, 0.1, 0.1, 0.3, 0.3, 0.3, 0.2, 0.2, 0.2, 0.1, 0.3, 0.2] * 2:
        expected, found = loss_of(number), run(number)
        assert values(found).dtype == values(expected).dtype
        np.testing.assert_array_equal(values(found), values(expected))
    assert len(ran) - 24 < 20, "never frozen"
