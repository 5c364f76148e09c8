"""Django's settings. Everything that differs between machines comes from the environment or the data directory."""

import os
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from cloud_bridge import database
from cloud_bridge.datadir import DataDir

DATA = DataDir.from_environment()
PACKAGE = Path(__file__).parent

SECRET_KEY = DATA.secret_key()
DEBUG = False
TLS = os.environ.get("HOTBOX_BRIDGE_TLS") == "1"
ALLOWED_HOSTS = [
    "127.0.0.1",
    "localhost",
    "[::1]",
    *filter(None, os.environ.get("HOTBOX_BRIDGE_HOSTS", "").split(",")),
]
ROOT_URLCONF = "cloud_bridge.urls"
ASGI_APPLICATION = "cloud_bridge.asgi.application"

INSTALLED_APPS = [
    "cloud_bridge.people",
    "cloud_bridge.boxes",
    "cloud_bridge.flows",
    "cloud_bridge.permits",
    "cloud_bridge.insight",
    "cloud_bridge.enrolment",
    "cloud_bridge.offences",
    "cloud_bridge.video",
    "cloud_bridge.notify",
    "cloud_bridge.web",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "ninja",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "cloud_bridge.web.middleware.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "cloud_bridge.web.middleware.chosen_language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "cloud_bridge.people.own_password.own_password_first",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "cloud_bridge.web.context.site",
            ]
        },
    }
]

DATABASES = {"default": database.settings_of(DATA, os.environ.get(database.ENVIRONMENT, ""))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Shared by the web workers: allauth counts failed sign-ins here.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "shared_cache"}}

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "overview"
ACCOUNT_ADAPTER = "cloud_bridge.people.adapter.BridgeAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_RATE_LIMITS = {"login_failed": "30/m/ip,5/5m/key", "login": "60/m/ip", "change_password": "10/m/user"}
ALLAUTH_TRUSTED_PROXY_COUNT = 0

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Chinese")), ("en", _("English"))]
LOCALE_PATHS = [PACKAGE / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = os.environ.get("HOTBOX_BRIDGE_TZ", "Asia/Shanghai")

STATIC_URL = "/static/"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = TLS
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = TLS
CSRF_FAILURE_VIEW = "cloud_bridge.web.errors.csrf_failure"
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = TLS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_AGE = 365 * 86400
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if TLS else 0
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
"""No page takes more (`web.body_limit`), and up to this nothing is put into a file."""
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * DATA_UPLOAD_MAX_MEMORY_SIZE
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Workflows: each flow by the module that has its vocabulary; the group's baseline, and the base's own rules over it.
FLOWS = {"permit": "cloud_bridge.permits.flow"}
FLOW_FOLDER = os.environ.get("HOTBOX_BRIDGE_BASELINE", str(PACKAGE.parent / "configs" / "workflows"))
FLOW_LOCAL = os.environ.get("HOTBOX_BRIDGE_FLOWS", "")

NINJA_PAGINATION_MAX_LIMIT = 1000

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"django.request": {"level": "ERROR"}, "httpx": {"level": "WARNING"}},
}
