"""What one training has otherwise than another: the settings that differ, in words, and how to put one back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from digitcore.specs.run_spec import RunSpec
from digitcore.specs.settings import setting_label, setting_value, settings_of, with_settings


@dataclass(frozen=True)
class Change:
    """A setting in which two trainings differ.

    Attributes
    ----------
    name : str
        Flat name of the setting, see :func:`digitcore.specs.settings.settings_of`.
    label : str
        What the form calls it.
    before, after : str
        Its two values, as a reader calls them.
    """

    name: str
    label: str
    before: str
    after: str

    @property
    def words(self) -> str:
        """The change in words: ``"learning rate 0.01 → 0.1"``."""
        first, _, rest = self.label.partition(" ")
        # Abbreviations stay as they are.
        label = self.label if first[1:2].isupper() else f"{first.lower()} {rest}".strip()
        return f"{label} {self.before} → {self.after}"


def changes_between(before: RunSpec, after: RunSpec) -> list[Change]:
    """Return the settings in which two specs differ, in the form's order.

    Settings that only one of two models has are left out, and so are those without an effect in both trainings.
    """
    known, other = settings_of(after.model), settings_of(before.model)
    values = {"model": after.model, "dataset": after.dataset, **after.parameters, **after.split.model_dump()}
    values_before = {**before.parameters, **before.split.model_dump()}
    changes = []
    for name, setting in known.items():
        if name not in other or not (setting.record.applies(values) or setting.record.applies(values_before)):
            continue
        old, new = setting_value(before, name), setting_value(after, name)
        if old != new:
            changes.append(Change(name, setting.record.label, setting_label(name, old), setting_label(name, new)))
    return changes


def put_back(spec: RunSpec, name: str, baseline: RunSpec) -> RunSpec:
    """Return ``spec`` with one setting as a baseline has it.

    Raises
    ------
    InvalidSetting
        If the value does not fit the other settings.
    """
    value: Any = setting_value(baseline, name)
    return with_settings(spec, {name: value})
