"""Papers that are drawn here, so that no screenshot shows anybody's."""

from __future__ import annotations

import io
import subprocess

from PIL import Image, ImageDraw, ImageFilter, ImageFont

MINUTES = """Harbour Street Allotments
Minutes of the autumn meeting, 14 October

Present: R. Adeyemi (chair), L. Novak, P. Iyer,
S. Okafor and eleven plot holders.

1. Water. The standpipe by plot 9 was repaired in
August at a cost of 184.50. The meter reads 0271.6
and is read again on the first of each month.

2. Hedges. The north boundary is to be cut back to
two metres before the end of February. Volunteers
meet at the shed on Saturday 18 January.

3. Seeds. A joint order saves about a third. Lists
go to Paula by 30 November; broad beans and early
potatoes are already counted.

4. Accounts. Balance carried forward 1,206.14.
Rents received 940.00, repairs 312.75."""
NOTICE = """城东图书馆读者服务须知

一、开放时间：周二至周日上午九时至下午八时，
周一闭馆整理。国家法定节假日另行通知。

二、每位读者凭证可借阅图书十册，借期三十天，
可续借一次。珍本与地方文献仅供馆内阅览。

三、古籍阅览室座位共二十四席，须提前预约。
请勿携带饮料、墨水笔及雨具入室。

四、自助复印每页收费三角，扫描件可发至邮箱。

联系电话：0571-8800 1264（服务台）"""


def font_file(family: str) -> str:
    """Ask fontconfig where a family lies."""
    question = ["fc-match", "--format=%{file}", family]
    return subprocess.run(question, capture_output=True, text=True, check=True).stdout


def drawn(text: str, family: str, *, smudged: dict[int, float] | None = None) -> Image.Image:
    """A typed sheet; lines named in `smudged` are blurred by that radius, as by damp."""
    sheet = Image.new("RGB", (1240, 1600), (251, 250, 245))
    draw, path, top = ImageDraw.Draw(sheet), font_file(family), 150
    for number, line in enumerate(text.split("\n")):
        size = 54 if number == 0 else 42
        draw.text((130, top), line, font=ImageFont.truetype(path, size), fill=(40, 40, 46))
        if radius := (smudged or {}).get(number):
            strip = (0, top - 6, sheet.width, top + int(size * 1.4))
            sheet.paste(sheet.crop(strip).filter(ImageFilter.GaussianBlur(radius)), strip)
        top += (size * 2 if number == 0 else int(size * 1.6)) if line else 30
    return sheet


def as_file(name: str, *sheets: Image.Image) -> dict[str, object]:
    buffer, kind = io.BytesIO(), "PDF" if name.endswith("pdf") else "PNG"
    more = {"save_all": True, "append_images": sheets[1:]} if kind == "PDF" else {}
    sheets[0].save(buffer, kind, **more)
    mime = "application/pdf" if kind == "PDF" else "image/png"
    return {"name": name, "mimeType": mime, "buffer": buffer.getvalue()}


def torn(name: str) -> dict[str, object]:
    """A picture whose header and end are whole, so that only reading it finds the damage."""
    file = as_file(name, drawn(MINUTES, "Liberation Serif"))
    data = bytes(file["buffer"])  # type: ignore[arg-type]
    middle = len(data) // 2
    return {**file, "buffer": data[:middle] + bytes(200) + data[middle + 200 :]}
