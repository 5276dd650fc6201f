"""The ground: what stands below the first Tensor."""
