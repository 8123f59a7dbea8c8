"""The parts of the face that a photo shows, told by pixels."""

from lib.parsing.options import ParsingOptions
from lib.parsing.parse import FaceParser, parse_parts

__all__ = ["FaceParser", "ParsingOptions", "parse_parts"]
