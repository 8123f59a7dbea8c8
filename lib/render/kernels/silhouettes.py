"""Compiled loops of `antialias`: which edges are outlines, and which pixel pairs they separate.

A *pair* is two pixels side by side: the near one shows the surface that ends between them, the far
one what lies behind it. `axis` 0 = side by side, 1 = one below the other. All geometry is done in
float64, whatever the inputs, in homogeneous coordinates (x, y, w): the line through the ends a and
b of an edge is a x b, which is meaningful behind the camera too. For sides see
`lib.render.differentiable.topology.EdgeTable`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

TOLERANCE_PX = 1 / 16  # rasterisers round vertices to a grid: coverage may differ by as much
EDGE_ON = 1e-7  # a triangle lower than this, relative to the image, has no side of its own
NEAR = 1e-6  # edges are cut where w falls below this share of their larger w


@njit(cache=True, nogil=True)
def line_through(clip, a, b):
    """(x, y, w) coefficients of the line through vertices a and b: a x b."""
    ax, ay, aw = np.float64(clip[a, 0]), np.float64(clip[a, 1]), np.float64(clip[a, 3])
    bx, by, bw = np.float64(clip[b, 0]), np.float64(clip[b, 1]), np.float64(clip[b, 3])
    return ay * bw - aw * by, aw * bx - ax * bw, ax * by - ay * bx


@njit(cache=True, nogil=True)
def find_turns(clip, triangles, first, last, turn):
    """On which side of their edges the triangles first..last lie; how many are seen edge-on.

    Args:
        clip: (V, 4) homogeneous positions.
        triangles: (T, 3) int32.
        turn: (2 T,) int8 by side, changed in place: 1 = left of the edge from its first to its
            second end (x to the right, y up), -1 = right of it, 0 = edge-on.
    """
    missing = 0
    for t in range(first, last):  # unsigned indices: numba then leaves out the test for negatives
        a, b, c = np.uint64(triangles[t, 0]), np.uint64(triangles[t, 1]), np.uint64(triangles[t, 2])
        lx, ly, lw = line_through(clip, a, b)
        cx, cy, cw = np.float64(clip[c, 0]), np.float64(clip[c, 1]), np.float64(clip[c, 3])
        area = lx * cx + ly * cy + lw * cw
        sided = area * area > (lx * lx + ly * ly) * (cw * cw) * (EDGE_ON * EDGE_ON)
        sign = np.int8(sided & (area > 0.0)) - np.int8(sided & (area < 0.0))
        missing += not sided
        turn[2 * t] = sign
        turn[2 * t + 1] = -sign
    return missing


@njit(cache=True, nogil=True)
def settle_turns(of_triangle, sides, turn):
    """Give triangles seen edge-on the turn of their first neighbour that has one, else -1.

    So a sliver inside a surface does not tear it: it is an outline only where one must be.
    """
    for t in range(len(of_triangle)):
        if turn[2 * t] != 0:
            continue
        turn[2 * t], turn[2 * t + 1] = -1, 1
        for k in range(3):
            edge = of_triangle[t, k]
            if edge < 0:
                continue
            mine, other = sides[edge, 0], sides[edge, 1]
            if mine >> 1 != t:
                mine, other = other, mine
            if mine >> 1 == t and other >> 1 != t and turn[other] != 0:
                turn[mine] = -turn[other]
                turn[mine ^ 1] = turn[other]
                break


@njit(cache=True, nogil=True)
def flag_outlines(sides, turn, first, last, outline):
    """Mark in `outline` (E,) bool the edges first..last whose two triangles lie on one side."""
    for edge in range(first, last):
        outline[edge] = turn[np.uint64(sides[edge, 0])] == turn[np.uint64(sides[edge, 1])]


@njit(cache=True, nogil=True)
def unflag_crowded(more, sides, turn, outline):
    """Edges of three or more triangles are outlines only where all lie on one side."""
    for n in range(len(more)):
        edge = more[n, 0]
        outline[edge] = outline[edge] and turn[more[n, 1]] == turn[sides[edge, 0]]


@njit(cache=True, nogil=True)
def span_edges(clip, ends, edges, height, width, spans):
    """The rows (columns for a flat edge) that each edge crosses; their number over all edges.

    Args:
        clip: (V, 4).
        ends: (E, 2) int32.
        edges: (N,) edges to look at.
        spans: (N, 3) int32, changed in place: axis, first line, one past the last. A line counts
            if its centre lies in [lower end, upper end), so chains of edges cross it once.
    """
    total = 0
    for n in range(len(edges)):
        a, b = ends[edges[n], 0], ends[edges[n], 1]
        spans[n, 1] = spans[n, 2] = 0
        least = NEAR * max(clip[a, 3], clip[b, 3])
        if not least > 0.0:
            continue
        ax, ay = _project(clip, a, b, least, height, width)
        bx, by = _project(clip, b, a, least, height, width)
        axis = 0 if abs(by - ay) >= abs(bx - ax) else 1
        if axis == 1:
            ax, ay, bx, by = ay, ax, by, bx
        lines, pixels = (height, width) if axis == 0 else (width, height)
        if not (abs(ax) + abs(bx) + abs(ay) + abs(by) < np.inf):
            continue
        if max(ax, bx) < 0.0 or min(ax, bx) > pixels - 1.0:
            continue
        spans[n, 0] = axis
        spans[n, 1] = int(np.ceil(min(max(min(ay, by), 0.0), float(lines))))
        spans[n, 2] = int(np.ceil(min(max(max(ay, by), 0.0), float(lines))))
        total += spans[n, 2] - spans[n, 1]
    return total


@njit(cache=True, nogil=True)
def _project(clip, a, b, least, height, width):
    """(x, y) px of vertex a, moved towards b to where w is `least` if it lies behind that."""
    x, y, w = np.float64(clip[a, 0]), np.float64(clip[a, 1]), np.float64(clip[a, 3])
    if w < least:
        share = (least - w) / (clip[b, 3] - w)
        x += share * (clip[b, 0] - x)
        y += share * (clip[b, 1] - y)
        w = least
    return (x / w + 1.0) * (0.5 * width) - 0.5, (y / w + 1.0) * (0.5 * height) - 0.5


@njit(cache=True, nogil=True)
def walk_edges(
    clip, triangles, packed, ends, sides, turn, edges, spans, size, table, pixels, edge, crossing
):
    """Every pair that an outline separates, each once; how many they are.

    Of several outlines between one pair the outermost counts, that is, where the surface ends.

    Args:
        clip: (V, 4).
        triangles: (T, 3) int32.
        packed: (h * w, 4) of `Raster`.
        ends, sides: of `EdgeTable`.
        turn: (2 T,) of `find_turns`.
        edges: (N,) outlines.
        spans: (N, 3) of `span_edges`.
        size: (h, w).
        table: (power of 2,) int32, -1 everywhere; more than twice as long as there are pairs.
        pixels: (M, 2) int32 near and far pixel, changed in place.
        edge: (M,) int32 edge between them, changed in place.
        crossing: (M,) float64 where it crosses, 0 = centre of the near pixel, 1 = of the far one;
            changed in place.
    """
    found = 0
    for n in range(len(edges)):
        e, axis = edges[n], spans[n, 0]
        if spans[n, 1] == spans[n, 2]:
            continue
        a, b = ends[e, 0], ends[e, 1]
        line = line_through(clip, a, b)
        pitch, lines = size[1 - axis], size[axis]
        across, along = (line[0], line[1]) if axis == 0 else (line[1], line[0])
        step = 1 if turn[sides[e, 0]] * across < 0.0 else -1  # from the near to the far pixel
        for row in range(spans[n, 1], spans[n, 2]):
            position = (2 * row + 1) / lines - 1.0
            at = 0.5 * pitch * (1.0 - (along * position + line[2]) / across) - 0.5
            if not (at > -1.0 and at < pitch):
                continue
            depth = _depth_on_edge(clip, a, b, 1 - axis, position)
            if not abs(depth) <= 1.0 + 1e-6:  # cut off by the near or far plane
                continue
            near = int(np.floor(at)) + (0 if step > 0 else 1)
            for shift in (0, -1, 1):
                first = near + shift * step
                share = (at - first) * step
                if not (-TOLERANCE_PX <= share <= 1.0 + TOLERANCE_PX):
                    continue
                if first < 0 or first >= pitch or first + step < 0 or first + step >= pitch:
                    continue
                shown = row * size[1] + first if axis == 0 else first * size[1] + row
                behind = shown + step if axis == 0 else shown + step * size[1]
                if not _separates(
                    clip,
                    triangles,
                    packed,
                    sides,
                    e,
                    axis,
                    size,
                    shown,
                    behind,
                    step,
                    share,
                    depth,
                ):
                    continue
                found = _keep(table, pixels, edge, crossing, found, shown, behind, e, share)
                break
    return found


@njit(cache=True, nogil=True)
def _depth_on_edge(clip, a, b, which, position):
    """z / w of the edge a-b where its coordinate `which` (0 = x, 1 = y) is at `position`."""
    wa, wb = np.float64(clip[a, 3]), np.float64(clip[b, 3])
    fa, fb = clip[a, which] - position * wa, clip[b, which] - position * wb
    share = fa / (fa - fb)
    za, zb = np.float64(clip[a, 2]), np.float64(clip[b, 2])
    return (za + share * (zb - za)) / (wa + share * (wb - wa))


@njit(cache=True, nogil=True)
def _separates(clip, triangles, packed, sides, e, axis, size, shown, behind, step, share, depth):
    """Whether the near pixel shows the surface that ends at edge `e`, and the far one does not.

    The surface behind, continued as a plane to the edge, must lie behind it: where it runs through
    the edge, the surface goes on (a seam, a folded sliver). The edge must lie where the near pixel
    says: a plane is off by slope x distance; a smooth surface that turns away from the viewer has
    depth ~ sqrt(distance from its outline), hence twice what its tangent plane says. To both comes
    what the rounding of vertices can move a surface.
    """
    seen, other = int(packed[shown, 3]) - 1, int(packed[behind, 3]) - 1
    if seen < 0 or max(seen, other) >= len(triangles):
        return False
    if other >= 0:
        if not packed[shown, 2] < packed[behind, 2]:
            return False
        slope, aside = _depth_slopes(clip, triangles, other, axis, size)
        if not abs(slope) + abs(aside) < np.inf:
            slope = aside = 0.0
        gap = packed[behind, 2] - (1.0 - share) * step * slope - depth
        if not gap > TOLERANCE_PX * (abs(slope) + abs(aside)) + 1e-6:
            return False
    slope, aside = _depth_slopes(clip, triangles, seen, axis, size)
    slope, aside = abs(slope), abs(aside)
    for k in range(2):
        another, another_aside = _depth_slopes(clip, triangles, sides[e, k] >> 1, axis, size)
        slope, aside = max(slope, abs(another)), max(aside, abs(another_aside))
    allowed = 2.0 * ((max(share, 0.0) + TOLERANCE_PX) * slope + TOLERANCE_PX * aside) + 1e-6
    return not abs(depth - packed[shown, 2]) > allowed


@njit(cache=True, nogil=True)
def _depth_slopes(clip, triangles, t, axis, size):
    """Change of z / w per pixel, along `axis` and across it, in the plane of triangle t.

    Infinite or not a number for a triangle seen edge-on.
    """
    a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    ab, bc, ca = line_through(clip, a, b), line_through(clip, b, c), line_through(clip, c, a)
    area = ab[0] * clip[c, 0] + ab[1] * clip[c, 1] + ab[2] * clip[c, 3]
    if area == 0.0:
        return np.inf, np.inf
    x = clip[a, 2] * bc[0] + clip[b, 2] * ca[0] + clip[c, 2] * ab[0]
    y = clip[a, 2] * bc[1] + clip[b, 2] * ca[1] + clip[c, 2] * ab[1]
    x, y = 2.0 / size[1] * x / area, 2.0 / size[0] * y / area
    return (x, y) if axis == 0 else (y, x)


@njit(cache=True, nogil=True)
def _keep(table, pixels, edge, crossing, found, shown, behind, e, share):
    """Note the edge between a pair unless a better one is known; how many pairs are known now."""
    slots = len(table) - 1
    slot = ((2 * min(shown, behind) + (abs(behind - shown) == 1)) * 0x9E3779B1 >> 8) & slots
    while table[slot] >= 0:
        n = table[slot]
        if pixels[n, 0] == shown and pixels[n, 1] == behind:
            if share > crossing[n] or (share == crossing[n] and e < edge[n]):
                edge[n], crossing[n] = e, share
            return found
        slot = (slot + 1) & slots
    table[slot] = found
    pixels[found, 0], pixels[found, 1] = shown, behind
    edge[found], crossing[found] = e, share
    return found + 1


@njit(cache=True, nogil=True)
def mark_triangles(sides, edges, marked):
    """Mark in `marked` (T,) bool the triangles that have one of the outlines `edges` (N,)."""
    for n in range(len(edges)):
        marked[sides[edges[n], 0] >> 1] = True
        marked[sides[edges[n], 1] >> 1] = True


@njit(cache=True, nogil=True)
def compare_pixels(
    clip, packed, ends, of_triangle, outline, marked, size, rows, pixels, edge, crossing
):
    """Every pair of pixels with different triangles that an outline of the nearer one separates.

    Args:
        clip, packed, ends, of_triangle, size: as in `walk_edges`.
        outline: (E,) bool.
        marked: (T,) bool, triangles with an outline.
        rows: first and one past the last row whose pairs to the right and below are wanted.
        pixels, edge, crossing: results as in `walk_edges`.

    Returns:
        How many there are.
    """
    found = 0
    height, width = size
    for y in range(rows[0], rows[1]):
        for x in range(width):
            here = np.uint64(y * width + x)
            for axis in range(2):
                if (x + 1 if axis == 0 else y + 1) >= (width if axis == 0 else height):
                    continue
                there = here + np.uint64(1 if axis == 0 else width)
                if packed[here, 3] == packed[there, 3]:
                    continue
                ahead = packed[there, 3] == 0 or (
                    packed[here, 3] != 0 and packed[here, 2] <= packed[there, 2]
                )
                seen = int(packed[here if ahead else there, 3]) - 1
                if seen >= len(marked) or not marked[seen]:
                    continue
                best, share = _outline_between(
                    clip, ends, of_triangle, outline, seen, axis, size, x, y, ahead
                )
                if best >= 0:
                    pixels[found, 0], pixels[found, 1] = here, there
                    if not ahead:
                        pixels[found, 0], pixels[found, 1] = there, here
                    edge[found], crossing[found] = best, share
                    found += 1
    return found


@njit(cache=True, nogil=True)
def _outline_between(clip, ends, of_triangle, outline, seen, axis, size, x, y, ahead):
    """The outline of triangle `seen` that best fits between pixel (x, y) and the next, or -1.

    And where it crosses, counted from the near pixel, which is (x, y) if `ahead`.
    """
    best, least, share = -1, np.inf, 0.0
    for k in range(3):
        e = of_triangle[seen, k]
        if e < 0 or not outline[e]:
            continue
        at, miss = _crossing(clip, ends[e, 0], ends[e, 1], axis, size, x, y)
        miss = max(miss, -at, at - 1.0)
        if miss <= TOLERANCE_PX and miss < least:
            best, least, share = e, miss, at if ahead else 1.0 - at
    return best, share


@njit(cache=True, nogil=True)
def _crossing(clip, a, b, axis, size, x, y):
    """Where a line of pixels from (x, y) along `axis` meets edge a-b; px by which it misses it.

    Flat edges, those under 45 degrees to `axis`, are met by the pairs of the other axis.
    """
    lx, ly, lw = line_through(clip, a, b)
    steep_x, steep_y = abs(lx) * size[0], abs(ly) * size[1]
    if (axis == 0 and steep_x < steep_y) or (axis == 1 and steep_x >= steep_y):
        return 0.0, np.inf
    pitch, lines = size[1 - axis], size[axis]
    first, row = (x, y) if axis == 0 else (y, x)
    across, along = (lx, ly) if axis == 0 else (ly, lx)
    position = (2 * row + 1) / lines - 1.0
    at = 0.5 * pitch * (1.0 - (along * position + lw) / across) - 0.5 - first
    wa, wb = np.float64(clip[a, 3]), np.float64(clip[b, 3])
    fa, fb = clip[a, 1 - axis] - position * wa, clip[b, 1 - axis] - position * wb
    share = fa / (fa - fb)
    if wa + share * (wb - wa) > 0.0 and 0.0 <= share <= 1.0:
        return at, 0.0
    if not (wa > 0.0 and wb > 0.0):
        return at, np.inf
    return at, 0.5 * lines * min(abs(fa / wa), abs(fb / wb))
