"""The room's entry in Django."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """Registers the tables of this room."""

    name = "purveyor.outbox"
    label = "outbox"
    verbose_name = "Outbox"
    default_auto_field = "django.db.models.BigAutoField"
