"""What a step of training the detail layer's networks asks, its loss, and how it is scored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch

from lib.errors import ConfigError
from lib.networks.detail_layer import WIDTHS as FINE_WIDTHS
from lib.networks.detail_layer import DetailNetwork, load_detail
from lib.networks.vggface import FEATURES, CoarseCode, CoarseNetwork, load_coarse
from lib.networks.vggface import WIDTHS as COARSE_WIDTHS
from lib.shading.detail_layer.geometry import triangle_normals, vertex_normals
from lib.shading.detail_layer.unwrap import on_chart
from lib.training.detail_layer import losses
from lib.training.detail_layer.augment import Change, changed, draw_change
from lib.training.detail_layer.face import (
    CoarsePicture,
    DetailFace,
    FinePicture,
    chart_difference,
    coarse_picture,
    fine_picture,
    seen_outline,
)
from lib.training.detail_layer.likeness import VggLikeness, gradient_likeness, load_recognition
from lib.training.detail_layer.options import DetailTrainingOptions, widths_of
from lib.training.detail_layer.tfrecord import DetailExample, RecordPlace, read_detail_example

SKIN, FACE_CLASSES = 1, (1, 2, 6, 7, 11, 12)  # skin, nose, brows, lips
BACKGROUND = -1.0  # of depths and normals, as published
Terms = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Asked:
    """Photos of a step.

    Args:
        photo: (n, 300, 300, 3) sRGB 0..255.
        points68_px: (n, 68, 2).
        points86_px: (n, 86, 2).
        labels: (n, 300, 300) uint8.
    """

    photo: torch.Tensor
    points68_px: torch.Tensor
    points86_px: torch.Tensor
    labels: torch.Tensor

    def to(self, device: torch.device) -> Asked:
        """The same on a device."""
        return Asked(*(getattr(self, f.name).to(device) for f in fields(self)))

    @property
    def crop(self) -> torch.Tensor:
        """(n, 3, 300, 300) as networks take it."""
        return self.photo.permute(0, 3, 1, 2).contiguous()

    def showing(self, classes: Sequence[int]) -> torch.Tensor:
        """(n, 300, 300) 1 where a pixel is of one of some classes."""
        wanted = torch.tensor(classes, dtype=self.labels.dtype, device=self.labels.device)
        return torch.isin(self.labels, wanted).float()


def asked(example: DetailExample) -> Asked:
    """An example as a batch of one."""
    return Asked(
        torch.from_numpy(example.image.astype(np.float32))[None],
        torch.from_numpy(example.points68_px)[None],
        torch.from_numpy(example.points86_px)[None],
        torch.from_numpy(example.labels)[None],
    )


class DetailTask(ABC):
    """What both trainings share.

    Args:
        face: the head model, on the device that computes.
        places: of the records.
        options: `filled`.
        device: where it computes.
    """

    name = ""

    def __init__(
        self,
        face: DetailFace,
        places: Sequence[RecordPlace],
        options: DetailTrainingOptions,
        device: torch.device,
    ):
        self.face, self.places, self.options, self.device = face, tuple(places), options, device

    def example(self, index: int) -> DetailExample:
        """A photo as it is stored."""
        return read_detail_example(self.places[index])

    def draw(self, index: int, chance: np.random.Generator) -> Asked:
        """A photo, changed at random."""
        change: Change = draw_change(self.options, chance)
        return asked(changed(self.example(index), change))

    def to_device(self, item: Asked, device: torch.device) -> Asked:
        return item.to(device)

    def loss(self, network: torch.nn.Module, item: Asked) -> torch.Tensor:
        return self.batch_loss(network, [item])

    def batch_loss(self, network: torch.nn.Module, batch: Sequence[Asked]) -> torch.Tensor:
        """The weighted sum of all terms; in full precision, since features of VGG are large."""
        names = [f.name for f in fields(Asked)]
        item = Asked(*(torch.cat([getattr(one, name) for one in batch]) for name in names))
        with torch.autocast(item.photo.device.type, enabled=False):
            return sum(self.terms(network, item).values())

    @abstractmethod
    def terms(self, network: torch.nn.Module, item: Asked) -> Terms:
        """Every weighted term."""


class CoarseDetailTask(DetailTask):
    """Training of the coarse network: pose, light, shape and albedo of photos."""

    name = "detail_coarse"

    def __init__(
        self,
        face: DetailFace,
        places: Sequence[RecordPlace],
        options: DetailTrainingOptions,
        device: torch.device,
    ):
        super().__init__(face, places, options, device)
        self.recognition: VggLikeness | None = None
        if options.recognition:
            self.recognition = load_recognition(options.recognition, options.average, device)
        self.likeness = self.recognition or gradient_likeness

    def network(self) -> CoarseNetwork:
        """Weights to begin with: those of `coarse`, else VGG-Face's beneath new heads."""
        options = self.options
        if options.coarse:
            return coarse_of_head(options.coarse, self.face).train()
        widths = widths_of(COARSE_WIDTHS, options.width)
        features = widths_of((FEATURES,), options.width)[0]
        network = CoarseNetwork(self.face.layout, widths, features, options.input_px)
        found = self.recognition and self.recognition.network.state_dict()
        own = network.encoder.state_dict()
        if found and all(found[key].shape == own[key].shape for key in own):
            network.encoder.load_state_dict(found)
        else:
            _keep_variance(network)
        return network

    def terms(self, network: torch.nn.Module, item: Asked) -> Terms:
        code = network(item.crop)
        return self._compared(code, coarse_picture(self.face, code, item.photo), item)

    def _compared(self, code: CoarseCode, picture: CoarsePicture, item: Asked) -> Terms:
        """Every weighted term of codes and what they look like."""
        options = self.options
        outline = seen_outline(self.face, picture)
        terms = {
            "landmark3d": options.landmark3d
            * losses.landmark3d_loss(picture.marks, item.points86_px),
            "landmark2d": options.landmark2d
            * losses.landmark2d_loss(outline, item.points68_px, options.contour),
            "photo": options.photo
            * losses.photo_loss(
                picture.drawn.colour, item.photo, item.showing(FACE_CLASSES) * picture.compared
            ),
            "shape": options.shape * losses.size_loss(code.identity),
            "expression": options.expression * losses.size_loss(code.expression),
            "albedo": options.albedo * losses.size_loss(code.albedo),
        }
        if options.identity > 0:
            terms["identity"] = options.identity * self.likeness(
                picture.composed.permute(0, 3, 1, 2), item.crop, picture.marks, item.points86_px
            )
        return terms

    def score(
        self, network: torch.nn.Module, index: int, device: torch.device
    ) -> dict[str, float | None]:
        """Loss, terms, and the mean distance of the 86 points in px."""
        item = asked(self.example(index)).to(device)
        with torch.no_grad():
            code = network(item.crop)
            picture = coarse_picture(self.face, code, item.photo)
            terms = self._compared(code, picture, item)
        away = (picture.marks - item.points86_px).norm(dim=-1).mean()
        return {**_told(terms), "landmarks_px": float(away)}


class FineDetailTask(DetailTask):
    """Training of the fine network on top of a frozen coarse one.

    Args:
        coarse: the coarse network.
    """

    name = "detail_fine"

    def __init__(
        self,
        face: DetailFace,
        places: Sequence[RecordPlace],
        options: DetailTrainingOptions,
        device: torch.device,
        coarse: CoarseNetwork,
    ):
        super().__init__(face, places, options, device)
        self.coarse = coarse.eval().requires_grad_(False).to(device)

    def network(self) -> DetailNetwork:
        """Weights to begin with: those of `fine`, else random ones."""
        if self.options.fine:
            return load_detail(self.options.fine).train()
        levels = self.options.chart_px.bit_length()  # down to a single texel
        published = (FINE_WIDTHS + FINE_WIDTHS[-1:] * levels)[:levels]
        return DetailNetwork(widths_of(published, self.options.width))

    def terms(self, network: torch.nn.Module, item: Asked) -> Terms:
        code, before = self._coarse_face(item)
        relief = network(chart_difference(self.face, before, item.photo))[:, 0]
        after = fine_picture(self.face, code, before, relief, item.photo)
        return self._compared(relief, before, after, item)

    def _coarse_face(self, item: Asked) -> tuple[CoarseCode, CoarsePicture]:
        """What the frozen network says, without a history."""
        with torch.no_grad():
            code = self.coarse(item.crop)
            return code, coarse_picture(self.face, code, item.photo)

    def _compared(
        self, relief: torch.Tensor, before: CoarsePicture, after: FinePicture, item: Asked
    ) -> Terms:
        """Every weighted term of relief (n, s, s) mm and what it looks like."""
        options, face = self.options, self.face
        normals = vertex_normals(after.points, face.dense)
        flat = triangle_normals(after.points, face.dense)
        return {
            "photo": options.photo * self._colour(before, after, item),
            "displacement": options.displacement * self._size(relief, before, after),
            "displacement_normal": options.displacement_normal * self._turn(before, after),
            "smooth": options.smooth * losses.smooth_loss(after.points, face.beside),
            "smooth_normal": options.smooth_normal
            * losses.smooth_normal_loss(normals, flat, face.beside),
            "smooth_uv": options.smooth_uv * losses.smooth_uv_loss(relief),
        }

    def _colour(self, before: CoarsePicture, after: FinePicture, item: Asked) -> torch.Tensor:
        """Colour distance where the photo shows skin and the head its face."""
        mask = item.showing([SKIN]) * before.face * after.drawn.raster.mask
        return losses.photo_loss(after.drawn.colour, item.photo, mask)

    def _size(
        self, relief: torch.Tensor, before: CoarsePicture, after: FinePicture
    ) -> torch.Tensor:
        """D + 2 Dr + 2 De: relief on the chart's face, on screen, and where none may be."""
        face = self.face
        on_chart = losses.masked_square(relief[..., None], face.face)
        still = losses.masked_square(relief[..., None], 1 - face.movable)
        drawn = before.drawn, after.drawn
        depths = [self._shown(one.depth[..., None], one.raster.mask) for one in drawn]
        mask = before.face * self._comparable(before, after)
        return on_chart + 2 * losses.masked_square(depths[1] - depths[0], mask) + 2 * still

    def _turn(self, before: CoarsePicture, after: FinePicture) -> torch.Tensor:
        """How far the relief turns the normals that the screen shows, taken to the chart."""
        drawn = before.drawn, after.drawn
        normals = [self._shown(one.normal, one.raster.mask) for one in drawn]
        comparable = self._comparable(before, after)[..., None]
        screen = torch.cat([normals[1] - normals[0], comparable], -1)
        chart = on_chart(self.face.chart, screen, before.drawn.camera)
        return losses.masked_square(chart[..., :3], self.face.face * chart[..., 3].detach())

    def _shown(self, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Pictures (n, h, w, c) with the published background, where that is wanted."""
        if self.options.silhouette == "both":
            return values
        return torch.where(mask[..., None], values, BACKGROUND)

    def _comparable(self, before: CoarsePicture, after: FinePicture) -> torch.Tensor:
        """(n, h, w) 1 where coarse and fine picture may be compared."""
        if self.options.silhouette == "published":
            return torch.ones_like(before.face)
        return (before.drawn.raster.mask & after.drawn.raster.mask).float()

    def score(
        self, network: torch.nn.Module, index: int, device: torch.device
    ) -> dict[str, float | None]:
        """Loss, terms, the coarse face's own colour distance, and the relief's size in mm."""
        item, face = asked(self.example(index)).to(device), self.face
        with torch.no_grad():
            code, before = self._coarse_face(item)
            relief = network(chart_difference(face, before, item.photo))[:, 0]
            after, still = (
                fine_picture(face, code, before, some, item.photo)
                for some in (relief, torch.zeros_like(relief))
            )
            terms = self._compared(relief, before, after, item)
            flat = self.options.photo * self._colour(before, still, item)
        size = ((relief * face.movable) ** 2 * face.face).sum() / face.face.sum().clamp_min(1)
        return {**_told(terms), "photo_without": float(flat), "relief_mm": float(size.sqrt())}


def _told(terms: Terms) -> dict[str, float | None]:
    """Terms as numbers, and their sum."""
    found = {name: float(value) for name, value in terms.items()}
    return {"loss": sum(found.values()), **found}


def coarse_of_head(path: str, face: DetailFace) -> CoarseNetwork:
    """The coarse network of a file.

    Raises:
        MissingModelError: the file is not there.
        ConfigError: it holds none, or one of another head model.
    """
    network = load_coarse(path)
    if network.layout != face.layout:
        raise ConfigError(
            f"detail_training.coarse: {path} tells {network.layout}, the head model has "
            f"{face.layout}. Take the head model that it was trained with."
        )
    return network


def _keep_variance(network: CoarseNetwork) -> None:
    """Random convolutions that hand on signals of one size, for pictures of 0..255.

    PyTorch's own would let them fade over the depth of this encoder, which has no normalisation.
    """
    for name, layer in network.encoder.named_children():
        torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        torch.nn.init.zeros_(layer.bias)
        if name == "conv1_1":
            with torch.no_grad():
                layer.weight /= 255
