"""Where the inside of a mouth is seen through the skin."""

import numpy as np

from lib.render import Camera, render_buffers

SIDE, FOCAL, FAR_MM = 200, 1400.0, 700.0
LIPS_Y_MM, BEHIND_MM = -55.0, 20.0
ANGLES_DEG = ((0, 0), (40, 0), (-40, 0), (0, -25), (0, 20))
INSIDE = ("mouth", "teeth_upper", "teeth_lower", "tongue")


def looking(yaw_deg, pitch_deg):
    yaw, pitch = np.radians([yaw_deg, pitch_deg])
    about_y = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    about_x = [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    turn = np.diag([1, -1, -1]) @ about_x @ about_y
    shift = [0, 0, FAR_MM] - turn @ [0, LIPS_Y_MM, 10.0]
    return Camera(np.column_stack([turn, shift]), FOCAL, np.full(2, SIDE / 2))


def poking_px(model, vertices, triangles, model_triangle):
    """Pixels where the mouth's inside is seen shortly before skin other than that of the lips.

    Args:
        model: gives regions and parts of its triangles.
        vertices: (n, 3) mm of a mesh that may be finer.
        triangles: (t, 3) of that mesh.
        model_triangle: (t,) of the model, in which each lies.
    """
    region = model.triangle_region[model_triangle]
    inside = np.isin(region, [model.region_names.index(name) for name in INSIDE])
    lips = np.isin(model.triangles, [*model.parts["upper_lip"], *model.parts["lower_lip"]])
    skin = region == model.region_names.index("skin")
    skin &= ~lips.any(axis=1)[model_triangle]
    count = 0
    for angles in ANGLES_DEG:
        view = (*looking(*angles), (SIDE, SIDE))
        whole = render_buffers(vertices, triangles, *view, cull_back_faces=False)
        outside = render_buffers(vertices, triangles[skin], *view)
        seen = whole.mask & outside.mask & inside[whole.triangle_id]
        count += int((outside.depth_mm[seen] - whole.depth_mm[seen] < BEHIND_MM).sum())
    return count
