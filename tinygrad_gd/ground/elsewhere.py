"""Names that other libraries have: asking for one says how it is written here.

One table, `CURES`, by the owner that would have the name. On classes the names are attributes and not a
``__getattr__``, beside which Python reads every attribute of every object of the class the slow way: a
training step of a small model took a tenth longer. Modules have a ``__getattr__`` that raises `absent`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

_PLACE = "values are always in the CPU's memory: leave it out"
_CAST = "use .astype(np.float32) and the like"
_DTYPE = "call tg.set_default_dtype(np.float32) before the model is made"
_UPDATE = "use -=, += or .assign(value) inside `with tg.no_grad():`"
_OPERATOR = "use the operators + - * / ** @ == < > <= >= !="
_HOW_IT_RUNS = "leave it out: tg.compile(step) updates small parameters together, with the same bits"
_UNBIASED = "write ddof=1 for unbiased=True, ddof=0 for unbiased=False"
_ONE_WAY = "leave it out: there is one way to compute it"
_SWAP = "swap two axes with np.swapaxes(t, i, j), or order all with np.transpose(t, axes)"
_VALUES_DECIDE = {"eps": "leave it out: the steps follow from the values",
                  "atol": "write rtol=, relative to the largest entry"}

_CHUNK = "use np.split(t, range(n, len(t), n)), with n = -(-len(t) // chunks)"
_NO_THRESHOLD = {"threshold": "leave it out: large numbers are exact",
                 "...": "PyTorch's threshold is not needed: large numbers are exact"}
_TABLE = {
    "max_norm": "leave it out: rows are not written to by a lookup; after each step write "
                "weight.assign(weight * np.minimum(1, m / np.linalg.norm(weight, axis=1, "
                "keepdims=True))) inside `with tg.no_grad():`",
    "norm_type": "leave it out, as there is no max_norm=",
    "scale_grad_by_freq": "leave it out: every use of a row counts the same",
    "sparse": "leave it out: gradients are dense arrays", "_weight": "use Embedding.from_pretrained",
}

#: Owner -> a name that it does not have -> how what it is for is written here. Options are those of
#: functions, ``f()``, of all classes or of anything that can be called.
CURES: dict[str, dict[str, str]] = {
    "tinygrad_gd": {
        "as_tensor": "use tg.Tensor(array)", "from_numpy": "use tg.Tensor(array)",
        "randn": "use tg.normal(size=shape)", "rand": "use tg.uniform(size=shape)",
        "randn_like": "use tg.normal(size=t.shape, dtype=t.dtype)",
        "rand_like": "use tg.uniform(size=t.shape, dtype=t.dtype)",
        "distributions": "use tg.normal and tg.uniform, through which gradients go, or tg.bernoulli",
        "randint": "use tg.generator().integers(low, high, shape)",
        "randperm": "use tg.generator().permutation(n)",
        "cat": "use tg.concatenate(tensors, axis=0)", "mm": "use a @ b", "bmm": "use a @ b",
        "chunk": _CHUNK, "clamp": "use tg.clip(t, low, high)",
        "unsqueeze": "use np.expand_dims(t, axis)",
        "permute": "use np.transpose(t, axes)",
        "flatten": "use tg.ravel(t), or t.reshape(len(t), -1) to keep the first axis",
        "float": "use np.float32", "int": "use np.int32", "long": "use np.int64", "device": _PLACE,
        "cuda": _PLACE, "is_tensor": "use isinstance(x, tg.Tensor)",
        "set_grad_enabled": "use tg.no_grad() or tg.enable_grad()",
        "inference_mode": "use tg.no_grad()", "autograd": "use tg.grad, tg.vjp and tg.custom_vjp",
        "func": "use tg.grad, tg.vjp, tg.jvp and tg.hessian",
        "utils": "use tg.DataLoader", "set_default_tensor_type": "use tg.set_default_dtype(np.float32)",
    },
    "Tensor": {
        "view": "use .reshape(shape)", "view_as": "use .reshape(other.shape)", "dim": "use .ndim",
        "numel": "use .size", "nelement": "use .size", "element_size": "use .dtype.itemsize",
        "permute": "use .transpose(axes)", "t": "use .T", "mm": "use a @ b", "bmm": "use a @ b",
        "unsqueeze": "use t[:, None] or np.expand_dims(t, axis)",
        "expand": "use np.broadcast_to(t, shape)",
        "norm": "use np.linalg.norm(t), of other orders np.linalg.norm(t.reshape(-1), p)",
        "cat": "use tg.concatenate", "pow": "use t ** y",
        "contiguous": "arrays need no such call: leave it out", "clone": "use .copy()",
        "grad_fn": "t.op says what made it, t.draw() shows the whole graph",
        "cuda": _PLACE, "cpu": _PLACE, "device": _PLACE, "to": f"{_CAST}; {_PLACE}",
        **dict.fromkeys(("type", "float", "double", "half", "int", "long", "bool"), _CAST),
        **dict.fromkeys(("add_", "sub_", "mul_", "div_", "copy_", "fill_", "clamp_", "fill"), _UPDATE),
        "zero_": f"for gradients use .zero_grad() of the tensor itself, for values {_UPDATE}",
        "detach_": "use .detach()", "clamp": "use .clip(low, high)", "flat": "use .reshape(-1)",
        **dict.fromkeys(("add", "sub", "mul", "div", "eq", "ne", "lt", "le", "gt", "ge"), _OPERATOR),
        "masked_fill": "use np.where(mask, value, t)", "where": "use np.where(condition, t, other)",
        "equal": "use np.array_equal(t, other)", "select": "use np.take(t, index, axis)",
        "scatter_add": "use tg.scatter_add(t, index, values, axis)",
        "gather": "use np.take_along_axis(t, index, axis)",
        "topk": "use np.flip(np.sort(t), -1)[..., :k], for the positions np.argsort(-t)[..., :k]",
        "chunk": _CHUNK,
        "unbind": "use list(t)",
        "new_zeros": "use np.zeros(shape, t.dtype)", "new_ones": "use np.ones(shape, t.dtype)",
    },
    "Module": {
        "to": f"{_PLACE}; {_DTYPE}", "compile": "use tg.compile(step)",
        **dict.fromkeys(("cuda", "cpu", "xpu", "device", "share_memory", "to_empty"), _PLACE),
        **dict.fromkeys(("float", "double", "half", "bfloat16", "type"), _DTYPE),
        **dict.fromkeys(("register_full_backward_hook", "register_full_backward_pre_hook",
                         "register_backward_hook"),
                        "use `with tg.observe(observer)`, or tensor.register_hook(function)"),
        **dict.fromkeys(("register_load_state_dict_pre_hook", "register_load_state_dict_post_hook"),
                        "change the dict before load_state_dict gets it, or the module after it"),
        **dict.fromkeys(("register_state_dict_pre_hook", "register_state_dict_post_hook"),
                        "change the dict that state_dict() gave"),
        **dict.fromkeys(("get_extra_state", "set_extra_state"),
                        "keep numbers in a buffer: self.register_buffer(name, values)"),
        "set_submodule": "set the attribute of the module that holds it, which get_submodule finds",
        "flatten_parameters": "leave it out: weights are used as they lie",
    },
    "tinygrad_gd.optim": {"SparseAdam": "use Adam: gradients of an index are dense",
                          "Adafactor": "use Adam, or write a subclass of tg.optim.Optimizer"},
    "anything()": {
        "dim": "write axis=", "keepdim": "write keepdims=", "dim0": "write axis1=",
        "dim1": "write axis2=", "dims": "write axis=", "diagonal": "write k=", "shifts": "write shift=",
        "unbiased": _UNBIASED, "steps": "write num=", "end": "write stop=",
        "interpolation": "write method=", "driver": "leave it out: NumPy has one",
        "generator": "leave it out: tg.manual_seed seeds the one there is",
        "inplace": "leave it out: every result is a new Tensor",
        "size_average": "write reduction=", "return_indices": "leave it out: positions are not given",
    },
    "a class()": {
        "device": "leave it out: values are always in the CPU's memory",
        "dtype": "leave it out: use .astype, or tg.set_default_dtype(np.float32) before it is made",
        "reduce": "write reduction=", "learning_rate": "write lr=",
        **dict.fromkeys(("foreach", "fused", "capturable"), _HOW_IT_RUNS),
        "differentiable": "leave it out: write the update with Tensors, and take tg.grad of it",
        "num_workers": "leave it out: batches are cut out of arrays",
    },
    "transpose()": {"dim0": _SWAP, "dim1": _SWAP, "...": _SWAP},
    "tensordot()": {"dims": "write axes="}, "rot90()": {"dims": "write axes="},
    "tile()": {"dims": "write reps="}, "norm()": {"p": "write ord="},
    "sort()": {"descending": "write np.flip(np.sort(t, axis), axis)"},
    "argsort()": {"descending": "write np.argsort(-t, axis)"},
    "searchsorted()": {"right": "write side='right'"}, "cov()": {"correction": "write ddof="},
    "add()": {"alpha": "write x + alpha * y"}, "subtract()": {"alpha": "write x - alpha * y"},
    "divide()": {"rounding_mode": "write np.floor(x / y) for 'floor', np.trunc(x / y) for 'trunc'"},
    "svd()": {"some": "write full_matrices=False for some=True"},
    "softplus()": _NO_THRESHOLD, "Softplus()": _NO_THRESHOLD,
    "Embedding()": _TABLE, "embedding()": _TABLE,
    "Upsample()": {"recompute_scale_factor": "leave it out, or write size="},
    "backward()": {"retain_graph": "leave it out: a graph lives as long as its result"},
    "LSTM()": {"proj_size": "leave it out: the steps are one operation, with no projection inside; "
                            "write the loop with tg.nn.LSTMCell and a tg.nn.Linear"},
    "scaled_dot_product_attention()": {"enable_gqa": "repeat heads: np.repeat(key, n, axis=-3)"},
    "TransformerEncoder()": {"enable_nested_tensor": _ONE_WAY, "mask_check": _ONE_WAY},
    "DataLoader()": {"dataset": "give the arrays, as in DataLoader(x, y)"},
    "split()": {"test_size": "write test=", "random_state": "write seed="},
    "load()": {"weights_only": "leave it out: nothing is ever unpickled", "map_location": _PLACE,
               "mmap": "leave it out: arrays are read"},
    "gradcheck()": _VALUES_DECIDE, "gradgradcheck()": _VALUES_DECIDE,
}


def cure_of_option(operation: str, option: str) -> str | None:
    """How what ``operation(option=...)`` is for elsewhere is written here, if that is known."""
    owners = (operation, *(["a class"] if operation[:1].isupper() else []), "anything")
    found = (CURES.get(f"{owner}()", {}).get(option) for owner in owners)
    return next((cure for cure in found if cure), None)


def absent(module: str, name: str, *cures: str | None) -> AttributeError:
    """The error for a name that a module does not have: with the first cure, the table's coming first.

    >>> print(absent("tinygrad_gd", "cat"))
    module 'tinygrad_gd' has no attribute 'cat'; use tg.concatenate(tensors, axis=0)
    """
    known = (CURES.get(module, {}).get(name), *cures)
    cure = next((c for c in known if c), None) if not name.startswith("__") else None
    missing = f"module {module!r} has no attribute {name!r}"
    return AttributeError(f"{missing}; {cure}" if cure else missing)


def answering_for(module: str, *cures: str) -> Callable[[str], NoReturn]:
    """The ``__getattr__`` of a module that has all of its names at once: it raises `absent`.

    Written where type checkers do not look, as to them it would promise every name.
    """

    def __getattr__(name: str) -> NoReturn:
        in_place = f"use {name}_" if f"{name}_" in vars(sys.modules[module]) else None
        raise absent(module, name, in_place, *cures)

    return __getattr__


class WrittenHere:
    """An attribute that is missing; the error tells the cure."""

    def __init__(self, name: str, cure: str) -> None:
        self.name, self.cure = name, cure

    def __get__(self, obj: Any, owner: type) -> Any:
        raise AttributeError(f"{owner.__name__!r} object has no attribute {self.name!r}; {self.cure}",
                             name=self.name, obj=obj)


def answer(owner: type, cures: dict[str, str]) -> None:
    """Let a class answer for names that it does not have itself.

    >>> class Shape: pass
    >>> answer(Shape, {"area": "use width * height"})
    >>> Shape().area
    Traceback (most recent call last):
    AttributeError: 'Shape' object has no attribute 'area'; use width * height
    """
    for name, cure in cures.items():
        if name not in vars(owner):
            setattr(owner, name, WrittenHere(name, cure))


def own_names(obj: Any) -> list[str]:
    """``dir(obj)`` without what is only answered for."""
    spaces = [vars(cls) for cls in type(obj).__mro__]
    return [name for name in object.__dir__(obj)
            if not isinstance(next((s[name] for s in spaces if name in s), None), WrittenHere)]
