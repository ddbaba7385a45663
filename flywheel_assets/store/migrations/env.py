"""Alembic environment: migrations run on the connection handed in by `store.migrate`."""

from alembic import context

from flywheel_assets.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
