"""Names of PyTorch that scripts use: each is there, or its error says how it is written here."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import tinygrad_gd as tg

#: What a script asks, and the names that tutorials, examples and papers' code ask for.
ASKED: dict[str, tuple[Any, str]] = {
    "init": (tg.nn.init, "uniform_ normal_ trunc_normal_ constant_ ones_ zeros_ eye_ dirac_ xavier_uniform_ xavier_normal_ "
                         "kaiming_uniform_ kaiming_normal_ orthogonal_ sparse_ calculate_gain xavier_uniform kaiming_normal"),
    "utils": (tg.nn.utils, "clip_grad_norm_ clip_grad_value_ clip_grad_norm get_total_norm clip_grads_with_norm_ "
                           "parameters_to_vector vector_to_parameters weight_norm spectral_norm parametrizations rnn skip_init"),
    "schedulers": (tg.optim.lr_scheduler, "LambdaLR MultiplicativeLR StepLR _LRScheduler"),
    "functional": (tg.nn.functional, "relu_ leaky_relu_ upsample grid_sample affine_grid embedding_bag"),
    "data": (tg.data, "Dataset TensorDataset Subset ConcatDataset random_split DataLoader RandomSampler WeightedRandomSampler"),
    "module": (tg.nn.Module(), "add_module register_module register_parameter register_buffer get_submodule get_parameter "
                               "get_buffer named_children requires_grad_ zero_grad to cuda cpu half double float bfloat16 "
                               "register_forward_hook register_forward_pre_hook register_full_backward_hook "
                               "register_load_state_dict_pre_hook get_extra_state set_submodule apply flatten_parameters"),
    "optimizer": (tg.optim.SGD([tg.Tensor(1.0, requires_grad=True)], lr=0.1),
                  "register_step_pre_hook register_step_post_hook add_param_group state_dict load_state_dict"),
    "tensor": (tg.Tensor([1.0, 2.0]),
               "abs_ acos add addmm amax amin argmax atan2 bfloat16 bmm chunk clamp clamp_min clone contiguous cpu cumsum "
               "data detach dist double eq exp_ expand_as fill_ flatten float gather index_add_ index_select inverse "
               "is_contiguous is_cuda is_floating_point item lerp lgamma log_ log_softmax logdet long lt masked_fill_ "
               "masked_select mm movedim mul_ multinomial mv narrow ndimension neg new_full normal_ numel pin_memory pow_ "
               "repeat_interleave requires_grad_ reshape_as rsqrt scatter scatter_ sigmoid_ softmax square stride sub_ "
               "swapdims take_along_dim tanh_ tensor_split topk true_divide type_as uniform_ unflatten unfold view zero_"),
    "data of a tensor": (tg.Tensor([1.0, 2.0]).data,
                         "add_ clamp_ clone copy_ cpu detach fill_ mul_ norm normal_ numpy sub_ uniform_ zero_"),
    "torch": (tg, "FloatTensor Generator accelerator Linear LongTensor SGD Size addmm allclose amp autocast backends bmm bucketize "
                  "broadcast_tensors cat cdist clone cosine_similarity cpu div e eq gather ge get_rng_state "
                  "index_select initial_seed inverse is_floating_point jit layer_norm lerp logdet lt masked_fill mul "
                  "multinomial neg numel pi repeat_interleave rsqrt scatter set_num_threads std_mean topk "
                  "unbind use_deterministic_algorithms vmap pairwise_distance binary_cross_entropy_with_logits"),
}
NAMES = [(where, name) for where, (_, names) in ASKED.items() for name in names.split()]


@pytest.mark.parametrize(("where", "name"), NAMES, ids=lambda x: x)
def test_a_name_is_there_or_told_with_its_cure(where: str, name: str) -> None:
    try:
        getattr(ASKED[where][0], name)
    except AttributeError as error:
        said, _, cure = str(error).partition("; ")
        assert f"has no attribute {name!r}" in said and len(cure) > 5, error


def test_methods_are_told_also_before_all_is_loaded() -> None:
    code = ("import tinygrad_gd as tg\nfor name in ('acos', 'amax', 'true_divide', 'erf', 'concat'):\n"
            "    try: getattr(tg.Tensor(1.0), name)\n    except AttributeError as error: print(error)")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.count("; use tg.") == 5 and "; use tg.acos(t)" in said


def test_what_nobody_has_is_plainly_absent() -> None:
    for thing in (tg.nn.init, tg.nn.utils, tg.data, tg, tg.Tensor(1.0), tg.nn.Module()):
        with pytest.raises(AttributeError, match=r"has no attribute 'wobble'$"):
            thing.wobble  # noqa: B018
    for module in (tg.nn.init, tg.nn.utils, tg.data, tg.optim.lr_scheduler):
        assert not hasattr(module, "__wrapped__")
