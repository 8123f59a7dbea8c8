"""Item `index` of a world: a capture with its exact truth, the same whenever it is made."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
import torch

from lib.artefacts import PART_LABELS, Truth
from lib.facemodel import landmarks106
from lib.imaging import luminance
from lib.synthesis.backgrounds.draw import draw_background
from lib.synthesis.backgrounds.surroundings import draw_surroundings
from lib.synthesis.cameras.rigs import rig_views
from lib.synthesis.cameras.sensor import Developed, Sensor, auto_exposure, draw_sensor
from lib.synthesis.cameras.view import PhotoCameraOptions, View, draw_photo_view
from lib.synthesis.chance import generator
from lib.synthesis.layers import Layers, look_through
from lib.synthesis.options import SynthesisOptions
from lib.synthesis.people import draw_person
from lib.synthesis.props.glasses import draw_glasses
from lib.synthesis.props.hands import draw_hand
from lib.synthesis.props.headwear import draw_hat
from lib.synthesis.props.prop import Prop
from lib.synthesis.props.shoulders import draw_shoulders
from lib.synthesis.rendering.lighting import Lighting, draw_lighting, studio_lighting
from lib.synthesis.rendering.picture import Picture, take_picture
from lib.synthesis.rendering.scene import lit
from lib.synthesis.shape.expression_sets import USUAL, draw_from_set, set_of
from lib.synthesis.staging import Posed, pose_head, set_stage
from lib.synthesis.studio import Studio
from lib.synthesis.surface_maps import surface_maps

SIZES = {"photo": (256, 256), "phone_arc": (640, 480), "triple": (1024, 1024)}
RIG_SIZE = (1024, 768)
FACE_MM = 200.0
TEXELS_PER_PX = 2.4  # of the face: the chart is about 2.2 faces wide
TEXTURE_SIDES = (512, 1024, 2048, 4096)
HAIRS = {0: 5000, 1: 12000, 2: 24000, 3: 24000}  # by mesh level
SCHEMES = ("68", "106", "134")
ONLY_HOW_MANY = ("count", "shard_size")  # options that change no item
HIGHLIGHT = 0.04  # photo light that a mirrored part must add to count as a highlight
FACE_LABELS = PART_LABELS.index("skin")  # the last label of the face
FEWEST_FACE_PX = 16  # fewer tell a camera nothing about exposure
SUNGLASSES = 0.35  # share of glasses


@dataclass(frozen=True)
class SyntheticCapture:
    """A capture: its truth, and what its photos need to become files.

    Args:
        name: of the capture, unique in its world.
        truth: all that is known.
        views: the cameras.
        photos: the developed photos.
    """

    name: str
    truth: Truth
    views: list[View]
    photos: list[Developed]


@dataclass(frozen=True)
class _Shot:
    """One view while it is made."""

    picture: Picture
    layers: Layers
    developed: Developed
    gain: np.ndarray
    background: np.ndarray


def draw_capture(
    studio: Studio,
    options: SynthesisOptions,
    index: int,
    device: torch.device | None = None,
    lighting: Lighting | None = None,
) -> SyntheticCapture:
    """Make one capture.

    Args:
        studio: the model, kept between calls.
        options: of the world.
        index: of the capture.
        device: where pictures are shaded; None = the CPU.
        lighting: another light than the world has there; all else stays.
    """
    device = device or torch.device("cpu")
    rig = options.kind not in ("photo", "phone_arc")
    views = _views(options, index)
    side, level = fineness(options, views)
    subject = index // options.captures_per_subject
    person = draw_person(studio, options, subject, side, HAIRS[level])
    strength = options.expression * (1.0 if options.kind == "photo" else 0.6)
    pose = views[0].camera.world_to_camera
    lens = None if rig else -pose[:, :3].T @ pose[:, 3]
    looks = generator(options.seed, index, "expression")
    kind_of_look = set_of(options.expressions, index)
    expression = draw_from_set(kind_of_look, studio.model, looks, strength, lens)
    posed = pose_head(studio, person, expression, side, level, options.relief, options.wrinkles)
    skin = np.median(person.complexion.albedo[studio.ground(side).chart.inside], axis=0)
    props = _props(studio, posed, skin, options, index)
    stage = set_stage(studio, person, posed, props, side, level)
    lighting = lighting or _lighting(options, index, views)
    scene = lit(stage, lighting, device)
    triangles = studio.model.triangles
    landmarks = {
        "68": studio.model.landmarks["ibug68"].on(posed.vertices, triangles),
        "106": landmarks106(studio.model, posed.vertices),
        "134": studio.model.landmarks["ldm134"].on(posed.vertices, triangles),
    }
    sensor = draw_sensor(generator(options.seed, index, "sensor"), views[0], studio=rig)
    shots = []
    for row, (view, behind) in enumerate(zip(views, _scenery(options, index, views))):
        picture = take_picture(scene, view.camera, view.size, options.supersample)
        layers = look_through(studio, stage, posed, landmarks, view.camera, view.size)
        face = (layers.part > 0) & (layers.part <= FACE_LABELS) & (picture.cover > 0.99)
        noise = generator(options.seed, index, f"noise {row}")
        developed, gain, behind = _shoot(
            picture, behind, face, float(luminance(skin)), sensor, noise, metered=not rig
        )
        shots.append(_Shot(picture, layers, developed, gain, behind))
    truth = _truth(
        studio, options, index, person, expression, posed, stage, lighting, landmarks, views, shots
    )
    return SyntheticCapture(
        capture_name(options, index), truth, views, [shot.developed for shot in shots]
    )


def capture_name(options: SynthesisOptions, index: int) -> str:
    """Such as `photo_000012`."""
    return f"{options.kind}_{index:06d}"


def fineness(options: SynthesisOptions, views: list[View]) -> tuple[int, int]:
    """Side of the skin's maps and level of the mesh that pictures of this size need."""
    middle = [0.0, 0.0, -60.0]
    face_px = max(
        FACE_MM
        * view.camera.focal_px
        / float(view.camera.world_to_camera[2] @ np.append(middle, 1.0))
        for view in views
    )
    wanted = TEXELS_PER_PX * face_px
    side = options.texture_px or next((s for s in TEXTURE_SIDES if s >= wanted), TEXTURE_SIDES[-1])
    level = options.mesh_level
    if level < 0:
        level = 0 if face_px < 260 else 1 if options.kind == "photo" else 2
    return side, level


def _views(options: SynthesisOptions, index: int) -> list[View]:
    usual = SIZES.get(options.kind, RIG_SIZE)
    size = (options.height_px or usual[0], options.width_px or usual[1])
    chance = generator(options.seed, index, "cameras")
    if options.kind == "photo":
        return [draw_photo_view(size, chance, options=PhotoCameraOptions(yaw_deg=options.yaw_deg))]
    return rig_views(options.kind, size, chance)


def _lighting(options: SynthesisOptions, index: int, views: list[View]) -> Lighting:
    chance = generator(options.seed, index, "light")
    if options.kind == "photo":
        return draw_lighting(chance, views[0].camera.world_to_camera[:, :3])
    if options.kind == "phone_arc":
        kind = str(chance.choice(["window", "overcast", "studio", "lamps"]))
        return draw_lighting(chance, views[len(views) // 2].camera.world_to_camera[:, :3], kind)
    return studio_lighting(chance)


def _props(
    studio: Studio, posed: Posed, skin: np.ndarray, options: SynthesisOptions, index: int
) -> list[Prop]:
    """Clothes always; glasses, hats and hands on some single photos."""
    model, subject = studio.model, index // options.captures_per_subject
    dressed = generator(options.seed, subject, "clothes")
    sites = studio.sites
    props = draw_shoulders(model, posed.vertices, skin, dressed, sites=sites)
    cloth = np.median(props[-1].albedo, axis=0)
    if options.kind != "photo":
        return props
    chance = generator(options.seed, index, "things")
    glasses, hat, held = chance.random(3) < options.things
    dark = chance.random() < SUNGLASSES
    if glasses:
        props = [*props, *draw_glasses(model, posed.vertices, chance, bool(dark), sites=sites)]
    if hat:
        props = [*props, *draw_hat(model, posed.vertices, chance, sites=sites)]
    if held:
        hand = draw_hand(model, posed.vertices, skin, chance, sites=sites, cloth_rgb=cloth)
        props = [*props, *hand]
    return props


def _scenery(options: SynthesisOptions, index: int, views: list[View]) -> list[np.ndarray]:
    """(h, w, 3) linear light behind the person, of each view; 1 = white in the person's light."""
    chance = generator(options.seed, index, "background")
    if options.kind == "photo":
        return [draw_background(views[0].size, chance, views[0], np.ones(3))]
    return draw_surroundings(views, chance, "room" if options.kind == "phone_arc" else "studio")


def _shoot(
    picture: Picture,
    behind: np.ndarray,
    face: np.ndarray,
    skin: float,
    sensor: Sensor,
    chance: np.random.Generator,
    metered: bool,
) -> tuple[Developed, np.ndarray, np.ndarray]:
    """Expose and develop a picture.

    Args:
        picture: light of the person.
        behind: (h, w, 3) light behind, 1 = white in the person's light.
        face: (h, w) bool.
        skin: luminance of the person's skin.
        sensor: of the camera.
        chance: of its noise.
        metered: exposure minds the face; else it is fixed, as in a rig.

    Returns:
        The photo; (3,) factor per channel from light to the photo; (h, w, 3) light behind.
    """
    light = picture.diffuse + picture.specular
    gain = auto_exposure(light, face, skin) if metered and face.sum() > FEWEST_FACE_PX else 1.0
    behind = (behind / gain * (1 - picture.cover[..., None])).astype(np.float32)
    developed = sensor.develop((light + behind) * np.float32(gain), chance)
    return developed, (gain * developed.exposure).astype(np.float32), behind


def _truth(
    studio, options, index, person, expression, posed, stage, lighting, landmarks, views, shots
) -> Truth:
    model = studio.model
    layers = [shot.layers for shot in shots]
    maps = surface_maps(studio, posed, stage, options.maps_px)
    lamps = lighting.lamps
    told = {name: value for name, value in asdict(options).items() if name not in ONLY_HOW_MANY}
    if options.expressions == USUAL:  # as worlds say that were drawn before there were others
        del told["expressions"]
    if options.wrinkles == 1:
        del told["wrinkles"]
    if options.freckles == 0:
        del told["freckles"]
    return Truth(
        world=json.dumps({"face_model": model.name, "index": index, **told}),
        subject=f"{options.kind}_{options.seed}_{index // options.captures_per_subject:06d}",
        face_model=model.name,
        span=model.name if options.free_form_mm == 0 and options.relief == 0 else "",
        tone_deg=person.tone_deg,
        image=[shot.developed.image for shot in shots],
        diffuse=[shot.picture.diffuse + shot.background for shot in shots],
        specular=[shot.picture.specular for shot in shots],
        highlight=[luminance(shot.picture.specular * shot.gain) > HIGHLIGHT for shot in shots],
        depth_mm=[item.depth_mm for item in layers],
        normal=[item.normal for item in layers],
        uv=[item.uv for item in layers],
        part=[item.part for item in layers],
        focal_px=[view.camera.focal_px for view in views],
        centre_px=[view.camera.centre_px for view in views],
        world_to_camera=[view.camera.world_to_camera for view in views],
        exposure=[shot.gain for shot in shots],
        identity=person.identity,
        expression=expression,
        neutral_mm=person.neutral,
        vertices_mm=posed.vertices,
        visible=[item.visible for item in layers],
        detail_mm=posed.fine,
        detail_triangles=studio.tessellation(posed.level).triangles,
        detail_face=studio.face_vertices(posed.level),
        **{f"landmarks{n}_mm": landmarks[n] for n in SCHEMES},
        **{f"landmarks{n}_px": [item.landmarks_px[n] for item in layers] for n in SCHEMES},
        **{f"landmarks{n}_seen": [item.landmarks_seen[n] for item in layers] for n in SCHEMES},
        **maps,
        sh_light=lighting.harmonics(),
        light_direction=[*(lamp.direction for lamp in lamps), *lighting.dome_directions],
        light_distance_mm=[
            *(lamp.distance_mm for lamp in lamps),
            *np.full(len(lighting.dome_colours), np.inf),
        ],
        light_radius_mm=[*(lamp.radius for lamp in lamps), *np.zeros(len(lighting.dome_colours))],
        light_colour=[*(lamp.colour for lamp in lamps), *lighting.dome_colours],
    )
