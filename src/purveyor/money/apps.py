"""The room's entry in Django."""

from django.apps import AppConfig


class MoneyConfig(AppConfig):
    """Registers the tables of this room."""

    name = "purveyor.money"
    label = "money"
    verbose_name = "Money"
    default_auto_field = "django.db.models.BigAutoField"
