"""The room's entry in Django."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Brings the pages' templates and static files."""

    name = "purveyor.site"
    label = "site"
    verbose_name = "Site"
