"""Data sets: a registry of them, how they are loaded, and how they are split."""

from digitcore.datasets.augmentation import AUGMENTATIONS, Augmentation, augment
from digitcore.datasets.dataset import Dataset, features
from digitcore.datasets.download import Progress
from digitcore.datasets.registry import DATASETS, DatasetEntry, load_dataset, register_dataset
from digitcore.datasets.splits import Part, Split, split

__all__ = [
    "AUGMENTATIONS",
    "DATASETS",
    "Augmentation",
    "Dataset",
    "DatasetEntry",
    "Part",
    "Progress",
    "Split",
    "augment",
    "features",
    "load_dataset",
    "register_dataset",
    "split",
]
