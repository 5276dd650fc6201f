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
_WRITTEN = "use -=, +=, *= and [...] = values: this is an array of NumPy's"
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

_IN_PLACE = (
    "abs_ add_ addcdiv_ addcmul_ bernoulli_ ceil_ clamp_ clamp_max_ clamp_min_ clip_ copy_ div_ exp_ "
    "exponential_ fill_ fill_diagonal_ floor_ index_add_ index_copy_ index_fill_ lerp_ log_ "
    "masked_fill_ mul_ neg_ pow_ random_ relu_ round_ scatter_ scatter_add_ set_ sigmoid_ sign_ sqrt_ "
    "square_ sub_ tanh_ tril_ triu_"
)
#: What `tinygrad_gd` and a Tensor answer alike.
_BOTH = {
    **dict.fromkeys(("sub", "mul", "div", "eq", "ne", "lt", "le", "gt", "ge", "neg", "addmm", "addmv",
                     "baddbmm", "addcmul", "addcdiv", "lerp"), _OPERATOR),
    **dict.fromkeys(("mm", "bmm", "mv"), "use a @ b"), "chunk": _CHUNK, "clone": "use .copy()",
    "clamp_min": "use np.maximum(t, low)", "clamp_max": "use np.minimum(t, high)",
    "masked_fill": "use np.where(mask, value, t)", "masked_select": "use t[mask]",
    "gather": "use np.take_along_axis(t, index, axis)",
    "take_along_dim": "use np.take_along_axis(t, index, axis)",
    "index_select": "use np.take(t, index, axis)",
    "narrow": "use t[start:start + length], after a colon for each axis in front",
    **dict.fromkeys(("scatter", "index_add", "index_put", "index_copy", "index_fill"),
                    "use t.at[index].add(value) or t.at[index].set(value)"),
    "repeat_interleave": "use np.repeat(t, n, axis)", "unbind": "use list(t)",
    "tensor_split": "use np.array_split(t, sections, axis)",
    "split_with_sizes": "use np.split(t, np.cumsum(sizes)[:-1], axis)",
    "movedim": "use np.moveaxis(t, source, destination)", "swapdims": "use np.swapaxes(t, i, j)",
    "topk": "use np.flip(np.sort(t), -1)[..., :k], for the positions np.argsort(-t)[..., :k]",
    "kthvalue": "use np.sort(t)[..., k - 1]", "aminmax": "use t.min() and t.max()",
    "rsqrt": "use 1 / np.sqrt(t)", "frac": "use t - np.trunc(t)", "sgn": "use np.sign(t)",
    "lgamma": "use tg.gammaln(t)", "logit": "use tg.nn.functional.logit(t)",
    "ger": "use np.outer(a, b)", "inverse": "use np.linalg.inv(t)", "pinverse": "use np.linalg.pinv(t)",
    "logdet": "use np.linalg.slogdet(t)[1]", "dist": "use np.linalg.norm(t - other)",
    "diag_embed": "use t[..., None] * np.eye(t.shape[-1])",
    "histc": "use np.histogram(t, bins, (low, high))", "unflatten": "use .reshape(shape)",
    "multinomial": "use tg.generator().choice(n, size, p=p)",
    "is_floating_point": "use t.dtype.kind == 'f'", "is_complex": "leave it out: numbers are real",
    "numel": "use .size",
}

#: Owner -> a name that it does not have -> how what it is for is written here. Options are those of
#: functions, ``f()``, of all classes or of anything that can be called.
CURES: dict[str, dict[str, str]] = {
    "tinygrad_gd": {
        **_BOTH, "as_tensor": "use tg.Tensor(array)", "from_numpy": "use tg.Tensor(array)",
        "randn": "use tg.normal(size=shape)", "rand": "use tg.uniform(size=shape)",
        "randn_like": "use tg.normal(size=t.shape, dtype=t.dtype)",
        "rand_like": "use tg.uniform(size=t.shape, dtype=t.dtype)",
        "distributions": "use tg.normal and tg.uniform, through which gradients go, or tg.bernoulli",
        "randint": "use tg.generator().integers(low, high, shape)",
        "randperm": "use tg.generator().permutation(n)",
        "cat": "use tg.concatenate(tensors, axis=0)", "clamp": "use tg.clip(t, low, high)",
        "unsqueeze": "use np.expand_dims(t, axis)",
        "permute": "use np.transpose(t, axes)",
        "flatten": "use tg.ravel(t), or t.reshape(len(t), -1) to keep the first axis",
        "float": "use np.float32", "int": "use np.int32", "long": "use np.int64", "device": _PLACE,
        "cuda": _PLACE, "is_tensor": "use isinstance(x, tg.Tensor)",
        "set_grad_enabled": "use tg.no_grad() or tg.enable_grad()",
        "inference_mode": "use tg.no_grad()", "autograd": "use tg.grad, tg.vjp and tg.custom_vjp",
        "func": "use tg.grad, tg.vjp, tg.jvp and tg.hessian",
        **dict.fromkeys(("FloatTensor", "DoubleTensor", "LongTensor", "IntTensor", "BoolTensor",
                         "scalar_tensor"), "use tg.Tensor(array)"),
        "Size": "leave it out: a shape is a plain tuple", "range": "use np.arange",
        "vmap": "write the function for a batch: NumPy broadcasts", "trapz": "use tg.trapezoid(t)",
        "broadcast_tensors": "use np.broadcast_arrays(a, b)",
        "bucketize": "use np.searchsorted(edges, t)",
        "cdist": "use np.linalg.norm(a[:, None] - b, axis=-1)",
        "std_mean": "use t.std() and t.mean()", "var_mean": "use t.var() and t.mean()",
        "Generator": "use tg.manual_seed(seed), of the one generator there is",
        "initial_seed": "keep the seed that you give to tg.manual_seed",
        **dict.fromkeys(("get_rng_state", "set_rng_state"), "use tg.generator().bit_generator.state"),
        **dict.fromkeys(("accelerator", "cpu", "mps", "xpu", "set_default_device",
                         "get_default_device"), _PLACE),
        **dict.fromkeys(("amp", "autocast", "GradScaler", "backends", "set_float32_matmul_precision"),
                        "leave it out: dtypes are what you choose, on the one processor"),
        "use_deterministic_algorithms": "leave it out: the same seed gives the same bits",
        "jit": "use tg.compile(step)", "set_num_threads": "set OMP_NUM_THREADS before Python starts",
        "utils": "use tg.DataLoader for utils.data, tg.checkpoint for utils.checkpoint",
        "set_default_tensor_type": "use tg.set_default_dtype(np.float32)",
    },
    "Tensor": {
        **_BOTH, "add": _OPERATOR, "select": "use np.take(t, index, axis)",
        "view": "use .reshape(shape)", "view_as": "use .reshape(other.shape)", "dim": "use .ndim",
        "ndimension": "use .ndim", "nelement": "use .size", "element_size": "use .dtype.itemsize",
        "permute": "use .transpose(axes)", "t": "use .T", "H": "use .T", "mH": "use .mT",
        "adjoint": "use .mT",
        "unsqueeze": "use t[:, None] or np.expand_dims(t, axis)",
        "expand": "use np.broadcast_to(t, shape)",
        "expand_as": "use np.broadcast_to(t, other.shape)", "reshape_as": "use .reshape(other.shape)",
        "unfold": "use tg.sliding_window_view(t, length, axis)", "index": "use t[index]",
        "norm": "use np.linalg.norm(t), along an axis np.linalg.norm(t, p, axis, keepdims=True), of "
                "all elements in other orders np.linalg.norm(t.reshape(-1), p)",
        "cat": "use tg.concatenate", "pow": "use t ** y",
        **dict.fromkeys(("contiguous", "is_contiguous", "to_dense"),
                        "arrays need no such call: leave it out"),
        "stride": "use t.numpy().strides",
        "grad_fn": "t.op says what made it, t.draw() shows the whole graph",
        **dict.fromkeys(("cuda", "cpu", "xpu", "device", "is_cuda", "is_cpu", "get_device",
                         "pin_memory", "share_memory_"), _PLACE),
        "type_as": "use .astype(other.dtype)", "to": f"{_CAST}; {_PLACE}",
        **dict.fromkeys(("type", "float", "double", "half", "bfloat16", "int", "long", "short", "byte",
                         "bool"), _CAST),
        "fill": _UPDATE, **dict.fromkeys(_IN_PLACE.split(), _UPDATE),
        "normal_": "use tg.nn.init.normal_(t)", "uniform_": "use tg.nn.init.uniform_(t)",
        "register_post_accumulate_grad_hook": "use .register_hook(function)",
        "retains_grad": "look at the gradient behind the backward pass", "is_nonzero": "use bool(t)",
        "zero_": f"for gradients use .zero_grad() of the tensor itself, for values {_UPDATE}",
        "detach_": "use .detach()", "clamp": "use .clip(low, high)", "flat": "use .reshape(-1)",
        "where": "use np.where(condition, t, other)",
        "equal": "use np.array_equal(t, other)",
        "scatter_add": "use tg.scatter_add(t, index, values, axis)",
        "new_full": "use np.full(shape, value, t.dtype)", "new_empty": "use np.empty(shape, t.dtype)",
        "new_tensor": "use tg.Tensor(array)",
        "new_zeros": "use np.zeros(shape, t.dtype)", "new_ones": "use np.ones(shape, t.dtype)",
    },
    "LentArray": {
        **dict.fromkeys((*_IN_PLACE.split(), "zero_"), _WRITTEN),
        "normal_": "use tg.nn.init.normal_(t) of the Tensor t",
        "uniform_": "use tg.nn.init.uniform_(t) of the Tensor t", "clone": "use .copy()",
        "norm": "use np.linalg.norm(t)", "cpu": _PLACE,
        **dict.fromkeys(("detach", "numpy"), "leave it out: this is an array of NumPy's"),
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
                        "change the dict that state_dict gave"),
        **dict.fromkeys(("get_extra_state", "set_extra_state"),
                        "keep numbers in a buffer: self.register_buffer(name, values)"),
        "set_submodule": "set the attribute of the module that holds it, which get_submodule finds",
        "flatten_parameters": "leave it out: weights are used as they lie",
    },
    "tinygrad_gd.nn.utils": {
        **dict.fromkeys(("weight_norm", "spectral_norm", "parametrize", "parametrizations"),
                        "write a tg.nn.Module whose forward computes the weight from its parameters"),
        "rnn": "use np.pad for each sequence and np.stack; a mask says what is padding",
        "stateless": "use tg.grad over the parameters that a function is given",
        "skip_init": "make the layer: drawing first values takes little time",
    },
    "tinygrad_gd.nn.functional": {
        **dict.fromkeys(("relu_", "elu_", "celu_", "selu_", "leaky_relu_", "hardtanh_", "threshold_"),
                        "use the function without the underscore: every result is a new Tensor"),
        "upsample": "use interpolate",
        "embedding_bag": "use embedding, and of what it gives .mean(axis)",
        "multi_head_attention_forward": "use tg.nn.MultiheadAttention",
        **dict.fromkeys(("affine_grid", "grid_sample"), "use interpolate, or index with arrays"),
    },
    "tinygrad_gd.data": {
        "Dataset": "tg.DataLoader takes whatever has __len__ and __getitem__",
        **dict.fromkeys(("TensorDataset", "StackDataset", "ConcatDataset", "Subset"),
                        "give the arrays, as in tg.DataLoader(x, y)"),
        "random_split": "use tg.datasets.split",
        **dict.fromkeys(("Sampler", "RandomSampler", "SubsetRandomSampler", "WeightedRandomSampler",
                         "BatchSampler", "DistributedSampler", "SequentialSampler"),
                        "write shuffle= and batch_size= of tg.DataLoader, or index the arrays before"),
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
