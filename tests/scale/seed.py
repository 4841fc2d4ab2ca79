"""Run beside a product, with its environment: accounts for clients, as JSON on standard output.

Made here and not over HTTP, because logging in is not what is measured.
"""

import json
import sys
from importlib import import_module

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402

from documents.models import Scope, Usage  # noqa: E402
from documents.services.tokens import create_token  # noqa: E402


def session_of(user: User) -> str:
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return session.session_key


if __name__ == "__main__":
    users = [User.objects.create_user(f"client{n}") for n in range(int(sys.argv[1]))]
    # Clients without pauses have more jobs at the same time than a person may.
    Usage.objects.bulk_create(Usage(owner=user, open_jobs=10_000) for user in users)
    made = [
        {"session": session_of(u), "token": create_token(owner=u, name="-", scope=Scope.WRITE)[1]}
        for u in users
    ]
    print(json.dumps(made))
