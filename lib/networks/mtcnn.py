"""MTCNN: three small networks that propose, refine and mark faces.

The modules carry the parameter names of facenet-pytorch's files, so that those load as they are.

Source: Zhang et al. 2016, Joint Face Detection and Alignment Using Multitask Cascaded
Convolutional Networks, IEEE Signal Processing Letters 23(10).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from lib.errors import MissingModelError
from lib.networks.cards import MTCNN, verify_weights
from lib.networks.checkpoints import read_weights


class ProposalNet(nn.Module):
    """Face probability and box offsets of every 12 px window of a picture, 2 px apart."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.pool1 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, 3, h, w) -> (n, h', w') probability and (n, 4, h', w') offsets in window sides."""
        x = self.pool1(self.prelu1(self.conv1(image)))
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return self.conv4_1(x).softmax(1)[:, 1], self.conv4_2(x)


class RefineNet(nn.Module):
    """Face probability and box offsets of 24 px crops."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, 3, 24, 24) -> (n,) probability and (n, 4) offsets in box sides."""
        x = self.pool1(self.prelu1(self.conv1(crops)))
        x = self.prelu3(self.conv3(self.pool2(self.prelu2(self.conv2(x)))))
        x = self.prelu4(self.dense4(x.permute(0, 3, 2, 1).flatten(1)))
        return self.dense5_1(x).softmax(1)[:, 1], self.dense5_2(x)


class OutputNet(nn.Module):
    """Face probability, box offsets and five points of 48 px crops."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 32, 3), nn.PReLU(32)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(32, 64, 3), nn.PReLU(64)
        self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3, self.prelu3 = nn.Conv2d(64, 64, 3), nn.PReLU(64)
        self.pool3 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1 = nn.Linear(256, 2)
        self.dense6_2 = nn.Linear(256, 4)
        self.dense6_3 = nn.Linear(256, 10)

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(n, 3, 48, 48) -> (n,) probability, (n, 4) offsets, (n, 2, 5) points in box sides."""
        x = self.pool1(self.prelu1(self.conv1(crops)))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.prelu4(self.conv4(self.pool3(self.prelu3(self.conv3(x)))))
        x = self.prelu5(self.dense5(x.permute(0, 3, 2, 1).flatten(1)))
        points = self.dense6_3(x).reshape(-1, 2, 5)
        return self.dense6_1(x).softmax(1)[:, 1], self.dense6_2(x), points


def load_mtcnn(folder: str | Path) -> tuple[ProposalNet, RefineNet, OutputNet]:
    """The three networks with the weights `pnet.pt`, `rnet.pt`, `onet.pt` of a folder.

    Raises:
        MissingModelError: a file is missing or holds other parameters.
    """
    networks = (ProposalNet(), RefineNet(), OutputNet())
    for network, card in zip(networks, MTCNN):
        path = verify_weights(card, folder)
        state = read_weights(path, card.name)
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise MissingModelError(
                f"{path} does not hold the weights of {card.name}: {error}. Get it: {card.obtain}"
            ) from error
        network.eval()
    return networks
