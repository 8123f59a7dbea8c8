"""The Basel Face Model in the layouts that Deep3DFaceRecon and 3DDFA_V3 use, and as published."""

from lib.facemodel.bfm.deep3d import read_deep3d
from lib.facemodel.bfm.detail_layer import detail_layer_model, read_detail_layer
from lib.facemodel.bfm.face_model_npy import read_face_model_npy
from lib.facemodel.bfm.model import bfm_model
from lib.facemodel.bfm.source import BfmSource
from lib.facemodel.bfm.statismo import read_statismo, statismo_model

__all__ = [
    "BfmSource",
    "bfm_model",
    "detail_layer_model",
    "read_deep3d",
    "read_detail_layer",
    "read_face_model_npy",
    "read_statismo",
    "statismo_model",
]
