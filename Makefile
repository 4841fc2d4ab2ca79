# Thin aliases; ./run does the work.
.PHONY: help run test check messages screenshots benchmark storm soak fuzz scale
help: ; @./run help
run: ; @./run
test: ; @./run test
check: ; @./run check
messages: ; @.venv/bin/python manage.py makemessages -l zh_Hans --no-location --no-wrap --no-obsolete -i .venv -i var -i tests && .venv/bin/python manage.py compilemessages -i .venv
screenshots: ; @.venv/bin/python docs/screenshots/make.py
benchmark: ; @./run manage benchmark $(ARGS)
storm: ; @.venv/bin/python -m tests.reliability storm $(ARGS)
soak: ; @.venv/bin/python -m tests.reliability soak $(ARGS)
fuzz: ; @.venv/bin/python -m tests.reliability fuzz $(ARGS)
scale: ; @.venv/bin/python -m tests.scale lists $(ARGS) && .venv/bin/python -m tests.scale load
