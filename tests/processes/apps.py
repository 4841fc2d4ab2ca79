from django.apps import AppConfig
from django.conf import settings

ENGINE = "tests.ocrengine.fake_engine:FakeEngine"


class FakeEngineConfig(AppConfig):
    name = "tests.processes"

    def ready(self) -> None:
        from documents import worker
        from ocrengine.process import EngineProcess

        def fake_engine_for(bundle: str) -> EngineProcess:
            if bundle not in worker._engines:
                worker._engines[bundle] = EngineProcess(settings.OCR_PROFILE, bundle, engine=ENGINE)
            return worker._engines[bundle]

        worker.engine_for = fake_engine_for
