"""A browser without a window, asked over the DevTools protocol: JSON on two pipes."""

import json
import os
import subprocess
import threading
import time

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--window-size=1280,900",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # the browser's own requests stay here, too
)
PATIENCE = 240  # seconds after which a browser that says nothing is ended
COMMANDS, ANSWERS = 3, 4  # the descriptors that --remote-debugging-pipe reads and writes
DOCUMENT = "document.documentElement.outerHTML"


class Page:
    """One page of a headless Chromium, in a profile of its own, until the ``with`` block ends."""

    def __init__(self, browser, url, profile):
        self.asked = []
        self._count = 0
        self._start(browser, profile)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        self.call("Network.enable")
        self.call("Page.navigate", url=url)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._timer.cancel()
        self._process.kill()
        self._process.wait()
        self._answers.close()
        os.close(self._commands)

    def _start(self, browser, profile):
        to_read, self._commands = os.pipe()
        answers, to_write = os.pipe()

        def connect():
            # Copies first: either pipe may sit on the very number that the other is to get.
            ends = [os.dup(to_read), os.dup(to_write)]
            while min(ends) <= ANSWERS:
                ends = [os.dup(end) for end in ends]
            os.dup2(ends[0], COMMANDS)
            os.dup2(ends[1], ANSWERS)

        self._session = None
        self._process = subprocess.Popen(
            [browser, *FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=connect,
            close_fds=False,
        )
        os.close(to_read)
        os.close(to_write)
        self._answers = os.fdopen(answers, "rb")
        self._timer = threading.Timer(PATIENCE, self._process.kill)
        self._timer.start()

    def call(self, method, **parameters):
        """The result of one command; events that come before it are taken note of."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("method") == "Network.requestWillBeSent":
                self.asked.append(answer["params"]["request"]["url"])
            if answer.get("id") == self._count:
                assert "error" not in answer, answer["error"]
                return answer["result"]

    def _read(self):
        text = bytearray()
        while not text.endswith(b"\0"):
            part = self._answers.read(1)
            assert part, "the browser ended"
            text += part
        return json.loads(text[:-1])

    def evaluate(self, script):
        """What a script gives, as JSON."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, condition, seconds=90):
        """The page's document as soon as a script says so, however slow the machine is."""
        last = time.monotonic() + seconds
        while time.monotonic() < last:
            if self.evaluate(condition):
                return self.evaluate(DOCUMENT)
            time.sleep(0.1)
        raise AssertionError(f"{condition} did not come true: {self.evaluate(DOCUMENT)[:2000]}")

    @property
    def web_requests(self):
        """The web addresses that the page asked for."""
        return [url for url in self.asked if url.startswith("http")]
