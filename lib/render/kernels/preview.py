"""Compiled loops of the previews: painting, studio light and averaging, pixel by pixel.

Serial and deterministic, like the other compiled loops.
"""

from __future__ import annotations

import numpy as np
from numba import njit

ONE = np.float32(1)
ZERO = np.float32(0)


@njit(cache=True, nogil=True)
def paint_texture(ids, barycentric, uv, triangles, texture, colour):
    """Bilinear texture colours of the visible surface; the background of `colour` is left.

    Args:
        ids: (h, w) int32 visible triangle, -1 = background.
        barycentric: (h, w, 3) float32.
        uv: (n_uv, 2) float32, origin bottom-left.
        triangles: (T, 3) int32 indices into `uv`.
        texture: (H, W, 3) float32, row 0 is v = 1.
        colour: (h, w, 3) float32; changed in place.
    """
    height, width = texture.shape[0], texture.shape[1]
    half, right, bottom = np.float32(0.5), np.float32(width - 1), np.float32(height - 1)
    for row in range(ids.shape[0]):
        for column in range(ids.shape[1]):
            t = ids[row, column]
            if t < 0:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            wa, wb = barycentric[row, column, 0], barycentric[row, column, 1]
            wc = barycentric[row, column, 2]
            u = wa * uv[a, 0] + wb * uv[b, 0] + wc * uv[c, 0]
            v = wa * uv[a, 1] + wb * uv[b, 1] + wc * uv[c, 1]
            x = min(max(u * np.float32(width) - half, ZERO), right)
            y = min(max((ONE - v) * np.float32(height) - half, ZERO), bottom)
            x0, y0 = int(x), int(y)
            x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
            fx, fy = x - np.float32(x0), y - np.float32(y0)
            for k in range(3):
                above = texture[y0, x0, k] + fx * (texture[y0, x1, k] - texture[y0, x0, k])
                below = texture[y1, x0, k] + fx * (texture[y1, x1, k] - texture[y1, x0, k])
                colour[row, column, k] = above + fy * (below - above)


@njit(cache=True, nogil=True, error_model="numpy")  # no divisor is 0: no need to look
def light_studio(ids, barycentric, triangles, normals, eye, lights, look, crease, colour):
    """Light the visible surface in place, with soft lights, a sky and highlights.

    Args:
        ids: (h, w) int32 visible triangle, -1 = background.
        barycentric: (h, w, 3) float32.
        triangles: (T, 3) int32 vertex indices.
        normals: (V, 3) float32 unit vertex normals, camera frame.
        eye: (4,) float32: direction from the first pixel to the camera (x, y, z) in image pixels,
            and how far x and y fall from one pixel to the next.
        lights: (L, 5) float32: unit direction (x, y, z), strength, wrap.
        look: (6,) float32: light from the ground, from the sky, specular strength, roughness,
            occlusion, share of the lit colour.
        crease: (h, w) float32, 0..1.
        colour: (h, w, 3) float32 linear RGB; changed in place.

    Source: Walter et al. 2007 (GGX); masking of Schlick 1994.
    """
    ground, sky, specular, roughness, occlusion, share = look
    half, k = np.float32(0.5), roughness * roughness / np.float32(2)
    alpha2 = roughness * roughness * roughness * roughness
    tiny, dim = np.float32(1e-9), np.float32(1e-3)
    mirror, most = np.float32(0.035), np.float32(0.3)
    for row in range(ids.shape[0]):
        for column in range(ids.shape[1]):
            t = ids[row, column]
            if t < 0:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            wa, wb = barycentric[row, column, 0], barycentric[row, column, 1]
            wc = barycentric[row, column, 2]
            nx = wa * normals[a, 0] + wb * normals[b, 0] + wc * normals[c, 0]
            ny = wa * normals[a, 1] + wb * normals[b, 1] + wc * normals[c, 1]
            nz = wa * normals[a, 2] + wb * normals[b, 2] + wc * normals[c, 2]
            scale = ONE / max(np.sqrt(nx * nx + ny * ny + nz * nz), tiny)
            nx, ny, nz = nx * scale, ny * scale, nz * scale
            ex, ey = eye[0] - eye[3] * np.float32(column), eye[1] - eye[3] * np.float32(row)
            ez = eye[2]
            scale = ONE / np.sqrt(ex * ex + ey * ey + ez * ez)
            ex, ey, ez = ex * scale, ey * scale, ez * scale
            n_v = max(nx * ex + ny * ey + nz * ez, dim)
            diffuse = ground + (sky - ground) * (half - half * ny)  # y points down
            highlight = ZERO
            for m in range(len(lights)):
                lx, ly, lz = lights[m, 0], lights[m, 1], lights[m, 2]
                strength, wrap = lights[m, 3], lights[m, 4]
                facing = nx * lx + ny * ly + nz * lz
                wrapped = (facing + wrap) / (ONE + wrap)
                if wrapped <= ZERO:
                    continue
                diffuse += strength * wrapped ** (ONE + wrap)
                if facing <= ZERO:
                    continue
                hx, hy, hz = ex + lx, ey + ly, ez + lz
                scale = ONE / max(np.sqrt(hx * hx + hy * hy + hz * hz), tiny)
                n_h = max(nx * hx + ny * hy + nz * hz, ZERO) * scale
                v_h = max(ex * hx + ey * hy + ez * hz, ZERO) * scale
                lobe = n_h * n_h * (alpha2 - ONE) + ONE
                masking = (facing * (ONE - k) + k) * (n_v * (ONE - k) + k) * np.float32(4)
                grazing = (ONE - v_h) * (ONE - v_h)
                fresnel = mirror + (ONE - mirror) * grazing * grazing * (ONE - v_h)
                spread = alpha2 / (lobe * lobe * masking)
                highlight += strength * spread * min(fresnel, most) * facing
            open_sky = ONE - occlusion * crease[row, column]
            for channel in range(3):
                plain = colour[row, column, channel]
                lit = (plain * diffuse + specular * highlight) * open_sky
                colour[row, column, channel] = plain + share * (lit - plain)


@njit(cache=True, nogil=True)
def average(ids, colour, step, exposure, behind, opaque, rgb, alpha):
    """Mean of the sub-pixels of each pixel in linear light.

    Args:
        ids: (h step, w step) int32, -1 = background.
        colour: (h step, w step, 3) float32 linear RGB, clipped to 0..1 after `exposure`.
        step: sub-pixels per pixel along each axis.
        exposure: factor on the colour.
        behind: (3,) float32 linear RGB of the background.
        opaque: whether to lay the picture on the background; else it is not premultiplied.
        rgb: (h, w, 3) uint16, 65535 = 1; changed in place.
        alpha: (h, w) uint8; changed in place.
    """
    top, half = np.float32(65535), np.float32(0.5)
    cells = np.float32(step * step)
    for row in range(rgb.shape[0]):
        for column in range(rgb.shape[1]):
            red, green, blue, covered = ZERO, ZERO, ZERO, 0
            for y in range(row * step, (row + 1) * step):
                for x in range(column * step, (column + 1) * step):
                    if ids[y, x] < 0:
                        continue
                    covered += 1
                    red += min(max(colour[y, x, 0] * exposure, ZERO), ONE)
                    green += min(max(colour[y, x, 1] * exposure, ZERO), ONE)
                    blue += min(max(colour[y, x, 2] * exposure, ZERO), ONE)
            seen = np.float32(covered)
            free, share = ZERO, ONE / max(seen, ONE)
            if opaque:
                free, share = (cells - seen) / cells, ONE / cells
            rgb[row, column, 0] = int((red * share + free * behind[0]) * top + half)
            rgb[row, column, 1] = int((green * share + free * behind[1]) * top + half)
            rgb[row, column, 2] = int((blue * share + free * behind[2]) * top + half)
            alpha[row, column] = 255 if opaque else int(seen * np.float32(255) / cells + half)
