from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('documents', '0011_audit'),
    ]

    operations = [
        migrations.AddField(
            model_name='page',
            name='view_sha256',
            field=models.CharField(blank=True, max_length=64, verbose_name='view image (SHA-256)'),
        ),
        migrations.AddIndex(
            model_name='document',
            index=models.Index(fields=['original_name'], name='document_stored_as'),
        ),
        migrations.AddIndex(
            model_name='page',
            index=models.Index(fields=['view_name'], name='page_view_stored_as'),
        ),
    ]
