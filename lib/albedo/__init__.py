"""What skin is made of, apart from the light that fell on it."""

from lib.albedo.batch import recover_batch
from lib.albedo.options import AlbedoOptions
from lib.albedo.photo import Source
from lib.albedo.recover import AlbedoTools, recover_albedo

__all__ = ["AlbedoOptions", "AlbedoTools", "Source", "recover_albedo", "recover_batch"]
