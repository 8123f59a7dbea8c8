"""Perspective projection in parameters that images determine, and its derivatives.

A pinhole at focal length f sees the model origin at depth Z0 = f / s, where s is the scale in px
per mm there. With Xc the rotated point, o the image of the origin and c the principal point,

    x = c + rho (s Xc_xy + o - c),    rho = 1 / (1 + s Xc_z / f),

so that o and s are fixed by the image and only log f carries the perspective.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

N_CAMERA = 7  # rotation 3, origin 2, log scale, log focal length


@dataclass(frozen=True)
class Cameras:
    """One camera per view.

    Args:
        rotation: (n, 3, 3) model to camera.
        origin_px: (n, 2) image of the model origin.
        log_scale: (n,) log of px per mm at the origin's depth.
        log_focal: (n,) log of the focal length in px.
        centre_px: (n, 2) principal point.
    """

    rotation: torch.Tensor
    origin_px: torch.Tensor
    log_scale: torch.Tensor
    log_focal: torch.Tensor
    centre_px: torch.Tensor

    def world_to_camera(self) -> torch.Tensor:
        """(n, 3, 4) rigid transforms [R|t], t in mm."""
        focal, depth = self.log_focal.exp(), (self.log_focal - self.log_scale).exp()
        lateral = (self.origin_px - self.centre_px) * (depth / focal)[:, None]
        translation = torch.cat([lateral, depth[:, None]], 1)
        return torch.cat([self.rotation, translation[:, :, None]], 2)

    def moved(self, step: torch.Tensor) -> Cameras:
        """The cameras after a step (n, 7): rotation vector, origin, log scale, log focal."""
        return replace(
            self,
            rotation=torch.matrix_exp(skew(step[:, :3])) @ self.rotation,
            origin_px=self.origin_px + step[:, 3:5],
            log_scale=self.log_scale + step[:, 5].clamp(-0.5, 0.5),
            log_focal=self.log_focal + step[:, 6].clamp(-0.5, 0.5),
        )


def turned(cameras: Cameras) -> torch.Tensor:
    """(n,) sine of the angle between the face's axis and the camera's: 0 frontal, 1 profile."""
    facing = cameras.rotation[:, 2, 2]
    return (1 - facing**2).clamp_min(0).sqrt()


def skew(vector: torch.Tensor) -> torch.Tensor:
    """(..., 3, 3) cross-product matrices of (..., 3) vectors."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    rows = [zero, -z, y, z, zero, -x, -y, x, zero]
    return torch.stack(rows, -1).reshape(*vector.shape[:-1], 3, 3)


def project_with_derivatives(
    cameras: Cameras, points: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Image points and how they move with the camera and with the model point.

    Args:
        cameras: n cameras.
        points: (n, p, 3) mm in the model frame.

    Returns:
        (n, p, 2) px; (n, p, 2, 7) per camera parameter; (n, p, 2, 3) per mm of the model point.
    """
    rotated = points @ cameras.rotation.transpose(1, 2)
    scale = cameras.log_scale.exp()[:, None, None]
    focal = cameras.log_focal.exp()[:, None, None]
    offset = (cameras.origin_px - cameras.centre_px)[:, None]
    planar = scale * rotated[..., :2] + offset  # a
    slope = scale * rotated[..., 2:] / focal
    rho = 1.0 / (1.0 + slope).clamp_min(0.05)  # never behind the camera
    image = cameras.centre_px[:, None] + rho * planar

    per_depth = -planar * rho**2 * scale / focal
    zero = torch.zeros_like(rho)
    flat = rho * scale
    by_rotated = torch.stack(
        [
            torch.cat([flat, zero, per_depth[..., :1]], -1),
            torch.cat([zero, flat, per_depth[..., 1:]], -1),
        ],
        -2,
    )
    by_rotation = by_rotated @ skew(-rotated)
    by_origin = torch.stack([torch.cat([rho, zero], -1), torch.cat([zero, rho], -1)], -2)
    by_scale = flat * rotated[..., :2] - planar * rho**2 * slope
    by_focal = planar * rho**2 * slope
    by_camera = torch.cat([by_rotation, by_origin, by_scale[..., None], by_focal[..., None]], -1)
    return image, by_camera, by_rotated @ cameras.rotation[:, None]
