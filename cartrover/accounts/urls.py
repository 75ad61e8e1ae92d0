"""Pages that belong to no account."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from cartrover.accounts import views

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.SignIn.as_view(), name="login"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("password/", views.ChangePassword.as_view(), name="change_password"),
]
