"""Rows for `tinygrad_gd.ops.activations`."""

from __future__ import annotations

import tinygrad_gd as tg

from . import Sample, normal, torch_

ROWS = [
    Sample("relu", lambda x: tg.relu(x), (normal(2, 3),), torch=torch_("relu")),
    Sample("sigmoid", lambda x: tg.sigmoid(x), (normal(2, 3),), torch=torch_("sigmoid")),
]
