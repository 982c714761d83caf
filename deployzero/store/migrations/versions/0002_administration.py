"""Config, domains, access, the audit log, and deployments of more kinds than pushes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBERED = "kind IN ('push', 'archive', 'rebuild', 'config', 'rollback')"


def upgrade() -> None:
    op.add_column("users", sa.Column("removed_at", sa.DateTime(timezone=True)))
    for column in (
        sa.Column("locked_by", sa.String(length=64)),
        sa.Column("stopped", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("destroying", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("previous_name", sa.String(length=50)),
        sa.Column("rename_id", sa.Integer()),
        sa.Column("formation", sa.JSON(none_as_null=True), nullable=False, server_default="{}"),
        sa.Column("limits", sa.JSON(none_as_null=True), nullable=False, server_default="{}"),
        sa.Column("checks", sa.JSON(none_as_null=True)),
    ):
        op.add_column("projects", column)

    with op.batch_alter_table("deployments", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.add_column(
            sa.Column("kind", sa.String(length=16), nullable=False, server_default="push")
        )
        table.add_column(sa.Column("change", sa.Text()))
        table.add_column(sa.Column("variables", sa.Text()))
        table.add_column(
            sa.Column("key_fingerprint", sa.String(length=64), nullable=False, server_default="")
        )
        table.drop_constraint("uq_deployments_project_id_release", type_="unique")
    op.create_index(
        "uq_deployments_numbered",
        "deployments",
        ["project_id", "release"],
        unique=True,
        sqlite_where=sa.text(NUMBERED),
        postgresql_where=sa.text(NUMBERED),
    )

    op.create_table(
        "removed_keys",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_removed_keys")),
    )

    op.create_table(
        "access",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name=op.f("fk_access_project_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_access_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "user_id", name=op.f("pk_access")),
    )
    op.create_index(op.f("ix_access_user_id"), "access", ["user_id"], unique=False)

    op.create_table(
        "config_vars",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("build", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name=op.f("fk_config_vars_project_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_config_vars")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_config_vars_project_id_name")),
    )
    op.create_index(
        "uq_config_vars_of_every_app",
        "config_vars",
        ["name"],
        unique=True,
        sqlite_where=sa.text("project_id IS NULL"),
        postgresql_where=sa.text("project_id IS NULL"),
    )

    op.create_table(
        "domains",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name=op.f("fk_domains_project_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domains")),
        sa.UniqueConstraint("name", name=op.f("uq_domains_name")),
    )
    op.create_index(op.f("ix_domains_project_id"), "domains", ["project_id"], unique=False)

    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("key_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("app", sa.String(length=50), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_events_app"), "events", ["app"], unique=False)
    op.create_index(op.f("ix_events_project_id"), "events", ["project_id"], unique=False)


def downgrade() -> None:
    for table in ("events", "domains", "config_vars", "access", "removed_keys"):
        op.drop_table(table)
    op.drop_index("uq_deployments_numbered", "deployments")
    with op.batch_alter_table("deployments", table_kwargs={"sqlite_autoincrement": True}) as batch:
        for column in ("kind", "change", "variables", "key_fingerprint"):
            batch.drop_column(column)
        batch.create_unique_constraint(
            "uq_deployments_project_id_release", ["project_id", "release"]
        )
    for column in (
        "locked_by",
        "stopped",
        "destroying",
        "previous_name",
        "rename_id",
        "formation",
        "limits",
        "checks",
    ):
        op.drop_column("projects", column)
    op.drop_column("users", "removed_at")
