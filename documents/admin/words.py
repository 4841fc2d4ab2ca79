"""What Django's own Chinese lacks on pages of ours: named here, so that our catalogue has it."""

from django.utils.translation import gettext_noop as _

DJANGO_SAYS = (_("Model name"), _("Add link"), _("Change or view list link"))
