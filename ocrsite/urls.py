from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("documents.web.urls")),
    path("api/v1/", include("documents.api.urls")),
    path("admin/", admin.site.urls),
]
