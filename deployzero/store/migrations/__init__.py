"""Bring a database to the tables of this version (Alembic), at every start.

One transaction does it all and holds a lock, so that two processes which start at once
do it one after the other, and a failure half-way leaves the database as it was.
"""

import asyncio

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, make_url, text

from deployzero.errors import DeployZeroException
from deployzero.store.database import is_sqlite, postgresql_engine, sqlite_engine
from deployzero.store.driver_errors import unreachable_translated

LOCK_TIMEOUT = 60.0
"""Seconds to wait for another process's migration."""
ADVISORY_LOCK = 0x6465706C6F7930  # 'deploy0': any number that is ours on a PostgreSQL server


async def migrate(url: str) -> None:
    """Upgrade the database at `url`, made if it is an SQLite file that is missing.

    Raises DeployZeroException (unreachable, locked, made by a newer deployzero).
    """
    # In a thread with a loop of its own: Alembic is synchronous and loads its scripts.
    await asyncio.to_thread(lambda: asyncio.run(_migrate(make_url(url))))


async def _migrate(url: URL) -> None:
    if is_sqlite(url):
        # Alembic copies and drops tables here: with foreign keys on, that would cascade.
        engine = sqlite_engine(
            url, "BEGIN IMMEDIATE", 1, foreign_keys=False, busy_timeout=LOCK_TIMEOUT
        )
    else:
        engine = postgresql_engine(url)
    try:
        with unreachable_translated():
            async with engine.begin() as connection:
                if not is_sqlite(url):
                    await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s'"))
                    await connection.execute(
                        text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK}
                    )
                await connection.run_sync(upgrade)
    finally:
        await engine.dispose()


def configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", "deployzero.store:migrations")
    config.set_main_option("path_separator", "os")
    return config


def upgrade(connection: Connection, revision: str = "") -> None:
    """Run the migrations that are missing, in the transaction of `connection`.

    revision: up to this one; empty: all of them.
    """
    config = configuration()
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    wanted = revision or scripts.get_current_head() or ""
    if current == wanted:
        return
    known = {script.revision for script in scripts.walk_revisions()}
    if (current and current not in known) or wanted not in known:
        raise DeployZeroException(
            "the database was made by a newer deployzero",
            "Install that version again, or restore the backup made before it.",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, wanted)
    check_foreign_keys(connection)


def check_foreign_keys(connection: Connection) -> None:
    """Raise DeployZeroException for a row whose owner is missing."""
    if connection.dialect.name != "sqlite":
        return  # enforced all along
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken:
        raise DeployZeroException(
            f"a row of {broken[0]} would refer to nothing",
            "The database is as it was; please report this.",
        )
