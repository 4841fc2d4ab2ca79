"""Tables of the packages that we use, under our rules: recorded, and changed by who may change."""

from __future__ import annotations

from allauth.account.admin import EmailAddressAdmin
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.db.models import Model
from django_q.admin import resubmit_task
from django_q.models import Failure, OrmQ, Schedule, Success

from documents.admin.rows import RecordedAdmin

# Their packages offer these to whoever may look.
for action in (EmailAddressAdmin.make_verified, resubmit_task):
    action.allowed_permissions = ["change"]


def record(model: type[Model]) -> None:
    """Register a table once more, with its own class and ours before it."""
    own = type(admin.site._registry[model])
    admin.site.unregister(model)
    admin.site.register(model, type(own.__name__, (RecordedAdmin, own), {}))


for model in (EmailAddress, Failure, OrmQ, Schedule, Success):
    record(model)
