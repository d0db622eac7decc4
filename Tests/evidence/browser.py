# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, spoken to through its debugging pipe: no driver and no package needed."""

import base64
import itertools
import json
import os
import pathlib
import queue
import shutil
import subprocess
import tempfile
import threading

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One browser with one page; `messages` collects everything the page's console and network complain about."""

    def __init__(self):
        self.messages = []
        self._profile = tempfile.mkdtemp(prefix="hedgerouter-browser-")
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()

        def wire():
            # Chromium reads commands from descriptor 3 and writes answers to 4.
            first, second = os.dup(to_read), os.dup(to_write)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self._process = subprocess.Popen(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={self._profile}", "about:blank"],
            preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self._ids = itertools.count(1)
        self._answers = {}
        threading.Thread(target=self._listen, daemon=True).start()
        page = next(t for t in self._send("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._session = self._send("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self):
        self._process.terminate()
        self._process.wait(20)
        shutil.rmtree(self._profile, ignore_errors=True)

    def _listen(self):
        pending = b""
        while True:
            data = os.read(self._read, 1 << 16)
            if not data:
                return
            pending += data
            while b"\0" in pending:
                text, pending = pending.split(b"\0", 1)
                self._take(json.loads(text))

    def _take(self, message):
        if "id" in message:
            self._answers.setdefault(message["id"], queue.Queue()).put(message)
            return
        method, given = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.messages.append(given["exceptionDetails"].get("exception", {}).get("description", "exception"))
        elif method == "Runtime.consoleAPICalled" and given["type"] in ("error", "warning", "assert"):
            self.messages.append(f"console {given['type']}: {[a.get('value') for a in given['args']]}")
        elif method == "Log.entryAdded" and given["entry"]["level"] in ("error", "warning"):
            self.messages.append(f"{given['entry']['level']}: {given['entry']['text']}")
        elif method == "Network.loadingFailed" and not given.get("canceled"):
            self.messages.append(f"network: {given['errorText']}")

    def _send(self, method, session=None, **params):
        number = next(self._ids)
        inbox = self._answers.setdefault(number, queue.Queue())
        command = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        os.write(self._write, json.dumps(command).encode() + b"\0")
        answer = inbox.get(timeout=60)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def call(self, method, **params):
        """A command of the DevTools protocol to the page."""
        return self._send(method, self._session, **params)

    def show(self, url, width=1280, height=900, dark=False, phone=False):
        """Open a page in a window of a size."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if phone else 1,
                  mobile=phone)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Page.navigate", url=url)

    def value(self, expression):
        """What a JavaScript expression gives, as JSON has it."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(str(result["exceptionDetails"]))
        return result["result"].get("value")

    def press(self, key, code=None):
        """A key, down and up."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code or key,
                      windowsVirtualKeyCode={"Tab": 9, "ArrowRight": 39, "ArrowLeft": 37, "End": 35, "Home": 36}.get(key, 0))

    def screenshot(self, path):
        """The whole page as a picture."""
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(path).write_bytes(base64.b64decode(picture["data"]))
