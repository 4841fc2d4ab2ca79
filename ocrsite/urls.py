from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

# The staff's door has the same lock as the people's: one login, one bound on guessing, one second
# factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("documents.web.urls")),
    path("api/v1/", include("documents.api.urls")),
    path("admin/", admin.site.urls),
]
