"""Pages that wait at the upgrade are reserved, as if they had been uploaded after it."""

from django.db import migrations
from django.db.models import Count


def reserve(apps, schema_editor):
    page_model = apps.get_model("documents", "Page")
    usage_model = apps.get_model("documents", "Usage")
    waiting = page_model.objects.filter(state__in=("pending", "leased"))
    for row in waiting.values("document__owner").annotate(pages=Count("pk")).order_by():
        usage, _ = usage_model.objects.get_or_create(owner_id=row["document__owner"])
        usage_model.objects.filter(pk=usage.pk).update(pages_reserved=row["pages"])


class Migration(migrations.Migration):
    dependencies = [("documents", "0002_limits")]
    operations = [migrations.RunPython(reserve, migrations.RunPython.noop)]
