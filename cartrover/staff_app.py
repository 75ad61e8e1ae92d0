"""What settings name in place of Django's admin."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class StaffConsoleConfig(AdminConfig):
    """Django's admin with the hub's own site in place of its own."""

    default_site = "cartrover.staff_site.StaffSite"
