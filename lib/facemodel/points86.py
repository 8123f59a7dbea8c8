"""The 86 landmarks of the detail layer, and where they lie on head models.

They are the set of 106 without every second point of the contour, eye centres and pupils: contour
0..16, brows 17..25 and 26..34, eyes 35..42 and 43..50, nose 51..65, mouth 66..85. Sides are told as
the photo shows them: 0 is left there, at the subject's right.

Source: Chen et al. 2020, Self-supervised Learning of Detailed 3D Face Reconstruction, IEEE TIP.
"""

from __future__ import annotations

import numpy as np

from lib.errors import ConfigError
from lib.facemodel.model import FaceModel, SurfacePoints

SCHEME = "points86"
N_POINTS = 86
CONTOUR = range(17)
# Where each is in the set of 106.
OF_106 = np.array(
    [
        *range(0, 33, 2),
        *range(33, 51),
        *(66, 67, 69, 70, 71, 73, 68, 72),
        *(75, 76, 78, 79, 80, 82, 77, 81),
        *range(51, 55),
        *(55, 65, 56, 64, 57, 63, 58, 59, 60, 61, 62),
        *(84, 86, 87, 88, 90, 93, 85, 89, 91, 95),
        *(96, 100, 97, 98, 99, 103, 102, 101, 94, 92),
    ]
)  # fmt: skip
# The point on the other side of each.
MIRRORED86 = np.array(
    [
        *range(16, -1, -1),
        *(30, 29, 28, 27, 26, 34, 33, 32, 31, 21, 20, 19, 18, 17, 25, 24, 23, 22),
        *(46, 45, 44, 43, 48, 47, 49, 50, 38, 37, 36, 35, 40, 39, 41, 42),
        *(51, 52, 53, 54, 56, 55, 58, 57, 60, 59, 65, 64, 63, 62, 61),
        *(70, 69, 68, 67, 66, 71, 73, 72, 75, 74, 77, 76, 80, 79, 78, 83, 82, 81, 85, 84),
    ]
)
# Mean positions on the published canvas of 192 x 224 px, y down.
MEAN86 = np.array(
    [
        (45.5595, 104.2478), (47.0945, 117.7771), (49.3680, 129.9754), (52.3053, 141.4794),
        (56.2499, 154.2787), (63.1075, 165.0197), (71.1749, 172.3602), (81.9292, 178.6851),
        (97.2891, 182.2962), (112.5292, 177.8914), (123.3392, 171.5406), (131.6694, 164.2696),
        (138.2306, 153.5219), (141.8575, 140.5790), (144.4507, 128.8472), (146.3943, 116.3682),
        (147.6775, 102.4782), (55.4859, 84.3408), (61.1474, 78.0090), (69.5815, 75.7974),
        (78.6126, 76.8602), (86.0647, 79.8230), (62.4900, 82.9711), (69.8790, 82.2261),
        (77.7015, 82.3909), (85.3352, 84.2487), (105.4870, 79.4536), (112.9690, 76.4327),
        (122.0238, 75.2462), (130.6106, 77.2857), (136.4648, 83.5367), (106.2708, 83.9180),
        (113.9479, 82.0119), (121.8565, 81.7792), (129.3471, 82.3649), (63.3203, 96.7921),
        (67.5159, 94.5847), (77.8458, 94.5635), (81.9654, 97.3180), (77.4027, 98.5522),
        (67.5097, 98.5133), (72.6285, 93.6773), (72.3954, 99.2116), (110.0299, 97.1724),
        (114.0725, 94.3196), (124.3591, 94.1102), (128.5434, 96.2664), (124.4343, 98.0404),
        (114.6069, 98.3094), (119.2393, 93.2956), (119.6060, 98.8486), (95.8957, 93.5174),
        (95.8887, 102.3603), (95.8816, 111.2030), (95.8746, 120.0458), (87.5178, 97.5295),
        (104.3367, 97.4072), (84.1320, 116.4786), (107.8149, 116.4126), (80.9405, 124.9749),
        (111.1206, 124.8895), (85.4556, 127.7039), (90.4632, 128.6984), (95.9534, 129.9575),
        (101.4520, 128.6741), (106.5111, 127.6622), (78.0278, 147.6697), (91.4633, 140.8427),
        (96.0667, 141.8999), (100.5745, 140.7882), (114.4649, 147.4431), (96.1898, 157.3815),
        (84.1257, 143.5690), (108.0769, 143.4217), (109.8689, 152.3150), (82.5864, 152.4512),
        (80.7425, 147.7481), (111.7130, 147.5554), (87.0012, 146.8021), (96.0817, 146.8747),
        (105.2365, 146.7058), (86.9789, 148.7984), (96.1641, 149.4987), (105.3880, 148.7255),
        (88.4278, 156.0173), (103.9596, 155.9535),
    ]
)  # fmt: skip
# Vertices of the Basel Face Model of 2009 without ears and neck, as published, from 0.
BFM53_VERTICES = (
    np.array(
        [
        22502, 22653, 22668, 22815, 22848, 44049, 46010, 47266, 47847, 48436, 49593, 51577,
        31491, 31717, 32084, 32197, 32175, 38779, 39392, 39840, 40042, 40208, 39465, 39787,
        39993, 40213, 40892, 41087, 41360, 41842, 42497, 40898, 41152, 41431, 13529, 1959,
        3888, 5567, 6469, 5450, 3643, 4920, 4547, 9959, 10968, 12643, 14196, 12785,
        11367, 11610, 12012, 8269, 8288, 8302, 8192, 6837, 9478, 6499, 10238, 6002,
        10631, 6755, 7363, 8323, 9163, 9639, 5652, 7614, 8216, 8935, 11054, 8235,
        6153, 10268, 9798, 6674, 6420, 10535, 7148, 8227, 9666, 6906, 8110, 9546,
        7517, 8837,
        ]
    )
    - 1
)  # fmt: skip
BFM53_SIZES = (53215, 53490)


def points86(model: FaceModel) -> SurfacePoints:
    """The 86 points on a head model: of its own scheme, by the published vertices, or of its 106.

    Raises:
        ConfigError: the model knows neither.
    """
    if SCHEME in model.landmarks:
        return model.landmarks[SCHEME]
    if model.n_vertices in BFM53_SIZES and model.name.startswith("bfm"):
        return _on_vertices(model, BFM53_VERTICES)
    if "ldm106" not in model.landmarks:
        raise ConfigError(
            f"head model {model.name} has the landmarks {', '.join(model.landmarks)}, expected "
            f"{SCHEME} or ldm106. Build it again with this version."
        )
    found = model.landmarks["ldm106"]
    return SurfacePoints(found.triangle[OF_106], found.barycentric[OF_106], found.sigma_mm[OF_106])


def _on_vertices(model: FaceModel, vertices: np.ndarray) -> SurfacePoints:
    """Points that are vertices: a triangle of each, all weight on one corner."""
    flat = model.triangles.ravel()
    order = np.argsort(flat, kind="stable")
    first = order[np.searchsorted(flat[order], vertices)]
    barycentric = np.zeros((len(vertices), 3), np.float32)
    barycentric[np.arange(len(vertices)), first % 3] = 1
    sigma = np.full(len(vertices), 1.5, np.float32)
    return SurfacePoints((first // 3).astype(np.int32), barycentric, sigma)
