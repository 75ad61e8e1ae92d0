"""All settings, from the environment; README.md lists them. Without any, the hub runs on SQLite with an embedded broker."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ

from cartrover.staff_look import UNFOLD as UNFOLD

ROOT = Path(__file__).resolve().parent.parent
env = environ.Env()
if (ROOT / ".env").is_file():
    env.read_env(str(ROOT / ".env"))

VAR = Path(env.str("CARTROVER_VAR", default=str(ROOT / "var")))
"""What the hub writes beside its database: the secret key, the embedded broker, the sandboxes' state."""


def _own_secret_key() -> str:
    """Make a key once and keep it readable to its owner alone, so that a first start needs no configuration."""
    path = VAR / "secret_key"
    if not path.is_file():
        VAR.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written whole under another name first: of two processes that start at once neither may read half a key.
        draft = VAR / f"secret_key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_text().strip()


SECRET_KEY = env.str("SECRET_KEY", default="") or _own_secret_key()
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
"""Keys of before, so that sessions and sealed credentials outlive a change of SECRET_KEY."""

VAULT_KEYS: list[str] = env.list("VAULT_KEYS", default=[])
"""Fernet keys that seal credentials, newest first; without any, one is derived from SECRET_KEY."""

DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
PORTAL_URL = env.str("PORTAL_URL", default="http://127.0.0.1:8000").rstrip("/")
"""How browsers reach the portal: used in links that leave it and as the OAuth redirect address."""

INSTALLED_APPS = [
    # Before the admin, whose templates it replaces; its own site would be another one, so it is told not to put that in place.
    "unfold.apps.BasicAppConfig",
    "cartrover.staff_app.StaffConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "cartrover.accounts",
    "connectors",
    "orders",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "cartrover.content_policy.ContentPolicyMiddleware",
    # Programs that call the API are served here: what follows is for pages.
    "orders.api.serving.ApiMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "cartrover.locales.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "cartrover.told_in_place.ToldInPlaceMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "cartrover.accounts.sessions.LastSeenMiddleware",
    "cartrover.accounts.acting.ActingMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "cartrover.urls"
WSGI_APPLICATION = "cartrover.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES: dict[str, Any] = {
    "default": environ.Env.db_url_config(env.str("DATABASE_URL", default="") or f"sqlite:///{VAR / 'hub.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    VAR.mkdir(mode=0o700, parents=True, exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        # Deferred transactions that read first and write then fail with "database is locked" instead of waiting.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32000; PRAGMA wal_autocheckpoint=4000;"
        ),
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

# --- people --------------------------------------------------------------------------------------------------------------

SIGN_UP_OPEN = env.bool("SIGN_UP_OPEN", default=True)
"""Whether strangers may sign up; invited people always may."""

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_ADAPTER = "cartrover.accounts.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "cartrover.accounts.forms.SignInForm",
    "signup": "cartrover.accounts.forms.SignUpForm",
    "add_email": "cartrover.accounts.forms.ChangeEmailForm",
    "change_password": "cartrover.accounts.forms.ChangePasswordForm",
    "set_password": "cartrover.accounts.forms.SetPasswordForm",
    "reset_password": "cartrover.accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "cartrover.accounts.forms.ResetPasswordKeyForm",
    "reauthenticate": "cartrover.accounts.forms.ReauthenticateForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
# Wrong passwords are counted by cartrover.accounts.guesses; this one counts wrong codes of the second step.
ACCOUNT_RATE_LIMITS = {"login_failed": "5/5m/key"}
MFA_ADAPTER = "cartrover.accounts.adapters.SecondStepAdapter"
MFA_FORMS = {
    "authenticate": "cartrover.accounts.forms.SecondStepForm",
    "reauthenticate": "cartrover.accounts.forms.ConfirmByCodeForm",
    "activate_totp": "cartrover.accounts.forms.AppOnForm",
    "add_webauthn": "cartrover.accounts.forms.AddPasskeyForm",
    "edit_webauthn": "cartrover.accounts.forms.RenamePasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "CartRover"
# Nobody comes in without a verified address, and a changed one counts only once it is verified.
MFA_ALLOW_UNVERIFIED_EMAIL = True

CACHES = {
    # Limits against guessing and used-up codes must hold over all web processes; nothing else is cached.
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "accounts_limits"},
}

_mail = env.str("EMAIL_URL", default="")
globals().update(
    environ.Env.email_url_config(_mail)
    if _mail
    else {"EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend", "EMAIL_FILE_PATH": str(VAR / "mail")}
)
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="CartRover <cartrover@localhost>")
HIJACK_PERMISSION_CHECK = "cartrover.accounts.acting.may_act_as"

LANGUAGE_CODE = "en"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "cartrover.formats"

STATIC_URL = "static/"
STATIC_ROOT = ROOT / "staticfiles"
with suppress(OSError):
    # WhiteNoise warns at every start while nothing was collected, and nothing has to be: it finds files where they lie.
    STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [ROOT / "static"]
WHITENOISE_USE_FINDERS = True

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
"""How many proxies of our own stand between browsers and the hub: only as many X-Forwarded-For entries are believed."""
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PORTAL_URL.startswith("https://")

# --- background work -----------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="")
"""Empty: `manage.py up` starts a broker of its own on a unix socket and tells its children where."""

CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_QUEUES: dict[str, dict[str, Any]] = {CELERY_TASK_DEFAULT_QUEUE: {}, "files": {}, "api": {}, "uploads": {}}
"""The tick and work on many rows; reading order files; talking to APIs; writing files. A worker serves all of them unless it is
told which (`celery -A cartrover worker --queues api`)."""

CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CHANNEL_ERROR_RETRY = True  # a Redis that is full refuses commands: no reason for a worker to end
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # the hub's own logging scrubs what it writes
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Above the longest run, else a message is handed out twice.
    "visibility_timeout": 900,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # Ringing a bell must never hold up a page: without these a dead broker costs six seconds.
    "max_retries": 0,
    "socket_connect_timeout": 1,
    "socket_timeout": 15,
}
CELERY_BEAT_SCHEDULER = "cartrover.beat:SteadyScheduler"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "clock": {"task": "orders.ring_due", "schedule": timedelta(seconds=15)},
    # Apart from the tick, which must not wait for a slow mail server.
    "tell-of-alerts": {"task": "orders.notify_due", "schedule": timedelta(seconds=15)},
    "housekeeping": {"task": "orders.housekeeping", "schedule": timedelta(minutes=10)},
}
"""Nothing here `expires`: Celery would compare the clocks of two machines. orders/tasks.py passes over the ticks that come too
close together, from several clocks or in a heap after workers were away."""

# --- the outside -----------------------------------------------------------------------------------------------------------

OUTBOUND_ALLOWED_NETWORKS: list[str] = env.list("OUTBOUND_ALLOWED_NETWORKS", default=[])
"""Networks that connections may reach although they are private or loopback. Empty in production."""

OUTGOING_ADDRESSES: list[str] = env.list("OUTGOING_ADDRESSES", default=[])
"""The public addresses from which the hub connects, shown to merchants whose far sides let in only who is on a list."""

SETUP_HELP_FEE = env.str("SETUP_HELP_FEE", default="")
"""What help with setting up costs, in words for merchants; empty where they must ask."""

SUPPORT_EMAIL = env.str("SUPPORT_EMAIL", default="")
"""Where requests for help are mailed to; empty = they are in the staff console alone."""

DOCUMENT_RETENTION_DAYS = env.int("DOCUMENT_RETENTION_DAYS", default=400)
"""How long the bytes of files that came or went are kept, and personal fields of orders."""

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"scrub": {"()": "cartrover.redaction.ScrubFilter"}},
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["scrub"]}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="WARNING")},
    "loggers": {
        # paramiko logs whole tracebacks of refused logins, which are ordinary outcomes here.
        "paramiko": {"level": "CRITICAL"},
    },
}
