"""Speed of nearest points, rays along normals and visibility, beside what else can answer.

python -m tests.benchmarks.proximity [--queries 5000] [--repeats 3]

Two surfaces: the embedded head, and a grid of 500,000 triangles. Each figure is the best of the
repeats, in one process, after one warm-up; `x` is the time over that of the numba backend, and
`differs` the largest difference of distances (share of vertices, for visibility) from it. Peers
that cannot be imported are named and left out; some of them use all cores, so run with
OMP_NUM_THREADS=1 to compare code and not cores. Distances along normals are asked in both
directions; a peer that looks one way is asked twice.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from lib.facemodel import load_face_model
from lib.geometry import vertex_normals
from lib.geometry.proximity import SurfaceTree

AWAY_MM = 3.0  # standard deviation of the queries' distance from the surface
START_MM = 1e-3


@dataclass(frozen=True)
class Task:
    """A surface with what is asked of it.

    Args:
        vertices: (n, 3) mm.
        triangles: (t, 3).
        points: (q, 3) mm near the surface.
        normals: (q, 3) directions of the rays from the points.
        cameras: (2, 3) centres.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    points: np.ndarray
    normals: np.ndarray
    cameras: np.ndarray


class Ours:
    """A backend of `SurfaceTree`."""

    def __init__(self, task: Task, backend: str):
        self.surface = SurfaceTree(task.vertices, task.triangles, backend)
        if backend == "numba":
            self.surface._backend.tree  # noqa: B018 built on first use otherwise

    def nearest(self, task: Task) -> np.ndarray:
        return self.surface.nearest(task.points).distance_mm

    def along(self, task: Task) -> np.ndarray:
        return np.abs(self.surface.along(task.points, task.normals, both_ways=True).distance_mm)

    def visible(self, task: Task) -> np.ndarray:
        return self.surface.visible_from(task.cameras).visible


class Igl:
    """libigl's AABB tree (MPL-2.0), float64; first hits stand for visibility, which it lacks."""

    def __init__(self, task: Task):
        import igl

        self.mesh = np.asfortranarray(task.vertices), np.asfortranarray(task.triangles)
        self.tree = igl.AABB()
        self.tree.init(*self.mesh)

    def nearest(self, task: Task) -> np.ndarray:
        return np.sqrt(self.tree.squared_distance(*self.mesh, task.points)[0])

    def along(self, task: Task) -> np.ndarray:
        return np.minimum(
            self._first(task.points, task.normals), self._first(task.points, -task.normals)
        )

    def visible(self, task: Task) -> np.ndarray:
        rows = []
        for start, way, length in sight_lines(task):
            rows.append(self._first(start, way) >= length)
        return np.array(rows)

    def _first(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        found = self.tree.intersect_ray_first(*self.mesh, origins, directions)
        triangle, distance = found[0], found[1]
        return np.where(triangle >= 0, distance, np.inf)


class PointCloudUtils:
    """point-cloud-utils (MIT), embree inside, float32. It builds its tree at every call."""

    def __init__(self, task: Task):
        import point_cloud_utils

        self.library = point_cloud_utils

    def nearest(self, task: Task) -> np.ndarray:
        return self.library.closest_points_on_mesh(task.points, task.vertices, task.triangles)[0]

    def along(self, task: Task) -> np.ndarray:
        return np.minimum(*(self._first(task, task.points, s * task.normals) for s in (1.0, -1.0)))

    def visible(self, task: Task) -> np.ndarray:
        rows = [self._first(task, start, way) >= gap for start, way, gap in sight_lines(task)]
        return np.array(rows)

    def _first(self, task: Task, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        ask = self.library.ray_mesh_intersection
        return ask(task.vertices, task.triangles, origins, directions)[2]


class Trimesh:
    """trimesh (MIT): rtree for points, embreex (BSD, with embree) for rays."""

    def __init__(self, task: Task):
        import embreex  # noqa: F401 without it trimesh takes minutes here
        import rtree  # noqa: F401
        import trimesh

        self.library = trimesh
        self.mesh = trimesh.Trimesh(task.vertices, task.triangles, process=False)
        self.mesh.triangles_tree  # noqa: B018 built here
        self.mesh.ray.intersects_any(task.points[:1], task.normals[:1])

    def nearest(self, task: Task) -> np.ndarray:
        return self.library.proximity.closest_point(self.mesh, task.points)[1]

    def along(self, task: Task) -> np.ndarray:
        best = np.full(len(task.points), np.inf)
        for sign in (1.0, -1.0):
            place, ray, _ = self.mesh.ray.intersects_location(
                task.points, sign * task.normals, multiple_hits=False
            )
            best[ray] = np.minimum(best[ray], np.linalg.norm(place - task.points[ray], axis=1))
        return best

    def visible(self, task: Task) -> np.ndarray:
        rows = [~self.mesh.ray.intersects_any(start, way) for start, way, _ in sight_lines(task)]
        return np.array(rows)


def sight_lines(task: Task) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each camera: where the rays of the vertices start, their unit directions and lengths."""
    for camera in task.cameras:
        way = camera - task.vertices
        length = np.linalg.norm(way, axis=1)
        way /= length[:, None]
        yield task.vertices + START_MM * way, way, length - START_MM


def asked_of(vertices: np.ndarray, triangles: np.ndarray, queries: int, seed: int = 0) -> Task:
    """Points near random vertices, rays along their normals, two cameras in front."""
    generator = np.random.default_rng(seed)
    vertices, triangles = vertices.astype(np.float64), triangles.astype(np.int64)
    normals = vertex_normals(vertices, triangles)
    whole = np.flatnonzero(np.linalg.norm(normals, axis=1) > 0.5)
    chosen = whole[generator.integers(0, len(whole), queries)]
    points = vertices[chosen] + generator.normal(0, AWAY_MM, (queries, 3))
    cameras = np.array([[0.0, 0.0, 600.0], [300.0, 0.0, 500.0]])
    return Task(vertices, triangles, points, normals[chosen], cameras)


def grid(side: int = 501) -> tuple[np.ndarray, np.ndarray]:
    """A wavy sheet of 250 x 250 mm: 2 (side - 1)^2 triangles."""
    x, y = np.meshgrid(np.linspace(-125, 125, side), np.linspace(-125, 125, side))
    z = 12 * np.sin(x / 9) * np.cos(y / 11) + 0.3 * np.sin(x * 1.7) * np.sin(y * 1.3)
    row, column = np.divmod(np.arange((side - 1) ** 2), side - 1)
    a = row * side + column
    quads = np.stack([a, a + 1, a + side + 1, a + side], axis=1)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return np.stack([x, y, z], axis=2).reshape(-1, 3), triangles


CONTENDERS: dict[str, Callable[[Task], object]] = {
    "numba": lambda task: Ours(task, "numba"),
    "psbody": lambda task: Ours(task, "psbody"),
    "libigl": Igl,
    "point-cloud-utils": PointCloudUtils,
    "trimesh + rtree + embreex": Trimesh,
}


def measure(task: Task, repeats: int) -> None:
    """Print one row per contender: build ms and us per query, ratios to numba, differences."""
    print(f"{'':26}{'build ms':>9}", end="")
    print("".join(f"{name:>12}{'x':>6}{'differs':>9}" for name in ("nearest", "along", "visible")))
    reference: dict[str, tuple[float, np.ndarray]] = {}
    for name, make in CONTENDERS.items():
        try:
            made = make(task)
        except Exception as error:
            print(f"{name:26}left out: {str(error).partition('(')[0][:60]}")
            continue
        build = min(_seconds(lambda: make(task))[0] for _ in range(repeats))  # noqa: B023
        line = f"{name:26}{1e3 * build:9.1f}"
        for query in ("nearest", "along", "visible"):
            ask = getattr(made, query)
            ask(task)
            timed = [_seconds(lambda: ask(task)) for _ in range(repeats)]  # noqa: B023
            answer = timed[0][1]
            each = 1e6 * min(seconds for seconds, _ in timed) / answer.size
            base, expected = reference.setdefault(query, (each, answer))
            line += f"{each:9.2f} us{each / base:6.1f}{_difference(answer, expected):9.1e}"
        print(line, flush=True)


def _difference(answer: np.ndarray, expected: np.ndarray) -> float:
    if answer.dtype == bool:
        return float((answer != expected).mean())
    both = np.isfinite(answer) & np.isfinite(expected)
    return float(np.abs(answer[both] - expected[both]).max(initial=0))


def _seconds(call: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    start = time.perf_counter()
    answer = call()
    return time.perf_counter() - start, answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--queries", type=int, default=5000, help="points per task (5000)")
    parser.add_argument("--repeats", type=int, default=3, help="the best of so many counts (3)")
    options = parser.parse_args()
    head = load_face_model("makehuman")
    for title, mesh in (("head", (head.mean, head.triangles)), ("grid", grid())):
        task = asked_of(*mesh, options.queries)
        counts = f"{len(task.vertices):,} vertices, {len(task.triangles):,} triangles"
        print(f"\n{title}: {counts}, {options.queries:,} queries")
        measure(task, options.repeats)


if __name__ == "__main__":
    main()
