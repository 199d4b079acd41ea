"""The room's entry in Django."""

from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    """Registers the tables of this room."""

    name = "purveyor.providers"
    label = "providers"
    verbose_name = "Providers"
    default_auto_field = "django.db.models.BigAutoField"
