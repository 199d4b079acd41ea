"""The desk's addresses, below /desk/v1/."""

from django.urls import URLPattern, path, re_path

from purveyor.desk import jobs, posts
from purveyor.desk.door import door, nowhere, own_key
from purveyor.providers.desks.job_states import Verb

urlpatterns: list[URLPattern] = [
    path("key", door(GET=own_key)),
    path("jobs", door(GET=jobs.list_page)),
    path("jobs/<int:job_id>", door(GET=jobs.show)),
    path("take", door(POST=jobs.take)),
    *(path(f"jobs/<int:job_id>/{verb}", door(POST=jobs.report(verb))) for verb in Verb),
    path("posts", door(POST=posts.tell)),
    path("subscriptions", door(GET=posts.list_watched)),
    re_path("", door(GET=nowhere, POST=nowhere)),
]
