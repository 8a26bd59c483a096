"""Fixtures of the models' tests: one thread, and small data with a known origin."""

from __future__ import annotations

import pytest
import torch

from digitcore.models.torch_backend import network as torch_network
from digitcore.models.torch_backend.autograd import AcceleratorTraining


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(params=["written out", "by torch's layers"])
def _way(request, monkeypatch):
    """Train as on the processor, or as on an accelerator."""
    if request.param == "by torch's layers":

        def start(module, layers, make_network, at_once, *others):
            return AcceleratorTraining(module, torch.device("cpu"), at_once, *others)

        monkeypatch.setattr(torch_network, "NetworkTraining", start)
