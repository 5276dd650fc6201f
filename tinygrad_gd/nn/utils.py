"""What PyTorch has in ``nn.utils``: gradients are clipped in `optim.clipping`."""

from ..optim.clipping import clip_grad_norm_, clip_grad_value_

__all__ = ["clip_grad_norm_", "clip_grad_value_"]
