"""Where runs are kept: a database of runs and epochs, and one safetensors file a run for its arrays."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from sqlalchemy.exc import SQLAlchemyError

from digitcore.directories import home_directory
from digitcore.errors import InvalidSetting, StoreError
from digitcore.models.epoch import Epoch
from digitcore.runs.run import ACTIVE, Run
from digitcore.runs.spec import RunSpec

SCHEMA_VERSION = 1
SERVER_STOPPED = "The server stopped during this training. Its epochs were kept; train again to finish it."

_metadata = sa.MetaData()
_schema = sa.Table("schema_version", _metadata, sa.Column("version", sa.Integer, primary_key=True))
_runs = sa.Table(
    "runs",
    _metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("evaluation", sa.JSON, nullable=False, default=dict),
    sa.Column("created_at", sa.DateTime, nullable=False, index=True),
    sa.Column("seconds", sa.Float, nullable=False, default=0.0),
    sa.Column("attempt", sa.Integer, nullable=False, default=1),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("heartbeat_at", sa.DateTime, nullable=False),
)
_epochs = sa.Table(
    "epochs",
    _metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("train_loss", sa.Float, nullable=False),
    sa.Column("train_accuracy", sa.Float, nullable=False),
    sa.Column("validation_loss", sa.Float),
    sa.Column("validation_accuracy", sa.Float),
    sa.Column("seconds", sa.Float, nullable=False),
)
# Runs that only an experiment has asked for: lists of runs leave them out.
_background = sa.Table("background_runs", _metadata, sa.Column("digest", sa.String(64), primary_key=True))
_experiments = sa.Table(
    "experiments",
    _metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("plan", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("created_at", sa.DateTime, nullable=False, index=True),
    sa.Column("seconds", sa.Float, nullable=False, default=0.0),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("heartbeat_at", sa.DateTime, nullable=False),
)
# Parameters of one statement that SQLite takes at least.
_AT_ONCE = 500
_EPOCH_FIELDS = [column.name for column in _epochs.columns if column.name != "digest"]


@dataclass(frozen=True)
class KeptExperiment:
    """An experiment as the store keeps it: its plan as JSON, and where it stood.

    Attributes
    ----------
    digest, kind, plan : str
        The plan's digest, kind and JSON.
    state : str
        "running", "done" or "stopped".
    created_at : datetime
        When it was first asked for, UTC.
    seconds : float
        Wall time it has been running, in seconds.
    """

    digest: str
    kind: str
    plan: str
    state: str
    created_at: datetime
    seconds: float


class Store:
    """Keeps runs and experiments.

    Safe to use from several threads, and from several servers at once.

    Parameters
    ----------
    url : str, optional
        SQLAlchemy URL. Default: the environment variable ``DIGITCORE_STORE``, else SQLite's ``runs.db`` in the home
        directory.
    home : Path, optional
        Directory for ``runs.db`` and ``weights/``. Default: :func:`digitcore.directories.home_directory`.

    Raises
    ------
    StoreError
        If the database cannot be opened, is not a database, or is of a newer version.
    """

    def __init__(self, url: str | None = None, home: Path | None = None):
        self.home = Path(home) if home is not None else home_directory()
        self.weights_directory = self.home / "weights"
        self.url = sa.make_url(url or os.environ.get("DIGITCORE_STORE") or f"sqlite:///{self.home / 'runs.db'}")
        with self._translated("open"):
            self.weights_directory.mkdir(parents=True, exist_ok=True)
            self._engine = _create_engine(self.url)
            self._create_tables()

    def begin(self, spec: RunSpec, owner: str, *, background: bool = False) -> int:
        """Enter ``spec`` as queued, in place of an earlier attempt, and return the attempt's number, counted from 1.

        With ``background``, :meth:`recent` leaves the run out until :meth:`bring_forward` or another attempt.
        """
        now = _now()
        fresh = dict(
            state="queued", reason="", evaluation={}, created_at=now, seconds=0.0, owner=owner, heartbeat_at=now
        )
        with self._transaction("write") as connection:
            earlier = connection.execute(sa.select(_runs.c.attempt).where(_runs.c.digest == spec.digest)).scalar()
            attempt = (earlier or 0) + 1
            connection.execute(sa.delete(_epochs).where(_epochs.c.digest == spec.digest))
            connection.execute(sa.delete(_runs).where(_runs.c.digest == spec.digest))
            row = dict(digest=spec.digest, spec=spec.canonical_json, attempt=attempt, **fresh)
            connection.execute(sa.insert(_runs).values(row))
            connection.execute(sa.delete(_background).where(_background.c.digest == spec.digest))
            if background:
                connection.execute(sa.insert(_background).values(digest=spec.digest))
        return attempt

    def bring_forward(self, digest: str) -> None:
        """Let lists of runs show one that was in the background."""
        with self._transaction("write") as connection:
            connection.execute(sa.delete(_background).where(_background.c.digest == digest))

    def mark_running(self, digest: str) -> None:
        """Note that the training has begun."""
        with self._transaction("write") as connection:
            connection.execute(sa.update(_runs).where(_runs.c.digest == digest).values(state="running"))

    def add_epochs(self, digest: str, epochs: Sequence[Epoch]) -> None:
        """Add epochs, in place of earlier ones of the same numbers."""
        if not epochs:
            return
        rows = [{"digest": digest, **{name: getattr(epoch, name) for name in _EPOCH_FIELDS}} for epoch in epochs]
        first, last = min(row["number"] for row in rows), max(row["number"] for row in rows)
        with self._transaction("write") as connection:
            same = (_epochs.c.digest == digest) & _epochs.c.number.between(first, last)
            connection.execute(sa.delete(_epochs).where(same))
            connection.execute(sa.insert(_epochs), rows)

    def finish(self, run: Run, tensors: bytes | None = None) -> None:
        """Keep a run that has ended: state, reason, evaluation, duration, and its arrays in safetensors format."""
        if tensors is not None:
            with self._translated("write"):
                _write_atomically(self._tensors_path(run.digest), tensors)
        values = dict(state=run.state, reason=run.reason, evaluation=dict(run.evaluation), seconds=run.seconds)
        with self._transaction("write") as connection:
            connection.execute(sa.update(_runs).where(_runs.c.digest == run.digest).values(values))

    def load(self, digest: str) -> Run | None:
        """Return the run with its epochs, or None when it is not kept."""
        with self._transaction("read") as connection:
            row = connection.execute(sa.select(_runs).where(_runs.c.digest == digest)).mappings().first()
            return None if row is None else _run(row, self._load_epochs(connection, digest))

    def load_many(self, digests: Sequence[str]) -> dict[str, Run]:
        """Return the runs that are kept among ``digests``, without their epochs, by digest."""
        runs = {}
        with self._transaction("read") as connection:
            for start in range(0, len(digests), _AT_ONCE):
                query = sa.select(_runs).where(_runs.c.digest.in_(digests[start : start + _AT_ONCE]))
                readable = (_readable_run(row) for row in connection.execute(query).mappings())
                runs |= {run.digest: run for run in readable if run is not None}
        return runs

    def load_tensors(self, digest: str) -> dict[str, np.ndarray]:
        """Return a run's arrays by name: ``weights.*`` and ``probabilities.*``.

        Raises
        ------
        StoreError
            If there are none, or the file is damaged.
        """
        path = self._tensors_path(digest)
        try:
            return load_tensors(path.read_bytes())
        except FileNotFoundError:
            raise StoreError(f"The weights of run {digest} are gone from {path.parent}: train it again.") from None
        except (SafetensorError, OSError, ValueError) as error:
            raise StoreError(f"The weights file {path} cannot be read ({error}): delete it and train again.") from None

    def has_tensors(self, digest: str) -> bool:
        """Whether a run's arrays are there."""
        return self._tensors_path(digest).is_file()

    def recent(self, n_runs: int = 50, *, evaluated: bool = False, background: bool = False) -> list[Run]:
        """Return the latest runs without their epochs, newest first.

        Parameters
        ----------
        n_runs : int
            How many at most.
        evaluated : bool
            Only those with an evaluation.
        background : bool
            Those in the background, too.
        """
        query = sa.select(_runs).order_by(_runs.c.created_at.desc(), _runs.c.digest)
        if not background:
            query = query.where(_runs.c.digest.not_in(sa.select(_background.c.digest)))
        with self._transaction("read") as connection:
            rows = connection.execute(query.limit(None if evaluated else n_runs)).mappings()
            runs = (run for run in (_readable_run(row) for row in rows) if run is not None)
            return [run for run in runs if run.evaluated or not evaluated][:n_runs]

    def heartbeat(self, owner: str) -> None:
        """Note that ``owner`` is alive, on every run it is training."""
        with self._transaction("write") as connection:
            active = (_runs.c.owner == owner) & _runs.c.state.in_(ACTIVE)
            connection.execute(sa.update(_runs).where(active).values(heartbeat_at=_now()))

    def close_orphans(self, is_alive: Callable[[str, float], bool]) -> list[str]:
        """Mark the active runs of owners that are no more as failed, and return their digests.

        Parameters
        ----------
        is_alive : callable
            Gets an owner and the seconds since its last heartbeat.
        """
        query = sa.select(_runs.c.digest, _runs.c.owner, _runs.c.heartbeat_at).where(_runs.c.state.in_(ACTIVE))
        with self._transaction("write") as connection:
            rows = connection.execute(query).all()
            orphans = [
                row.digest for row in rows if not is_alive(row.owner, (_now() - row.heartbeat_at).total_seconds())
            ]
            update = sa.update(_runs).where(_runs.c.digest.in_(orphans), _runs.c.state.in_(ACTIVE))
            connection.execute(update.values(state="failed", reason=SERVER_STOPPED))
        return orphans

    def begin_experiment(self, digest: str, kind: str, plan: str, owner: str) -> None:
        """Enter an experiment as running, or let one that is kept go on."""
        with self._transaction("write") as connection:
            known = _experiments.c.digest == digest
            taken = dict(state="running", owner=owner, heartbeat_at=_now())
            if connection.execute(sa.update(_experiments).where(known).values(taken)).rowcount == 0:
                row = dict(digest=digest, kind=kind, plan=plan, created_at=_now(), seconds=0.0, **taken)
                connection.execute(sa.insert(_experiments).values(row))

    def save_experiment(self, digest: str, *, state: str, seconds: float) -> None:
        """Note where an experiment stands and how long it has been running; its owner is alive."""
        values = dict(state=state, seconds=seconds, heartbeat_at=_now())
        with self._transaction("write") as connection:
            connection.execute(sa.update(_experiments).where(_experiments.c.digest == digest).values(values))

    def take_experiments(
        self, owner: str, is_alive: Callable[[str, float], bool], in_hand: Collection[str] = ()
    ) -> list[str]:
        """Make ``owner`` the owner of running experiments that nobody runs, and return their digests.

        Parameters
        ----------
        owner : str
            Who takes them.
        is_alive : callable
            As for :meth:`close_orphans`.
        in_hand : collection of str
            Digests of those that the owner runs already.
        """
        columns = (_experiments.c.digest, _experiments.c.owner, _experiments.c.heartbeat_at)
        query = sa.select(*columns).where(_experiments.c.state == "running", _experiments.c.digest.not_in(in_hand))
        taken = []
        with self._transaction("write") as connection:
            for row in connection.execute(query).all():
                if row.owner != owner and is_alive(row.owner, (_now() - row.heartbeat_at).total_seconds()):
                    continue
                same = (_experiments.c.digest == row.digest) & (_experiments.c.owner == row.owner)
                update = sa.update(_experiments).where(same).values(owner=owner, heartbeat_at=_now())
                # Another server may have been quicker.
                taken += [row.digest] * connection.execute(update).rowcount
        return taken

    def load_experiment(self, digest: str) -> KeptExperiment | None:
        """Return an experiment, or None when it is not kept."""
        with self._transaction("read") as connection:
            query = sa.select(_experiments).where(_experiments.c.digest == digest)
            row = connection.execute(query).mappings().first()
        return None if row is None else _kept_experiment(row)

    def recent_experiments(self, kind: str, n_experiments: int = 30) -> list[KeptExperiment]:
        """Return the latest experiments of a kind, newest first."""
        query = (
            sa.select(_experiments)
            .where(_experiments.c.kind == kind)
            .order_by(_experiments.c.created_at.desc(), _experiments.c.digest)
        )
        with self._transaction("read") as connection:
            rows = connection.execute(query.limit(n_experiments)).mappings()
            return [_kept_experiment(row) for row in rows]

    def close(self) -> None:
        """Close the connections to the database."""
        self._engine.dispose()

    def _create_tables(self) -> None:
        _metadata.create_all(self._engine)
        with self._engine.begin() as connection:
            version = connection.execute(sa.select(_schema.c.version)).scalar()
            if version is None:
                connection.execute(sa.insert(_schema).values(version=SCHEMA_VERSION))
            elif version != SCHEMA_VERSION:
                raise StoreError(
                    f"The store {self._name} has version {version}, this digitcore knows version {SCHEMA_VERSION}: "
                    "update digitcore, or set DIGITCORE_STORE to another store."
                )

    def _load_epochs(self, connection: sa.Connection, digest: str) -> tuple[Epoch, ...]:
        columns = [_epochs.c[name] for name in _EPOCH_FIELDS]
        query = sa.select(*columns).where(_epochs.c.digest == digest).order_by(_epochs.c.number)
        return tuple(Epoch(**row) for row in connection.execute(query).mappings())

    def _tensors_path(self, digest: str) -> Path:
        if not digest.isalnum():
            raise InvalidSetting(f"A run's digest has letters and digits only, got {digest!r}")
        return self.weights_directory / f"{digest}.safetensors"

    @property
    def _name(self) -> str:
        return self.url.render_as_string(hide_password=True) if self.url.host else str(self.url.database)

    @contextlib.contextmanager
    def _transaction(self, action: str) -> Iterator[sa.Connection]:
        with self._translated(action), self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def _translated(self, action: str) -> Iterator[None]:
        """Turn the database's and the file system's errors into one sentence."""
        try:
            yield
        except SQLAlchemyError as error:
            raise StoreError(self._sentence(action, str(getattr(error, "orig", None) or error))) from error
        except StoreError:
            raise
        except OSError as error:
            raise StoreError(self._sentence(action, error.strerror or str(error))) from error

    def _sentence(self, action: str, cause: str) -> str:
        cause = cause.strip().splitlines()[0] if cause.strip() else "unknown cause"
        lowered = cause.lower()
        if "full" in lowered or "no space left" in lowered:
            return f"The disk under {self.home} is full: free some space, and the runs will be kept again."
        if "not a database" in lowered or "malformed" in lowered:
            return (
                f"The store {self._name} is not a database (or a damaged one): move that file away, or set "
                "DIGITCORE_STORE to another store."
            )
        return f"Cannot {action} the store {self._name}: {cause}."


def _create_engine(url: sa.URL) -> sa.Engine:
    is_sqlite = url.get_backend_name() == "sqlite"
    engine = sa.create_engine(url, connect_args={"timeout": 10} if is_sqlite else {}, pool_pre_ping=not is_sqlite)
    if is_sqlite:
        sa.event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # Readers never wait for the writer; a killed process loses nothing that was committed.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _run(row: Mapping[str, Any], epochs: tuple[Epoch, ...] = ()) -> Run:
    return Run(
        spec=RunSpec.from_json(row["spec"]),
        state=row["state"],
        reason=row["reason"],
        epochs=epochs,
        evaluation=row["evaluation"] or {},
        created_at=row["created_at"].replace(tzinfo=UTC),
        seconds=row["seconds"],
    )


def _kept_experiment(row: Mapping[str, Any]) -> KeptExperiment:
    own = {name: row[name] for name in ("digest", "kind", "plan", "state", "seconds")}
    return KeptExperiment(**own, created_at=row["created_at"].replace(tzinfo=UTC))


def _readable_run(row: Mapping[str, Any]) -> Run | None:
    """Return the run, or None where its spec names a data set or model that this version does not know."""
    try:
        return _run(row)
    except InvalidSetting:
        return None


def _write_atomically(path: Path, content: bytes) -> None:
    """Write to a temporary name beside ``path`` and rename, so that no reader ever sees half a file."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _now() -> datetime:
    """UTC without a zone: SQLite keeps none."""
    return datetime.now(UTC).replace(tzinfo=None)
