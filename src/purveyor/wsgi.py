"""Django's pages as a WSGI application; `purveyor.asgi` mounts it beside the API door."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "purveyor.settings")
application = get_wsgi_application()
