# Thin aliases; ./run does the work.
.PHONY: run test check messages screenshots benchmark help
help:  ; @./run help
run:   ; @./run
test:  ; @./run test
check: ; @./run check
messages: ; @cd documents && ../.venv/bin/django-admin makemessages -l zh_Hans --no-obsolete && ../.venv/bin/django-admin compilemessages
screenshots: ; @.venv/bin/python docs/screenshots/make.py
benchmark: ; @./run manage benchmark
