"""The gallery of the examples, in Chromium."""

from __future__ import annotations

import re
import struct
import subprocess
import zlib

import pytest

from support import PATIENCE, wait_until
from support.browser import chromium
from support.gallery import GallerySite, make_gallery
from support.web import asgi_server

pytest.importorskip("selenium")
pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

MB = 1_000_000
LIMIT = 60 * MB


def png(width, height, shade=0):
    """A picture, not compressed, so that it has some bytes to send."""

    def chunk(kind, data):
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    row = b"\0" + bytes((x + shade) % 256 for x in range(3 * width))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(row * height, level=0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture(scope="module")
def browser():
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Forty seconds of noise, in some 20 megabytes; its index comes first, so it seeks at once."""
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    path = tmp_path_factory.mktemp("video") / "noise.webm"
    source = "testsrc2=s=320x240:rate=5:duration=40,noise=alls=100:allf=t"
    codec = "-c:v libvpx -qmin 0 -qmax 2 -b:v 50M -g 5 -deadline realtime -cpu-used 16"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-f", "lavfi", "-i", source]
    subprocess.run(
        [*command, *codec.split(), "-cues_to_front", "1", str(path)], check=True, timeout=120
    )
    return path


@pytest.fixture
def gallery(web_client, start_server, db_name):
    app = make_gallery(web_client("asgi")[db_name], max_bytes=LIMIT, page_size=3)
    return GallerySite(start_server(asgi_server(app)).port, app)


class Page:
    """The page, by what a person sees and does."""

    def __init__(self, browser, gallery):
        self.browser = browser
        self.gallery = gallery

    def open(self, path=""):
        self.browser.get(self.gallery.url + path)
        self.wait("$('grid').childElementCount || !$('empty').hidden")

    def run(self, script, *arguments):
        dollar = "const $ = (id) => document.getElementById(id);"
        return self.browser.execute_script(dollar + script, *arguments)

    def wait(self, expression, timeout=PATIENCE):
        """The value of a JavaScript expression, once it is true."""
        return wait_until(lambda: self.run(f"return {expression}"), timeout, expression)

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def upload(self, *paths):
        self.one("#picker").send_keys("\n".join(map(str, paths)))

    def upload_made_here(self, name, content_type, text="x", times=1):
        """Choose a file that no file system could have."""
        self.run(
            """
            const transfer = new DataTransfer();
            const [name, type, text, times] = arguments;
            transfer.items.add(new File([text.repeat(times)], name, {type}));
            $("picker").files = transfer.files;
            $("picker").dispatchEvent(new Event("change"));
            """,
            name,
            content_type,
            text,
            times,
        )

    def names(self):
        return self.run(
            "return Array.from(document.querySelectorAll('.card .name'), e => e.innerText)"
        )

    def wait_for_names(self, *names):
        wait_until(lambda: self.names() == list(names), PATIENCE, f"{names} are in the grid")

    def open_viewer(self, number):
        self.all(".card-link")[number].click()
        self.wait("$('viewer').open")

    def press(self, key):
        self.browser.switch_to.active_element.send_keys(key)


@pytest.fixture
def page(browser, gallery):
    browser.get_log("browser")
    yield Page(browser, gallery)
    complaints = [entry["message"] for entry in browser.get_log("browser")]
    # Ends what the page still loads before its server ends.
    browser.get("about:blank")
    assert complaints == []


@pytest.fixture
def three(gallery, page):
    """The page with three pictures, of 10, 20 and 30 pixels; the newest, 30, comes first."""
    for width in (10, 20, 30):
        gallery.upload(f"{width}.png", body=png(width, 10))
    page.open()
    page.wait_for_names("30.png", "20.png", "10.png")
    return page


@pytest.fixture
def slow_network(browser):
    """Three megabytes a second, so that a browser does not have a whole video in no time."""
    everything = {"offline": False, "latency": 0, "uploadThroughput": -1}
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd(
        "Network.emulateNetworkConditions", {**everything, "downloadThroughput": 3 * MB}
    )
    yield
    browser.execute_cdp_cmd(
        "Network.emulateNetworkConditions", {**everything, "downloadThroughput": -1}
    )
    browser.execute_cdp_cmd("Network.disable", {})


# Uploads ------------------------------------------------------------------------------------


def test_upload_shows_its_progress_then_the_picture(page, gallery, tmp_path):
    name = "Tag & <b onclick=x>Nacht 海.png"
    (tmp_path / name).write_bytes(png(4000, 2500))
    page.open()
    assert page.one("#empty").is_displayed()
    gallery.watched.bodies_may_be_read.clear()
    try:
        page.upload(tmp_path / name)
        part = page.wait("document.querySelector('progress')?.value")
        assert 0 < part < 100
        assert re.fullmatch(r"\d+ %", page.one(".upload .state").text)
        assert page.names() == []
    finally:
        gallery.watched.bodies_may_be_read.set()
    page.wait_for_names(name)
    assert page.wait("document.querySelector('.card img').naturalWidth") == 4000
    page.wait("$('uploads').childElementCount === 0")
    assert page.all(".card b") == []
    assert page.one("#status").get_attribute("textContent") == f"{name} is stored."
    assert not page.one("#empty").is_displayed()


def test_many_files_are_uploaded_at_a_time(page, tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for path in paths:
        path.write_bytes(png(5, 5))
    page.open()
    page.upload(*paths)
    wait_until(lambda: sorted(page.names()) == [path.name for path in paths], PATIENCE)
    assert page.one("#count").text == "8 files"


def test_files_uploaded_together_keep_their_order(page, gallery, tmp_path):
    page.open()
    # The first is the last to arrive.
    sizes = [900, 500, 30, 20, 10]
    paths = [tmp_path / f"{number}.png" for number in range(len(sizes))]
    for number, path in enumerate(paths):
        path.write_bytes(png(sizes[number], sizes[number], number))
    page.upload(*paths)
    page.wait("$('grid').childElementCount === 5 && !$('uploads').childElementCount")
    names = [path.name for path in paths]
    assert [element.text for element in page.all("#grid .name")] == names
    page.open()
    page.wait("$('grid').childElementCount === 3")
    assert [element.text for element in page.all("#grid .name")] == names[:3]


def test_cancelled_upload_is_gone(page, gallery, sync_db, tmp_path):
    (tmp_path / "a.png").write_bytes(png(4000, 2500))
    page.open()
    gallery.watched.bodies_may_be_read.clear()
    try:
        page.upload(tmp_path / "a.png")
        page.wait("document.querySelector('progress')?.value")
        page.one(".upload button").click()
        assert page.all(".upload") == []
    finally:
        gallery.watched.bodies_may_be_read.set()
    wait_until(lambda: gallery.exchanges("POST", "/files")[0].status == 400)
    assert sync_db["gallery.chunks"].count_documents({}) == 0
    assert page.names() == []


@pytest.mark.parametrize(
    ("name", "content_type", "text", "message"),
    [
        ("notes.txt", "text/plain", "x", "Only pictures and videos can be stored here."),
        ("what", "", "x", "Only pictures and videos can be stored here."),
        ("empty.png", "image/png", "", "This file is empty."),
        # The rest is up to the server.
        ("x" * 300, "image/png", "x", "This name is too long: 255 characters at most, not 300."),
        ("a.png", "image/p ng", "x", "Only pictures and videos can be stored here. This is image"),
    ],
)
def test_refusal_is_shown_until_it_is_dismissed(page, name, content_type, text, message):
    page.open()
    page.upload_made_here(name, content_type, text)
    page.wait("document.querySelector('.failed [role=alert]')")
    assert page.one(".failed [role=alert]").text.startswith(message)
    page.one(".failed button").click()
    assert page.all(".upload") == []
    # Chromium reports each answer of 400 and above.
    for entry in page.browser.get_log("browser"):
        assert "Failed to load resource" in entry["message"]


def test_file_that_is_too_large_is_refused_before_it_is_sent(page, gallery):
    page.open()
    page.upload_made_here("a.png", "image/png", times=LIMIT + 1)
    page.wait("document.querySelector('.failed')")
    assert page.one(".failed .state").text == "This file is too large: 60 MB at most."
    assert gallery.exchanges("POST", "/files") == []


def test_dropped_file_is_uploaded(page):
    page.open()
    page.run(
        """
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["x"], "dropped.png", {type: "image/png"}));
        for (const kind of ["dragover", "drop"])
          document.body.dispatchEvent(
            new DragEvent(kind, {dataTransfer, bubbles: true, cancelable: true}));
        """
    )
    page.wait_for_names("dropped.png")
    # It is no picture, and the page says so in place of a broken one.
    page.wait("document.querySelector('.card.broken')")


# Videos, and the cache ------------------------------------------------------------------------


def test_seeking_in_a_video_asks_for_a_range(page, slow_network, gallery, video):
    page.open()
    page.upload(video)
    page.wait_for_names("noise.webm")
    path = f"/files/{gallery.listed()['files'][0]['id']}"
    page.open_viewer(0)
    assert page.wait("document.querySelector('#shown video').duration") == pytest.approx(40, abs=1)
    before = len(gallery.exchanges("GET", path))
    page.run("document.querySelector('#shown video').currentTime = 34")
    page.wait("!document.querySelector('#shown video').seeking")
    page.wait("document.querySelector('#shown video').readyState >= 2")
    length = video.stat().st_size

    def answers():
        """Where the ranges begin that were asked for after the seek, and the fields sent back."""
        for exchange in gallery.exchanges("GET", path)[before:]:
            if exchange.status == 206:
                start = int(re.match(r"bytes=(\d+)-", exchange.headers["range"])[1])
                yield start, exchange.answer_headers["content-range"]

    # The bytes are spread over the time as evenly as noise is.
    start, answered = wait_until(
        lambda: next((a for a in answers() if 0.6 * length < a[0] < 0.95 * length), None),
        what="a range in the last part of the video is answered with 206",
    )
    assert re.fullmatch(rf"bytes {start}-\d+/{length}", answered)
    page.run("return document.querySelector('#shown video').play()")
    page.wait("document.querySelector('#shown video').currentTime > 34.2")


def test_reload_takes_pictures_from_the_cache(page, gallery):
    path = f"/files/{gallery.upload('a.png', body=png(30, 10))['id']}"
    page.open()
    assert page.wait("document.querySelector('.card img').naturalWidth") == 30
    page.browser.refresh()
    assert page.wait("document.querySelector('.card img')?.naturalWidth") == 30

    # Chromium shows what it has before it knows that it may.
    def statuses():
        return [exchange.status for exchange in gallery.exchanges("GET", path)]

    wait_until(lambda: statuses() == [200, 304], what="the second answer is that nothing changed")


# Looking and deleting -----------------------------------------------------------------------


def test_viewer_shows_a_picture_and_the_keys_lead_to_its_neighbours(three):
    three.open_viewer(0)
    width = "document.querySelector('#shown img')?.naturalWidth"
    assert three.wait(width) == 30
    assert three.one("#viewer-name").text == "30.png"
    assert not three.one("#previous").is_enabled()
    three.press(Keys.ARROW_RIGHT)
    three.wait(f"{width} === 20")
    three.press(Keys.ARROW_RIGHT)
    three.wait(f"{width} === 10")
    assert not three.one("#next").is_enabled()
    three.one("#previous").click()
    three.wait(f"{width} === 20")
    three.press(Keys.ESCAPE)
    three.wait("!$('viewer').open && location.hash === ''")
    # Back where it was opened.
    assert three.run("return document.activeElement === document.querySelector('.card-link')")


def test_back_closes_the_viewer(three):
    three.open_viewer(1)
    three.browser.back()
    three.wait("!$('viewer').open")
    assert three.all("#shown img") == []


def test_link_to_a_file_opens_it_however_far_down_it_is(page, gallery):
    oldest = gallery.upload("oldest.png", body=png(7, 7))
    for number in range(7):
        gallery.upload(f"{number}.png", body=png(5, 5))
    page.open(f"#{oldest['id']}")
    page.wait("$('viewer').open")
    assert page.one("#viewer-name").text == "oldest.png"
    assert len(page.names()) == 8


def test_more_files_are_shown_on_demand(page, gallery):
    for number in range(4):
        gallery.upload(f"{number}.png", body=png(5, 5))
    page.open()
    page.wait_for_names("3.png", "2.png", "1.png")
    assert page.one("#count").text == "3+ files"
    page.one("#more").click()
    page.wait_for_names("3.png", "2.png", "1.png", "0.png")
    assert not page.one("#more").is_displayed()


def test_file_is_deleted_after_a_question(three, gallery):
    three.open_viewer(1)
    three.one("#delete").click()
    assert three.one("#confirm-question").text == "Delete 20.png?"
    three.one("#confirm button[value=no]").click()
    three.wait("!$('confirm').open")
    assert len(gallery.listed()["files"]) == 3
    three.one("#delete").click()
    three.one("#confirm-delete").click()
    three.wait_for_names("30.png", "10.png")
    assert [file["name"] for file in gallery.listed()["files"]] == ["30.png", "10.png"]
    assert not three.run("return $('viewer').open || $('confirm').open")
    # Keyboards go on from the next picture.
    assert three.run("return document.activeElement.textContent").strip().startswith("10.png")


SCRIPT = "document.documentElement.id = 'ran'; document.cookie = 'stolen=1'"


@pytest.mark.parametrize("front", ["asgi"], indirect=True)
@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("text/html", f"<title>shown</title><script>{SCRIPT}</script>"),
        ("text/html; charset=utf-8;", f"<title>shown</title><script>{SCRIPT}</script>"),
        ("image/png, text/html", f"<title>shown</title><script>{SCRIPT}</script>"),
        (
            "image/svg+xml",
            "<svg xmlns='http://www.w3.org/2000/svg'><title>shown</title>"
            f"<script>{SCRIPT}</script></svg>",
        ),
        (
            "application/xhtml+xml",
            "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>shown</title>"
            f"<script>{SCRIPT}</script></head><body/></html>",
        ),
    ],
)
def test_handlers_have_no_uploaded_script_run(browser, start_site, sync_bucket, content_type, text):
    sync_bucket.upload_from_stream("a", text.encode(), metadata={"contentType": content_type})
    file_url = start_site().url + "a"
    browser.get(file_url)
    assert browser.title == "shown"
    assert browser.execute_script("return document.documentElement.id") == ""
    # With the policy taken away it does run: the test can fail.
    site = start_site(extra_headers={"Content-Security-Policy": "default-src 'unsafe-inline'"})
    browser.get(site.url + "a")
    assert browser.execute_script("return document.documentElement.id") == "ran"


def test_svg_is_shown_and_its_script_never_runs(page, gallery):
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="70" height="70">'
        '<circle r="9"/><script>document.documentElement.id = "ran"</script></svg>'
    )
    file_id = gallery.upload("a.svg", "image/svg+xml", svg.encode())["id"]
    page.open()
    assert page.wait("document.querySelector('.card img').naturalWidth") == 70
    page.browser.get(f"{gallery.url}files/{file_id}")
    root = page.run("return [document.documentElement.localName, document.documentElement.id]")
    assert root == ["svg", ""]
    refused = [entry["message"] for entry in page.browser.get_log("browser")]
    assert len(refused) == 1
    assert "Blocked script execution" in refused[0] or "Content Security Policy" in refused[0]


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_page_fits_the_screen(three, width):
    size = {"width": width, "height": 700, "deviceScaleFactor": 1, "mobile": width < 600}
    three.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        three.upload_made_here("x" * 90 + ".txt", "text/plain")
        three.wait("document.querySelector('.failed')")
        assert three.run("return document.documentElement.scrollWidth") == width
        three.open_viewer(0)
        three.wait("document.querySelector('#shown img')?.naturalWidth")
        edges = three.run("return $('close').getBoundingClientRect().right")
        assert edges <= width
        assert three.run("return $('viewer').scrollWidth") == width
    finally:
        three.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
