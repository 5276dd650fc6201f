"""What goes into a Tensor and what is lent out of it: no write may make a gradient silently wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided, sliding_window_view

import tinygrad_gd as tg
from tinygrad_gd.errors import GradError
from tinygrad_gd.ground.storage import kept


def leaf(*shape: int) -> tg.Tensor:
    values = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    return tg.Tensor(values, requires_grad=True, name="w")


WRITES: dict[str, Callable[[tg.Tensor], Any]] = {
    "copyto from an array": lambda p: np.copyto(p.data, np.zeros(2)),
    "copyto from a Tensor": lambda p: np.copyto(p.data, tg.Tensor([5.0, 6.0])),
    "put by keyword": lambda p: np.put(a=p.data, ind=[0], v=[3.0]),
    "putmask": lambda p: np.putmask(p.data, [True, False], [3.0]),
    "a reversed view of itself": lambda p: setattr(p, "data", p.data[::-1]),
    "sort": lambda p: p.data.sort(),
    "a view of a view": lambda p: p.data[::-1][:1].__setitem__(0, 7.0),
    "add.at": lambda p: np.add.at(p.data, [0, 0], 1.0),
    "add.at of a view": lambda p: np.add.at(p.data[::-1], [0, 0], 1.0),
    "flat": lambda p: p.data.flat.__setitem__(0, 7.0),
    "flat of a view": lambda p: p.data[::-1].flat.__setitem__(slice(1), [7.0]),
    "all of flat": lambda p: setattr(p.data, "flat", [7.0]),
    "real": lambda p: setattr(p.data, "real", 7.0),
    "the real part": lambda p: p.data.real.__setitem__(0, 7.0),
    "transposed": lambda p: p.data.T.__setitem__(..., 7.0),
    "as integers": lambda p: p.data.view(np.int64).__setitem__(0, 7),
    "in another shape": lambda p: reshaped(p.data).__setitem__(0, 7.0),
    "a part that was written": lambda p: np.put(p.data, [0, 99], [7.0], mode="wrap"),
    "out by position": lambda p: np.dot(np.ones((2, 1)), np.ones(1), p.data),
    "out in second place": lambda p: np.isposinf(np.ones(2), p.data),
    "concatenated into": lambda p: np.concatenate([[7.0], [8.0]], 0, p.data),
    "taken into": lambda p: np.take(np.ones(3), [0, 1], out=p.data),
    "reduced into": lambda p: np.ones((2, 2)).sum(0, out=p.data),
    "accumulated into": lambda p: np.add.accumulate(np.ones(2), 0, None, p.data),
    "copyto by keywords": lambda p: np.copyto(src=7.0, dst=p.data),
    "place by keywords": lambda p: np.place(mask=np.array([True, False]), vals=[7.0], arr=p.data),
    "put_along_axis": lambda p: np.put_along_axis(p.data, np.array([0]), 7.0, 0),
    "shuffled by Python": lambda p: __import__("random").Random(1).shuffle(p.data),
}


def reshaped(lent: Any) -> Any:
    lent.shape = (2, 1)
    return lent


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")
@pytest.mark.parametrize("how", WRITES)
def test_every_write_to_lent_data_is_noticed(how: str) -> None:
    p = leaf(2)
    loss = (p * p).sum()
    WRITES[how](p)
    with pytest.raises(GradError, match=r"'w'.*was overwritten.*Compute the loss again"):
        loss.backward()


def ones_into(nditer: Any) -> None:
    for element in nditer:
        element[...] = 1


REFUSED: dict[str, Callable[[tg.Tensor], Any]] = {
    "asarray": lambda p: np.asarray(p.data).__setitem__(0, 7.0),
    "a plain view": lambda p: p.data.view(np.ndarray).__setitem__(0, 7.0),
    "the base": lambda p: p.data.base.__setitem__(0, 7.0),
    "memoryview": lambda p: memoryview(p.data).__setitem__(0, 7.0),  # type: ignore[call-overload]
    "its buffer": lambda p: p.data.data.__setitem__(0, 7.0),
    "frombuffer": lambda p: np.frombuffer(p.data).__setitem__(0, 7.0),
    "strides": lambda p: np.lib.stride_tricks.as_strided(p.data, (4,), (8,)).__setitem__(0, 7.0),
    "nditer": lambda p: ones_into(np.nditer(p.data, op_flags=["writeonly"])),
    "dot as a method": lambda p: np.eye(2).dot(np.ones(2), out=p.data),
    "take as a method": lambda p: np.ones(3).take([0, 1], out=p.data),
    "choose as a method": lambda p: np.array([0, 0]).choose([np.ones(2)], out=p.data),
    "random numbers": lambda p: tg.generator().random(out=p.data),
    "normal numbers": lambda p: tg.generator().standard_normal(out=p.data),
    "shuffle": lambda p: tg.generator().shuffle(p.data),
    "the method of arrays": lambda p: np.ndarray.fill(p.data, 7.0),
    "the item of arrays": lambda p: np.ndarray.__setitem__(p.data, 0, 7.0),
    "resize": lambda p: p.data.resize(3, refcheck=False),
    "read into": lambda p: __import__("io").BytesIO(bytes(16)).readinto(p.data),
}


@pytest.mark.parametrize("how", REFUSED)
def test_writes_that_cannot_be_noticed_are_refused(how: str) -> None:
    p = leaf(2)
    loss = (p * p).sum()
    with pytest.raises((ValueError, TypeError)):
        REFUSED[how](p)
    loss.backward()
    assert p.tolist() == [1.0, 2.0] and p.grad is not None and p.grad.tolist() == [2.0, 4.0]


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
def test_what_is_done_to_the_form_of_lent_data_is_done_to_that_alone() -> None:
    p = leaf(2, 3)
    for name, value in (("shape", (3, 2)), ("dtype", np.int64)):
        setattr(p.data, name, value)
    assert p.shape == (2, 3) and p.dtype == np.float64
    copied = p.data.copy()
    copied[0] = 0.0
    copied.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        copied[0] = 1.0
    assert p.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def test_the_elements_of_lent_data_one_after_the_other() -> None:
    flat: Any = leaf(2, 2).data.flat
    assert len(flat) == 4 and flat[2] == 3.0 and list(flat) == [1.0, 2.0, 3.0, 4.0]
    assert np.sum(np.asarray(flat)) == 10.0 and (flat == 1.0).any() and flat.copy().shape == (4,)
    assert np.add(leaf(2).data, 1, out=(lent := leaf(2).data)) is lent
    assert np.round(leaf(2).data, out=lent) is lent and lent.byteswap(inplace=True) is lent


def test_copying_from_lent_data_is_no_write() -> None:
    p, target = leaf(2), np.zeros(2)
    loss = (p * p).sum()
    np.copyto(target, p.data)
    loss.backward()
    assert target.tolist() == [1.0, 2.0] and p.grad is not None and p.grad.tolist() == [2.0, 4.0]


def test_data_may_be_set_to_a_view_of_itself() -> None:
    p = leaf(2, 2)
    p.data = p.data.T
    assert p.tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_unrecorded_results_own_their_values() -> None:
    constant, raw, p = tg.Tensor([1.0, 2.0, 3.0, 4.0]), np.ones(4), leaf(2, 2)
    loss = (p * constant.reshape(2, 2)).sum() + (p * tg.reshape(raw, (2, 2))).sum()
    constant.data[...] = 0
    raw[:] = 0
    loss.backward()
    assert p.grad is not None and p.grad.tolist() == [[2.0, 3.0], [4.0, 5.0]]


def test_an_overwritten_index_is_noticed() -> None:
    p, index = leaf(3), tg.Tensor([0, 1], name="index")
    loss = p[index].sum()
    index.data[...] = 2
    with pytest.raises(GradError, match=r"'index'.*overwritten after getitem"):
        loss.backward()


def parameter(value: Any = 3.0, **options: Any) -> tg.Tensor:
    return tg.Tensor(value, requires_grad=True, **options)


def test_arrays_beside_a_tensor_may_change_afterwards() -> None:
    w, x = parameter([1.0, 1.0]), np.array([2.0, 3.0])
    loss = (w * x).sum()
    x += 100
    loss.backward()
    assert w.grad is not None and w.grad.tolist() == [2.0, 3.0]
    source = np.ones(2)
    t = tg.Tensor(source)
    source += 1
    assert t.tolist() == [1.0, 1.0]


def test_values_handed_out_cannot_be_written() -> None:
    w = parameter([1.0, 2.0])
    for array in (w.numpy(), np.asarray(w.detach()), (w * 2).data):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5


def test_arrays_are_kept_in_the_order_in_which_they_lie_in_memory() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((57, 33)), parameter(rng.standard_normal((33, 5)))
    np.tanh(w.T @ x.T).sum().backward()
    g = 1 - np.tanh(w.numpy().T @ x.T) ** 2
    assert w.grad is not None and w.grad.numpy().tobytes() == (g @ x).T.tobytes()  # BLAS as in NumPy


ROWS, COLUMNS = 17, 6


def layouts(dtype: Any = np.float64) -> Iterator[tuple[str, Any]]:
    """Matrices of one shape that lie in memory in many ways."""
    rng = np.random.default_rng(0)
    n, m = ROWS, COLUMNS

    def drawn(*shape: int) -> Any:
        return rng.normal(size=shape).astype(dtype)

    yield "C", drawn(n, m)
    yield "Fortran", np.asfortranarray(drawn(n, m))
    yield "every second row", drawn(2 * n, m)[::2]
    yield "every second column", drawn(n, 2 * m)[:, ::2]
    yield "Fortran, every second column", np.asfortranarray(drawn(n, 2 * m))[:, ::2]
    yield "rows reversed", drawn(n, m)[::-1]
    yield "columns reversed", drawn(n, m)[:, ::-1]
    yield "Fortran reversed", drawn(m, n).T[::-1, ::-1]
    yield "one row", np.broadcast_to(drawn(m), (n, m))
    yield "one column", np.broadcast_to(drawn(n, 1), (n, m))
    yield "one number", np.broadcast_to(drawn(1), (n, m))
    yield "windows", sliding_window_view(drawn(n + m - 1), m)
    yield "windows transposed", sliding_window_view(drawn(n + m - 1), n).T
    yield "inner part", drawn(n + 2, m + 3)[1:-1, 2:-1]


def test_rules_read_copies_that_lie_in_memory_as_the_arrays_do() -> None:
    arrays = [x for _, x in layouts()]
    arrays += [x[:, None, ::2] for x in arrays] + [np.arange(24.0).reshape(2, 3, 4).transpose(1, 2, 0)]
    arrays += [as_strided(np.arange(50.0), (4, 3, 3), (16, 24, 8)), np.ones((0, 3))[:, ::2]]
    for x in arrays:
        copy = kept(x)
        np.testing.assert_array_equal(copy, x)
        assert not np.may_share_memory(copy, x) and copy.flags.c_contiguous == x.flags.c_contiguous
        moved = [i for i, n in enumerate(x.shape) if n > 1]
        assert np.sign(copy.strides)[moved].tolist() == np.sign(x.strides)[moved].tolist()
    assert kept(np.ones((100, 100))[:, 0]).base.nbytes <= 1600
