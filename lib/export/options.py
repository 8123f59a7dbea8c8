"""What an exported head consists of."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ExportOptions:
    """Settings of the export stage.

    Args:
        overlay_side_px: longer side of `overlay.png`, which shows three panels.
        turntable_px: side of each of the views in `turntable.png`.
        glb_texture_px: side of the texture inside the GLB; a smaller texture is not enlarged.
        glb_jpeg_quality: quality of that texture, 1..95.
        smallest_delta_mm: shorter differences are left out of the morph targets.
        detail_mesh: whether `detail.ply` is written of heads whose surface is known.
        displacement_px: side of the displacement and normal maps of measured heads; 0 = none. Of
            single photos no larger than `shading.uv_size`.
        relight_px: side of the pictures under other lights in `relight/`; 0 = none.
        diffuse_photos: whether `diffuse.png` and `highlight_mask.png` are written of every photo,
            at its own size.
        published: systems in whose formats files are written too: `deep3d`, `3ddfa_v3`,
            `detail_layer`, `face_texture`.
    """

    overlay_side_px: int = 1600
    turntable_px: int = 320
    glb_texture_px: int = 1024
    glb_jpeg_quality: int = 92
    smallest_delta_mm: float = 0.002
    detail_mesh: bool = True
    displacement_px: int = 4096
    relight_px: int = 384
    diffuse_photos: bool = True
    published: list[str] = field(default_factory=list)
