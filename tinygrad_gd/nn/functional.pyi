# Made by python -m tests.stubs from the registry; a test fails when it is not up to date.

"""The operations as functions, where PyTorch users look for them: ``functional.relu(x)``.

Each is the very function that ``tg`` has, or a loss; axes are called ``axis``, as in NumPy. Four that
NumPy's or ``tg``'s function of the name would answer differently are PyTorch's, and stand here.

>>> import tinygrad_gd as tg, tinygrad_gd.nn.functional as F
>>> F.softmax(tg.Tensor([[0.0, 0.0]]), axis=1).tolist(), F.relu is tg.relu
([[0.5, 0.5]], True)
"""

from typing import Any

from .. import abs as abs
from .. import absolute as absolute
from .. import acos as acos
from .. import acosh as acosh
from .. import adaptive_avg_pool1d as adaptive_avg_pool1d
from .. import adaptive_avg_pool2d as adaptive_avg_pool2d
from .. import adaptive_avg_pool3d as adaptive_avg_pool3d
from .. import adaptive_max_pool1d as adaptive_max_pool1d
from .. import adaptive_max_pool2d as adaptive_max_pool2d
from .. import adaptive_max_pool3d as adaptive_max_pool3d
from .. import add as add
from .. import all as all
from .. import amax as amax
from .. import amin as amin
from .. import any as any
from .. import append as append
from .. import apply_along_axis as apply_along_axis
from .. import apply_over_axes as apply_over_axes
from .. import arccos as arccos
from .. import arccosh as arccosh
from .. import arcsin as arcsin
from .. import arcsinh as arcsinh
from .. import arctan as arctan
from .. import arctan2 as arctan2
from .. import arctanh as arctanh
from .. import argmax as argmax
from .. import argmin as argmin
from .. import argpartition as argpartition
from .. import argsort as argsort
from .. import around as around
from .. import array_split as array_split
from .. import asin as asin
from .. import asinh as asinh
from .. import astype as astype
from .. import at as at
from .. import atan as atan
from .. import atan2 as atan2
from .. import atanh as atanh
from .. import atleast_1d as atleast_1d
from .. import atleast_2d as atleast_2d
from .. import atleast_3d as atleast_3d
from .. import average as average
from .. import avg_pool1d as avg_pool1d
from .. import avg_pool2d as avg_pool2d
from .. import avg_pool3d as avg_pool3d
from .. import bernoulli as bernoulli
from .. import bincount as bincount
from .. import bitwise_and as bitwise_and
from .. import bitwise_count as bitwise_count
from .. import bitwise_invert as bitwise_invert
from .. import bitwise_left_shift as bitwise_left_shift
from .. import bitwise_not as bitwise_not
from .. import bitwise_or as bitwise_or
from .. import bitwise_right_shift as bitwise_right_shift
from .. import bitwise_xor as bitwise_xor
from .. import block as block
from .. import broadcast_arrays as broadcast_arrays
from .. import broadcast_to as broadcast_to
from .. import cbrt as cbrt
from .. import ceil as ceil
from .. import celu as celu
from .. import cholesky as cholesky
from .. import choose as choose
from .. import clip as clip
from .. import column_stack as column_stack
from .. import compress as compress
from .. import concat as concat
from .. import concatenate as concatenate
from .. import cond as cond
from .. import conj as conj
from .. import conjugate as conjugate
from .. import conv1d as conv1d
from .. import conv2d as conv2d
from .. import conv3d as conv3d
from .. import conv_transpose1d as conv_transpose1d
from .. import conv_transpose2d as conv_transpose2d
from .. import conv_transpose3d as conv_transpose3d
from .. import convolve as convolve
from .. import copy as copy
from .. import copysign as copysign
from .. import corrcoef as corrcoef
from .. import correlate as correlate
from .. import cos as cos
from .. import cosh as cosh
from .. import count_nonzero as count_nonzero
from .. import cov as cov
from .. import cross as cross
from .. import cumprod as cumprod
from .. import cumsum as cumsum
from .. import cumulative_prod as cumulative_prod
from .. import cumulative_sum as cumulative_sum
from .. import deg2rad as deg2rad
from .. import degrees as degrees
from .. import delete as delete
from .. import det as det
from .. import diag as diag
from .. import diagflat as diagflat
from .. import diagonal as diagonal
from .. import diff as diff
from .. import digamma as digamma
from .. import digitize as digitize
from .. import divide as divide
from .. import divmod as divmod
from .. import dot as dot
from .. import dropout as dropout
from .. import dsplit as dsplit
from .. import dstack as dstack
from .. import ediff1d as ediff1d
from .. import eigh as eigh
from .. import eigvalsh as eigvalsh
from .. import einsum as einsum
from .. import elu as elu
from .. import equal as equal
from .. import erf as erf
from .. import erfc as erfc
from .. import exp as exp
from .. import exp2 as exp2
from .. import expand_dims as expand_dims
from .. import expm1 as expm1
from .. import extract as extract
from .. import fabs as fabs
from .. import fill_diagonal as fill_diagonal
from .. import fix as fix
from .. import flip as flip
from .. import fliplr as fliplr
from .. import flipud as flipud
from .. import float_power as float_power
from .. import floor as floor
from .. import floor_divide as floor_divide
from .. import fmax as fmax
from .. import fmin as fmin
from .. import fmod as fmod
from .. import frexp as frexp
from .. import from_dlpack as from_dlpack
from .. import gammaln as gammaln
from .. import gcd as gcd
from .. import gelu as gelu
from .. import geomspace as geomspace
from .. import glu as glu
from .. import gradient as gradient
from .. import greater as greater
from .. import greater_equal as greater_equal
from .. import hardsigmoid as hardsigmoid
from .. import hardswish as hardswish
from .. import hardtanh as hardtanh
from .. import heaviside as heaviside
from .. import histogram as histogram
from .. import hsplit as hsplit
from .. import hstack as hstack
from .. import hypot as hypot
from .. import imag as imag
from .. import inner as inner
from .. import insert as insert
from .. import interp as interp
from .. import interpolate as interpolate
from .. import inv as inv
from .. import invert as invert
from .. import isfinite as isfinite
from .. import isinf as isinf
from .. import isnan as isnan
from .. import isneginf as isneginf
from .. import isposinf as isposinf
from .. import kron as kron
from .. import lcm as lcm
from .. import ldexp as ldexp
from .. import leaky_relu as leaky_relu
from .. import left_shift as left_shift
from .. import less as less
from .. import less_equal as less_equal
from .. import linear as linear
from .. import linspace as linspace
from .. import log as log
from .. import log1p as log1p
from .. import log2 as log2
from .. import log10 as log10
from .. import log_sigmoid as log_sigmoid
from .. import logaddexp as logaddexp
from .. import logaddexp2 as logaddexp2
from .. import logical_and as logical_and
from .. import logical_not as logical_not
from .. import logical_or as logical_or
from .. import logical_xor as logical_xor
from .. import logspace as logspace
from .. import logsumexp as logsumexp
from .. import lstsq as lstsq
from .. import matmul as matmul
from .. import matrix_norm as matrix_norm
from .. import matrix_power as matrix_power
from .. import matrix_rank as matrix_rank
from .. import matrix_transpose as matrix_transpose
from .. import matvec as matvec
from .. import max_pool1d as max_pool1d
from .. import max_pool2d as max_pool2d
from .. import max_pool3d as max_pool3d
from .. import maximum as maximum
from .. import mean as mean
from .. import minimum as minimum
from .. import mish as mish
from .. import mod as mod
from .. import modf as modf
from .. import moveaxis as moveaxis
from .. import multi_dot as multi_dot
from .. import multiply as multiply
from .. import nan_to_num as nan_to_num
from .. import nanargmax as nanargmax
from .. import nanargmin as nanargmin
from .. import nancumprod as nancumprod
from .. import nancumsum as nancumsum
from .. import nanmax as nanmax
from .. import nanmean as nanmean
from .. import nanmin as nanmin
from .. import nanpercentile as nanpercentile
from .. import nanprod as nanprod
from .. import nanquantile as nanquantile
from .. import nanstd as nanstd
from .. import nansum as nansum
from .. import nanvar as nanvar
from .. import negative as negative
from .. import nextafter as nextafter
from .. import normal as normal
from .. import not_equal as not_equal
from .. import outer as outer
from .. import partition as partition
from .. import percentile as percentile
from .. import permute_dims as permute_dims
from .. import piecewise as piecewise
from .. import pinv as pinv
from .. import place as place
from .. import polygamma as polygamma
from .. import polyval as polyval
from .. import positive as positive
from .. import pow as pow
from .. import power as power
from .. import prod as prod
from .. import ptp as ptp
from .. import put as put
from .. import put_along_axis as put_along_axis
from .. import putmask as putmask
from .. import qr as qr
from .. import quantile as quantile
from .. import rad2deg as rad2deg
from .. import radians as radians
from .. import ravel as ravel
from .. import real as real
from .. import reciprocal as reciprocal
from .. import relu as relu
from .. import relu6 as relu6
from .. import remainder as remainder
from .. import repeat as repeat
from .. import resize as resize
from .. import right_shift as right_shift
from .. import rint as rint
from .. import roll as roll
from .. import rollaxis as rollaxis
from .. import rot90 as rot90
from .. import round as round
from .. import scaled_dot_product_attention as scaled_dot_product_attention
from .. import scatter_add as scatter_add
from .. import searchsorted as searchsorted
from .. import select as select
from .. import selu as selu
from .. import sigmoid as sigmoid
from .. import sign as sign
from .. import signbit as signbit
from .. import silu as silu
from .. import sin as sin
from .. import sinc as sinc
from .. import sinh as sinh
from .. import sliding_window_view as sliding_window_view
from .. import slogdet as slogdet
from .. import softplus as softplus
from .. import softsign as softsign
from .. import solve as solve
from .. import spacing as spacing
from .. import sqrt as sqrt
from .. import square as square
from .. import squeeze as squeeze
from .. import stack as stack
from .. import standard_normal as standard_normal
from .. import standard_uniform as standard_uniform
from .. import std as std
from .. import subtract as subtract
from .. import sum as sum
from .. import svd as svd
from .. import svdvals as svdvals
from .. import swapaxes as swapaxes
from .. import take as take
from .. import take_along_axis as take_along_axis
from .. import tan as tan
from .. import tanh as tanh
from .. import tensordot as tensordot
from .. import tensorinv as tensorinv
from .. import tensorsolve as tensorsolve
from .. import tile as tile
from .. import trace as trace
from .. import transpose as transpose
from .. import trapezoid as trapezoid
from .. import tril as tril
from .. import triu as triu
from .. import true_divide as true_divide
from .. import trunc as trunc
from .. import uniform as uniform
from .. import unique as unique
from .. import unique_all as unique_all
from .. import unique_counts as unique_counts
from .. import unique_inverse as unique_inverse
from .. import unique_values as unique_values
from .. import unstack as unstack
from .. import vander as vander
from .. import var as var
from .. import vdot as vdot
from .. import vecdot as vecdot
from .. import vecmat as vecmat
from .. import vector_norm as vector_norm
from .. import vsplit as vsplit
from .. import vstack as vstack
from ..engine.tensor import Tensor
from ..ops.ambiguous import meshgrid as meshgrid
from ..ops.ambiguous import norm as norm
from ..ops.ambiguous import split as split
from ..ops.ambiguous import where as where
from ..ops.reductions import max as max
from ..ops.reductions import min as min
from ..ops.shape import reshape as reshape
from ..ops.sorting import sort as sort
from ..ops.statistics import median as median
from ..ops.statistics import nanmedian as nanmedian
from .activations import gumbel_softmax as gumbel_softmax
from .activations import hardshrink as hardshrink
from .activations import softmin as softmin
from .activations import softshrink as softshrink
from .activations import tanhshrink as tanhshrink
from .activations import threshold as threshold
from .alignment import ctc_loss as ctc_loss
from .arrange import channel_shuffle as channel_shuffle
from .arrange import fold as fold
from .arrange import pixel_shuffle as pixel_shuffle
from .arrange import pixel_unshuffle as pixel_unshuffle
from .arrange import unfold as unfold
from .bilinear import bilinear as bilinear
from .classification import binary_cross_entropy as binary_cross_entropy
from .classification import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from .classification import multi_margin_loss as multi_margin_loss
from .classification import multilabel_margin_loss as multilabel_margin_loss
from .classification import multilabel_soft_margin_loss as multilabel_soft_margin_loss
from .classification import nll_loss as nll_loss
from .classification import soft_margin_loss as soft_margin_loss
from .distance import cosine_similarity as cosine_similarity
from .distance import logit as logit
from .distance import normalize as normalize
from .distance import pairwise_distance as pairwise_distance
from .dropout import alpha_dropout as alpha_dropout
from .dropout import dropout1d as dropout1d
from .dropout import dropout2d as dropout2d
from .dropout import dropout3d as dropout3d
from .dropout import feature_alpha_dropout as feature_alpha_dropout
from .embedding import embedding as embedding
from .embedding import one_hot as one_hot
from .losses import cross_entropy as cross_entropy
from .losses import mse_loss as mse_loss
from .normalization import batch_norm as batch_norm
from .normalization import group_norm as group_norm
from .normalization import instance_norm as instance_norm
from .normalization import layer_norm as layer_norm
from .normalization import rms_norm as rms_norm
from .regression import gaussian_nll_loss as gaussian_nll_loss
from .regression import huber_loss as huber_loss
from .regression import kl_div as kl_div
from .regression import l1_loss as l1_loss
from .regression import poisson_nll_loss as poisson_nll_loss
from .regression import smooth_l1_loss as smooth_l1_loss
from .similarity import cosine_embedding_loss as cosine_embedding_loss
from .similarity import hinge_embedding_loss as hinge_embedding_loss
from .similarity import margin_ranking_loss as margin_ranking_loss
from .similarity import triplet_margin_loss as triplet_margin_loss
from .similarity import triplet_margin_with_distance_loss as triplet_margin_with_distance_loss

__all__ = [
    "alpha_dropout", "batch_norm", "bilinear", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "channel_shuffle", "cosine_embedding_loss", "cosine_similarity",
    "cross_entropy", "ctc_loss", "dropout1d", "dropout2d", "dropout3d", "embedding",
    "feature_alpha_dropout", "fold", "gaussian_nll_loss", "group_norm", "gumbel_softmax", "hardshrink",
    "hinge_embedding_loss", "huber_loss", "instance_norm", "kl_div", "l1_loss", "layer_norm",
    "log_softmax", "logit", "margin_ranking_loss", "mse_loss", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss", "normalize", "one_hot", "pad",
    "pairwise_distance", "pixel_shuffle", "pixel_unshuffle", "poisson_nll_loss", "prelu", "rms_norm",
    "smooth_l1_loss", "soft_margin_loss", "softmax", "softmin", "softshrink", "tanhshrink", "threshold",
    "triplet_margin_loss", "triplet_margin_with_distance_loss", "unfold",
]

def log_softmax(x: Any, axis: Any = None) -> Tensor:
    """``tg.log_softmax``; of more than two axes, one must be given."""

def pad(input: Any, pad: Any, mode: str = 'constant', value: Any = None) -> Tensor:
    """A border: ``pad`` is (before, after) of the last axis, then of the one before it, and so on.

    ``np.pad`` is NumPy's, with a pair for each axis from the first on, or one pair for all.

    >>> import tinygrad_gd as tg, tinygrad_gd.nn.functional as F
    >>> F.pad(tg.Tensor([[1.0, 2.0]]), (1, 0), value=9.0).tolist()
    [[9.0, 1.0, 2.0]]
    """

def prelu(x: Any, weight: Any) -> Tensor:
    """``x`` where x > 0, ``weight * x`` elsewhere; one weight, or one for each channel, in axis 1.

    >>> import numpy as np, tinygrad_gd as tg, tinygrad_gd.nn.functional as F
    >>> F.prelu(tg.Tensor(-np.ones((1, 2, 1, 2))), [0.5, 2.0]).tolist()
    [[[[-0.5, -0.5]], [[-2.0, -2.0]]]]
    """

def softmax(x: Any, axis: Any = None) -> Tensor:
    """``tg.softmax``; of more than two axes, one must be given."""
