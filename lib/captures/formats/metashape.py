"""Agisoft Metashape's camera XML (File > Export > Export Cameras).

A camera's `transform` takes its own frame, OpenCV's axes, to that of the chunk. The chunk's (or the
component's) `transform` with a `scale` takes that to metres; without one, lengths have no unit and
the world is the chunk's frame. Pixel centres lie at 0.5, `cx` and `cy` count from the middle of the
image, `b1` is the difference of the focal lengths, `b2` the skew, and `p1` and `p2` have the
places of OpenCV's p2 and p1.

Source: Agisoft Metashape Professional manual, appendix "Camera models".
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from lib.captures.formats.given import (
    MM,
    GivenCamera,
    LengthUnit,
    bad,
    entry_of,
    four_radial_terms,
    number,
    numbers,
)

FAR_M = 1e5  # a world whose origin lies farther off is that of the Earth
NOT_UNDERSTOOD = ("p3", "p4")


def find_metashape(root: ElementTree.Element, path: Path, image: Path) -> GivenCamera:
    """The camera of an image in Metashape's XML.

    Raises:
        CaptureFailure: `bad_camera`.
    """
    chunk = root if root.tag == "chunk" else root.find("chunk")
    if chunk is None:
        raise bad(f"{path} has no chunk. Export the cameras of an aligned chunk from Metashape.")
    cameras = [(camera.get("label", ""), camera) for camera in chunk.iter("camera")]
    name, camera = entry_of(cameras, image, path)
    where = f"camera '{name}' in {path}"
    placed = camera.find("transform")
    if placed is None or not placed.text:
        raise bad(f"{where} has no transform: Metashape did not align it.")
    to_chunk = numbers(placed.text, (4, 4), f"transform of {where}")
    pose, unit = _in_world(to_chunk, _frame(chunk, camera), where)
    sensors = {sensor.get("id"): sensor for sensor in chunk.iter("sensor")}
    sensor = sensors.get(camera.get("sensor_id"))
    if sensor is None:
        raise bad(f"{where} has no sensor. Export the cameras again.")
    return _with_lens(name, sensor, pose, unit, where)


def _with_lens(
    name: str, sensor: ElementTree.Element, pose: np.ndarray, unit: LengthUnit, where: str
) -> GivenCamera:
    lens = _calibration(sensor, where)
    values = {item.tag: number(item.text, f"{item.tag} of {where}") for item in lens if item.text}
    if "f" not in values:
        raise bad(f"{where} has no focal length f. Export again with Metashape 1.3 or later.")
    if any(values.get(term) for term in NOT_UNDERSTOOD):
        raise bad(f"{where} has the distortion terms p3, p4. Optimise without them, export again.")
    found = lens.find("resolution")
    if found is None:
        found = sensor.find("resolution")
    if found is None:
        raise bad(f"{where} has no resolution. Export the cameras again.")
    size = tuple(int(number(found.get(s), f"{s} of {where}")) for s in ("height", "width"))
    focal = values["f"]
    radial = np.array([values.get(f"k{i}", 0.0) for i in range(1, 5)])
    k1, k2, k3, k4, k5, k6 = four_radial_terms(radial, focal, size, where)
    tangential = values.get("p2", 0.0), values.get("p1", 0.0)
    centre = np.array([size[1] / 2 + values.get("cx", 0.0), size[0] / 2 + values.get("cy", 0.0)])
    return GivenCamera(
        name=name,
        focal_px=np.array([focal + values.get("b1", 0.0), focal]),
        centre_px=centre - 0.5,
        world_to_camera=pose,
        length_unit=unit,
        distortion=np.array([k1, k2, *tangential, k3, k4, k5, k6]),
        skew_px=values.get("b2", 0.0),
        size=size,
    )


def _calibration(sensor: ElementTree.Element, where: str) -> ElementTree.Element:
    """The adjusted calibration of a frame camera, or the initial one where there is no other."""
    if sensor.get("type", "frame") != "frame":
        raise bad(f"{where} is a {sensor.get('type')} camera, expected a frame camera.")
    found = sensor.findall("calibration")
    adjusted = [lens for lens in found if lens.get("class") == "adjusted"]
    if not found:
        raise bad(f"{where} has no calibration. Align the photos, then export the cameras again.")
    return (adjusted or found)[0]


def _frame(chunk: ElementTree.Element, camera: ElementTree.Element) -> ElementTree.Element | None:
    """The transform of the camera's component, or of the chunk; None where neither has one."""
    for component in chunk.iter("component"):
        found = component.find("transform")
        if found is not None and component.get("id") == camera.get("component_id"):
            return found
    return chunk.find("transform")


def _in_world(
    to_chunk: np.ndarray, frame: ElementTree.Element | None, where: str
) -> tuple[np.ndarray, LengthUnit]:
    """(3, 4) world to camera, and its unit."""
    rotation, place = to_chunk[:3, :3].T, to_chunk[:3, 3]
    scale = None if frame is None else frame.find("scale")
    if frame is None or scale is None or not scale.text:
        return np.column_stack([rotation, -rotation @ place]), "unknown"
    factor = number(scale.text, f"scale of the chunk of {where}")
    if factor <= 0:
        raise bad(f"scale of the chunk of {where} is {factor:g}, expected more than 0.")
    turn, shift = np.eye(3), np.zeros(3)
    if (item := frame.find("rotation")) is not None and item.text:
        turn = numbers(item.text, (3, 3), f"rotation of the chunk of {where}")
    if (item := frame.find("translation")) is not None and item.text:
        shift = numbers(item.text, (3,), f"translation of the chunk of {where}")
    if np.linalg.norm(shift) > FAR_M:
        shift = np.zeros(3)  # millimetres of a face would drown in the Earth's radius
    rotation = rotation @ turn.T
    centre = factor * turn @ place + shift
    return np.column_stack([rotation, -rotation @ centre * MM["m"]]), "mm"
