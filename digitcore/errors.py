"""What digitcore raises: one base class, and a child for each kind of trouble.

Every message is one or two sentences a user can act on: it names the thing, says what was expected, what came, and
what to do. Pages catch :class:`DigitcoreError` and show the message as it stands.
"""


class DigitcoreError(Exception):
    """Base of every error that digitcore raises on purpose."""


class InvalidSetting(DigitcoreError, ValueError):
    """A setting (a hyperparameter, a split, a recipe's name) is out of range or unknown."""


class DatasetError(DigitcoreError, ValueError):
    """The content of a data set is wrong: a corrupt file, a shape that does not fit, a missing class."""


class ComparisonError(DigitcoreError, ValueError):
    """Results cannot be compared: they are of different images, or there are too few of them."""


class DatasetUnavailable(DigitcoreError, OSError):
    """A data set is neither on this machine nor to be had from its sources."""


class ModelFileError(DigitcoreError, OSError):
    """A file with a fitted estimator cannot be read or written."""


class DivergedError(DigitcoreError, ArithmeticError):
    """The loss of a training became NaN or infinite.

    Attributes
    ----------
    epoch : int
        Number of the epoch, counted from 1, in which it happened.
    """

    # By its message a kept run that failed tells why.
    BEGINNING = "The training diverged in epoch"

    def __init__(self, epoch: int, learning_rate: float):
        super().__init__(epoch, learning_rate)
        self.epoch = epoch
        self.learning_rate = learning_rate

    def __str__(self) -> str:
        return (
            f"{self.BEGINNING} {self.epoch}: its loss is no longer a finite number. "
            f"Try a learning rate well below {self.learning_rate:g}, for example {self.learning_rate / 10:g}."
        )


class Interrupted(DigitcoreError, RuntimeError):
    """A training or another long computation was ended between two batches because somebody asked for it."""


class StoreError(DigitcoreError, OSError):
    """The store of runs cannot be opened, read or written."""


class EngineError(DigitcoreError, RuntimeError):
    """The training engine cannot be started or reached."""


class LimitReached(DigitcoreError, RuntimeError):
    """A limit of the server stands against something that would otherwise begin."""


class NotAllowed(DigitcoreError, PermissionError):
    """Something that only others may do, such as to stop what they have started, or that nobody may do here."""


class ServerBusy(DigitcoreError, RuntimeError):
    """The server has no room for something just now; trying again later helps."""


class OutOfMemory(DigitcoreError, RuntimeError):
    """A training or a computation needs more memory than its process may have.

    Attributes
    ----------
    limit_bytes : int or None
        What it may have; None if it is the machine that has no more.
    """

    def __init__(self, limit_bytes: int | None = None):
        super().__init__(limit_bytes)
        self.limit_bytes = limit_bytes

    def __str__(self) -> str:
        limit = "" if self.limit_bytes is None else f" (limit {self.limit_bytes / 1e9:.3g} GB)"
        return (
            f"The training process ran out of memory{limit}: try a smaller batch, a smaller model, fewer images, or "
            "fewer seeds that vote."
        )
