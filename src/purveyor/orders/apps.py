"""The room's entry in Django."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Registers the tables of this room."""

    name = "purveyor.orders"
    label = "orders"
    verbose_name = "Orders"
    default_auto_field = "django.db.models.BigAutoField"
