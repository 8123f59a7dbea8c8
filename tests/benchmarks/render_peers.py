"""Other programs that find the visible triangle of each pixel, each behind one small class.

A peer answers (size, size) ids, -1 = background. `trace` asks what was built before; `frame` is
what an image costs whose vertices have just moved, as in fitting: ray casters build their tree
again. A peer that cannot be imported raises ImportError or OSError with the reason.

PyTorch3D is on no index and its CPU rasteriser needs no more of it than one file. Built by hand:
take `pytorch3d/csrc/rasterize_meshes/rasterize_meshes_cpu.cpp` and the headers below
`pytorch3d/csrc` from its repository (BSD-3), add a file with

    PYBIND11_MODULE(p3d_raster, m) { m.def("rasterize_meshes_naive", &RasterizeMeshesNaiveCpu); }

compile both with `g++ -O3 -fPIC -std=c++20 -I pytorch3d/csrc` and PyTorch's include folders, and
link them to libtorch, libtorch_cpu, libtorch_python and libc10 as `p3d_raster.so`. The folder of
that file is given by the environment variable PYTORCH3D_RASTER.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable

import numpy as np
import torch

from tests.benchmarks.render_scene import Scene
from tests.render.oracle import exact_weights, visible_triangles


class TensorOracle:
    """The vectorised rasteriser of the tests, with the weights of each pixel."""

    def __init__(self, scene: Scene, size: int):
        self.clip, self.triangles = torch.tensor(scene.clip[0]), torch.tensor(scene.triangles)
        self.attributes, self.size = torch.tensor(scene.vertices), size

    def frame(self) -> np.ndarray:
        ids = visible_triangles(self.clip, self.triangles, (self.size, self.size))
        exact_weights(self.clip, self.triangles, ids)
        return ids.numpy()

    def step(self) -> None:
        """Forward and backward through weights and attributes."""
        clip = self.clip.clone().requires_grad_()
        attributes = self.attributes.clone().requires_grad_()
        ids = visible_triangles(clip.detach(), self.triangles, (self.size, self.size))
        weights, pixel = exact_weights(clip, self.triangles, ids)
        corners = attributes[self.triangles[ids.reshape(-1)[pixel]]]
        image = torch.zeros(self.size**2, 3).index_put(
            (pixel,), (weights[..., None] * corners).sum(1)
        )
        image.backward(torch.ones_like(image))


class Embree:
    """Embree (Apache-2.0) through embreex."""

    def __init__(self, scene: Scene, size: int):
        self.meshes = importlib.import_module("embreex.mesh_construction")
        self.scenes = importlib.import_module("embreex.rtcore_scene")
        self.corners = scene.vertices[scene.triangles]
        self.ways, self.size = scene.rays(size), size
        self.origins = np.zeros_like(self.ways)
        self.build()

    def build(self) -> None:
        self.scene = self.scenes.EmbreeScene()
        self.meshes.TriangleMesh(self.scene, self.corners)

    def trace(self) -> np.ndarray:
        return self.scene.run(self.origins, self.ways).reshape(self.size, self.size)

    def frame(self) -> np.ndarray:
        self.build()
        return self.trace()


class Open3D:
    """The ray caster of Open3D (MIT), Embree inside."""

    def __init__(self, scene: Scene, size: int):
        self.library = importlib.import_module("open3d")
        tensor = self.library.core.Tensor
        ways = scene.rays(size)
        self.rays = tensor(np.hstack([np.zeros_like(ways), ways]))
        self.mesh = tensor(scene.vertices), tensor(scene.triangles.astype(np.uint32))
        self.size = size
        self.build()

    def build(self) -> None:
        self.scene = self.library.t.geometry.RaycastingScene(nthreads=1)
        self.scene.add_triangles(*self.mesh)

    def trace(self) -> np.ndarray:
        found = self.scene.cast_rays(self.rays, nthreads=1)["primitive_ids"].numpy()
        return found.view(np.int32).reshape(self.size, self.size)

    def frame(self) -> np.ndarray:
        self.build()
        return self.trace()


class Mitsuba:
    """Mitsuba 3 (BSD-3), compiled by LLVM for this CPU."""

    def __init__(self, scene: Scene, size: int):
        self.library, self.jit = (
            importlib.import_module("mitsuba"),
            importlib.import_module("drjit"),
        )
        self.library.set_variant("llvm_ad_rgb")
        self.jit.set_thread_count(1)
        mesh = self.library.Mesh("head", len(scene.vertices), len(scene.triangles))
        self.settings = self.library.traverse(mesh)
        self.settings["faces"] = scene.triangles.astype(np.uint32).ravel()
        self.settings["vertex_positions"] = scene.vertices.ravel()
        self.settings.update()
        self.scene = self.library.load_dict({"type": "scene", "mesh": mesh})
        self.settings = self.library.traverse(self.scene)
        self.positions = scene.vertices.ravel()
        ways = self.library.Vector3f(scene.rays(size).T)
        self.rays = self.library.Ray3f(self.library.Point3f(0, 0, 0), ways)
        self.size = size

    def trace(self) -> np.ndarray:
        found = self.scene.ray_intersect_preliminary(self.rays, coherent=True)
        ids = self.jit.select(found.is_valid(), self.library.Int32(found.prim_index), -1)
        return ids.numpy().reshape(self.size, self.size)

    def frame(self) -> np.ndarray:
        # New memory: where it stays the same, the tree is not built again.
        self.settings["mesh.vertex_positions"] = self.library.Float(self.positions)
        self.settings.update()
        return self.trace()


class Mesa:
    """OpenGL in software: Mesa's llvmpipe (MIT) through moderngl, without a window."""

    VERTEX = "#version 330\nin vec4 clip; void main() { gl_Position = clip; }"
    FRAGMENT = "#version 330\nout int id; void main() { id = gl_PrimitiveID; }"

    def __init__(self, scene: Scene, size: int):
        os.environ.update(LP_NUM_THREADS="0", LIBGL_ALWAYS_SOFTWARE="1")
        moderngl = importlib.import_module("moderngl")
        self.context = moderngl.create_context(standalone=True, backend="egl", require=330)
        self.context.enable(moderngl.DEPTH_TEST)
        program = self.context.program(vertex_shader=self.VERTEX, fragment_shader=self.FRAGMENT)
        self.clip = np.ascontiguousarray(scene.clip[0])
        self.buffer = self.context.buffer(self.clip)
        index = self.context.buffer(scene.triangles.astype(np.int32))
        self.mesh = self.context.vertex_array(program, [(self.buffer, "4f", "clip")], index)
        shape = size, size
        self.target = self.context.framebuffer(
            [self.context.texture(shape, 1, dtype="i4")], self.context.depth_texture(shape)
        )
        self.ids = np.empty(shape, np.int32)

    def frame(self) -> np.ndarray:
        self.buffer.write(self.clip)
        self.target.use()
        self.target.clear(red=-1.0, depth=1.0)
        self.mesh.render()
        self.target.read_into(self.ids, components=1, dtype="i4")
        return self.ids


class PyTorch3D:
    """PyTorch3D's CPU rasteriser (BSD-3), one face per pixel."""

    def __init__(self, scene: Scene, size: int):
        folder = os.environ.get("PYTORCH3D_RASTER")
        if not folder:
            raise ImportError("PYTORCH3D_RASTER names no folder: see tests/benchmarks/render_peers")
        if folder not in sys.path:
            sys.path.append(folder)
        self.rasterise = importlib.import_module("p3d_raster").rasterize_meshes_naive
        clip = torch.tensor(scene.clip[0])
        depth = clip[:, 3:]
        self.corners = torch.cat([-clip[:, :2] / depth, depth], dim=1)[scene.triangles]
        self.size = size

    def frame(self) -> np.ndarray:
        n = len(self.corners)
        first, count, whole = torch.tensor([0]), torch.tensor([n]), torch.full((n,), -1)
        shape = (self.size, self.size)
        options = 0.0, 1, True, False, False  # blur, faces per pixel, perspective, clip, cull
        return self.rasterise(self.corners, first, count, whole, shape, *options)[0].numpy()[
            0, ..., 0
        ]


PEERS: dict[str, Callable[[Scene, int], object]] = {
    "torch oracle": TensorOracle,
    "embree": Embree,
    "open3d": Open3D,
    "mitsuba": Mitsuba,
    "llvmpipe": Mesa,
    "pytorch3d": PyTorch3D,
}
