"""The metadata every table belongs to, and the column types used throughout."""

from sqlalchemy import Column, DateTime, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Instant = DateTime(timezone=True)
Json = JSONB(none_as_null=True)


def required_text(name: str, *args: object, **options: object) -> Column[str]:
    """A text column that is never null."""
    return Column(name, Text, *args, nullable=False, **options)  # type: ignore[arg-type]  # passed through as given
