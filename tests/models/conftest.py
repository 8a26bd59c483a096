"""Fixtures of the models' tests: one thread, and small data with a known origin."""

from __future__ import annotations

import pytest
import torch

from digitcore.models.torch_backend import network as torch_network
from digitcore.models.torch_backend.autograd import AcceleratorTraining
from digitcore.models.torch_backend.network import NetworkTraining


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


@pytest.fixture
def batches(monkeypatch):
    """The images and labels of all batches that networks are trained on from here on."""
    seen = []
    for kind in (NetworkTraining, AcceleratorTraining):
        one_batch = kind._one_batch

        def watched(training, X, y, *weights, one_batch=one_batch):
            seen.append((X.numpy().copy(), y.numpy().copy()))
            return one_batch(training, X, y, *weights)

        monkeypatch.setattr(kind, "_one_batch", watched)
    return seen
