from django.apps import AppConfig


class StubPagesConfig(AppConfig):
    name = "tests.reliability"

    def ready(self) -> None:
        from tests.reliability import stub_pages

        stub_pages.install()
