"""The invariants of the engine: what must hold for every graph, however long or shared."""

from __future__ import annotations

import contextlib
import copy
import gc
import os
import pickle
import subprocess
import sys
import threading
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.engine.cotangents import cotangents_of
from tinygrad_gd.ground.live import Live
from tinygrad_gd.ground.registry import NAMES, NUMPY


def leaf(value: Any = 3.0, **options: Any) -> tg.Tensor:
    return tg.Tensor(value, requires_grad=True, **options)


def chain(x: tg.Tensor, length: int) -> tg.Tensor:
    for _ in range(length):
        x = x + 1.0
    return x


def test_the_graph_is_data() -> None:
    a, b = leaf(2.0), leaf(5.0)
    out = a * b
    assert out._primitive is NAMES["multiply"] and out.inputs == (a, b)
    assert out._seq > max(a._seq, b._seq)


@pytest.mark.parametrize("length", [10_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_long_chains_are_freed_by_reference_counting_alone(length: int) -> None:
    gc.collect()
    gc.disable()
    try:
        tracemalloc.start()
        x = leaf()
        before = tracemalloc.get_traced_memory()[0]
        out = chain(x, length)
        recorded = tracemalloc.get_traced_memory()[0] - before
        out.backward()
        assert x.grad is not None and x.grad.item() == 1
        x.zero_grad()
        del out
        left = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    finally:
        gc.enable()
    assert recorded / length <= 700
    assert left < 200_000  # the same for any length: the interpreter keeps some free objects


def test_the_garbage_collector_sees_one_object_per_operation_on_two_inputs() -> None:
    x = leaf()
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        out = chain(x, 1_000)
        seen = len(gc.get_objects()) - before
    finally:
        gc.enable()
    assert out.inputs[1] == 1.0 and seen < 1_050  # with a tuple for the inputs, 2,000


@pytest.mark.parametrize("differentiate", [
    lambda y, x: y.backward() or x.grad.numpy(),
    lambda y, x: cotangents_of([y], [np.float64(1.0)])[x],
], ids=["backward", "with all choices"])
def test_rules_on_arrays_read_the_number_of_a_live_one(differentiate: Any) -> None:
    x, seen = leaf(), []
    spy = tg.primitive(lambda x, y, /: x * y, lambda g, out, x, y: seen.append(y) or g * y, None,
                       name="spy")
    found = differentiate(spy(x, Live(0.5, "rate", {})), x)
    assert type(seen[0]) is float and found == 0.5


PROGRAM = """
import tinygrad_gd as tg, numpy as np
tg.manual_seed(0)
net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.ReLU(), tg.nn.Linear(4, 2))
unused = {object() for _ in range(hash("seed") % 97)}  # other addresses, other orders of sets
leaves = [tg.Tensor([float(i)], requires_grad=True, name=f"leaf{i}") for i in range(4)]
total = sum(a * b for a in leaves for b in reversed(leaves)).sum()
loss = tg.nn.cross_entropy(net(np.ones((2, 3))), np.array([0, 1])) + tg.exp(total / 1e3)
loss.backward()
print(*(p.grad.numpy().tobytes().hex() for p in [*net.parameters(), *leaves]))
drawing = loss.draw()
print(drawing, drawing.dot.source, drawing.render("svg", engine="bundled").decode())
print(tg.source(loss, wrt=[*net.parameters(), *leaves]))
"""


def test_gradients_pictures_and_programs_are_the_same_to_the_byte_in_every_process() -> None:
    runs = {subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True,
                           env={**os.environ, "PYTHONHASHSEED": seed}).stdout for seed in "012"}
    assert len(runs) == 1


def test_the_branch_that_where_leaves_out_may_spoil_gradients_and_anomaly_mode_says_so() -> None:
    x = leaf([0.0, 4.0], name="x")
    with tg.detect_anomaly(), np.errstate(all="ignore"), pytest.raises(
            tg.NonFiniteError, match=r"backward of sqrt.*'x'.*sqrt\(where\(x > 0, x, 1\)\)"):
        np.where(x > 0, np.sqrt(x), 0).sum().backward()
    np.where(x > 0, np.sqrt(np.where(x > 0, x, 1)), 0).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0.0, 0.25]


def test_a_dropped_graph_leaves_no_cycles() -> None:
    gc.collect()
    x = leaf([1.0, 2.0])
    (np.exp(x) @ x).backward()
    del x
    assert gc.collect() == 0


def test_reconvergent_graphs_are_walked_once() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(1000):
        y = (y + y) * 0.5
    y.backward()
    assert x.grad is not None and x.grad.item() == 1


def test_backward_accumulates_and_keeps_only_leaf_gradients() -> None:
    a = leaf(2.0)
    square = a * a
    d = square * square
    d.backward()
    d.backward()
    assert a.grad is not None and a.grad.item() == 64  # 2 * 4 a^3
    assert square.grad is None


def test_retain_grad_and_hooks() -> None:
    a = leaf(2.0)
    b = a * 3
    b.retain_grad()
    seen: list[float] = []
    handle = a.register_hook(lambda g: seen.append(g.item()))
    a.register_hook(lambda g: g * 10)
    (b * 5).backward()
    assert b.grad is not None and b.grad.item() == 5
    assert a.grad is not None and a.grad.item() == 150 and seen == [15.0]
    handle.remove()
    (b * 5).backward()
    assert seen == [15.0]


@pytest.mark.parametrize("build", [
    lambda a, b: (a + b).sum(), lambda a, b: (a.reshape(3) + b).sum(), lambda a, b: a @ b,
    lambda a, b: tg.concatenate([a, b]).sum(),
])
def test_leaf_gradients_never_share_memory(build: Any) -> None:
    a, b = leaf([1.0, 2, 3]), leaf([4.0, 5, 6])
    build(a, b).backward()
    assert a.grad is not None and b.grad is not None
    for x, y in [(a.grad, b.grad), (a.grad, a), (a.grad, b), (b.grad, a), (b.grad, b)]:
        assert not np.shares_memory(x._data, y._data)


def test_the_given_gradient_is_not_handed_on() -> None:
    a = leaf([1.0, 2.0])
    given = tg.Tensor([1.0, 1.0])
    (a + 0).backward(given)
    a.backward(given)
    assert a.grad is not None and not np.shares_memory(a.grad._data, given._data)


def test_a_rule_of_the_wrong_shape_or_dtype_is_refused() -> None:
    wrong = tg.primitive(lambda x: x * 1, lambda g, out, x: g.sum(), name="wrong_shape")
    with pytest.raises(tg.GradError, match=r"wrong_shape: the rule for argument 0 .* shape \(\)"):
        wrong(leaf([1.0, 2.0])).sum().backward()
    drift = tg.primitive(
        lambda x: x * 1, lambda g, out, x: g.astype(np.float64), name="drift", elementwise=False)
    with pytest.raises(tg.GradError, match=r"drift.*float64"):
        drift(leaf([1.0, 2.0], dtype=np.float32)).sum().backward()
    del NAMES["wrong_shape"], NAMES["drift"]


OVERWRITES = {
    "in place": lambda w: w.__isub__(1.0),
    "assign": lambda w: w.assign([7.0, 7.0]),
    "data": lambda w: setattr(w, "data", [7.0, 7.0]),
    "data -=": lambda w: setattr(w, "data", w.data.__isub__(1.0)),
    "data[...]": lambda w: w.data.__setitem__(..., 7.0),
    "element": lambda w: w.data.__setitem__(0, 7.0),
    "view": lambda w: w.data[:1].__setitem__(0, 7.0),
    "fill": lambda w: w.data.fill(7.0),
    "out=": lambda w: np.add(w.data, 1, out=w.data),
    "copyto": lambda w: np.copyto(w.data, 7.0),
    "item": lambda w: w.__setitem__(0, 7.0),
    "add.at": lambda w: np.add.at(w.data, [0], 1.0),
}


@pytest.mark.parametrize("how", OVERWRITES)
def test_overwritten_values_are_noticed(how: str) -> None:
    w = leaf([1.0, 2.0], name="w")
    loss = (w * w).sum()
    with tg.no_grad():
        OVERWRITES[how](w)
    assert w.numpy()[0] != 1.0, "the write must have happened"
    with pytest.raises(tg.GradError, match=r"'w'.*was overwritten after multiply used it"):
        loss.backward()


def test_values_no_rule_reads_may_change() -> None:
    w, c = leaf(1.0), tg.Tensor(2.0)
    loss = (w + c) * 1.0
    c.assign(5.0)
    loss.backward()
    assert w.grad is not None and w.grad.item() == 1
    loss = w * c
    c.assign(6.0)
    with pytest.raises(tg.GradError, match="overwritten"):
        loss.backward()


def test_arrays_beside_a_tensor_may_change_afterwards() -> None:
    w, x = leaf([1.0, 1.0]), np.array([2.0, 3.0])
    loss = (w * x).sum()
    x += 100
    loss.backward()
    assert w.grad is not None and w.grad.tolist() == [2.0, 3.0]
    source = np.ones(2)
    t = tg.Tensor(source)
    source += 1
    assert t.tolist() == [1.0, 1.0]


def test_values_handed_out_cannot_be_written() -> None:
    w = leaf([1.0, 2.0])
    for array in (w.numpy(), np.asarray(w), (w * 2).data):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5


def test_updates_as_students_write_them() -> None:
    w = leaf([1.0, 2.0])
    alias = w.data
    (w * w).sum().backward()
    with tg.no_grad():
        w -= 0.5 * w.grad
    assert w.tolist() == [0.0, 0.0] and w.is_leaf and w.requires_grad
    w.data -= 0.5 * w.grad
    assert w.tolist() == [-1.0, -2.0] and alias.tolist() == [-1.0, -2.0]
    total = tg.Tensor(0.0)
    for _ in range(2):
        total += (w * w).sum()
    total.backward()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("f", [
    lambda x: x + 2.0, lambda x: 2 - x, lambda x: x * 2, lambda x: 1 / x, lambda x: x**2,
    lambda x: x**3.5, lambda x: 2.0**x, lambda x: np.maximum(x, 1.0), lambda x: np.where(x > 1, x, 0),
    lambda x: x.mean(), lambda x: np.clip(x, 0.0, 1.0), lambda x: tg.sigmoid(x), lambda x: x % 2.0,
])
def test_python_scalars_stay_weak(f: Any, dtype: Any) -> None:
    x = leaf([0.5, 1.5], dtype=dtype)
    out = f(x)
    assert out.dtype == dtype
    out.sum().backward(create_graph=True)
    assert x.grad is not None and x.grad.dtype == dtype


def test_numpy_functions_record() -> None:
    t, a = leaf([1.0, 4.0]), np.array([2.0, 3.0])
    cases = [(a * t, [2, 3]), (a - t, [-1, -1]), (np.sqrt(t), [0.5, 0.25]),
             (np.where(a > 2, t, 0), [0, 1]), (np.concatenate([t, a]), [1, 1]),
             (np.stack([a, t]), [1, 1]), (np.sum(t, 0), [1, 1]), (np.add.reduce(t), [1, 1]),
             (t - [1, 2], [1, 1]), (np.multiply.outer(t, a), [5, 5]), (t[[0, 0]], [2, 0])]
    for out, expected in cases:
        assert isinstance(out, tg.Tensor) and out.requires_grad
        t.zero_grad()
        out.sum().backward()
        assert t.grad is not None and t.grad.tolist() == expected


def test_broadcasting_accidents_warn_once_per_line() -> None:
    a, b = leaf([1.0, 2.0]), tg.Tensor([[1.0], [2.0]])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            a - b
    assert len(caught) == 1 and caught[0].category is tg.BroadcastWarning
    assert caught[0].filename == __file__


def test_axes_inserted_on_purpose_do_not_warn() -> None:
    rows, columns = leaf([1.0, 2.0]), leaf([3.0, 4.0, 5.0])
    for column in (columns[:, None], columns[..., np.newaxis], np.expand_dims(columns, 1)):
        assert (rows * column).shape == (3, 2)
    with pytest.warns(tg.BroadcastWarning):
        rows * columns.reshape(3, 1)


def test_second_derivatives() -> None:
    x = leaf(2.0)
    (x**3).backward(create_graph=True)
    first = x.grad
    assert first is not None and first.item() == 12
    x.zero_grad()
    first.backward()
    assert x.grad is not None and x.grad.item() == 12


def test_modes_belong_to_their_thread() -> None:
    seen: list[bool] = []
    with tg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(tg.is_grad_enabled()))
        thread.start()
        thread.join()
        assert not tg.is_grad_enabled()
    assert seen == [True]


def test_the_default_dtype_that_was_set_holds_in_every_thread() -> None:
    seen = []
    try:
        tg.set_default_dtype(np.float32)
        thread = threading.Thread(target=lambda: seen.append(tg.Tensor(0.5).dtype))
        thread.start()
        thread.join()
        with tg.default_dtype(np.float64):
            seen.append(tg.Tensor(0.5).dtype)
    finally:
        tg.set_default_dtype(np.float64)
    assert seen == [np.float32, np.float64]


@pytest.mark.parametrize("switch", [tg.no_grad, tg.no_grad(), tg.enable_grad, tg.detect_anomaly()])
def test_what_runs_after_the_decorator_is_over_is_refused(switch: Any) -> None:
    def numbers() -> Any:
        yield leaf() * 2

    async def later() -> Any:
        return leaf() * 2

    async def more() -> Any:
        yield leaf() * 2

    for function in (numbers, later, more, type("Model", (), {})):
        with pytest.raises(tg.DTypeError, match=f"{function.__name__}: a generator, an async .* `with`"):
            switch(function)


def test_arrays_are_kept_in_the_order_in_which_they_lie_in_memory() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((57, 33)), leaf(rng.standard_normal((33, 5)))
    np.tanh(w.T @ x.T).sum().backward()
    g = 1 - np.tanh(w.numpy().T @ x.T) ** 2
    assert w.grad is not None and w.grad.numpy().tobytes() == (g @ x).T.tobytes()  # BLAS as in NumPy


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_leaves_can_be_copied(duplicate: Any) -> None:
    w = leaf([1.0, 2.0], name="w")
    (w * 2).sum().backward()
    twin = duplicate(w)
    assert twin.name == "w" and twin.requires_grad and twin.grad.tolist() == [2.0, 2.0]
    with tg.no_grad():
        twin -= 1
    assert w.tolist() == [1.0, 2.0]
    with pytest.raises(tg.GradError, match="only leaves"):
        duplicate(w * 2)


def test_values_and_containers() -> None:
    t = tg.Tensor([[1, 2], [3, 4]])
    assert len(t) == 2 and [row.tolist() for row in t] == [[1, 2], [3, 4]] and 3 in t
    assert t.dtype == np.int64 and tg.Tensor(True).dtype == bool and t.T.tolist() == [[1, 3], [2, 4]]
    assert repr(leaf(1.5, name="w")) == "Tensor(1.5, shape=(), dtype=float64, name='w', requires_grad=True)"
    assert "made by multiply" in repr(leaf() * 2)
    assert f"{tg.Tensor(2.5):.2f}" == "2.50" and float(tg.Tensor(2.5)) == 2.5
    assert np.shape(t) == (2, 2) and np.ndim(t) == 2 and [10, 20, 30][tg.Tensor(1)] == 20


def test_default_dtype() -> None:
    with tg.default_dtype(np.float32):
        assert tg.Tensor(1.0).dtype == np.float32 and tg.Tensor(np.ones(2)).dtype == np.float64
        assert tg.nn.Linear(2, 2).weight.dtype == np.float32


def test_every_numpy_function_is_registered_once() -> None:
    assert all(callable(made) for made in NUMPY.values())
    assert NUMPY[np.exp] is tg.exp


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, int, complex])
def test_rows_are_added_to_the_bits_of_numpy(dtype: Any) -> None:
    from tinygrad_gd.ground.fast import add_rows

    rng = np.random.default_rng(0)
    for n in (0, 1, 2, 3, 8, 100, 1000):
        for m in (0, 1, 2, 7, 16, 100, 257):
            g = (100 * rng.standard_normal((2 * n, m))).astype(dtype)
            for form in (g, np.asfortranarray(g), g[::2], g[:, ::-1], g.reshape(n, 2, m)):
                got, expected = add_rows(form), np.add.reduce(form, axis=0)
                np.testing.assert_array_equal(got, expected)
                assert got.dtype == expected.dtype


@pytest.mark.parametrize("call", [
    lambda w, option: np.roll(w, option), lambda w, option: tg.roll(w, shift=option),
    lambda w, option: w[None].transpose(option)[:, 0], lambda w, option: np.moveaxis(w[None], option, [0, 1])[:, 0],
], ids=["np.roll", "tg.roll", "transpose", "moveaxis"])
@pytest.mark.parametrize("kind", [list, np.array])
def test_options_changed_after_the_call_change_no_gradient(call: Any, kind: Any) -> None:
    w = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    option = kind([1]) if "roll" in call.__code__.co_names else [1, 0]
    weights = np.array([1.0, 10.0, 100.0])
    expected = tg.grad(lambda v: (call(v, option) * weights).sum())(w.numpy()).tolist()
    loss = (call(w, option) * weights).sum()
    option[:] = [0] if len(option) == 1 else [0, 1]
    loss.backward()
    assert w.grad.tolist() == expected


def test_options_a_primitive_does_not_have_are_refused() -> None:
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    for call in (lambda: tg.exp(x, where=np.array([True, False])), lambda: tg.exp(x, dtype="f4"),
                 lambda: tg.matmul(x, x, axes=[0, 0, ()]), lambda: tg.softplus(x, slope=2)):
        with pytest.raises(TypeError, match=r"unknown option (where|dtype|axes|slope)=, leave it out"):
            call()
    scaled = tg.primitive(lambda x, *, by: x * by, lambda g, out, x, by: g * by, name="scaled_by")
    scaled(x, by=3.0).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


@pytest.mark.parametrize("watched", [False, True])
def test_a_rule_that_returns_its_argument_does_not_hand_out_its_memory(watched: bool) -> None:
    half_square = tg.primitive(lambda x: x * x / 2, lambda g, out, x: x, name=f"half_square_{watched}")
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    with tg.observe(tg.Observer()) if watched else contextlib.nullcontext():
        half_square(x).backward(np.ones(2))
    assert x.grad is not None and x.grad.tolist() == [1.0, 2.0]
    assert not np.shares_memory(x.grad.numpy(), x.numpy())
