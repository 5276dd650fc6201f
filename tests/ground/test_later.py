"""Operations that are loaded when first asked for, each way of asking in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import tinygrad_gd as tg
from tinygrad_gd.ground.registry import NAMES
from tinygrad_gd.ops import LATER

ASKED = {
    "under tg": "tg.softmax([1.0])", "as NumPy's": "np.sort(tg.Tensor([2.0, 1.0]))", "as NumPy's, with options": "np.sort(tg.Tensor([2.0]), axis=0)",
    "as a ufunc's method": "np.add.accumulate(tg.Tensor([1.0, 2.0]))", "as a method": "tg.Tensor([1.0, 2.0]).cumsum()",
    "in nn.functional": "tg.nn.functional.softmax(tg.Tensor([1.0]), -1)", "a layer": "tg.nn.ReLU()(tg.Tensor([1.0]))",
    "tg.linalg": "tg.linalg.inv(np.eye(2))", "np.linalg": "np.linalg.inv(tg.Tensor(np.eye(2)))", "dir": "assert 'conv2d' in dir(tg)",
    "a program": "tg.compile(lambda t: np.sort(t))(tg.Tensor([1.0]))", "in_threads":
        "from concurrent.futures import ThreadPoolExecutor as P; list(P(8).map(lambda i: np.sort(tg.Tensor([2.0, i])), range(64)))",
    "a sparse matrix": "import scipy.sparse as sp; tg.matmul(sp.eye_array(2).tocsr(), tg.Tensor([1.0, 2.0]))",
    "unpickling": r"import pickle; assert pickle.loads(b'ctinygrad_gd.ground.registry\nby_name\n(Vrelu\ntR.').name == 'relu'",
    "a name that is taken": "import pytest\nwith pytest.raises(ValueError, match='registered already'): tg.primitive(lambda x: x, lambda g, out, x: g, name='softmax')",
    "what is not a method": "import pytest\nwith pytest.raises(AttributeError, match=r'use tg.softmax\\(t\\)'): tg.Tensor([1.0]).softmax(-1)",
}  # fmt: skip


@pytest.mark.parametrize("way", ASKED)
def test_it_is_there_when_asked_for(way: str) -> None:
    code = f"import numpy as np, sys, tinygrad_gd as tg\nassert 'tinygrad_gd.ops.rest' not in sys.modules\n{ASKED[way]}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_their_names_are_known_before() -> None:
    code = ("import tinygrad_gd as tg; from tinygrad_gd.ground.registry import NAMES, complete; before = set(NAMES); "
            "complete(); print(*sorted(NAMES.keys() - before))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == LATER.split()


def test_a_name_of_the_package_is_looked_up_once_and_never_stale() -> None:
    assert tg.relu is vars(tg)["relu"]

    def twice_as_much(x: Any) -> Any:
        return x * 2

    first = tg.primitive(twice_as_much)
    assert tg.twice_as_much is first
    second = tg.primitive(twice_as_much)  # as when a notebook's cell is run again
    assert tg.twice_as_much is second is tg.nn.functional.twice_as_much
    del NAMES["twice_as_much"], vars(tg)["twice_as_much"]
