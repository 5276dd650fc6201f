"""What calls leave behind, and views of what they write to, are in later calls what the plain function's are."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.program.texts import bits

Step = Callable[[int], Any]
#: By name, what makes a step of the number of a call, given what compiles a function, or does nothing.
STEPS: dict[str, Callable[[Any], Step]] = {}


def row(make: Callable[[Any], Step]) -> None:
    STEPS[make.__name__] = make


def leaf(*values: float) -> Any:
    return tg.Tensor(list(values), requires_grad=True)


def derived(loss: Any, *leaves: Any) -> Any:
    """Gradients, or that there are none."""
    for x in leaves:
        x.grad = None
    try:
        loss.sum().backward()
    except tg.GradError:
        return "stale"
    return [None if x.grad is None else np.array(x.grad.numpy()) for x in leaves]


@row
def a_state_that_is_not_detached(wrap: Any) -> Step:
    k, b = leaf(0.7), leaf(0.5, -0.5)
    state = [tg.Tensor([0.0, 0.0])]

    @wrap
    def step(x: Any) -> None:
        state[0] = x * b + state[0] * k

    def call(n: int) -> Any:
        with tg.no_grad() if n in (1, 4) else tg.enable_grad():
            step(np.array([n, 1.0]))
        return np.array(state[0].numpy())

    return call


@row
def views_and_a_second_update(wrap: Any) -> Step:
    w = tg.Tensor(np.arange(6.0).reshape(3, 2), requires_grad=True)
    optimizer, views = tg.optim.SGD([w], lr=0.1), []

    @wrap
    def step(again: bool) -> None:
        views[:] = [w.T, w[0], w[1:].T]
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
        if again:
            optimizer.step()

    def call(n: int) -> Any:
        step(n in (3, 5))
        return [np.array(v.detach().numpy()) for v in views]

    return call


@row
def a_parameter_without_a_gradient(wrap: Any) -> Step:
    k, b = leaf(0.7), leaf(0.5, -0.5)
    optimizer = tg.optim.SGD([k, b], lr=0.1)

    @wrap
    def step() -> Any:
        k.grad = b.grad = None
        made, loss = b * b, k * 2.0
        loss.backward()
        optimizer.step()
        return made

    return lambda n: derived(step(), b)


@row
def a_parameter_that_is_written_to_after_a_step(wrap: Any) -> Step:
    b = leaf(0.5, -0.5)
    optimizer = tg.optim.SGD([b], lr=0.1)

    @wrap
    def step() -> Any:
        b.grad = None
        b.sum().backward()
        optimizer.step()
        made = (b * b).sum()
        b.data[0] = 4.0
        return made

    return lambda n: derived(step(), b)


@row
def two_stale_results_in_one_graph(wrap: Any) -> Step:
    b, w = leaf(0.5, -0.5), leaf(1.0, 2.0)

    @wrap
    def step(x: Any) -> Any:
        made = x * b, x * w
        with tg.no_grad():
            b[0] = w[0] = 1.0
        return made

    def call(n: int) -> Any:
        one, two = step(np.array([1.0, n]))
        return derived(one + two, b, w)

    return call


def with_constants(use: Callable[[Any, Any, Any], Any], later: int) -> Callable[[Any], Step]:
    """A step that writes to what it has used as a constant; its result is derived so many calls later."""
    def make(wrap: Any) -> Step:
        w, c, made = leaf(0.5, -0.5), tg.Tensor([1.0, 2.0]), []  # type: ignore[var-annotated]

        @wrap
        def step(x: Any) -> Any:
            loss = use(x, w, c).sum()
            with tg.no_grad():
                c.assign(c * 0.5 + w * x)
            return loss

        def call(n: int) -> Any:
            made.append(step(tg.Tensor([n, 1.0])))
            return n < later or [made[n - later], derived(made[n - later], w)]

        return call

    return make


def computed(x: Any, w: Any, c: Any) -> Any:
    return ((x - c) * w) ** 2


def of_a_teacher(x: Any, w: Any, c: Any) -> Any:
    with tg.no_grad():
        aim = np.tanh(c * x)
    return (w * x - aim) ** 2


def unread(x: Any, w: Any, c: Any) -> Any:
    return (w - c) ** 2


def read(x: Any, w: Any, c: Any) -> Any:
    return w * x + w * c


def before_a_write(x: Any, w: Any, c: Any) -> Any:
    k = x * 2.0
    c.assign(c + 1.0)
    return w * k


for constant in (computed, of_a_teacher, unread, read, before_a_write):
    for later in (0, 2):
        STEPS[f"constants {constant.__name__}, {later} calls later"] = with_constants(constant, later)


@row
def a_constant_after_an_update_and_another_way(wrap: Any) -> Step:
    a, b, c = leaf(1.0, 2.0), leaf(0.5), leaf(1.0, 3.0)
    optimizer = tg.optim.SGD([a, b], lr=0.1)

    @wrap
    def step() -> Any:
        total = (a * 0.01).sum()
        optimizer.zero_grad()
        total.backward()
        total = total.detach() * 0.5 + b * b
        optimizer.step()
        total = total + (c * c).sum()  # which has a gradient in the second call
        total.backward()
        return total

    return lambda n: [step(), b.grad, c.grad]


@row
def what_an_optimizer_remembers(wrap: Any) -> Step:
    a, b = leaf(1.0, 2.0), leaf(0.5, -0.5)
    optimizer = tg.optim.SGD([a], lr=0.1, momentum=0.9)

    @wrap
    def step() -> Any:
        moving = optimizer.state[a]["velocity"] if optimizer.state else tg.Tensor([0.0, 0.0])
        loss = (b * moving).sum()
        optimizer.zero_grad()
        (a * a).sum().backward()
        optimizer.step()
        return loss

    return lambda n: derived(step(), b) if n else step()


@row
def a_flag_that_is_set_in_the_step(wrap: Any) -> Step:
    b = leaf(0.5, -0.5)

    @wrap
    def step(x: Any) -> Any:
        made = x * b
        b.requires_grad = False
        return made

    return lambda n: step(np.ones(2) if n == 1 else np.ones((3, 2))).requires_grad


@row
def a_gradient_in_place_of_an_array(wrap: Any) -> Step:
    w, k = tg.Tensor(np.ones((4, 3)), requires_grad=True), leaf(0.7)
    optimizer, data = tg.optim.SGD([w, k], lr=0.05, momentum=0.9), np.zeros((4, 3))

    @wrap
    def step(n: int) -> Any:
        loss = k.sum() * 0.5
        gradients = [p.grad for p in (w, k) if p.grad is not None]
        if gradients and np.sqrt(sum((g * g).sum() for g in gradients)) > 0.5:
            w.grad = w.grad * 0.5
        data[...] = n + 1.5
        loss = loss + (data * w).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return lambda n: [step(n).item(), w]


@row
def masks_of_other_counts(wrap: Any) -> Step:
    b, kept = leaf(0.5, -0.5, 1.0), []  # type: ignore[var-annotated]
    step = wrap(lambda mask: b[mask])

    def call(n: int) -> Any:
        kept.append(step(np.arange(3) < 1 + n // 4))
        return [x.shape for x in kept]

    return call


def with_view(change: Callable[[Any, Any, int], None], use: Callable[[Any], Any]) -> Callable[[Any], Step]:
    """A step that takes a view of a parameter, lets something be written to, and uses the view."""
    def make(wrap: Any) -> Step:
        b, k = leaf(0.5, -0.5, 1.0), leaf(0.7)
        optimizer = tg.optim.SGD([k], lr=0.1)

        @wrap
        def step(n: int) -> Any:
            view = b[1:]
            k.grad = None
            k.sum().backward()
            optimizer.step()
            change(b, k, n)
            return np.array(use(view).detach().numpy())

        return step

    return make


def in_data(b: Any, k: Any, n: int) -> None:
    b.data[1] = n


def in_data_once(b: Any, k: Any, n: int) -> None:
    if n == 5:
        b.data[1] = n


def in_an_item(b: Any, k: Any, n: int) -> None:
    with tg.no_grad():
        b[1] = n


def in_place_after_another_way(b: Any, k: Any, n: int) -> None:
    _ = b * 2.0 if n % 2 else k + 1.0
    with tg.no_grad():
        b *= 1.5


def of_two(b: Any, k: Any, n: int) -> None:
    (k if n % 2 else b).data[0] = n
    b.data[2] = n


def written_first(layer: Any, shape: tuple[int, ...]) -> Callable[[Any], Step]:
    """Makes a step that writes into the data of all it computes with, before anything else comes."""
    def make(wrap: Any) -> Step:
        tg.manual_seed(1)
        net, image = layer(), tg.Tensor(np.linspace(0.0, 1.0, int(np.prod(shape))).reshape(shape), requires_grad=True)
        optimizer = tg.optim.Adam([image, *net.parameters()], lr=0.01)

        @wrap
        def step(n: int) -> Any:
            for p in (image, *net.parameters()):
                p.data[...] = (0.9 * p.data).clip(-0.5, 0.5)
            loss = (net(image) ** 2).mean()
            if n % 3:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            return np.array(loss.detach().numpy())

        return step

    return make


STEPS["a layer whose data is written first"] = written_first(lambda: tg.nn.Linear(4, 2), (3, 4))
STEPS["a convolution whose data is written first"] = written_first(lambda: tg.nn.Conv2d(1, 2, 3), (1, 1, 5, 5))


for change in (in_data, in_data_once, in_an_item, in_place_after_another_way, of_two):
    STEPS[f"a view, and a write {change.__name__}"] = with_view(change, lambda view: view)
    STEPS[f"a view that is computed with, and a write {change.__name__}"] = with_view(change, lambda view: view * 2.0)


@row
def a_view_of_what_lies_side_by_side(wrap: Any) -> Step:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0, 5.0)
    optimizer = tg.optim.SGD([a, b], lr=0.1)

    @wrap
    def step(more: bool) -> Any:
        view = b.reshape(3, 1)
        optimizer.zero_grad()
        ((a * a).sum() * (b * b).sum() * 0.01).backward()
        optimizer.step()
        made = view * 2.0
        return (made + 1.0 if more else made).detach()

    return lambda n: step(n > 3)


@row
def a_derivative_that_can_be_derived(wrap: Any) -> Step:
    tg.manual_seed(0)
    linear, rng = tg.nn.Linear(30, 30), np.random.default_rng(0)

    @wrap
    def step(x: Any) -> Any:
        g = tg.grad(lambda z: (linear(z) ** 2).sum())(tg.Tensor(x))
        return g, g.sum()  # whose last bits depend on how g lies in memory

    def call(n: int) -> Any:
        g, total = step(np.asfortranarray(rng.normal(size=(40, 30))))
        return g.numpy().strides, total

    return call


@row
def a_generator_that_the_script_holds(wrap: Any) -> Step:
    tg.manual_seed(0)
    w, rng = leaf(1.0, 2.0, 3.0), tg.generator()
    step = wrap(lambda: (tg.dropout(w, 0.5), rng.normal(), tg.dropout(w, 0.5)))
    return lambda n: step()


@row
def a_loss_to_which_one_of_before_an_update_is_added(wrap: Any) -> Step:
    w, v = leaf(1.0, 2.0), leaf(3.0)
    opt = tg.optim.SGD([w], lr=0.1)

    def step(x: Any) -> Any:
        opt.zero_grad()
        first = (w * x).sum()
        first.backward()
        total = first.detach() * 0.5 + (v * v).sum()
        opt.step()
        return total

    called = wrap(step)

    def call(n: int) -> Any:
        total = called(np.array([1.0, n]))
        return total, derived(total, v)

    return call


@row
def another_group_of_an_optimizer(wrap: Any) -> Step:
    w, others = leaf(1.0, 2.0), [leaf(float(n), 1.0) for n in range(12)]
    opt = tg.optim.SGD([{"params": [w]}, {"params": [others.pop()]}], lr=0.1)

    def step(n: int) -> Any:
        opt.zero_grad()
        (w * w).sum().backward()
        opt.step()
        opt.param_groups.pop()
        opt.add_param_group({"params": [others.pop()], "lr": 0.02})
        return w.detach()

    return wrap(step)


@row
def a_loss_of_before_an_update_and_what_is_new_after_it(wrap: Any) -> Step:
    w, v, u = leaf(1.0, 2.0), leaf(3.0), leaf(0.5)
    opt = tg.optim.SGD([w], lr=0.1)

    def step(x: Any) -> None:
        opt.zero_grad()
        loss = (w * x).sum()
        loss.backward()
        loss = loss.detach() * 0.5 + (v * v).sum()
        opt.step()
        loss = loss + (u * u).sum()
        loss.backward()  # where there are gradients, a call goes another way

    called = wrap(step)

    def call(n: int) -> Any:
        called(np.array([1.0, n]))
        return [x.grad for x in (v, u)]

    return call


def shown(x: Any) -> Any:
    if isinstance(x, list | tuple):
        return [shown(part) for part in x]
    return bits(np.array(x.numpy() if isinstance(x, tg.Tensor) else x)) if isinstance(x, tg.Tensor | np.ndarray) else x


def run(make: Callable[[Any], Step], wrap: Any) -> list[Any]:
    step = make(wrap)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tg.CaptureWarning)
        return [shown(step(n)) for n in range(9)]


@pytest.mark.parametrize("name", STEPS)
def test_each_call_does_what_the_plain_function_does(name: str) -> None:
    assert run(STEPS[name], tg.compile) == run(STEPS[name], lambda step: step)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("updates", [False, True])
def test_a_gradient_that_was_a_variable_in_the_first_call_may_be_another(frozen: bool, updates: bool) -> None:
    def seen(wrap: Any) -> list[Any]:
        w, start = tg.Tensor([1.0, 2.0], requires_grad=True), tg.Tensor([1.0, 1.0])
        opt, found = tg.optim.SGD([w], lr=1.0), []

        def step(x: Any) -> Any:
            scaled = start * x
            if updates:
                opt.step()
            else:
                (w * x).sum().backward()
            return scaled

        run = wrap(step)
        for n in range(9):
            w.grad = start if n in (0, 4) else tg.Tensor([n, 5.0])
            run(tg.Tensor([n, 1.0]))
            found.append((w.tolist(), w.grad.tolist()))
        return found

    assert seen(lambda step: tg.compile(step, frozen=frozen)) == seen(lambda step: step)


@pytest.mark.parametrize("block", [tg.no_grad, lambda: tg.default_dtype(np.float32)])
@pytest.mark.parametrize("watched", [False, True])
def test_a_block_may_be_entered_in_one_call_and_left_in_another(block: Any, watched: bool) -> None:
    """As generators do that are asked for one value in each call."""
    def seen(wrap: Any) -> list[Any]:
        w, found = leaf(1.0, -2.0), []

        def values() -> Any:
            for n in range(2, 40):
                if n % 4:
                    yield w * float(n)
                else:
                    with block():
                        yield w * float(n)
                        yield w - float(n)

        stream = values()
        run = wrap(lambda: next(stream) + tg.Tensor(1.0))
        for n in range(12):
            with tg.observe(tg.Observer()) if watched and n % 3 == 1 else nullcontext():
                y = run()
            found.append((bits(y.numpy()), y.requires_grad, tg.is_grad_enabled(), tg.get_default_dtype()))
        stream.close()
        return [*found, tg.is_grad_enabled(), tg.get_default_dtype()]

    assert seen(tg.compile) == seen(lambda step: step)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_parameter_in_the_group_of_an_optimizer_may_become_another(frozen: bool) -> None:
    def seen(wrap: Any) -> list[Any]:
        params = [leaf(1.0, 2.0)]
        opt, found = tg.optim.SGD(params, lr=0.1), []

        def step(x: Any) -> Any:
            loss = (params[0] * x).sum()
            opt.zero_grad()
            loss.backward()
            opt.step()
            return loss.detach()

        run = wrap(step)
        for n in range(9):
            if n in (4, 6):
                params = [leaf(*params[0].tolist())]
                opt.param_groups[0]["params"] = [*params]
            found.append((run(tg.Tensor([1.0, n])).item(), params[0].tolist()))
        return found

    assert seen(lambda step: tg.compile(step, frozen=frozen)) == seen(lambda step: step)
