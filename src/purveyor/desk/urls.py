"""The desk's addresses, below /desk/v1/."""

from django.urls import URLPattern, path, re_path

from purveyor.desk.door import door, nowhere, own_key

urlpatterns: list[URLPattern] = [
    path("key", door(GET=own_key)),
    re_path("", door(GET=nowhere, POST=nowhere)),
]
