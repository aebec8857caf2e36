"""A headless Chromium, driven through chromedriver by the WebDriver protocol (W3C), without another package."""

from __future__ import annotations

import base64
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
from service import free_port, wait_for

_CLICK = "arguments[0].click()"


class Browser:
    """One window. Debian's packages ``chromium`` and ``chromium-driver``."""

    def __init__(self, pictures: Path) -> None:
        self.pictures = pictures
        pictures.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self._driver = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120)
        wait_for(self._is_up, 60)
        arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1500,1300",
        ]
        options = {"args": arguments, "binary": shutil.which("chromium")}
        made = self._client.post("/session", json={"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}})
        self._session = f"/session/{made.json()['value']['sessionId']}"

    @staticmethod
    def is_there() -> bool:
        return bool(shutil.which("chromium") and shutil.which("chromedriver"))

    def _is_up(self) -> bool:
        try:
            return bool(self._client.get("/status").json()["value"]["ready"])
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        self._client.delete(self._session)
        self._driver.terminate()
        self._driver.wait()

    def _post(self, path: str, **body: Any) -> Any:
        answer = self._client.post(f"{self._session}/{path}", json=body)
        assert answer.status_code == 200, answer.text[:500]
        return answer.json()["value"]

    def open(self, address: str) -> None:
        self._post("url", url=address)

    def script(self, code: str, *arguments: Any) -> Any:
        return self._post("execute/sync", script=code, args=list(arguments))

    def text(self) -> str:
        return str(self.script("return document.body.innerText"))

    def wait_for_text(self, text: str, seconds: float = 300.0) -> None:
        try:
            wait_for(lambda: text.lower() in self.text().lower(), seconds)
        except AssertionError as error:
            self.picture("waited-in-vain")
            raise AssertionError(f"{text!r} does not appear: {self.text()[:1500]}") from error

    def picture(self, name: str) -> None:
        data = self._client.get(f"{self._session}/screenshot").json()["value"]
        (self.pictures / f"{name}.png").write_bytes(base64.b64decode(data))

    def element(self, xpath: str, seconds: float = 120.0) -> str:
        """Return the handle of the first visible element of an XPath."""

        def find() -> str | None:
            found = self._post("elements", using="xpath", value=xpath)
            for one in found:
                handle = next(iter(one.values()))
                if self._client.get(f"{self._session}/element/{handle}/displayed").json()["value"]:
                    return str(handle)
            return None

        return str(wait_for(find, seconds))

    def click(self, xpath: str, then: str | None = None) -> None:
        """Click an element; again, and by script, until ``then`` (an XPath) can be seen, where it is given."""
        for attempt in range(6):
            handle = self.element(xpath)
            if attempt % 2 == 0:
                self._client.post(f"{self._session}/element/{handle}/click", json={})
            else:
                reference = {"element-6066-11e4-a52e-4f735466cecf": handle}
                self._client.post(f"{self._session}/execute/sync", json={"script": _CLICK, "args": [reference]})
            time.sleep(0.5)
            if then is None:
                return
            try:
                self.element(then, 10.0)
            except AssertionError:
                continue
            return
        self.picture("click-in-vain")
        raise AssertionError(f"{then} does not appear after a click on {xpath}")

    def write(self, xpath: str, text: str) -> None:
        """Write a text into a field; again, while the page, busy with itself, loses characters."""
        for _ in range(6):
            handle = self.element(xpath)
            self._client.post(f"{self._session}/element/{handle}/clear", json={})
            self._client.post(f"{self._session}/element/{handle}/value", json={"text": text})
            time.sleep(0.5)
            reference = {"element-6066-11e4-a52e-4f735466cecf": self.element(xpath)}
            if self.script("return arguments[0].value", reference) == text:
                return
        self.picture("written-in-vain")
        raise AssertionError(f"{text!r} cannot be written into {xpath}")
