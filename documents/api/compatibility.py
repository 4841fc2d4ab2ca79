"""What a change of the schema would break for programs that were written before it."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


def breaking_changes(before: Schema, after: Schema) -> list[str]:
    """Each as a sentence; empty when every program that worked goes on working.

    Programs may send whatever was allowed before, and may count on whatever was promised.
    """
    return sorted(_of_paths(before, after))


def _of_paths(before: Schema, after: Schema) -> Iterator[str]:
    for path, item in before["paths"].items():
        for method, operation in item.items():
            where = f"{method.upper()} {path}"
            now = after["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{where} is gone"
                continue
            yield from _of_parameters(where, operation, now)
            for kind, form in _bodies(operation).items():
                if kind not in _bodies(now):
                    yield f"{where} no longer takes {kind}"
                else:
                    yield from _Comparison(before, after, sent=True).of(
                        f"{where} body", form, _bodies(now)[kind]
                    )
            yield from _of_responses(where, operation, now, _Comparison(before, after))


def _bodies(operation: Schema) -> dict[str, Schema]:
    content = operation.get("requestBody", {}).get("content", {})
    return {kind: media.get("schema", {}) for kind, media in content.items()}


def _of_parameters(where: str, before: Schema, after: Schema) -> Iterator[str]:
    known = {(p["in"], p["name"]): p for p in before.get("parameters", [])}
    now = {(p["in"], p["name"]): p for p in after.get("parameters", [])}
    for key, parameter in known.items():
        if key not in now:
            yield f"{where}: parameter {key[1]} is gone"
        else:
            comparison = _Comparison({}, {}, sent=True)
            yield from comparison.of(
                f"{where}: parameter {key[1]}", parameter["schema"], now[key]["schema"]
            )
    for key, parameter in now.items():
        if parameter.get("required") and not known.get(key, {}).get("required"):
            yield f"{where}: parameter {key[1]} is now required"


def _of_responses(
    where: str, before: Schema, after: Schema, comparison: _Comparison
) -> Iterator[str]:
    for status, response in before["responses"].items():
        now = after["responses"].get(status)
        if now is None:
            if status.startswith("2"):
                yield f"{where} no longer answers {status}"
            continue
        for kind, media in response.get("content", {}).items():
            if kind not in now.get("content", {}):
                yield f"{where} {status} is no longer {kind}"
                continue
            form = now["content"][kind].get("schema", {})
            yield from comparison.of(f"{where} {status}", media.get("schema", {}), form)


class _Comparison:
    """Two shapes, in what programs send or, otherwise, in what they are answered."""

    def __init__(self, before: Schema, after: Schema, *, sent: bool = False) -> None:
        self.before, self.after, self.sent = before, after, sent

    def of(self, where: str, before: Schema, after: Schema) -> Iterator[str]:
        old, new = _resolved(self.before, before), _resolved(self.after, after)
        if old.get("type") != new.get("type"):
            yield f"{where} was {old.get('type')} and is {new.get('type')}"
            return
        yield from self._of_values(where, old, new)
        yield from self._of_fields(where, old, new)
        if "items" in old and "items" in new:
            yield from self.of(f"{where}[]", old["items"], new["items"])

    def _of_values(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        known, now = set(old.get("enum", [])), set(new.get("enum", []))
        if self.sent:
            if now and (gone := (known - now) if known else now):
                yield f"{where} no longer takes {sorted(map(str, gone))}"
        elif known and (came := now - known):
            yield f"{where} may now be {sorted(map(str, came))}"
        if not self.sent and new.get("nullable") and not old.get("nullable"):
            yield f"{where} may now be null"
        for limit, is_tighter in (("maximum", operator.lt), ("minimum", operator.gt)):
            if self.sent and limit in new and is_tighter(new[limit], old.get(limit, new[limit])):
                yield f"{where}: {limit} is now {new[limit]}"

    def _of_fields(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        fields, now = old.get("properties", {}), new.get("properties", {})
        for name, form in fields.items():
            if name in now:
                yield from self.of(f"{where}.{name}", form, now[name])
            else:
                yield f"{where}.{name} is gone"
        must, must_now = set(old.get("required", [])), set(new.get("required", []))
        for name in sorted(must_now - must if self.sent else must - must_now):
            if self.sent or name in now:
                yield f"{where}.{name} is {'now required' if self.sent else 'no longer sure'}"


def _resolved(document: Schema, form: Schema) -> Schema:
    """The shape itself, where it is named by reference or wrapped to be described."""
    parts = form.get("allOf") or form.get("oneOf") or []
    if "$ref" not in form and parts:
        merged = {**_resolved(document, parts[0]), **form}
        return {key: value for key, value in merged.items() if key not in ("allOf", "oneOf")}
    if "$ref" not in form:
        return form
    found: Any = document
    for name in form["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return _resolved(document, found)
