"""Who you are: logging in and out, changing the password. Django's views, our pages."""

from django.contrib.auth import views
from django.urls import path, reverse_lazy

urlpatterns = [
    path(
        "login/",
        views.LoginView.as_view(
            template_name="account/login.html", redirect_authenticated_user=True
        ),
        name="login",
    ),
    path("logout/", views.LogoutView.as_view(), name="logout"),
    path(
        "password/",
        views.PasswordChangeView.as_view(
            template_name="account/password.html", success_url=reverse_lazy("password-changed")
        ),
        name="password",
    ),
    path(
        "password/changed/",
        views.PasswordChangeDoneView.as_view(template_name="account/password_changed.html"),
        name="password-changed",
    ),
]
