"""What the primitives accept, and tensors as arrays for compiled loops."""

from __future__ import annotations

import numpy as np
import torch

from lib.errors import ShapeError

FLOATS = (torch.float32, torch.float64)
LARGEST_ID = 2**24  # ids are stored as float32


def check_shape(name: str, tensor: torch.Tensor, expected: tuple[int | str, ...]) -> None:
    """Raises ShapeError unless the sizes agree; words stand for any size, 'B|1' for any too."""
    agree = tensor.ndim == len(expected) and all(
        isinstance(wanted, str) or found == wanted for found, wanted in zip(tensor.shape, expected)
    )
    if not agree:
        comma = "," if len(expected) == 1 else ""
        raise ShapeError(name, tuple(tensor.shape), f"({', '.join(map(str, expected))}{comma})")


def check_float(name: str, tensor: torch.Tensor) -> None:
    """Raises TypeError unless the tensor is float32 or float64."""
    if tensor.dtype not in FLOATS:
        raise TypeError(f"{name} is {tensor.dtype}, expected float32 or float64: convert it first.")


def check_same(name: str, tensor: torch.Tensor, other_name: str, other: torch.Tensor) -> None:
    """Raises TypeError unless both have one type and one device."""
    if tensor.dtype != other.dtype or tensor.device != other.device:
        raise TypeError(
            f"{name} is {tensor.dtype} on {tensor.device}, {other_name} is {other.dtype} on "
            f"{other.device}; expected the same of both."
        )


def check_triangles(triangles: torch.Tensor, n_vertices: int) -> None:
    """Raises unless `triangles` is (T, 3), integer, and indexes vertices."""
    check_shape("triangles", triangles, ("T", 3))
    if triangles.is_floating_point():
        raise TypeError(f"triangles is {triangles.dtype}, expected integers: vertex indices.")
    if len(triangles) >= LARGEST_ID:
        raise ValueError(
            f"triangles has {len(triangles)} rows, expected fewer than {LARGEST_ID}: ids are kept "
            "as float32. Draw the mesh in parts."
        )
    if triangles.numel():
        # Not by torch on the CPU: its threads wait for each other by spinning, which takes longer
        # than all of the drawing when another process has one of their cores.
        values = triangles.numpy() if triangles.device.type == "cpu" else triangles
        low, high = values.min(), values.max()
        if int(low) < 0 or int(high) >= n_vertices:
            raise IndexError(
                f"triangles has values {int(low)}..{int(high)}, expected indices into "
                f"{n_vertices} vertices."
            )


def to_array(tensor: torch.Tensor) -> np.ndarray:
    """The values of a CPU tensor as a contiguous array, shared where possible."""
    return tensor.detach().contiguous().numpy()


def index_array(triangles: torch.Tensor) -> np.ndarray:
    """(T, 3) uint32: unsigned indices spare compiled loops the test for negative ones."""
    return np.ascontiguousarray(triangles.numpy(), np.int32).view(np.uint32)


def new_tensor(shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    """An uninitialised CPU tensor in memory of numpy, which asks for huge pages."""
    return torch.from_numpy(np.empty(shape, array_type(like)))


def array_type(tensor: torch.Tensor) -> type[np.floating]:
    """The numpy type of a float tensor."""
    return np.float32 if tensor.dtype == torch.float32 else np.float64
