"""Rows for `tinygrad_gd.ops.special`."""

from __future__ import annotations

import numpy as np

import tinygrad_gd as tg
from tinygrad_gd.ground.registry import by_name

from . import Sample, normal, positive, torch_

POSITIVE, NEGATIVE = 3 * positive(2, 3), np.array([-0.4, -1.3, -2.6])

ROWS = [
    Sample("erf", lambda x: tg.erf(x), (normal(2, 3),), torch=torch_("erf")),
    Sample("erf", lambda x: tg.erf(x), (np.array([1.0, -0.0, -2.5, 3.0]),), "wide"),
    Sample("erfc", lambda x: tg.erfc(x), (normal(2, 3),), torch=torch_("erfc")),
    Sample("erfc", lambda x: tg.erfc(x), (np.array([2.0, 3.0, 2.5]),), "tail", torch=torch_("erfc")),
    Sample("gammaln", lambda x: tg.gammaln(x), (POSITIVE,), torch=torch_("lgamma")),
    Sample("gammaln", lambda x: tg.gammaln(x), (NEGATIVE,), "negative", torch=torch_("lgamma")),
    Sample("gammaln", lambda x: tg.gammaln(x), (10 * POSITIVE,), "large", torch=torch_("lgamma")),
    Sample("digamma", lambda x: tg.digamma(x), (POSITIVE,), torch=torch_("digamma")),
    Sample("digamma", lambda x: tg.digamma(x), (NEGATIVE,), "negative", torch=torch_("digamma")),
    *(Sample("polygamma", lambda x, n=n: tg.polygamma(n, x), (POSITIVE,), f"n={n}",
             torch=lambda x, n=n: torch_("polygamma")(n, x)) for n in (0, 1, 2, 3)),
    *(Sample("polygamma", lambda x, n=n: tg.polygamma(n, x), (NEGATIVE,), f"n={n}, negative")
      for n in (1, 2)),
    Sample("sinc", np.sinc, (normal(2, 3),), torch=torch_("sinc")),
    Sample("sinc", np.sinc, (np.array([0.0, 1e-4, 1.0, -3.7]),), "at 0", torch=torch_("sinc"),
           autograd=False),
    *(Sample("sinc_derivative", lambda x, n=n: by_name("sinc_derivative")(x, n=n), (4 * normal(2, 3),),
             f"n={n}") for n in (1, 2, 3, 4)),
]
