"""Views whose cameras are known: the head moves as one, its expression is one, light is per view.

The optimiser thinks in cameras relative to the head, one per view. Here the views of a capture with
known cameras are gathered into one set of local unknowns by a linear map, view = T group:
`H_group = sum T' H_view T`, after each view's own light was eliminated (Schur complement). Views of
unknown cameras are a group each, and their systems pass unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from lib.fitting.camera import N_CAMERA, Cameras, skew
from lib.fitting.pack import Layout
from lib.fitting.solve import Normal

N_POSE = 6  # of the head in the world: rotation vector, translation


@dataclass(frozen=True)
class KnownCameras:
    """Which views belong together, their cameras in the world, and where the head is there.

    Args:
        group: (n,) local unknowns that each view has a share in; 0..m-1.
        first: (m,) the first view of each group.
        known: (m,) bool, the group's cameras are known.
        world_to_camera: (n, 3, 4) float64; anything where not known.
        head_to_world: (m, 3, 4) float64 rigid; anything where not known.
    """

    group: torch.Tensor
    first: torch.Tensor
    known: torch.Tensor
    world_to_camera: torch.Tensor
    head_to_world: torch.Tensor

    @property
    def share(self) -> torch.Tensor:
        """(n,) one over the number of views in each view's group."""
        return 1.0 / torch.bincount(self.group)[self.group].double()

    def head_to_camera(self) -> torch.Tensor:
        """(n, 3, 4) float64."""
        head = self.head_to_world[self.group]
        rotation, translation = self.world_to_camera[..., :3], self.world_to_camera[..., 3:]
        moved = rotation @ head
        return torch.cat([moved[..., :3], moved[..., 3:] + translation], 2)

    def applied(self, cameras: Cameras) -> Cameras:
        """The cameras with those of known views as the head's place demands."""
        pose = self.head_to_camera()
        focal = cameras.log_focal.double().exp()
        depth = pose[:, 2, 3].clamp_min(1.0)
        origin = cameras.centre_px.double() + (focal / depth)[:, None] * pose[:, :2, 3]
        known = self.known[self.group]

        def pick(new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
            return torch.where(known.reshape(-1, *[1] * (old.dim() - 1)), new.to(old.dtype), old)

        return replace(
            cameras,
            rotation=pick(pose[..., :3], cameras.rotation),
            origin_px=pick(origin, cameras.origin_px),
            log_scale=pick((focal / depth).log(), cameras.log_scale),
        )

    def moved(self, local: torch.Tensor) -> KnownCameras:
        """The heads after a step (m, n_local) of the groups' unknowns."""
        turn = torch.matrix_exp(skew(local[:, :3]))
        rotation = turn @ self.head_to_world[..., :3]
        translation = self.head_to_world[..., 3] + local[:, 3:N_POSE]
        head = torch.cat([rotation, translation[..., None]], 2)
        return replace(
            self, head_to_world=torch.where(self.known[:, None, None], head, self.head_to_world)
        )

    def chosen(self, better: torch.Tensor, other: KnownCameras) -> KnownCameras:
        """The heads of `other` where `better` (m, bool), else these."""
        head = torch.where(better[:, None, None], other.head_to_world, self.head_to_world)
        return replace(self, head_to_world=head)

    def camera_by_pose(self, cameras: Cameras) -> torch.Tensor:
        """(n, 7, 6) how each view's camera parameters move with its group's head."""
        rotation = self.world_to_camera[..., :3]
        lateral, depth = self.head_to_camera()[..., 3].split([2, 1], 1)
        focal = cameras.log_focal.double().exp()[:, None, None]
        by_depth = -lateral / depth
        eye = torch.eye(2, dtype=torch.float64, device=depth.device).expand(len(depth), 2, 2)
        by_origin = torch.cat([eye, by_depth[..., None]], 2) * focal / depth[..., None]
        result = torch.zeros(len(depth), N_CAMERA, N_POSE, dtype=torch.float64, device=depth.device)
        result[:, :3, :3] = rotation
        result[:, 3:5, 3:] = by_origin @ rotation
        result[:, 5, 3:] = -rotation[:, 2] / depth
        return result


@dataclass(frozen=True)
class Gathered:
    """The systems of all groups, and how to go back to views.

    Args:
        normal: of m groups; the light of a known group stands for nothing there.
        by_pose: (n, 7, 6) how each view's camera moves with the head.
        light: (n, 27, size) and
        light_start: (n, 27): the best step of a view's light is start - light . other steps.
    """

    normal: Normal
    by_pose: torch.Tensor
    light: torch.Tensor
    light_start: torch.Tensor

    def views(self, known: KnownCameras, step: torch.Tensor, layout: Layout) -> torch.Tensor:
        """(n, n_local) steps of the views for steps (m, size) of the groups."""
        own = step[known.group]
        is_known = known.known[known.group]
        whole = own.clone()
        camera = (self.by_pose @ own[:, layout.camera][:, :N_POSE, None])[..., 0]
        whole[:, layout.camera] = torch.where(is_known[:, None], camera, own[:, layout.camera])
        light = self.light_start - (self.light @ whole[..., None])[..., 0]
        whole[:, layout.light] = torch.where(is_known[:, None], light, own[:, layout.light])
        return whole[:, layout.n_shared :]


def gather(
    normal: Normal,
    known: KnownCameras,
    cameras: Cameras,
    layout: Layout,
    damping: torch.Tensor,
    light_held: bool,
) -> Gathered:
    """The systems of groups from those of views.

    Args:
        normal: of n views.
        known: which views belong together.
        cameras: of the views, at the same estimate.
        layout: where the unknowns stand.
        damping: (n,) Marquardt factor of each view's light.
        light_held: the light stays as it is in this step.
    """
    by_pose = known.camera_by_pose(cameras)
    n_views, n_groups = len(normal.cost), len(known.first)
    device = normal.cost.device
    hessian = normal.hessian[known.first].clone()
    gradient = normal.gradient[known.first].clone()
    cost = torch.zeros(n_groups, dtype=torch.float64, device=device)
    cost.index_add_(0, known.group, normal.cost)
    hessian[known.known], gradient[known.known] = 0.0, 0.0
    light = torch.zeros(n_views, layout.light.stop - layout.light.start, layout.size)
    light = light.double().to(device)
    start = torch.zeros_like(light[..., 0])
    for view, group in enumerate(known.group.tolist()):
        if not known.known[group]:
            continue
        rows, right = normal.hessian[view], normal.gradient[view]
        if not light_held:
            light[view], start[view] = _light(rows, right, layout, float(damping[view]))
        cross = rows[:, layout.light]
        reduced, slope = rows - cross @ light[view], right + cross @ start[view]
        transfer = _transfer(by_pose[view], layout)
        hessian[group] += transfer.T @ reduced @ transfer
        gradient[group] += transfer.T @ slope
    idle = torch.zeros(layout.size, dtype=torch.float64, device=device)
    idle[layout.light], idle[layout.focal] = 1.0, 1.0
    hessian = hessian + torch.diag_embed(known.known[:, None] * idle)
    return Gathered(Normal(hessian, gradient, cost), by_pose, light, start)


def _light(
    hessian: torch.Tensor, gradient: torch.Tensor, layout: Layout, damping: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """(27, size) and (27,): the best light is the second less the first times the others' step."""
    block = hessian[layout.light, layout.light]
    factor = torch.linalg.cholesky(block + torch.diag(block.diagonal() * damping))
    others = hessian[layout.light].clone()
    others[:, layout.light] = 0.0
    by_others = torch.cholesky_solve(others, factor)
    return by_others, -torch.cholesky_solve(gradient[layout.light, None], factor)[:, 0]


def _transfer(by_pose: torch.Tensor, layout: Layout) -> torch.Tensor:
    """(size, size) from a group's unknowns to those of a view, without light and focal length."""
    matrix = torch.eye(layout.size, dtype=torch.float64, device=by_pose.device)
    camera = layout.camera
    matrix[camera, camera] = 0.0
    matrix[camera, camera.start : camera.start + N_POSE] = by_pose
    matrix[layout.light] = 0.0
    return matrix
