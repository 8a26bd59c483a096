from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from digitcore.models.epoch import Epoch


def test_watched_accuracy_is_validations():
    assert Epoch(1, 0.5, 0.9, 0.6, 0.8, 0.1).monitored_accuracy == 0.8


def test_watched_accuracy_of_zero_is_not_taken_for_missing():
    assert Epoch(1, 0.5, 0.9, 0.6, 0.0, 0.1).monitored_accuracy == 0.0


def test_watched_accuracy_without_validation_data_is_trainings():
    assert Epoch(1, 0.5, 0.9, None, None, 0.1).monitored_accuracy == 0.9


def test_epoch_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Epoch(1, 0.5, 0.9, None, None, 0.1).number = 2
