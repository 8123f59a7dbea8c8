"""The GPU backend calls nvdiffrast as its manual says; a stand-in on the CPU plays its part."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from lib.errors import ConfigError
from lib.render.differentiable import nvdiffrast, rasterise
from lib.render.differentiable.raster import Raster, Viewport
from tests.render.backends import triangle_soup

TRIANGLES = torch.arange(60).reshape(-1, 3)
SIZE = (40, 52)


@pytest.fixture
def library(monkeypatch):
    """A module with nvdiffrast's signatures that notes its calls and draws with our own loops."""
    calls = SimpleNamespace(names=[], context=None, arguments={})

    def note(name, *positional, **named):
        calls.names.append(name)
        calls.arguments[name] = (positional, named)

    class Context:
        def __init__(self, device):
            calls.context = device

    def rasterize(glctx, pos, tri, resolution, ranges=None, grad_db=True):
        note("rasterize", pos, tri, resolution=resolution, ranges=ranges, grad_db=grad_db)
        assert tri.dtype == torch.int32 and pos.dtype == torch.float32
        assert all(side % 8 == 0 for side in resolution)
        raster = rasterise(pos, tri, tuple(resolution), ranges, derivatives=True)
        return raster.packed, raster.derivatives

    def interpolate(attr, rast, tri, rast_db=None, diff_attrs=None):
        note("interpolate", attr, rast, tri, rast_db=rast_db, diff_attrs=diff_attrs)
        return torch.zeros(*rast.shape[:3], attr.shape[-1]), torch.zeros(0)

    def texture(tex, uv, uv_da=None, mip_level_bias=None, mip=None, filter_mode="auto",
                boundary_mode="wrap", max_mip_level=None):  # fmt: skip
        note("texture", tex, uv, uv_da=uv_da, filter_mode=filter_mode, boundary=boundary_mode)
        return torch.zeros(*uv.shape[:3], tex.shape[-1])

    def antialias(color, rast, pos, tri, topology_hash=None, pos_gradient_boost=1.0):
        note("antialias", color, rast, pos, tri, boost=pos_gradient_boost)
        return color

    package, module = ModuleType("nvdiffrast"), ModuleType("nvdiffrast.torch")
    module.RasterizeCudaContext = Context
    module.rasterize, module.interpolate = rasterize, interpolate
    module.texture, module.antialias = texture, antialias
    package.torch = module
    monkeypatch.setitem(sys.modules, "nvdiffrast", package)
    monkeypatch.setitem(sys.modules, "nvdiffrast.torch", module)
    nvdiffrast._context.cache_clear()
    yield calls
    nvdiffrast._context.cache_clear()


def soup():
    return torch.tensor(triangle_soup(np.random.default_rng(0), 20), dtype=torch.float32)


@pytest.mark.parametrize("window", [(0, 0, 40, 52), (10, 3, 17, 22), (-4, 20, 30, 60)])
def test_any_size_and_window_is_drawn_in_whole_tiles_and_cut(library, window):
    viewport = Viewport(SIZE, window)
    raster = nvdiffrast.rasterise(soup(), TRIANGLES, viewport, None, True)
    expected = rasterise(soup(), TRIANGLES, SIZE, window=window, derivatives=True)
    same = raster.triangle_id == expected.triangle_id
    assert raster.packed.shape == expected.packed.shape
    assert same.float().mean() > 0.98  # other grid, as the window is zoomed to
    both = same & raster.mask
    torch.testing.assert_close(raster.packed[both], expected.packed[both], atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(
        raster.derivatives[both], expected.derivatives[both], atol=1e-4, rtol=2e-2
    )
    assert raster.viewport == viewport
    assert library.context == torch.device("cpu")


def test_contexts_are_made_once_per_device(library):
    assert nvdiffrast._context(torch.device("cpu")) is nvdiffrast._context(torch.device("cpu"))


def test_every_primitive_hands_its_arguments_on(library):
    raster = Raster(torch.zeros(1, *SIZE, 4), torch.zeros(1, *SIZE, 4))
    attributes = torch.zeros(1, 60, 3)
    values, none = nvdiffrast.interpolate(attributes, raster, TRIANGLES, None)
    assert values.shape == (1, *SIZE, 3) and none is None
    assert library.arguments["interpolate"][1] == {"rast_db": None, "diff_attrs": None}
    nvdiffrast.interpolate(attributes, raster, TRIANGLES, [2, 0])
    assert library.arguments["interpolate"][1]["diff_attrs"] == [2, 0]
    assert library.arguments["interpolate"][1]["rast_db"] is raster.derivatives
    uv = torch.zeros(1, *SIZE, 2)
    nvdiffrast.texture(torch.zeros(1, 8, 8, 3), uv, None, None, "linear", "clamp", None)
    assert library.arguments["texture"][1]["boundary"] == "clamp"
    nvdiffrast.antialias(torch.ones(1, *SIZE, 3), raster, soup(), TRIANGLES, 2.0)
    assert library.arguments["antialias"][1]["boost"] == 2.0
    assert library.names == ["interpolate", "interpolate", "texture", "antialias"]


def test_double_precision_is_refused_by_name(library):
    with pytest.raises(TypeError, match=r"clip is torch\.float64, expected float32: nvdiffrast"):
        nvdiffrast.rasterise(soup().double(), TRIANGLES, Viewport(SIZE, (0, 0, *SIZE)), None, True)


def test_without_the_library_the_error_says_how_to_get_it_and_what_else_works(monkeypatch):
    monkeypatch.setitem(sys.modules, "nvdiffrast", None)
    monkeypatch.setitem(sys.modules, "nvdiffrast.torch", None)
    with pytest.raises(ConfigError, match=r"pip install.*not commercial.*device: cpu"):
        nvdiffrast.load_library()
