"""The fast form of a trained model for encode, decode and sample: folded weights and the backends that run them."""

from glowcore.fused.fused_flow import BACKENDS, DTYPES, FusedFlow

__all__ = ["BACKENDS", "DTYPES", "FusedFlow"]
