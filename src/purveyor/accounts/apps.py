"""The room's entry in Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers the tables of this room."""

    name = "purveyor.accounts"
    label = "accounts"
    verbose_name = "Accounts"
    default_auto_field = "django.db.models.BigAutoField"
