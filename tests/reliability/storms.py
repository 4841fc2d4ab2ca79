"""The parts of a storm: each makes its own people, hands in, does its harm, and counts."""

from __future__ import annotations

import argparse
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from statistics import median
from threading import Barrier
from typing import Any

from django.db import connection

from documents.lifelines import descendants
from documents.models import Attempt, Document, Outcome, Page, PageState, Usage
from documents.models.document import OPEN_STATES
from documents.services import jobs, quotas
from documents.services.retention import delete_document
from ocrengine.benchmarks import mixed
from ocrengine.benchmarks.mixed import share_found
from tests.ocrengine.fake_engine import KILLED, NAP
from tests.own_database import OwnDatabase
from tests.processes.cluster import Cluster, left_of
from tests.processes.looks import wait_until
from tests.reliability import evidence, report
from tests.reliability.evidence import Evidence, Killings
from tests.reliability.installation import (
    database_name,
    hand_in,
    hand_in_stub_pages,
    make_owner,
    running_workers,
    tiff_of,
    wait_for_pages,
)
from tests.reliability.report import Row, Trial

COMMAND = "make storm; DURABLE=yes .ci/with-postgres make storm"
ROLES = ("main", "sentinel", "pusher", "monitor", "idle", "busy")
PATIENCE_SECONDS = 1800


def keep(
    asked: argparse.Namespace, trial: Trial, rows: list[Row], started: float, **facts: Any
) -> bool:
    """Whether every promise was kept."""
    for row in rows:
        print(f"   {'met' if row.met else 'NOT MET'}: {row.promise}: {row.measured}", flush=True)
    report.keep(
        trial,
        rows,
        database=database_name(),
        seconds=time.monotonic() - started,
        facts={"seed": asked.seed, **facts},
        docs=asked.docs,
    )
    return all(row.met for row in rows)


def rows_of(found: Evidence, retried: int = 0) -> list[Row]:
    """What holds in any storm; some pages may have been set aside and retried by hand."""
    read = f"{found.pages - found.unfinished} of {found.pages}"
    if retried:
        read += f", {retried} after being set aside and retried"
    return [
        Row("no page is lost", "0", f"{found.lost} of {found.pages}", found.lost == 0),
        Row("every page is read", "all", read, found.unfinished == 0),
        Row("no result is doubled or mixed up", "0", str(found.doubled), found.doubled == 0),
        Row("no stale result is accepted", "0", str(found.stale), found.stale == 0),
        Row("quotas equal a recount", "0 differ", f"{found.drift} differ", found.drift == 0),
        Row("no row is without its file", "0", str(found.missing), found.missing == 0),
        Row(
            "no file is without its row after the sweep", "0",
            f"{found.orphans_after} ({found.orphans} swept)", found.orphans_after == 0,
        ),
    ]  # fmt: skip


# --- Kills -------------------------------------------------------------------------------------

KILLS = Trial(
    "Storm: workers killed while they read stub pages",
    COMMAND,
    "Four workers read pages that take 20 to 60 ms. One process at a time is killed by\n"
    "SIGKILL at random instants, .05 to .6 seconds apart: mostly workers, sometimes the\n"
    "processes that hand doorbells on (pusher) or take results (monitor). Claims, leases,\n"
    "stored images, results and quotas are the product's own.",
)


def kills(
    asked: argparse.Namespace, folder: Path, database: OwnDatabase, rng: random.Random
) -> bool:
    started, owner, killings = time.monotonic(), make_owner("storm"), Killings()
    hand_in_stub_pages(owner, asked.pages)
    with running_workers(folder, database) as cluster:
        while sum(killings.by_role.values()) < asked.kills and open_pages_of(owner):
            time.sleep(rng.uniform(0.05, 0.6))
            kill_one(cluster, rng, killings)
        wait_for_pages(owner, PATIENCE_SECONDS)
    found, waited = evidence.gather(owner, asked.pages), evidence.rescues(killings)
    killed = sum(killings.by_role.values())
    slowest = max(waited, default=0.0)
    rows = [
        Row("kills in all", str(asked.kills), f"{killed} ({told(killings)})",
            killed >= asked.kills),
        *rows_of(found),
        Row(
            "a page whose worker died is tried again", "within 35 s",
            f"{slowest:.1f} s at most, {median(waited or [0]):.1f} in the middle, of {len(waited)}",
            slowest <= 35,
        ),
    ]  # fmt: skip
    return keep(asked, KILLS, rows, started, by_role=dict(killings.by_role))


def open_pages_of(owner: Any) -> int:

    return Page.objects.filter(document__owner=owner, state__in=OPEN_STATES).count()


def kill_one(cluster: Cluster, rng: random.Random, killings: Killings) -> None:
    """A worker nineteen times of twenty; else somebody whom all workers need."""
    groups = ("pusher", "monitor") if rng.random() < 0.05 else ("idle", "busy")
    family = cluster.family()
    victims = [(role, pid) for role in groups for pid in cluster.role(role) if pid in family]
    if not victims:
        return
    role, pid = rng.choice(victims)
    killings.note(role, pid, family[pid])
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def told(killings: Killings) -> str:
    return ", ".join(f"{count} {role}" for role, count in killings.by_role.most_common())


# --- Stops -------------------------------------------------------------------------------------

STOPS = Trial(
    "Storm: workers stopped for longer than their lease",
    COMMAND,
    "Two of four workers at a time are stopped by SIGSTOP with a page in hand, for one\n"
    "and a half leases (of 3 seconds here), and go on by SIGCONT as if nothing had\n"
    "happened: what they then want to write is no longer theirs to write.",
)
STOP_LEASE_SECONDS = 3


def stops(
    asked: argparse.Namespace, folder: Path, database: OwnDatabase, rng: random.Random
) -> bool:

    started, owner, stopped = time.monotonic(), make_owner("stopped"), 0
    environment = {"TRIAL_LEASE_SECONDS": str(STOP_LEASE_SECONDS), "TRIAL_PAGE_SECONDS": "0.3-0.6"}
    expected = 60 * asked.stops
    hand_in_stub_pages(owner, expected)
    with running_workers(folder, database, **environment) as cluster:
        while stopped < asked.stops and open_pages_of(owner):
            stopped += stop_and_go_on(cluster, owner, rng)
        speed_up(owner)
        wait_for_pages(owner, PATIENCE_SECONDS)
        discarded = cluster.log.count("result_discarded")
    found = evidence.gather(owner, pages_of(owner))
    lost_leases = Attempt.objects.filter(
        page__document__owner=owner, outcome=Outcome.WORKER_LOST
    ).count()
    rows = [
        Row("stops beyond the lease", str(asked.stops), str(stopped), stopped >= asked.stops),
        Row(
            "leases that ended meanwhile",
            "a quarter at least",
            str(lost_leases),
            lost_leases >= stopped / 4,
        ),
        Row("late results that were refused", "some", str(discarded), discarded > 0),
        *rows_of(found),
    ]
    return keep(asked, STOPS, rows, started)


def pages_of(owner: Any) -> int:

    return Page.objects.filter(document__owner=owner).count()


def speed_up(owner: Any) -> None:
    """What is left beyond a few pages was only there to keep workers busy."""

    for document in Document.objects.filter(owner=owner):
        if not document.pages.exclude(state="pending").exists():
            delete_document(document)


def readers_of(owner: Any) -> list[int]:
    """Processes that have a page of theirs in hand."""
    held = Page.objects.filter(document__owner=owner, state=PageState.LEASED)
    workers = held.order_by().values_list("worker", flat=True).distinct()
    return sorted(int(worker.rsplit(":", 2)[1]) for worker in workers)


def stop_and_go_on(cluster: Cluster, owner: Any, rng: random.Random) -> int:
    """How many were stopped."""
    holders = [pid for pid in readers_of(owner) if pid in cluster.family()]
    chosen = rng.sample(holders, min(2, len(holders)))
    for pid in chosen:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    # Who finished a page just before holds none, and does not count.
    caught = set(chosen) & set(readers_of(owner))
    time.sleep(1.5 * STOP_LEASE_SECONDS)
    for pid in chosen:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    time.sleep(0.3)
    return len(caught)


# --- Roles -------------------------------------------------------------------------------------

ROLE_KILLS = Trial(
    "Storm: every process of the cluster killed in turn",
    COMMAND,
    "One worker, stub pages of half a second. A process of one role is killed, one file\n"
    "is handed in, and the time until its page is claimed is taken. Processes of the old\n"
    "cluster that still live then, and are not the new one's, are orphans.",
)


def roles(
    asked: argparse.Namespace, folder: Path, database: OwnDatabase, rng: random.Random
) -> bool:
    started, owner, rows = time.monotonic(), make_owner("roles"), []
    with running_workers(folder, database, workers=1, TRIAL_PAGE_SECONDS="0.5-0.5") as cluster:
        for role in ROLES:
            waits, orphans = [], 0
            for number in range(asked.each_role):
                wait, left = kill_role(cluster, owner, role, 100 * ROLES.index(role) + number)
                waits.append(wait)
                orphans += left
            slowest = max(waits)
            rows.append(
                Row(
                    f"{role} killed: the next job starts, nothing is left behind",
                    "30 s, 0 orphans",
                    f"{slowest:.1f} s at most, {median(waits):.1f} s in the middle,"
                    f" {orphans} orphans, of {len(waits)} kills",
                    slowest <= 30 and orphans == 0,
                )
            )
            print(f"   {role}: {[round(wait, 1) for wait in waits]}", flush=True)
    return keep(asked, ROLE_KILLS, rows, started)


def kill_role(cluster: Cluster, owner: Any, role: str, number: int) -> tuple[float, int]:
    """Seconds until the next job's page was claimed, and processes left of those before."""
    wait_until(cluster.is_complete, 60, f"the cluster is complete\n{cluster.log[-2000:]}")
    colour = (7, number // 256, number % 256)
    if role == "busy":
        hand_in(owner, "occupied.tif", tiff_of([(8, *colour[1:])] * 3))
        wait_until(lambda: cluster.role("busy"), 20, "a worker is busy")
    before = cluster.family()
    for pid in cluster.role(role):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    handed_in = time.monotonic()
    page = hand_in(owner, "next.tif", tiff_of([colour])).pages.get()
    wait_until(page.history.exists, 90, f"the next page is claimed\n{cluster.log[-2000:]}")
    wait = time.monotonic() - handed_in
    wait_for_pages(owner, 60, every=0.1)
    own = cluster.family()
    gone = {pid: ticks for pid, ticks in before.items() if own.get(pid) != ticks}
    return wait, len(left_of(gone))


# --- Poison ------------------------------------------------------------------------------------

POISON = Trial(
    "Storm: poison pages among good ones",
    COMMAND,
    "Two thousand pages are decoded by real decoder children and read by a real engine\n"
    "child that sleeps 50 ms for each, in two workers; then the same with twenty more\n"
    "that kill that child.",
)
GOOD, POISONED = 2000, 20


def poison(
    asked: argparse.Namespace, folder: Path, database: OwnDatabase, rng: random.Random
) -> bool:

    started = time.monotonic()
    calm, stormy = make_owner("calm"), make_owner("poisoned")
    orders = [[NAP] * GOOD, [NAP] * GOOD + [KILLED] * POISONED]
    rng.shuffle(orders[1])
    seconds = []
    with running_workers(
        folder, database, settings="tests.processes.settings", workers=2
    ) as cluster:
        for owner, order in zip((calm, stormy), orders, strict=True):
            begun = time.monotonic()
            for at in range(0, len(order), 505):
                colours = [(o, owner.pk % 256, (at // 505) % 256) for o in order[at : at + 505]]
                hand_in(owner, f"{at}.tif", tiff_of(colours[:500], side=64))
                if colours[500:]:
                    hand_in(owner, f"{at}-rest.tif", tiff_of(colours[500:], side=64))
            wait_for_good_pages(owner, GOOD)
            seconds.append(time.monotonic() - begun)
        wait_for_pages(stormy, PATIENCE_SECONDS)
        del cluster
    return keep(asked, POISON, poison_rows(stormy, seconds), started, seconds=seconds)


def wait_for_good_pages(owner: Any, count: int) -> None:

    done = Page.objects.filter(document__owner=owner, state=PageState.DONE)
    wait_until(lambda: done.count() >= count, PATIENCE_SECONDS, f"{count} pages are read")


def poison_rows(owner: Any, seconds: list[float]) -> list[Row]:

    pages = Page.objects.filter(document__owner=owner)
    aside = pages.filter(state=PageState.QUARANTINED)
    tries = max(aside.values_list("attempts", flat=True), default=0)
    deaths = max(aside.values_list("child_deaths", flat=True), default=0)
    innocent = GOOD - pages.filter(state=PageState.DONE).count()
    share = seconds[0] / seconds[1]
    return [
        Row("a poison page is tried three times at most and set aside", f"{POISONED}, 3 tries",
            f"{aside.count()}, {tries} tries, {deaths} deaths",
            aside.count() == POISONED and tries <= 3),
        Row("no innocent page is set aside", "0", str(innocent), innocent == 0),
        Row("the others are read as quickly", "90 %",
            f"{share:.0%} ({GOOD} pages in {seconds[0]:.0f} s, with poison {seconds[1]:.0f} s)",
            share >= 0.9),
    ]  # fmt: skip


# --- Turns -------------------------------------------------------------------------------------

TURNS = Trial(
    "Storm: fair turns",
    COMMAND,
    "One worker, pages of a second. Somebody hands in 2,000 pages; while they are read,\n"
    "five others hand in one receipt each: first one after the other, then all five at\n"
    "once. Counted are pages of the first that are claimed between a receipt's arrival\n"
    "and its claim, and seconds.",
)


def turns(
    asked: argparse.Namespace, folder: Path, database: OwnDatabase, rng: random.Random
) -> bool:
    started, busy = time.monotonic(), make_owner("archive")
    others = [make_owner(f"counter-{n}") for n in range(5)]
    hand_in_stub_pages(busy, 2000)
    with running_workers(folder, database, workers=1, TRIAL_PAGE_SECONDS="1-1"):
        wait_until(lambda: open_pages_of(busy) < 1998, 60, "pages are being read")
        alone = [wait_of(hand_in(owner, "r.tif", receipt(owner, 1)), busy) for owner in others]
        at_once = [hand_in(owner, "r.tif", receipt(owner, 2)) for owner in others]
        together = [wait_of(document, busy) for document in at_once]
    rows = [
        Row("a receipt that comes alone waits", "under 2 pages of the other",
            f"{max(p for p, _ in alone)} pages, {max(s for _, s in alone):.1f} s at most",
            max(p for p, _ in alone) < 2),
        Row("of five that come at once each waits for the others and", "under 2 pages of the other",
            f"{max(p for p, _ in together)} pages, {max(s for _, s in together):.1f} s at most",
            max(p for p, _ in together) < 2),
    ]  # fmt: skip
    clear(busy)
    return keep(asked, TURNS, rows, started)


def receipt(owner: Any, number: int) -> bytes:
    return tiff_of([(9, owner.pk % 256, number)])


def wait_of(document: Any, busy: Any) -> tuple[int, float]:
    """Pages of `busy` claimed between this document's arrival and its claim, and seconds."""

    page = document.pages.get()
    wait_until(page.history.exists, 120, "the receipt is claimed")
    claimed = page.history.first().started_at
    theirs = Attempt.objects.filter(
        page__document__owner=busy, started_at__gt=page.due_at, started_at__lt=claimed
    )
    return theirs.count(), (claimed - page.due_at).total_seconds()


def clear(owner: Any) -> None:

    for document in Document.objects.filter(owner=owner):
        delete_document(document)


# --- Room --------------------------------------------------------------------------------------

ROOM = Trial(
    "Storm: uploads at once into little room",
    COMMAND,
    "Sixteen threads hand in 64 different files at the same time; their owner has room\n"
    "for ten pages.",
)


def room(
    asked: argparse.Namespace, folder: Path, database: OwnDatabase, rng: random.Random
) -> bool:

    started = time.monotonic()
    accepted = [one_rush(number) for number in range(50)]
    exact, drift = accepted.count(10), sum(1 for _ in quotas.find_drift())
    rows = [
        Row("of 64 uploads at once into room for 10, 10 are accepted", "50 of 50 rounds",
            f"{exact} of 50", exact == 50),
        Row("quotas equal a recount", "0 differ", f"{drift} differ", drift == 0),
    ]  # fmt: skip
    return keep(asked, ROOM, rows, started, accepted=accepted)


def one_rush(number: int) -> int:
    """How many were accepted."""

    owner, ready = make_owner(f"rush-{number}"), Barrier(16)
    Usage.objects.filter(owner=owner).update(pages_per_month=10)

    def upload(n: int) -> bool:
        try:
            if n < 16:
                ready.wait(60)
            hand_in(owner, "one.tif", tiff_of([(n, number, 1)]))
        except RuntimeError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(16) as pool:
        accepted = sum(pool.map(upload, range(64)))
    clear(owner)
    return accepted


# --- Real pages --------------------------------------------------------------------------------

REAL = Trial(
    "Storm: real pages, the real engine",
    COMMAND,
    "Drawn pages of twelve kinds, decoded and read by the product's own children, in two\n"
    "workers of the profile `low_memory`. For every three pages that come to an end a\n"
    "process is killed at a random instant: a worker two times of three, else one of its\n"
    "children (engine, decoder, the process that forks decoders). Three deaths of its\n"
    "child set a page aside, as they must, whoever is to blame; these are then retried.",
)


def real(
    asked: argparse.Namespace, folder: Path, database: OwnDatabase, rng: random.Random
) -> bool:

    started, owner, killings = time.monotonic(), make_owner("reader"), Killings()
    drawn_folder = asked.drawn or folder / "drawn"
    drawn_folder.mkdir(parents=True, exist_ok=True)
    drawn = mixed.write_pages(drawn_folder, asked.real_pages)
    expected = sum(len(file.words) for file in drawn)
    documents = [hand_in(owner, file.path.name, file.path.read_bytes()) for file in drawn]
    with running_workers(
        folder, database, settings="ocrsite.settings", workers=2, OCR_PROFILE="low_memory"
    ) as cluster:
        while sum(killings.by_role.values()) < asked.real_kills and open_pages_of(owner):
            time.sleep(rng.uniform(0, 3))
            # By pages and not by the clock: a slow machine must get something done in between.
            due = sum(killings.by_role.values()) * expected * 0.9 / asked.real_kills
            if expected - open_pages_of(owner) >= due:
                kill_worker_or_child(cluster, rng, killings)
        wait_for_pages(owner, PATIENCE_SECONDS)
        aside = retry_what_was_set_aside(owner)
        wait_for_pages(owner, PATIENCE_SECONDS)
    found, waited = evidence.gather(owner, expected, stub=False), evidence.rescues(killings)
    killed = sum(killings.by_role.values())
    words = words_found(documents, drawn)
    slowest = max(waited, default=0.0)
    rows = [
        Row("kills in all", str(asked.real_kills), f"{killed} ({told(killings)})",
            killed >= asked.real_kills),
        *(row for row in rows_of(found, aside) if "stale" not in row.promise),
        Row("words that stand on the pages are in their texts", "90 %", f"{words:.1%}",
            words >= 0.9),
        Row("a page whose worker died is tried again", "within 35 s",
            f"{slowest:.1f} s at most, of {len(waited)}", slowest <= 35),
    ]  # fmt: skip
    return keep(asked, REAL, rows, started, by_role=dict(killings.by_role))


def kill_worker_or_child(cluster: Cluster, rng: random.Random, killings: Killings) -> None:

    family = cluster.family()
    workers = [pid for role in ("busy", "idle") for pid in cluster.role(role) if pid in family]
    children = [pid for worker in workers for pid in descendants(worker) if pid in family]
    role, victims = ("worker", workers) if rng.random() < 2 / 3 else ("child", children)
    if not victims:
        return
    pid = rng.choice(victims)
    killings.note(role, pid, family[pid])
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def retry_what_was_set_aside(owner: Any) -> int:

    aside = Page.objects.filter(document__owner=owner, state=PageState.QUARANTINED)
    assert all(page.child_deaths >= 3 for page in aside)
    return sum(jobs.retry_page(page) for page in aside)


def words_found(documents: list[Any], drawn: list[Any]) -> float:

    shares = []
    for document, file in zip(documents, drawn, strict=True):
        pages = document.pages.order_by("index")
        for page, words in zip(pages, file.words, strict=True):
            text = "\n".join(page.lines.order_by("order").values_list("text", flat=True))
            shares.append(share_found(words, text))
    return sum(shares) / len(shares)
