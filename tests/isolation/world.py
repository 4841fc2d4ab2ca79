"""One owner with secrets, those they share with, strangers and staff; and what each may know.

Every secret is a canary: a string that stands nowhere else, with the names of who may see it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from django_q.models import OrmQ, Schedule, Task
from django_q.signing import SignedPackage

from documents import files
from documents.models import (
    ApiToken,
    Attempt,
    Collection,
    Document,
    LedgerEntry,
    Movement,
    PageState,
    Pause,
    PurgeRun,
    RetentionPolicy,
    Scope,
    Share,
    Usage,
    Worker,
)
from documents.services.tokens import create_token, revoke_token
from tests.personas import make_read_document, make_user

OWNER, READER, CHANGER, STRANGER = "owner", "reader", "changer", "stranger"
CLERK, ROOT, INACTIVE, NOBODY = "clerk", "superuser", "inactive", "nobody"
LET_IN = (OWNER, READER, CHANGER)
"""Whom the owner's shared things are open to."""
CLERK_MAY = ("view_job", "view_worker", "view_group")


@dataclass(frozen=True)
class Persona:
    """Somebody at a door. `acts_as` is whose rights they have; empty where they have none."""

    name: str
    acts_as: str = ""
    session: str = ""
    token: str = ""
    may_write: bool = True

    @property
    def is_program(self) -> bool:
        return bool(self.token)


@dataclass(frozen=True)
class Canary:
    text: str
    seen_by: frozenset[str]
    by_staff: frozenset[str] = frozenset()
    """Who sees it in the administration."""


@dataclass(frozen=True)
class Things:
    """Keys of one of each kind, as addresses carry them."""

    document: object
    trashed: object
    job: object
    collection: object
    share: object
    token: object


UNKNOWN = Things(*(uuid.UUID(int=0x4000_8000 << 64 | n) for n in range(4)), 10**9, uuid.uuid4())


@dataclass
class World:
    users: dict[str, User] = field(default_factory=dict)
    personas: list[Persona] = field(default_factory=list)
    own: dict[str, Things] = field(default_factory=dict)
    shared: Things = UNKNOWN
    rows: dict[str, object] = field(default_factory=dict)
    """Of every table of the administration, the key of one row: by app and model."""
    canaries: list[Canary] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def persona(self, name: str) -> Persona:
        return next(persona for persona in self.personas if persona.name == name)

    def foreign_to(self, persona: Persona) -> Things:
        return self.own[STRANGER if persona.acts_as == OWNER else OWNER]

    def mend_files(self) -> None:
        """A probe's rows are rolled back; files that it deleted are not."""
        for name, content in self.files.items():
            path = settings.OCR_FILES_DIR / name
            if not path.exists():
                path.write_bytes(content)


def build() -> World:
    world = World()
    for name in (OWNER, READER, CHANGER, STRANGER, CLERK, ROOT, INACTIVE):
        is_staff, is_root = name in (CLERK, ROOT), name == ROOT
        world.users[name] = make_user(
            f"cnr-{name}-name", email=f"cnr-{name}@x.test", is_staff=is_staff, is_superuser=is_root
        )
    may = Permission.objects.filter(codename__in=CLERK_MAY)
    world.users[CLERK].user_permissions.set(may)
    for name in (OWNER, STRANGER, READER, CHANGER, CLERK, ROOT):
        world.own[name] = _things_of(world, name)
    _let_in(world)
    _canaries_of_people(world)
    _rows_of_staff(world)
    _personas(world)
    User.objects.filter(pk=world.users[INACTIVE].pk).update(is_active=False)
    return world


# --- Documents and what belongs to them --------------------------------------------------------


def _stored(world: World, folder: str, content: str, suffix: str = "") -> str:
    incoming = files.incoming_dir() / "bytes"
    incoming.write_bytes(content.encode())
    name = files.keep(incoming, folder, suffix)
    incoming.unlink()
    world.files[name] = content.encode()
    return name


def _document(world: World, owner: str, label: str, seen_by: frozenset[str]) -> Document:
    """Read, with an original, a view, and one failed page; each with a canary."""
    document = make_read_document(world.users[owner], (f"cnr-{label}-text", "World"))
    document.title = f"cnr-{label}-title.png"
    document.sha256 = uuid.uuid5(uuid.NAMESPACE_OID, label).hex * 2
    document.original_name = _stored(world, "originals", f"cnr-{label}-bytes")
    document.save()
    page = document.pages.get()
    page.view_name = _stored(world, "views", f"cnr-{label}-view", ".jpg")
    page.state, page.error_code = PageState.FAILED, "engine_timeout"
    page.save()
    Attempt.objects.create(page=page, number=1, worker="w", outcome="done")
    for what in ("title", "text", "bytes", "view"):
        staff = frozenset({ROOT}) if what == "title" else frozenset()
        world.canaries.append(Canary(f"cnr-{label}-{what}", seen_by, staff))
    for key in (document.pk, document.sha256, page.pk):
        world.canaries.append(Canary(str(key), seen_by, frozenset({ROOT})))
    # Who may have pages read again is told the key of the job that does it, which opens nothing.
    told = frozenset({owner}) | (seen_by & {CHANGER})
    world.canaries.append(Canary(str(document.job_id), told, frozenset({ROOT, CLERK})))
    return document


def _things_of(world: World, name: str) -> Things:
    user, only = world.users[name], frozenset({name})
    document = _document(world, name, f"{name}-secret", only)
    trashed = _document(world, name, f"{name}-trashed", only)
    Document.objects.filter(pk=trashed.pk).update(trashed_at=timezone.now())
    collection = Collection.objects.create(owner=user, name=f"cnr-{name}-collection")
    friend = make_user(f"cnr-{name}-friend")
    share = Share.objects.create(document=document, user=friend)
    token, _ = create_token(owner=user, name=f"cnr-{name}-token")
    for text in (collection.name, collection.pk, friend.username, token.name, token.prefix):
        world.canaries.append(Canary(str(text), only, frozenset({ROOT})))
    return Things(document.pk, trashed.pk, document.job_id, collection.pk, share.pk, token.pk)


def _let_in(world: World) -> None:
    """What the owner shares: a document, a collection, and one that lies in the trash by now."""
    may_see = frozenset(LET_IN)
    document = _document(world, OWNER, "shared", may_see)
    trashed = _document(world, OWNER, "shared-trashed", frozenset({OWNER}))
    collection = Collection.objects.create(owner=world.users[OWNER], name="cnr-shared-collection")
    for name in (READER, CHANGER):
        for thing in ({"document": document}, {"document": trashed}, {"collection": collection}):
            may = {"user": world.users[name], "can_change": name == CHANGER}
            share = Share.objects.create(**thing, **may)
    Document.objects.filter(pk=trashed.pk).update(trashed_at=timezone.now())
    world.canaries.append(Canary(collection.name, may_see, frozenset({ROOT})))
    token = world.own[OWNER].token
    world.shared = Things(document.pk, trashed.pk, document.job_id, collection.pk, share.pk, token)


def _canaries_of_people(world: World) -> None:
    for name, user in world.users.items():
        seen_by = {name, *(LET_IN if name == OWNER else ())}
        if name in LET_IN:
            seen_by.add(OWNER)  # who sees whom they let in
        staff = frozenset({ROOT, CLERK} if name in world.own else {ROOT})  # CLERK sees jobs' owners
        world.canaries.append(Canary(user.username, frozenset(seen_by), staff))
        world.canaries.append(Canary(user.email, frozenset({name}), frozenset({ROOT})))


# --- What staff see ----------------------------------------------------------------------------


def _rows_of_staff(world: World) -> None:
    """One row of every table, the owner's where a table has owners."""
    owner, mine = world.users[OWNER], world.own[OWNER]
    document = Document.objects.get(pk=mine.document)
    page = document.pages.get()
    message = {"id": uuid.uuid4().hex, "name": "cnr-message", "func": "print", "args": ()}
    done = {"func": "print", "started": timezone.now(), "stopped": timezone.now()}
    rows = {
        "account_emailaddress": EmailAddress.objects.create(user=owner, email=owner.email),
        "auth_group": Group.objects.create(name="cnr-group"),
        "auth_user": owner,
        "django_q_schedule": Schedule.objects.create(name="cnr-schedule", func="print"),
        "django_q_success": Task.objects.create(id="a", name="cnr-task", success=True, **done),
        "django_q_failure": Task.objects.create(
            id="b" * 32, name="cnr-fail", success=False, **done
        ),
        "django_q_ormq": OrmQ.objects.create(key="ocr", payload=SignedPackage.dumps(message)),
        "documents_retentionpolicy": RetentionPolicy.objects.create(user=owner, keep_days=99),
        "documents_purgerun": PurgeRun.objects.create(),
        "documents_pause": Pause.objects.create(user=owner),
        "documents_usage": Usage.objects.update_or_create(owner=owner)[0],
        "documents_ledgerentry": LedgerEntry.objects.create(
            owner=owner, movement=Movement.STORED, about=document.pk
        ),
        "documents_worker": Worker.objects.create(
            name="cnr-worker", host="here", pid=1, beat_at=timezone.now(), page=page
        ),
        "documents_page": page,
        "documents_attempt": page.history.get(),
    }
    world.rows = {name: row.pk for name, row in rows.items()}
    world.rows |= {
        "documents_document": mine.document,
        "documents_job": mine.job,
        "documents_collection": mine.collection,
        "documents_share": mine.share,
        "documents_apitoken": mine.token,
        "documents_auditevent": owner_event(owner),
    }
    for text in ("cnr-schedule", "cnr-task", "cnr-fail", "cnr-message"):
        world.canaries.append(Canary(text, frozenset(), frozenset({ROOT})))
    for text in ("cnr-group", "cnr-worker"):
        world.canaries.append(Canary(text, frozenset(), frozenset({ROOT, CLERK})))


def owner_event(owner: User) -> int:
    from documents.models import AuditEvent

    return AuditEvent.objects.filter(owner=owner).latest("id").pk


# --- Who comes ---------------------------------------------------------------------------------


def _session_of(user: User) -> str:
    """Logged in before anything happened to them."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def _token_of(user: User, scope: Scope = Scope.WRITE) -> tuple[ApiToken, str]:
    token, secret = create_token(owner=user, name="a program", scope=scope)
    # Used in the future, so that no probe has to note its use.
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=timezone.now() + timedelta(days=1))
    return token, secret


def _personas(world: World) -> None:
    users, owner = world.users, world.users[OWNER]
    for name in (OWNER, READER, CHANGER, STRANGER, CLERK, ROOT):
        world.personas.append(Persona(name, name, session=_session_of(users[name])))
    world.personas.append(Persona(INACTIVE, session=_session_of(users[INACTIVE])))
    world.personas.append(Persona(NOBODY))
    (revoked, secret_1), (expired, secret_2) = _token_of(owner), _token_of(owner)
    revoke_token(revoked)
    past = timezone.now() - timedelta(seconds=1)
    ApiToken.objects.filter(pk=expired.pk).update(expires_at=past)
    reading = _token_of(owner, Scope.READ)[1]
    world.personas += [
        Persona("a write token", OWNER, token=_token_of(owner)[1]),
        Persona("a read token", OWNER, token=reading, may_write=False),
        Persona("a stranger's token", STRANGER, token=_token_of(users[STRANGER])[1]),
        Persona("a token of whom it was shared with", READER, token=_token_of(users[READER])[1]),
        Persona("a revoked token", token=secret_1),
        Persona("an expired token", token=secret_2),
    ]
