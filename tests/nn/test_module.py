"""Modules: parameters, buffers, state and containers."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import ONE, Table, refused, w


def mlp() -> tg.nn.Sequential:
    tg.manual_seed(0)
    return tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 2))


def test_parameters_have_paths_and_travel_as_state() -> None:
    net = mlp()
    assert [n for n, _ in net.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    other = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 2))
    x = tg.Tensor(np.ones((5, 3)))
    assert not np.array_equal(net(x), other(x))
    other.load_state_dict(net.state_dict())
    assert np.array_equal(net(x), other(x))
    assert repr(net).count("Linear") == 2 and len(net) == 3


class Net(tg.nn.Module):
    """Modules in a list, as PyTorch users keep them in a ModuleList."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [tg.nn.Linear(3, 3), tg.nn.Linear(3, 3)]
        self.scale = tg.nn.Parameter(1.0)
        self.offset = None

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.scale * x


def test_apply_goes_in_order_to_each_module_after_those_inside() -> None:
    shared, seen = tg.nn.Tanh(), []
    net = tg.nn.Sequential(tg.nn.Linear(2, 2), tg.nn.Sequential(tg.nn.ReLU(), shared), shared)
    net.apply(lambda module: seen.append(module))
    assert seen == [net[0], net[1][0], shared, net[1], net]


def test_a_module_that_is_there_twice_is_one_child() -> None:
    layer = tg.nn.Linear(2, 2)
    net = tg.nn.Sequential(layer, tg.nn.Tanh(), layer)
    assert [name for name, _ in net.named_children()] == ["0", "1"] and list(net.children()) == [layer, net[1]]
    assert repr(net).count("Linear") == 2 and list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]


@pytest.mark.parametrize("value", [3.0, np.ones(()), tg.Tensor(3.0), [tg.nn.Parameter(3.0)]], ids=repr)
def test_a_parameter_is_not_replaced_by_what_no_optimizer_sees(value: object) -> None:
    net = Net()
    with pytest.raises(TypeError, match=r"Net\.scale is a Parameter.*module\.scale\.assign\(value\)"):
        net.scale = value
    net.scale, net.offset = None, 3.0
    net.scale = tg.nn.Parameter(2.0)
    assert "scale" in dict(net.named_parameters())


def test_tensors_that_no_optimizer_would_see_are_refused_in_lists_too() -> None:
    net, w = Net(), tg.Tensor(1.0, requires_grad=True, name="w")
    for value, path in ((w, "extra"), ([w], r"extra\.0"), ({"a": [w]}, r"extra\.a\.0")):
        with pytest.raises(TypeError, match=rf"Net\.{path}: 'w'.*tg\.nn\.Parameter"):
            net.extra = value
    net.extra = [w.detach(), w * 2]


def test_sequential_is_a_container() -> None:
    net = mlp()
    assert [type(m).__name__ for m in net] == ["Linear", "Tanh", "Linear"] and net[-1] is net[2]
    assert type(net[:2]) is tg.nn.Sequential and len(net[:2]) == 2
    assert net.append(tg.nn.ReLU()) is net and len(net) == 4 and net(np.ones((1, 3))).shape == (1, 2)
    for wrong in (4, "0"):
        with pytest.raises(IndexError, match=rf"index {wrong!r} is not one of its 4 modules"):
            net[wrong]
    with pytest.raises(ValueError, match=r"got list at 0; write Sequential\(\*layers\)"):
        tg.nn.Sequential([tg.nn.ReLU()])


def test_a_part_of_a_state_is_loaded_on_request() -> None:
    net = Net()
    state = {"scale": np.array(5.0), "head": np.ones(3)}
    with pytest.raises(ValueError, match=r"missing 'layers\.0\.weight'.*unexpected 'head'.*strict=False"):
        net.load_state_dict(state)
    assert net.scale.item() == 1.0
    net.load_state_dict(state, strict=False)
    assert net.scale.item() == 5.0


@pytest.mark.parametrize(("name", "text"), [
    ("register_load_state_dict_pre_hook", "before load_state_dict gets it"), ("set_submodule", "get_submodule"),
    ("register_full_backward_pre_hook", r"tensor\.register_hook"), ("flatten_parameters", "leave it out"),
    ("cuda", "CPU's memory"), ("double", r"tg\.set_default_dtype"), ("weight", "$"),
])
def test_modules_name_what_is_written_here(name: str, text: str) -> None:
    with pytest.raises(AttributeError, match=f"^'Net' object has no attribute '{name}'.*{text}"):
        getattr(Net(), name)


def test_an_error_inside_a_property_is_shown() -> None:
    class Half(tg.nn.Module):
        @property
        def half(self):
            return self.misspelt / 2

    with pytest.raises(AttributeError, match="'Half' object has no attribute 'misspelt'"):
        Half().half  # noqa: B018


def test_gradients_are_forgotten_as_in_pytorch() -> None:
    net = mlp()
    net(np.ones((1, 3))).sum().backward()
    with pytest.raises(ValueError, match="leave set_to_none out"):
        net.zero_grad(set_to_none=False)
    net.zero_grad(set_to_none=True)
    assert all(p.grad is None for p in net.parameters())


def test_a_parameter_is_known_as_one_and_so_is_one_of_a_derived_class() -> None:
    class Scale(tg.nn.Parameter):
        def __init__(self, value: float, **options: Any) -> None:
            super().__init__(2 * value)

    plain, derived = tg.nn.Parameter(3), Scale(3.0)
    assert isinstance(plain, tg.nn.Parameter) and isinstance(plain, tg.Tensor)
    assert isinstance(derived, Scale) and isinstance(derived, tg.nn.Parameter) and derived.item() == 6
    assert not isinstance(plain, Scale) and not isinstance(plain * 1, tg.nn.Parameter)
    assert not isinstance(tg.Tensor(3.0, requires_grad=True), tg.nn.Parameter)
    assert not isinstance(3.0, tg.nn.Parameter)
    again = pickle.loads(pickle.dumps(plain))
    assert isinstance(again, tg.nn.Parameter) and again.requires_grad and repr(again) == repr(plain)


def test_sequential_runs_a_module_by_the_call_of_its_class() -> None:
    class Doubling(tg.nn.Linear):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return 2 * super().__call__(*args, **kwargs)

    inner = Doubling(3, 2)
    x = tg.Tensor(np.ones((4, 3)))
    assert np.array_equal(tg.nn.Sequential(inner, tg.nn.ReLU())(x), np.maximum(2 * inner.forward(x), 0))


def test_the_signature_of_a_parameter_is_that_of_its_init() -> None:
    class Bounded(tg.nn.Parameter):
        def __init__(self, data: Any, floor: float = 0.0) -> None:
            super().__init__(np.maximum(data, floor))

    assert list(inspect.signature(tg.nn.Parameter).parameters) == ["data", "requires_grad", "name", "dtype"]
    assert list(inspect.signature(Bounded).parameters) == ["data", "floor"]


class Flagged(tg.nn.Module):
    def __init__(self) -> None:
        self.register_buffer("flag", tg.Tensor(True))
        self.weight = tg.nn.Parameter(1.0)


def layer() -> Any:
    return tg.nn.Linear(1, 1)


def sgd(**options: Any) -> Any:
    return tg.optim.SGD([w()], **{"lr": 0.1, **options})


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    module, optimizer = layer(), sgd(momentum=0.9)
    before = module.state_dict()
    with pytest.raises(TypeError):
        module.load_state_dict({"weight": [[7.0]], "bias": ["a"]})
    assert all(np.array_equal(module.state_dict()[k], v) for k, v in before.items())
    with pytest.raises(ValueError, match="from 0 to 0"):
        optimizer.load_state_dict({"param_groups": [{"params": [0], "lr": 5.0}], "state": {7: {}}})
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_booleans_are_loaded_into_flags_and_weights() -> None:
    module = Flagged()
    module.load_state_dict({"flag": np.False_, "weight": True})
    assert (module.flag.item(), module.weight.item()) == (False, 1.0)  # type: ignore[attr-defined]
    with tg.default_dtype(np.float32):
        module.load_state_dict({"flag": False, "weight": 1 / 3})
    assert module.weight.item() == 1 / 3
    assert tg.Tensor([True, False]).assign([False, True]).tolist() == [False, True]
    optimizer = sgd(nesterov=np.True_, momentum=np.float32(0.5))
    assert optimizer.param_groups[0]["nesterov"] is True
    optimizer.load_state_dict({"param_groups": [{"params": [0]}], "state": {0: {"velocity": ONE}}})
    assert isinstance(next(iter(optimizer.state.values()))["velocity"], tg.Tensor)


def test_a_child_may_know_its_parent() -> None:
    parent: Any = tg.nn.Sequential(layer())
    parent[0].parent = parent
    assert list(parent.state_dict()) == ["0.weight", "0.bias"] and "..." in repr(parent)
    parent.load_state_dict(parent.state_dict())
    shared: Any = tg.nn.Sequential(parent[0], parent[0])
    assert list(shared.state_dict())[::2] == ["0.weight", "1.weight"]


def test_a_buffer_may_go() -> None:
    module: Any = Flagged()
    del module.flag
    assert not list(module.named_buffers()) and list(module.state_dict()) == ["weight"]


def module(**attributes: Any) -> Any:
    made = tg.nn.Module()
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def weight(value: Any = 1.0) -> Any:
    return tg.nn.Parameter(value)


#: Attributes of a module, and what is said of them; the cures are loaded into it in turn.
COLLIDING: dict[str, tuple[dict[str, Any], str]] = {
    "keys that spell the same": ({"a": {0: weight(), "0": weight()}}, r"a\[0\] and a\['0'\] would both be called 'a\.0'"),
    "keys of modules": ({"a": {1: layer(), "1": layer()}}, r"a\[1\] and a\['1'\].*different keys"),
    "a parameter and a module": ({"a": {None: weight(), "None": layer()}}, r"a\[None\] and a\['None'\]"),
    "keys inside": ({"a": [{"b": ({2: weight(), "2": weight()},)}]}, r"a\.0\.b\.0\[2\] and a\.0\.b\.0\['2'\] .*'a\.0\.b\.0\.2'"),
    "an attribute with a dot": ({"a": layer(), "a.weight": weight()}, r"the attribute 'a\.weight' of Module: names .*write 'a_weight'"),
    "a module with a dot": ({"a.b": layer()}, r"'a\.b' of Module.*write 'a_b'"),
    "a list with a dot": ({"a.b": [layer()]}, r"'a\.b' of Module.*write 'a_b'"),
    "a key with a dot": ({"a": {"b.c": weight(), "b": {"c": weight()}}}, r"a\['b\.c'\]: names .*write 'b_c'"),
    "a number with a dot": ({"a": {0.5: weight()}}, r"a\[0\.5\]: names .*write '0_5'"),
    "no name": ({"": layer(), "weight": weight()}, "the attribute '' of Module.*not empty.*write 'first'"),
    "no key": ({"a": {"": weight()}}, r"a\[''\]: names.*not empty"),
}


@pytest.mark.parametrize("case", COLLIDING)
def test_two_things_never_have_one_path(case: str) -> None:
    attributes, text = COLLIDING[case]
    with pytest.raises(tg.OptionError, match=text):
        module(**attributes)
    for walk in (lambda m: m.state_dict(), lambda m: list(m.named_parameters()), lambda m: list(m.named_modules()),
                 lambda m: m.load_state_dict({}, strict=False), lambda m: list(m.children())):
        later = module()
        vars(later).update(attributes)  # as a dict may be filled after it was set
        with pytest.raises(tg.OptionError, match=text):
            walk(later)


def test_what_has_no_path_may_be_called_anything() -> None:
    made = module(**{"a.b": 3.0, "": "c"}, table={"x.y": 1, 0: tg.Tensor(1.0), "0": tg.Tensor(2.0)}, last=weight())
    assert list(made.state_dict()) == ["last"]
    made = module(mixed={0: weight(), "1": weight(), "a b": weight(), (1, 2): weight()})
    assert list(made.state_dict()) == ["mixed.0", "mixed.1", "mixed.a b", "mixed.(1, 2)"]


def test_a_tensor_in_a_container_is_no_buffer_though_it_is_called_as_one() -> None:
    made = Flagged()
    made.other = {"flag": tg.Tensor(2.0)}
    made.inner = Flagged()
    assert list(made.state_dict()) == ["flag", "weight", "inner.flag", "inner.weight"]
    assert [name for name, _ in made.named_buffers()] == ["flag", "inner.flag"]


@pytest.mark.parametrize("held", [layer(), [layer()], {"a": weight()}])
def test_a_buffer_does_not_take_the_place_of_a_module(held: Any) -> None:
    made = module(part=held)
    with pytest.raises(tg.OptionError, match="'part' of Module holds a module or parameter, which would be lost"):
        made.register_buffer("part", 1.0)
    assert made.part is held


def test_a_state_is_not_pickled_by_numpy_in_passing(tmp_path: Path) -> None:
    made = layer()
    for save in (lambda: np.savez(tmp_path / "a.npz", made.state_dict()), lambda: np.save(tmp_path / "a.npy", made.state_dict()),
                 lambda: np.savez(tmp_path / "a.npz", model=made.state_dict())):
        with pytest.raises(tg.DTypeError, match=r"write np\.savez\(path, \*\*model\.state_dict\(\)\), with two stars"):
            save()
    np.savez(tmp_path / "a.npz", **made.state_dict())
    other = layer()
    other.load_state_dict(np.load(tmp_path / "a.npz"))
    assert other.weight.item() == made.weight.item()
    assert type(pickle.loads(pickle.dumps(made.state_dict()))) is dict


def test_two_values_are_not_loaded_into_one_tensor() -> None:
    shared = layer()
    tied, untied = tg.nn.Sequential(shared, shared), tg.nn.Sequential(layer(), layer())
    before, state = tied.state_dict(), untied.state_dict()
    with pytest.raises(tg.OptionError, match=r"'0\.weight' and '1\.weight' are one tensor in Sequential, but two values"):
        tied.load_state_dict(state)
    assert all(np.array_equal(tied.state_dict()[k], v) for k, v in before.items())
    tied.load_state_dict({k: v for k, v in state.items() if k[0] == "0"}, strict=False)
    assert tied[1].weight.item() == untied[0].weight.item()  # type: ignore[attr-defined]
    tied.load_state_dict({k: np.full_like(v, np.nan) for k, v in state.items()})
    assert np.isnan(tied.state_dict()["1.bias"]).all()


def test_attributes_may_be_set_while_the_tree_is_walked() -> None:
    made = module(a=weight(), b={"c": weight()})
    for name, _ in made.named_parameters():
        setattr(made, f"seen_{name[0]}", True)
        made.b[f"more_{name[0]}"] = 1
    assert made.seen_a and made.seen_b and list(made.state_dict()) == ["a", "b.c"]


def test_hooks_run_around_forward_and_can_be_removed() -> None:
    net, seen = tg.nn.Sequential(layer(), tg.nn.ReLU()), []
    with tg.no_grad():
        net[0].weight.assign([[2.0]])
        net[0].bias.assign([1.0])
    handles = [
        net[0].register_forward_hook(lambda m, args, out: seen.append(("after", m, args, out.item()))),
        net[0].register_forward_hook(lambda m, args, out: -out),
        net[0].register_forward_pre_hook(lambda m, args: (args[0] * 10,)),
        net[0].register_forward_pre_hook(lambda m, args: seen.append(("before", m, args)), prepend=True),
    ]
    x = tg.Tensor([1.0])
    assert net(x).item() == 0.0 and [s[0] for s in seen] == ["before", "after"]
    assert seen[0][1] is seen[1][1] is net[0] and seen[0][2] == (x,) and seen[1][3] == 21.0
    for handle in (*handles, handles[0]):
        handle.remove()
    assert net(x).item() == 3.0 and len(seen) == 2
    net.register_forward_pre_hook(lambda m, args, kwargs: ((), {"x": 2 * args[0]}), with_kwargs=True)
    net.register_forward_hook(lambda m, args, kwargs, out: out + kwargs["x"], with_kwargs=True)
    assert net(x).item() == 7.0


@pytest.mark.parametrize("frozen", [False, True])
def test_compiled_steps_see_hooks_that_come_and_go(frozen: bool) -> None:
    net, x = layer(), tg.Tensor([1.0])
    step = tg.compile(lambda: net(x), frozen=frozen)
    plain = [step().item() for _ in range(3)]
    handle = net.register_forward_hook(lambda m, args, out: 2 * out)
    twice = [step().item() for _ in range(3)]
    handle.remove()
    assert twice == [2 * y for y in plain] and step().item() == plain[0] != 0


def test_buffers_that_are_not_persistent_stay_out_of_the_state() -> None:
    made = tg.nn.Module()
    made.register_buffer("mask", np.ones(2), persistent=False)
    made.register_buffer("mean", np.zeros(2))
    made.register_buffer("later", None)
    assert list(made.state_dict()) == ["mean"] and [n for n, _ in made.named_buffers()] == ["mask", "mean"]
    assert made.later is None and made.get_buffer("mask") is made.mask
    made.load_state_dict({"mean": np.ones(2)})
    made.register_buffer("mask", np.ones(2))
    made.later = tg.Tensor(1.0)
    assert list(made.state_dict()) == ["mask", "mean", "later"]


def test_parts_are_found_by_their_paths() -> None:
    net = tg.nn.Sequential({"body": Net(), "head": layer()})
    assert net.get_submodule("body.layers.1") is net.body.layers[1] and net.get_submodule("") is net
    assert net.get_parameter("head.bias") is net.head.bias
    tied: Any = tg.nn.Sequential(net.head, net.head)
    assert tied.get_parameter("1.weight") is net.head.weight and len(list(tied.parameters())) == 2


def hooked(module: Any, hook: Any) -> Any:
    module.register_forward_pre_hook(hook, with_kwargs=True)
    return module([1.0])


MISUSE: Table = {
    "a module's": (lambda: tg.nn.Linear(1, 1).requires_grad_("no"), TypeError, "expected True or False"),  # type: ignore[arg-type]
    "nothing as nan": (lambda: tg.nn.Parameter(None), TypeError, "Tensor: expected float.* dtype object from NoneType"),
    "no state": (lambda: layer().load_state_dict(None), TypeError, r"load_state_dict: expected a mapping.*NoneType; write np\.load"),
    "state from a path": (lambda: layer().load_state_dict("a.npz"), TypeError, r"load_state_dict: .*got str; write np\.load\(path\)"),
    "state of a module": (lambda: layer().load_state_dict(layer()), TypeError, r"got Linear; write other\.state_dict\(\)"),
    "state of text": (lambda: layer().load_state_dict({"weight": [["a"]], "bias": [1.0]}), TypeError, "load_state_dict: 'weight': expected float"),
    "complex state": (lambda: layer().load_state_dict({"weight": [[1.0]], "bias": [1j]}), TypeError, "load_state_dict: 'bias': .*complex128"),
    "ragged state": (lambda: layer().load_state_dict({"weight": [[1.0], [1, 2]], "bias": [1.0]}), ValueError, "load_state_dict: 'weight': .*rows"),
    "floats for a flag": (lambda: Flagged().load_state_dict({"flag": 1.5, "weight": 1.0}), TypeError, "'flag' holds bool in Flagged, but float64"),
    "strict as text": (lambda: layer().load_state_dict({}, strict="no"), TypeError, "load_state_dict: strict: expected True"),
    "train as text": (lambda: layer().train("no"), TypeError, "train: mode: expected True or False, got str 'no'"),
    "buffer 1": (lambda: layer().register_buffer(1, 2.0), ValueError, "register_buffer: the name.*got int 1"),
    "buffer with a dot": (lambda: layer().register_buffer("a.b", 2.0), ValueError, "register_buffer: the name.*'a.b'"),
    "buffer over a method": (lambda: layer().register_buffer("forward", 2.0), ValueError, "'forward' is a method of Linear"),
    "a persistent buffer as text": (lambda: layer().register_buffer("a", 2.0, persistent="no"), TypeError, "persistent: expected True or False"),
    "no such parameter": (lambda: layer().get_parameter("wieght"), ValueError, "get_parameter: Linear has no parameter 'wieght'; is 'weight' meant"),
    "no such module": (lambda: layer().get_submodule("0"), ValueError, "get_submodule: Linear has no submodule '0'; there are ''"),
    "no such buffer": (lambda: layer().get_buffer("mean"), ValueError, "get_buffer: Linear has no buffer 'mean'; there are none"),
    "a hook of nothing": (lambda: layer().register_forward_hook(None), TypeError, "register_forward_hook: expected a function of the module"),
    "a hook's order as text": (lambda: layer().register_forward_pre_hook(print, prepend="no"), TypeError, "register_forward_pre_hook: prepend: expected"),
    "what a hook returns": (lambda: hooked(layer(), lambda m, a, k: a), TypeError, "a hook of Linear with_kwargs=True returns None or"),
    "a number for a buffer": (lambda: setattr(Flagged(), "flag", 3), TypeError, r"Flagged\.flag is a buffer.*by int.*tg\.Tensor"),
    "apply nothing": (lambda: layer().apply(None), TypeError, r"apply: expected a function of a module.*module\(x\)"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
