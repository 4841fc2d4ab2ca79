"""The deployment, read top to bottom. Every knob comes from the environment through env.py.

Nothing in documents/ or ocrengine/ reads the environment: they get the typed objects built at the
end of this file.
"""

from pathlib import Path

import dj_database_url
from django.utils.translation import gettext_lazy as _

from documents.limits import JobLimits, UploadLimits, UserLimits
from ocrengine import tuned
from ocrengine.choose import choose_profile
from ocrengine.memory import available_memory, usable_cores
from ocrsite.env import GIVEN, env_bool, env_choice, env_int, env_list, env_size, env_str
from ocrsite.hosts import default_hosts
from ocrsite.production import refuse_unsafe
from ocrsite.secret import read_or_create_secret

BASE_DIR = Path(__file__).resolve().parent.parent

# Where everything lives that is not code: database, files, secret key, backups.
DATA_DIR = Path(env_str("OCR_DATA_DIR", str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(mode=0o750, parents=True, exist_ok=True)

# --- Security ---------------------------------------------------------------------------------
DEBUG = env_bool("OCR_DEBUG", default=False)
SECRET_KEY = env_str("OCR_SECRET_KEY") or read_or_create_secret(DATA_DIR / "secret_key")
OCR_ADDRESS = env_str("OCR_ADDRESS", "127.0.0.1:8000")
ALLOWED_HOSTS = env_list("OCR_ALLOWED_HOSTS", default_hosts(OCR_ADDRESS))
if env_choice("OCR_ENV", ["development", "production"]) == "production":
    refuse_unsafe(debug=DEBUG, secret_key=SECRET_KEY, hosts=ALLOWED_HOSTS)
CSRF_TRUSTED_ORIGINS = env_list("OCR_TRUSTED_ORIGINS", [])
# Behind TLS say OCR_TLS=yes: cookies and redirects then insist on it.
TLS = env_bool("OCR_TLS", default=False)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TLS else None
# Browsers ignore it without TLS, and complain of it on every page.
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin" if TLS else None
SECURE_HSTS_SECONDS = 31_536_000 if TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = TLS
# A browser takes such a name from this very host by TLS only: no neighbour on the same domain can
# plant a session or a token.
SESSION_COOKIE_NAME = "__Host-sessionid" if TLS else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if TLS else "csrftoken"
LANGUAGE_COOKIE_SECURE = TLS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

PASSWORD_HASHERS = [
    "ocrsite.hashers.LeanArgon2",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
PASSWORD_RESET_TIMEOUT = 24 * 3600

# --- Accounts: allauth, with our pages, our bound on guessing and our answer to who may sign up ---
OCR_REGISTRATION = env_bool("OCR_REGISTRATION", default=False)
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_ADAPTER = "documents.web.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Folio: "
# Ours counts in the database, in one conditional update; allauth's reads and writes a cache.
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": None, "reset_password": None}
ALLAUTH_TRUSTED_PROXY_COUNT = env_int("OCR_PROXIES", 0)
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Folio"
# The organisation's own directory, by OpenID Connect.
OCR_SINGLE_SIGN_ON = env_str("OCR_OIDC_ISSUER")
SOCIALACCOUNT_ADAPTER = "documents.web.adapter.SocialAccountAdapter"
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "APPS": [
            {
                "provider_id": "sso",
                "name": env_str("OCR_OIDC_NAME", "Single sign-on"),
                "client_id": env_str("OCR_OIDC_CLIENT_ID"),
                "secret": env_str("OCR_OIDC_SECRET"),
                "settings": {"server_url": OCR_SINGLE_SIGN_ON},
            }
        ]
        if OCR_SINGLE_SIGN_ON
        else []
    }
}

# --- Mail: only where a server is named; without one, staff make one-time links ----------------
OCR_SENDS_MAIL = bool(env_str("OCR_MAIL_HOST"))
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if OCR_SENDS_MAIL
    else "django.core.mail.backends.dummy.EmailBackend"
)
EMAIL_HOST = env_str("OCR_MAIL_HOST", "localhost")
EMAIL_PORT = env_int("OCR_MAIL_PORT", 587)
EMAIL_USE_TLS = env_bool("OCR_MAIL_TLS", default=True)
EMAIL_HOST_USER = env_str("OCR_MAIL_USER")
EMAIL_HOST_PASSWORD = env_str("OCR_MAIL_PASSWORD")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env_str("OCR_MAIL_FROM", "folio@localhost")

# --- Application ------------------------------------------------------------------------------
INSTALLED_APPS = [
    "ocrsite.apps.StaffConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    *(["allauth.socialaccount.providers.openid_connect"] if OCR_SINGLE_SIGN_ON else []),
    "django_q",
    "documents",
]
MIDDLEWARE = [
    "documents.web.middleware.RequestIdMiddleware",
    # Around whatever refuses a request before a view is asked.
    "ocrsite.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "documents.web.middleware.BodyLimitMiddleware",
    "documents.web.middleware.TroubleMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "documents.web.middleware.CallerMiddleware",
    "documents.web.middleware.AddressMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "ocrsite.urls"
WSGI_APPLICATION = "ocrsite.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
            ]
        },
    }
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "documents"
LOGOUT_REDIRECT_URL = ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "documents.api.auth.BearerAuthentication",
        "documents.api.auth.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["documents.api.auth.ScopePermission"],
    "DEFAULT_THROTTLE_CLASSES": ["documents.api.throttling.PerTokenThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["documents.api.parsing.ObjectParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "documents.api.parsing.OneForm",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "documents.api.problems.respond",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Folio",
    "DESCRIPTION": (
        "Hand in scans, photos and PDFs; get back their text. Send a token with each request:"
        " `Authorization: Bearer folio_…`. Tokens are made under “Tokens for programs” in the menu"
        " with your name. Refusals are problem details (RFC 9457): programs read `code`, people"
        " read `detail`."
    ),
    "VERSION": "1",
    "LICENSE": {"name": "Apache-2.0"},
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "TAGS": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "DocumentState": "documents.summaries.DocumentState",
        "JobState": "documents.models.JobState",
        "PageState": "documents.models.PageState",
    },
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "documents.api.schema.add_what_is_common",
        "documents.api.links.add_links",
        "documents.api.schema.add_examples",
    ],
}
# What one token, or one logged-in browser, may ask in a minute.
OCR_API_REQUESTS_PER_MINUTE = env_int("OCR_API_REQUESTS_PER_MINUTE", 600, at_least=1)

# --- Data -------------------------------------------------------------------------------------
DATABASES = {
    "default": dj_database_url.parse(
        env_str("DATABASE_URL", f"sqlite:///{DATA_DIR / 'db.sqlite3'}"), conn_max_age=60
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE ends "database is locked" (a deferred reader cannot become a writer under WAL);
        # FULL makes an accepted upload survive a power cut.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # Neither a mapping nor a larger cache: each thread has a connection of its own, and the
        # system's own cache holds the file once for all.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
    # A file, because threads that share one in memory lock each other out by tables.
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Redis is for more than one host: then the cache and the doorbells are shared through it.
OCR_REDIS = env_str("OCR_REDIS")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": OCR_REDIS}
    if OCR_REDIS
    else {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": DATA_DIR / "cache",
    }
}

# --- Languages, time, static files ------------------------------------------------------------
LANGUAGE_CODE = env_str("OCR_LANGUAGE", "en")
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "documents" / "locale"]
TIME_ZONE = env_str("TZ", "UTC")
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- The engine and its limits, as typed objects -------------------------------------------------
_profile, OCR_PROFILE_REASON = choose_profile(available_memory(), env_str("OCR_PROFILE"))
OCR_BUNDLE = env_str("OCR_BUNDLE", "accurate")
OCR_CORES = usable_cores()
OCR_TUNED_FILE = DATA_DIR / "tuned.json"
OCR_TUNED = tuned.load_for(OCR_TUNED_FILE, _profile.name, OCR_BUNDLE)
if OCR_TUNED:
    _profile = _profile.override(
        workers=OCR_TUNED.processes, slots=OCR_TUNED.slots, threads=OCR_TUNED.threads
    )
OCR_WORKERS = env_int("OCR_WORKERS", min(_profile.workers, OCR_CORES), at_least=1)
OCR_PROFILE = _profile.override(
    workers=OCR_WORKERS,
    slots=env_int("OCR_SLOTS", min(_profile.slots, max(1, OCR_CORES // OCR_WORKERS)), at_least=1),
    tile_side=env_int("OCR_TILE_SIDE", at_least=320),
    threads=env_int("OCR_THREADS", at_least=1),
    memory_ceiling=env_size("OCR_MEMORY_CEILING"),
    files_per_batch=env_int("OCR_FILES_PER_BATCH", at_least=1),
    device=env_str("OCR_DEVICE") or None,
    precision=env_str("OCR_PRECISION") or None,
)
OCR_UPLOAD_LIMITS = UploadLimits()
OCR_USER_LIMITS = UserLimits(
    storage_limit_bytes=env_size("OCR_STORAGE_PER_USER", UserLimits.storage_limit_bytes),
    pages_per_month=env_int("OCR_PAGES_PER_MONTH", UserLimits.pages_per_month),
    files_per_batch=OCR_PROFILE.files_per_batch,
    open_jobs=env_int("OCR_JOBS_PER_USER", UserLimits.open_jobs, at_least=1),
)
OCR_JOB_LIMITS = JobLimits()
OCR_TRASH_DAYS = env_int("OCR_TRASH_DAYS", 30)
OCR_AUDIT_DAYS = env_int("OCR_AUDIT_DAYS", 365, at_least=1)
OCR_FILES_DIR = DATA_DIR / "files"

# --- Uploads: files go to disk as they arrive, counted and cut by our own handler -------------
FILE_UPLOAD_HANDLERS = ["documents.upload_handler.BoundedUploadHandler"]
FILE_UPLOAD_TEMP_DIR = OCR_FILES_DIR / "incoming"
FILE_UPLOAD_TEMP_DIR.mkdir(mode=0o750, parents=True, exist_ok=True)
FILE_UPLOAD_PERMISSIONS = 0o640
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o750
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = None  # counted by the handler, which answers with a sentence

# --- Background work: django-q2 carries doorbells; the truth is in our own tables ----------------
Q_CLUSTER = {
    "name": "ocr",
    **({"redis": OCR_REDIS} if OCR_REDIS else {"orm": "default"}),
    "workers": OCR_WORKERS,
    "queue_limit": 1,
    "bulk": 1,
    "timeout": 600,  # a drain's minute and the slowest page
    "retry": 1860,  # only a safety net: the minute's tick rings again long before
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "recycle": 200,
    "max_rss": 250_000,  # KB; a worker is some 90 MB, and what reads is not in it
    "guard_cycle": 0.5,
    "catch_up": False,
    "poll": 0.5,
    "label": _("Background jobs"),
}

# --- Logs: one line per event, never the text of a page ------------------------------------------
LOG_LEVEL = env_str("OCR_LOG_LEVEL", OCR_PROFILE.log_level)
LOG_FORMAT = env_choice("OCR_LOG_FORMAT", ["line", "json"])
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "ocrsite.logs.LineFormatter",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        },
        "json": {"()": "ocrsite.logs.JsonFormatter"},
    },
    "filters": {"refusals": {"()": "ocrsite.logs.RefusalsInOneLine"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["refusals"],
        },
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "documents": {"level": LOG_LEVEL},
        "ocrengine": {"level": LOG_LEVEL},
        # django-q adds a handler of its own and stops propagation unless it is configured.
        "django-q": {"handlers": ["console"], "level": "WARNING", "propagate": False},
    },
}
LANGUAGE_COOKIE_SAMESITE = "Lax"

# Which variables the environment set, for `doctor`.
OCR_GIVEN = frozenset(GIVEN)
