"""The administration, with our site in place of Django's own."""

from django.contrib.admin.apps import AdminConfig


class StaffConfig(AdminConfig):
    default_site = "ocrsite.staff.StaffSite"  # imported when apps are loaded
