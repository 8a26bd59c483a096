"""Where runs are kept: a database of runs and epochs, and one safetensors file a run for its arrays."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from digitcore.directories import home_directory
from digitcore.errors import InvalidSetting, StoreError
from digitcore.models.epoch import Epoch
from digitcore.runs import schema
from digitcore.runs.database import Database, chunks, read_url
from digitcore.runs.ended_epochs import EndedEpochs
from digitcore.runs.listed_columns import (
    columns_of_epochs,
    columns_of_evaluation,
    columns_of_spec,
    cover_test_figures,
    fill_in,
    no_results,
)
from digitcore.runs.run import ACTIVE, Evaluation, Run
from digitcore.runs.weights_files import WeightsFiles
from digitcore.specs.run_spec import RunSpec

SERVER_STOPPED = "The server stopped during this training. Its epochs were kept; train again to finish it."
_runs, _epochs, _experiments, _owners = schema.runs, schema.epochs, schema.experiments, schema.owners
_findings = schema.findings
_EPOCH_FIELDS = [column.name for column in _epochs.columns if column.name != "digest"]
IsAlive = Callable[[str, int | None], bool]


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
    starter : str
        Who started it, see :func:`digitcore.runs.limits.visitor_key`; empty where that is not known.
    stop_requested : bool
        Whether its owner was asked to stop it since it was last begun.
    """

    digest: str
    kind: str
    plan: str
    state: str
    created_at: datetime
    seconds: float
    starter: str = ""
    stop_requested: bool = False


class Store:
    """Keeps runs and experiments.

    Safe to use from several threads, and from several servers at once.

    Parameters
    ----------
    url : str, optional
        SQLAlchemy URL of a SQLite or PostgreSQL database. Default: the environment variable ``DIGITCORE_STORE``, else
        SQLite's ``runs.db`` in the home directory.
    home : Path, optional
        Directory for ``runs.db`` and ``weights/``. Default: :func:`digitcore.directories.home_directory`.

    Raises
    ------
    StoreError
        If the URL cannot be read or its driver is missing; if the database cannot be opened, is not a database, or is
        of a newer version.

    Attributes
    ----------
    database : Database
        Its connections and transactions, shared by all that read and change the tables.
    """

    def __init__(self, url: str | None = None, home: Path | None = None):
        self.home = Path(home) if home is not None else home_directory()
        self.weights_directory = self.home / "weights"
        self.weights_files = WeightsFiles(self.weights_directory)
        self.url = read_url(url or os.environ.get("DIGITCORE_STORE") or f"sqlite:///{self.home / 'runs.db'}")
        self._ended_epochs = EndedEpochs()
        self.database = Database(self.url, self.home)
        with self.database.translated("open"):
            self.weights_directory.mkdir(parents=True, exist_ok=True)
        self._prepare()

    def begin(
        self,
        spec: RunSpec,
        owner: str,
        *,
        background: bool = False,
        starter: str = "",
        is_alive: IsAlive = lambda owner, beats: True,
    ) -> int | None:
        """Enter ``spec`` as queued, unless another owner that is alive has it queued or running.

        Of several servers that begin the same spec at once, one succeeds.

        Parameters
        ----------
        spec : RunSpec
            What is to be trained.
        owner : str
            Who trains it.
        background : bool
            Let :meth:`recent` leave the run out until :meth:`bring_forward` or another attempt.
        starter : str
            Who started it, at most 32 characters; see :func:`digitcore.runs.limits.visitor_key`.
        is_alive : callable
            As for :meth:`close_orphans`. Default: every owner is alive.

        Returns
        -------
        int or None
            The attempt's number, counted from 1; an earlier attempt is replaced, also one that was deleted. What
            visitors have written about the run stays. None if another owner has the run.
        """
        fresh = dict(state="queued", reason="", evaluation={}, evaluated=False, background=background)
        fresh |= dict(
            stop_requested=False, created_at=_now(), seconds=0.0, owner=owner, starter=starter, deleted_at=None
        )
        fresh |= {**columns_of_spec(spec), **no_results()}
        same = _runs.c.digest == spec.digest
        with self.database.transaction("write") as connection:
            row = dict(digest=spec.digest, spec=spec.canonical_json, attempt=1, **fresh)
            if schema.insert_if_new(connection, _runs, row):
                return 1
            # Locked until the end of the transaction, so that no other server decides meanwhile.
            query = sa.select(_runs.c.attempt, _runs.c.state, _runs.c.owner, _beats_of(_runs)).where(same)
            kept = connection.execute(query.with_for_update(of=_runs)).one()
            if kept.state in ACTIVE and kept.owner != owner and is_alive(kept.owner, kept.beats):
                return None
            for table in (_epochs, _findings):
                connection.execute(sa.delete(table).where(table.c.digest == spec.digest))
            connection.execute(sa.update(_runs).where(same).values(attempt=kept.attempt + 1, **fresh))
        return kept.attempt + 1

    def starter(self, digest: str) -> str:
        """Return who started a run, as :meth:`begin` was told; empty where that is not known."""
        with self.database.transaction("read") as connection:
            return connection.scalar(sa.select(_runs.c.starter).where(_runs.c.digest == digest)) or ""

    def keep_finding(self, name: str, digest: str, table: pd.DataFrame) -> None:
        """Keep a table that was computed of a run, until the run's next attempt.

        Parameters
        ----------
        name : str
            Unique among the findings of all runs, at most 200 characters.
        digest : str
            Of the run.
        table : DataFrame
            Of numbers and texts; its index is left out.
        """
        row = dict(name=name, digest=digest, content=json.dumps(table.to_dict("list")))
        with self.database.transaction("write") as connection:
            schema.insert_if_new(connection, _findings, row)

    def finding(self, name: str) -> pd.DataFrame | None:
        """Return a table that :meth:`keep_finding` kept, with equal values; None where there is none."""
        with self.database.transaction("read") as connection:
            content = connection.scalar(sa.select(_findings.c.content).where(_findings.c.name == name))
        return None if content is None else pd.DataFrame(json.loads(content))

    def request_stop(self, digest: str) -> None:
        """Ask the owner of a run that is queued or running to stop it."""
        with self.database.transaction("write") as connection:
            active = (_runs.c.digest == digest) & _runs.c.state.in_(ACTIVE)
            connection.execute(sa.update(_runs).where(active).values(stop_requested=True))

    def requested_stops(self, owner: str) -> list[str]:
        """Return the digests of an owner's runs that another server was asked to stop."""
        query = sa.select(_runs.c.digest).where(
            _runs.c.state.in_(ACTIVE), _runs.c.owner == owner, _runs.c.stop_requested
        )
        with self.database.transaction("read") as connection:
            return list(connection.scalars(query))

    def bring_forward(self, digest: str) -> None:
        """Let lists of runs show one that was in the background."""
        with self.database.transaction("write") as connection:
            connection.execute(sa.update(_runs).where(_runs.c.digest == digest).values(background=False))

    def mark_running(self, digest: str) -> None:
        """Note that the training has begun."""
        with self.database.transaction("write") as connection:
            connection.execute(sa.update(_runs).where(_runs.c.digest == digest).values(state="running"))

    def add_epochs(self, digest: str, epochs: Sequence[Epoch]) -> None:
        """Add epochs, in place of earlier ones of the same numbers."""
        if not epochs:
            return
        rows = [{"digest": digest, **{name: getattr(epoch, name) for name in _EPOCH_FIELDS}} for epoch in epochs]
        first, last = min(row["number"] for row in rows), max(row["number"] for row in rows)
        with self.database.transaction("write") as connection:
            same = (_epochs.c.digest == digest) & _epochs.c.number.between(first, last)
            connection.execute(sa.delete(_epochs).where(same))
            connection.execute(sa.insert(_epochs), rows)

    def finish(self, run: Run, tensors: bytes | None = None) -> None:
        """Keep a run that has ended: state, reason, evaluation, duration, and its arrays in safetensors format."""
        if tensors is not None:
            with self.database.translated("write"):
                self.weights_files.write(run.digest, tensors)
        values = dict(state=run.state, reason=run.reason, seconds=run.seconds)
        values |= dict(evaluation=run.evaluation.as_json if run.evaluation else {}, evaluated=run.evaluated)
        values |= {**columns_of_evaluation(run.evaluation), **columns_of_epochs()}
        with self.database.transaction("write") as connection:
            connection.execute(sa.update(_runs).where(_runs.c.digest == run.digest).values(values))
            cover_test_figures(connection, _runs.c.digest == run.digest)

    def load(self, digest: str) -> Run | None:
        """Return the run with its epochs; None when it is not kept, or names what this version does not know.

        A run that was deleted is not kept. Its test figures are there, also where its test part is locked: only lists
        and pages cover them, see :mod:`digitcore.runs.part_locks`.
        """
        with self.database.transaction("read") as connection:
            query = sa.select(_runs).where(_runs.c.digest == digest, _runs.c.deleted_at.is_(None))
            row = connection.execute(query).mappings().first()
            if row is None:
                return None
            if row["state"] in ACTIVE:
                return _readable_run(row, self._load_epochs(connection, digest))
            last = connection.execute(
                sa.select(sa.func.max(_epochs.c.number)).where(_epochs.c.digest == digest)
            ).scalar()
            key = (digest, row["attempt"], last or 0)
            return _readable_run(row, self._ended_epochs.get(key, lambda: self._load_epochs(connection, digest)))

    def load_many(self, digests: Sequence[str]) -> dict[str, Run]:
        """Return the runs that are kept among ``digests``, without their epochs, by digest."""
        runs = {}
        with self.database.transaction("read") as connection:
            for some in chunks(digests):
                query = sa.select(_runs).where(_runs.c.digest.in_(some), _runs.c.deleted_at.is_(None))
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
        return self.weights_files.load(digest)

    def has_tensors(self, digest: str) -> bool:
        """Return True if a run's arrays are there, in a file that was not cut short."""
        return self.weights_files.is_whole(digest)

    def has_checkpoint(self, digest: str) -> bool:
        """Return True if what a longer training needs to go on from a run was kept."""
        return self.weights_files.has_group(digest, "checkpoint")

    def trim(self, max_bytes: float) -> list[str]:
        """Remove weights files until all together take ``max_bytes`` at most, and return the digests of their runs.

        The files that were read or written longest ago go first; those of runs that are queued or running stay. Of a
        run without its file the figures and epochs remain.
        """
        with self.database.translated("trim"):
            return self.weights_files.trim(max_bytes, self._active_digests())

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
        query = sa.select(_runs).where(_runs.c.deleted_at.is_(None)).limit(n_runs)
        query = query.order_by(_runs.c.created_at.desc(), _runs.c.digest.desc())
        if evaluated:
            query = query.where(_runs.c.evaluated)
        if not background:
            query = query.where(~_runs.c.background)
        runs, n_seen = {}, 0
        with self.database.transaction("read") as connection:
            # Rows that this version cannot read take no place in the list: a further page makes up for them.
            while len(runs) < n_runs and (rows := connection.execute(query.offset(n_seen)).mappings().all()):
                runs |= {run.digest: run for run in map(_readable_run, rows) if run is not None}
                n_seen += len(rows)
        return list(runs.values())[:n_runs]

    def heartbeat(self, owner: str) -> None:
        """Note that ``owner`` is alive, if it has a run or an experiment in training."""
        busy = (_runs.c.owner == owner) & _runs.c.state.in_(ACTIVE)
        leads = (_experiments.c.owner == owner) & (_experiments.c.state == "running")
        with self.database.transaction("read") as connection:
            if not connection.scalar(sa.select(sa.exists().where(busy) | sa.exists().where(leads))):
                return
        beat = sa.update(_owners).where(_owners.c.owner == owner).values(beats=_owners.c.beats + 1)
        with self.database.transaction("write") as connection:
            if connection.execute(beat).rowcount == 0:
                connection.execute(sa.insert(_owners).values(owner=owner, beats=1))

    def close_orphans(self, is_alive: IsAlive) -> list[str]:
        """Mark the active runs of owners that are no more as failed, and return their digests.

        Parameters
        ----------
        is_alive : callable
            Gets an owner and the number of its heartbeats, None before the first; returns whether it is alive.
        """
        query = sa.select(_runs.c.digest, _runs.c.owner, _beats_of(_runs)).where(_runs.c.state.in_(ACTIVE))
        with self.database.transaction("read") as connection:
            rows = connection.execute(query).all()
        orphans = [(row.digest, row.owner) for row in rows if not is_alive(row.owner, row.beats)]
        return [digest for digest, owner in orphans if self._close_orphan(digest, owner)]

    def _close_orphan(self, digest: str, owner: str) -> bool:
        # Another server may have taken it over meanwhile.
        same = (_runs.c.digest == digest) & (_runs.c.owner == owner) & _runs.c.state.in_(ACTIVE)
        failed = sa.update(_runs).where(same).values(state="failed", reason=SERVER_STOPPED, **columns_of_epochs())
        with self.database.transaction("write") as connection:
            return connection.execute(failed).rowcount == 1

    def begin_experiment(
        self,
        digest: str,
        kind: str,
        plan: str,
        owner: str,
        *,
        starter: str = "",
        is_alive: IsAlive = lambda owner, beats: True,
    ) -> bool:
        """Enter an experiment as running, or let one that is kept go on, unless another owner that is alive runs it.

        Of several servers that begin the same experiment at once, one succeeds.

        Parameters
        ----------
        digest, kind, plan : str
            As :class:`KeptExperiment` has them.
        owner : str
            Who runs it.
        starter, is_alive
            As for :meth:`begin`.

        Returns
        -------
        bool
            False if another owner has it.
        """
        taken = dict(state="running", owner=owner, starter=starter, stop_requested=False)
        row = dict(digest=digest, kind=kind, plan=plan, created_at=_now(), seconds=0.0, **taken)
        same = _experiments.c.digest == digest
        with self.database.transaction("write") as connection:
            if schema.insert_if_new(connection, _experiments, row):
                return True
            # Locked until the end of the transaction, so that no other server decides meanwhile.
            query = sa.select(_experiments.c.state, _experiments.c.owner, _beats_of(_experiments)).where(same)
            kept = connection.execute(query.with_for_update(of=_experiments)).one()
            if kept.state == "running" and kept.owner != owner and is_alive(kept.owner, kept.beats):
                return False
            connection.execute(sa.update(_experiments).where(same).values(taken))
        return True

    def request_experiment_stop(self, digest: str) -> None:
        """Ask the owner of a running experiment to stop it."""
        running = (_experiments.c.digest == digest) & (_experiments.c.state == "running")
        with self.database.transaction("write") as connection:
            connection.execute(sa.update(_experiments).where(running).values(stop_requested=True))

    def requested_experiment_stops(self, owner: str) -> list[str]:
        """Return the digests of an owner's experiments that another server was asked to stop."""
        query = sa.select(_experiments.c.digest).where(
            _experiments.c.state == "running", _experiments.c.owner == owner, _experiments.c.stop_requested
        )
        with self.database.transaction("read") as connection:
            return list(connection.scalars(query))

    def save_experiment(self, digest: str, *, state: str, seconds: float) -> None:
        """Note where an experiment stands and how long it has been running."""
        values = dict(state=state, seconds=seconds)
        with self.database.transaction("write") as connection:
            connection.execute(sa.update(_experiments).where(_experiments.c.digest == digest).values(values))

    def take_experiments(self, owner: str, is_alive: IsAlive, in_hand: Collection[str] = ()) -> list[str]:
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
        columns = (_experiments.c.digest, _experiments.c.owner, _beats_of(_experiments))
        query = sa.select(*columns).where(_experiments.c.state == "running", _experiments.c.digest.not_in(in_hand))
        with self.database.transaction("read") as connection:
            rows = connection.execute(query).all()
        orphans = [row for row in rows if row.owner == owner or not is_alive(row.owner, row.beats)]
        return [row.digest for row in orphans if self._take_experiment(row.digest, row.owner, owner)]

    def _take_experiment(self, digest: str, owner: str, new_owner: str) -> bool:
        # Another server may have been quicker.
        same = (_experiments.c.digest == digest) & (_experiments.c.owner == owner) & (_experiments.c.state == "running")
        with self.database.transaction("write") as connection:
            return connection.execute(sa.update(_experiments).where(same).values(owner=new_owner)).rowcount == 1

    def load_experiment(self, digest: str) -> KeptExperiment | None:
        """Return an experiment, or None when it is not kept."""
        with self.database.transaction("read") as connection:
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
        with self.database.transaction("read") as connection:
            rows = connection.execute(query.limit(n_experiments)).mappings()
            return [_kept_experiment(row) for row in rows]

    def close(self) -> None:
        """Close the connections to the database."""
        self.database.close()

    def _prepare(self) -> None:
        with self.database.transaction("open") as connection:
            version = schema.read_version(connection)
        if version is None or version < schema.SCHEMA_VERSION:
            # A store that is up to date does not wait for alembic.
            from digitcore.runs.migrations.upgrade import prepare

            with self.database.transaction("prepare") as connection:
                version = prepare(connection)
                if version == schema.SCHEMA_VERSION:
                    fill_in(connection)
        if version != schema.SCHEMA_VERSION:
            raise StoreError(
                f"The store {self.database.name} has version {version}, this digitcore knows version "
                f"{schema.SCHEMA_VERSION}: update digitcore, or set DIGITCORE_STORE to another store."
            )

    def read_again(self) -> None:
        """Let lists show runs that could not be read before: their data set or model is known now."""
        with self.database.transaction("write") as connection:
            fill_in(connection)

    def _active_digests(self) -> set[str]:
        with self.database.transaction("read") as connection:
            return set(connection.scalars(sa.select(_runs.c.digest).where(_runs.c.state.in_(ACTIVE))))

    def _load_epochs(self, connection: sa.Connection, digest: str) -> tuple[Epoch, ...]:
        columns = [_epochs.c[name] for name in _EPOCH_FIELDS]
        query = sa.select(*columns).where(_epochs.c.digest == digest).order_by(_epochs.c.number)
        return tuple(Epoch(**row) for row in connection.execute(query).mappings())


def _beats_of(table: sa.Table) -> sa.Label[Any]:
    """Return a column: the heartbeats of the owner of a run or an experiment."""
    return sa.select(_owners.c.beats).where(_owners.c.owner == table.c.owner).scalar_subquery().label("beats")


# Lists of the same runs are read again and again, and to read and check a spec takes a tenth of a millisecond.
@lru_cache(maxsize=1024)
def _spec_from_json(text: str) -> RunSpec:
    return RunSpec.from_json(text)


def _run(row: Mapping[str, Any], epochs: Sequence[Epoch] = ()) -> Run:
    return Run(
        spec=_spec_from_json(row["spec"]),
        state=row["state"],
        reason=row["reason"],
        epochs=epochs,
        evaluation=Evaluation.from_json(row["evaluation"] or {}),
        created_at=row["created_at"].replace(tzinfo=UTC),
        seconds=row["seconds"],
        stopping=row["stop_requested"] and row["state"] in ACTIVE,
    )


def _kept_experiment(row: Mapping[str, Any]) -> KeptExperiment:
    own = {name: row[name] for name in ("digest", "kind", "plan", "state", "seconds", "starter", "stop_requested")}
    return KeptExperiment(**own, created_at=row["created_at"].replace(tzinfo=UTC))


def _readable_run(row: Mapping[str, Any], epochs: Sequence[Epoch] = ()) -> Run | None:
    """Return the run, or None where its spec names what this version does not know.

    So it is where a hyperparameter was added without its ``since``: the spec would be another one.
    """
    try:
        run = _run(row, epochs)
    except InvalidSetting:
        return None
    return run if run.digest == row["digest"] else None


def _now() -> datetime:
    """UTC without a zone: SQLite keeps none."""
    return datetime.now(UTC).replace(tzinfo=None)
