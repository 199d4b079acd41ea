"""The room's entry in Django."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Registers the tables of this room."""

    name = "purveyor.catalog"
    label = "catalog"
    verbose_name = "Catalogue"
    default_auto_field = "django.db.models.BigAutoField"
