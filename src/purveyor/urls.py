"""The addresses of the pages."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from purveyor.site.updates import updates_page
from purveyor.site.views import api_page, example_file

urlpatterns: list[URLPattern | URLResolver] = [
    # The first page of the site, for as long as there is no other.
    path("", RedirectView.as_view(pattern_name="api")),
    path("api", api_page, name="api"),
    path("api/", RedirectView.as_view(pattern_name="api", permanent=True)),
    path("api/examples/<str:file_name>", example_file, name="example"),
    path("updates", updates_page, name="updates"),
    path("updates/", RedirectView.as_view(pattern_name="updates", permanent=True)),
    path("desk/v1/", include("purveyor.desk.urls")),
]
