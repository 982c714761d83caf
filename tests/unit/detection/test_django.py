"""Django: its application, static files and settings."""

import pytest

from deployzero.errors import ProjectDetectionError

BIND = "--bind 0.0.0.0:$PORT --workers ${WEB_CONCURRENCY:-2}"
GUNICORN = f"gunicorn {BIND}"
MANAGE = (
    "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
    "from django.core.management import execute_from_command_line\n"
)


def test_django_is_served_by_its_wsgi_application(detect):
    config = detect(
        {
            "manage.py": MANAGE,
            "shop/settings.py": "INSTALLED_APPS = ['django.contrib.staticfiles']\n"
            "WSGI_APPLICATION = 'shop.wsgi.application'\nSTATIC_ROOT = BASE_DIR / 'static'\n",
            "requirements.txt": "django\n",
        }
    )
    assert config.start_command == f"{GUNICORN} shop.wsgi:application"
    assert "python manage.py collectstatic --noinput" in config.build_command
    assert any("migrations do not run" in reason for reason in config.reasons)
    assert config.framework == "django"


INSTALLED = "INSTALLED_APPS = ['django.contrib.admin', 'django.contrib.staticfiles']\n"
HOSTS, STATIC = "ALLOWED_HOSTS is empty: other names", "STATIC_ROOT is not set: collectstatic"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (INSTALLED + "ALLOWED_HOSTS = []\n", [HOSTS, STATIC]),
        ("ALLOWED_HOSTS: list[str] = []\n", [HOSTS]),
        ("ALLOWED_HOSTS = []\nif x:\n    ALLOWED_HOSTS = ['*']\n", []),
        ("ALLOWED_HOSTS = []\nALLOWED_HOSTS += hosts()\n", []),
        ("if DEBUG:\n    ALLOWED_HOSTS = []\n", []),
        ("ALLOWED_HOSTS = ['*']\n", []),
        (INSTALLED + "STATIC_ROOT = 'static'\n", []),
        (INSTALLED + "ALLOWED_HOSTS = []\nfrom .local import *\n", []),
        (INSTALLED + "ALLOWED_HOSTS = []\ndjango_heroku.settings(locals())\n", []),
        ("ALLOWED_HOSTS = [\n", []),
    ],
)
def test_what_django_settings_leave_undone_is_said(detect, settings, said):
    files = {"manage.py": MANAGE, "shop/wsgi.py": "", "requirements.txt": "django\n"}
    reasons = detect({**files, "shop/settings.py": settings}).reasons
    assert [r for r in reasons if r.startswith(("ALLOWED_HOSTS", "STATIC_ROOT is not"))] == [
        reason for reason in reasons if any(reason.startswith(each) for each in said)
    ]
    assert all(any(reason.startswith(each) for reason in reasons) for each in said)


def test_django_without_wsgi_application_uses_its_wsgi_file(detect):
    config = detect(
        {
            "manage.py": MANAGE,
            "shop/settings.py": "DEBUG = False\n",
            "shop/wsgi.py": "",
            "requirements.txt": "django\n",
        }
    )
    assert config.start_command == f"{GUNICORN} shop.wsgi:application"
    assert config.build_command is None


def test_django_without_any_wsgi_says_what_to_do(detect):
    with pytest.raises(ProjectDetectionError) as caught:
        detect({"manage.py": MANAGE, "shop/settings.py": "", "requirements.txt": "django\n"})
    assert any("no WSGI_APPLICATION" in line for line in caught.value.detail)


def test_django_below_the_root_is_started_there(detect):
    config = detect(
        {
            "site/manage.py": MANAGE,
            "site/shop/settings/base.py": "WSGI_APPLICATION = 'shop.wsgi.application'\n",
            "requirements.txt": "django\ngunicorn\n",
        }
    )
    assert config.start_command == f"gunicorn --chdir site {BIND} shop.wsgi:application"
