"""One walk through everything that people and staff do besides reading, in both languages."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.totp.internal.auth import yield_hotp_counters_from_time as counters
from playwright.sync_api import Browser, expect

from tests.e2e.product import CHROMIUM, Product, picture, running_product, shell
from tests.e2e.walker import LANGUAGES, PASSWORD, Walker, chromium

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
]
GONE = {"code": 404, "en": "There is nothing here", "zh": "这里什么也没有"}
AGE = (
    "from datetime import timedelta; from django.utils import timezone;"
    " from documents.models import Document;"
    " then = timezone.now() - timedelta(days=40);"
    " Document.objects.filter(owner__username='{owner}').update(created_at=then);"
    " Document.objects.filter(owner__username='{owner}', trashed_at__isnull=False)"
    ".update(trashed_at=then)"
)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("product"), OCR_REGISTRATION="yes") as product:
        yield product


@pytest.fixture(scope="module")
def browser(product: Product) -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module", params=LANGUAGES)
def locale(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def visitor(browser: Browser, product: Product, locale: str) -> Iterator[Callable[[], Walker]]:
    """Whoever comes to the page; what their browser complained of fails the test."""
    come: list[Walker] = []

    def visit() -> Walker:
        come.append(Walker(browser, product.url, locale))
        return come[-1]

    yield visit
    for walker in come:
        walker.leave()


@pytest.fixture
def newcomer(visitor) -> Callable[[str], Walker]:
    def sign_up(name: str) -> Walker:
        walker = visitor()
        walker.sign_up(name)
        return walker

    return sign_up


@pytest.fixture(scope="module")
def staff(browser: Browser, product: Product, locale: str) -> Iterator[Walker]:
    walker = Walker(browser, product.url, locale)
    walker.log_in(product.user, product.password)
    yield walker
    walker.leave()


@pytest.fixture
def named(locale: str) -> Callable[[str, str], str]:
    """People and things have names of their language."""
    return lambda en, zh: en if locale == "en-GB" else zh


# --- Accounts ----------------------------------------------------------------------------------


def test_staff_make_an_account_and_its_person_changes_the_password(staff, visitor, named):
    name, changed = named("nora", "新员工"), "a new and better one"
    staff.go("/")
    staff.choose_from_menu("Administration")
    staff.go("/admin/auth/user/add/")
    staff.fill(username=name, password1=PASSWORD, password2=PASSWORD)
    staff.press("Save")
    staff.sees("was added successfully", "成功添加")

    nora = visitor()
    nora.log_in(name)
    nora.sees("Your shelf is empty", "书架还是空的")
    nora.choose_from_menu("Change password")
    nora.fill(oldpassword=PASSWORD, password1=changed, password2=changed)
    nora.press("Change Password")
    nora.sees("Password successfully changed.", "密码修改成功。")
    nora.choose_from_menu("Log out")
    nora.log_in(name, changed)
    nora.sees("Your shelf is empty", "书架还是空的")


def test_a_forgotten_password_is_replaced_through_a_link_that_works_once(
    staff, newcomer, visitor, named
):
    name = named("frank", "健忘者")
    newcomer(name)
    lost = visitor()
    lost.go("/account/login/")
    lost.press("Password forgotten?")
    lost.sees("This server sends no mail.", "本服务器不发送邮件。")
    staff.act("auth/user", "Make a one-time link", search=name)
    staff.sees("It works once, for a day", "一天内有效，仅可使用一次")
    link = re.search(r"http\S+", staff.page.locator(".messagelist").inner_text())[0]

    lost.go(link)
    lost.fill(password1="remembered at last", password2="remembered at last")
    lost.press("Keep the new password")
    lost.sees("Password successfully changed.", "密码修改成功。")
    lost.choose_from_menu("Log out")
    lost.go(link)
    lost.sees("This link opens nothing any more", "此链接已失效")


def test_a_second_factor_is_set_up_by_picture_and_asked_for_at_the_next_login(newcomer, named):
    name = named("paula", "谨慎者")
    paula = newcomer(name)
    paula.choose_from_menu("Second factor")
    paula.press("Activate")
    paula.fill(password=PASSWORD)
    paula.press("Confirm")
    assert paula.page.locator(".card img").evaluate("image => image.naturalWidth") > 0
    secret = paula.page.locator("#authenticator_secret").input_value()
    paula.fill(code=format_hotp_value(hotp_value(secret, next(iter(counters())))))
    paula.press("Activate")
    codes = paula.page.locator("#recovery_codes").input_value().split()
    assert len(codes) == 10

    paula.choose_from_menu("Log out")
    paula.log_in(name)
    paula.sees("Please enter an authenticator code", "请输入身份验证器代码")
    paula.fill(code=codes[0])
    paula.press("Sign In")
    paula.sees("Your shelf is empty", "书架还是空的")


# --- Tokens ------------------------------------------------------------------------------------


def asked(product: Product, token: str, language: str) -> tuple[int, dict[str, object]]:
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
    request = urllib.request.Request(f"{product.url}/api/v1/account/", headers=headers)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


def test_a_token_is_shown_once_opens_the_door_and_is_revoked(newcomer, named, product):
    name = named("olivia", "王芳")
    olivia = newcomer(name)
    olivia.choose_from_menu("Tokens for programs")
    olivia.fill(name=named("scanner in the hall", "走廊里的扫描仪"))
    olivia.press("Make a token")
    olivia.sees("it is shown this once", "它只显示这一次")
    secret = olivia.page.locator(".secret input").input_value()
    status, account = asked(product, secret, olivia.language)
    assert (status, account["username"]) == (200, name)

    olivia.go("/account/tokens/")
    assert secret not in olivia.page.content()
    olivia.press("Revoke")
    olivia.sees("opens nothing any more", "已失效")
    status, problem = asked(product, secret, olivia.language)
    assert (status, problem["code"]) == (401, "token_invalid")
    assert problem["detail"] == olivia.say(
        "This token is not known, or was revoked, or has expired."
    )


# --- Sharing -----------------------------------------------------------------------------------


def read_document(walker: Walker, title: str) -> str:
    """A document of this person that was read: its address."""
    walker.hand_in({title: picture("Hello")})
    walker.watch_until("Finished")
    walker.press("Read")
    return walker.page.url.partition("?")[0]


def attempt(walker: Walker, address: str) -> int:
    """What a teammate is answered who calls this by hand, with their own form's token."""
    csrf = walker.page.locator("[name=csrfmiddlewaretoken]").first.input_value()
    return walker.page.request.post(address, headers={"X-CSRFToken": csrf}).status


def test_a_document_is_shared_to_read_and_no_more_until_it_is_withdrawn(newcomer, named):
    title, teammate = named("Lease.png", "租约.png"), named("tom", "李明")
    owner, tom = newcomer(named("helen", "韩雪")), newcomer(teammate)
    document = read_document(owner, title)
    owner.press("Share")
    owner.fill(username=teammate)
    owner.press("Share")
    owner.sees(f"“{title}” is now open to {teammate}.", f"“{title}”已共享给 {teammate}。")

    tom.go("/")
    tom.press("Shared with me")
    tom.press(title)
    expect(tom.page.locator(".lines .line")).to_contain_text("Hello")
    expect(tom.button("Share")).to_have_count(0)
    expect(tom.button("Delete")).to_have_count(0)
    assert attempt(tom, f"{document}pages/1/retry/") == 404
    assert attempt(tom, f"{document}delete/") == 404
    assert attempt(tom, f"{document}share/") == 404

    with owner.page.expect_navigation():
        owner.page.locator(".people button").click()
    owner.sees("is no longer open to", "已停止与")
    tom.is_refused(document, **GONE)


def test_a_collection_is_shared_with_all_that_is_in_it(newcomer, named):
    name, title = named("Tax 2026", "报税"), named("Receipt.png", "收据.png")
    teammate = named("tina", "田甜")
    owner, tina = newcomer(named("carl", "陈晨")), newcomer(teammate)
    document = read_document(owner, title)
    owner.go("/collections/")
    owner.fill(name=name)
    owner.press("Create")
    owner.go(f"{document}share/")
    owner.page.select_option("select[name=collection]", label=name)
    owner.press("Move")
    owner.go("/collections/")
    owner.press(name)
    owner.fill(username=teammate)
    owner.press("Share")

    tina.go("/collections/")
    tina.press(name)
    tina.press(title)
    expect(tina.page.locator(".lines .line")).to_contain_text("Hello")
    owner.press("Delete the collection, keep its documents")
    owner.sees("is gone; its documents stay", "其中的文档仍保留")
    tina.is_refused(document, **GONE)
    owner.go(document)


# --- Quotas ------------------------------------------------------------------------------------


def test_a_lowered_quota_is_shown_and_refuses_with_the_figure_and_the_date(newcomer, staff, named):
    name, title = named("quentin", "钱多"), named("Two.png", "两页.png")
    quentin = newcomer(name)
    quentin.sees("10000 pages left this month", "本月还可识别 10000 页")
    staff.go(f"/admin/auth/user/?q={name}")
    with staff.page.expect_navigation():
        staff.rows().locator("th a").click()
    staff.fill(**{"usage-0-pages_per_month": "1"})
    staff.press("Save")

    quentin.hand_in({title: picture("Hello")})
    quentin.watch_until("Finished")
    quentin.go("/")
    quentin.sees("0 pages left this month", "本月还可识别 0 页")
    quentin.refusals.add(422)
    quentin.choose_files({title: picture("Again")})
    quentin.button("Upload").click()
    refusal = quentin.page.locator(".chosen-files .refused .says")
    expect(refusal).to_contain_text(
        named("you have 0 of 1 left this month.", "您本月 1 页的额度还剩 0 页。")
    )
    expect(refusal).to_contain_text(re.compile(r"\d{4}-\d\d-01"))


# --- Administration ----------------------------------------------------------------------------


def test_a_page_that_fails_says_why_to_its_owner_and_to_staff(newcomer, staff, named):
    whole = picture("Hello")
    middle = len(whole) // 2
    damaged = whole[:middle] + bytes(200) + whole[middle + 200 :]
    dora = newcomer(named("dora", "杜鹃"))
    dora.hand_in({named("Torn.png", "破损.png"): damaged})
    dora.watch_until("No page could be read")
    dora.sees("The file is damaged at page 1", "文件在第 1 页处损坏")

    staff.go("/admin/")
    staff.press("Failures by reason")
    staff.sees("The file is damaged at page 1", "文件在第 1 页处损坏")
    staff.press("damaged")
    expect(staff.rows().first).to_be_visible()


# --- Retention, purge, trash -------------------------------------------------------------------


def make_policy(staff: Walker, name: str) -> None:
    """Documents of this person go to the trash after thirty days, announced no days ahead."""
    staff.go("/admin/documents/retentionpolicy/add/")
    staff.page.locator(".select2-selection").click()
    staff.page.locator(".select2-search__field").fill(name)
    staff.page.get_by_role("option", name=name).click()
    staff.fill(keep_days="30", notice_days="0")
    staff.press("Save")


def test_a_dry_run_says_what_would_go_and_nothing_goes(newcomer, staff, named, product):
    name, old = named("rita", "任丽"), named("Old.png", "旧信.png")
    rita = newcomer(name)
    trashed = read_document(rita, named("Older.png", "更旧的信.png"))
    move_to_trash(rita)
    kept = read_document(rita, old)
    shell(product, AGE.format(owner=name))
    make_policy(staff, name)

    staff.go("/admin/documents/purgerun/")
    staff.press("Dry run")
    staff.sees("Would free", "将释放")
    leavings = staff.page.locator("#leavings tbody tr")
    expect(leavings).to_have_count(2)
    expect(leavings.first).to_contain_text(old)
    staff.sees("is deleted for good", "彻底删除")
    rita.go(kept)
    rita.go("/trash/")
    rita.sees("Older.png", "更旧的信.png")

    staff.go("/admin/documents/purgerun/")
    staff.press("Purge now")
    staff.sees("Freed", "已释放")
    rita.is_refused(trashed, **GONE)
    rita.go("/trash/")
    rita.sees(old, old)
    rita.button("Delete for good").click()
    dialog = rita.page.locator("dialog[open]")
    rita.sees("There is no way back.", "此操作无法撤销。")
    rita.press("Delete for good", dialog)
    rita.sees("The trash is empty", "回收站是空的")


def move_to_trash(walker: Walker) -> None:
    """From the page of a document, through the dialog that says what will happen."""
    walker.button("Delete").click()
    walker.sees("It goes to the trash", "文档将移入回收站")
    walker.press("Move to the trash")
    walker.sees("You can take it back from there.", "可从那里取回。")


def test_what_was_deleted_by_mistake_is_taken_back_from_the_trash(newcomer, named):
    tara = newcomer(named("tara", "唐娜"))
    document = read_document(tara, named("Will.png", "遗嘱.png"))
    move_to_trash(tara)
    tara.is_refused(document, **GONE)
    tara.press("To my documents")
    tara.choose_from_menu("Trash")
    tara.press("Take back")
    tara.sees("is back.", "已取回。")
    expect(tara.page.locator(".lines .line")).to_contain_text("Hello")


# --- The queue as a whole: after those who wait for theirs ---------------------------------------


def test_staff_pause_the_queue_put_pages_in_order_and_let_it_go_on(newcomer, staff, named):
    name = named("judy", "安娜")
    judy = newcomer(name)
    staff.go("/admin/")
    staff.press("Pause the queue")
    staff.sees("The queue is paused", "队列已暂停")
    first = judy.hand_in({named("First.png", "甲.png"): picture("Hello")})
    second = judy.hand_in({named("Second.png", "乙.png"): picture("Hello again")})
    staff.go("/admin/")
    staff.sees("Pages waiting", "等待的页数")

    staff.act("documents/job", "Set the priority", search=name, priority="7")
    expect(staff.page.locator(".field-priority")).to_have_text(["7", "7"])
    staff.act("documents/job", "Cancel", search=name)
    judy.go(first)
    judy.sees("Cancelled", "已取消")
    staff.act("documents/job", "Retry pages without a result", search=name)
    staff.act("documents/page", "Set aside (quarantine)", search=name)
    staff.sees("2 done.", "已处理 2 项。")

    staff.go("/admin/")
    staff.press("Failures by reason")
    staff.sees("The page was set aside by staff.", "该页已被管理人员隔离。")
    staff.act("documents/page", "Retry, or release from quarantine", search=name)
    staff.go("/admin/")
    staff.press("Resume the queue")
    for job in (first, second):
        judy.go(job)
        judy.watch_until("Finished")
