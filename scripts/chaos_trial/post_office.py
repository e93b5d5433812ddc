"""A mail server on the loopback that keeps what it takes, and takes its time, as real ones do."""

import socketserver
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from random import Random
from typing import Self

# Seconds before a mail is taken, and again before that is said: a worker that is killed meanwhile
# cannot know whether it left.
SLOWEST = 0.06


@dataclass(frozen=True, slots=True)
class Letter:
    """`moment` is by the monotonic clock."""

    message_id: str
    recipient: str
    subject: str
    text: str
    moment: float


@dataclass
class PostOffice:
    """Letters by recipient, in the order in which they came."""

    seed: int
    letters: dict[str, list[Letter]] = field(default_factory=lambda: defaultdict(list))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        office, dice = self, Random(f"post {self.seed}")

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                try:
                    _Conversation(office, self, dice).run()
                except OSError:
                    return

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._server.server_address[1]}"

    def of(self, recipient: str) -> list[Letter]:
        with self.lock:
            return list(self.letters.get(recipient, ()))

    def all(self) -> list[Letter]:
        with self.lock:
            return [letter for letters in self.letters.values() for letter in letters]

    def take(self, recipients: list[str], content: bytes) -> None:
        message = message_from_bytes(content, policy=policy.default)
        body = message.get_body(("plain",))
        text = str(body.get_content()) if body else ""
        words = str(message["Message-ID"]), str(message["Subject"])
        with self.lock:
            for one in recipients:
                letter = Letter(words[0], one, words[1], text, time.monotonic())
                self.letters[one].append(letter)


class _Conversation:
    """One connection, as RFC 5321 has it."""

    def __init__(
        self, office: PostOffice, stream: socketserver.StreamRequestHandler, dice: Random
    ) -> None:
        self.office, self.stream, self.dice = office, stream, dice
        self.recipients: list[str] = []

    def run(self) -> None:
        self._say("220 post office")
        while line := self.stream.rfile.readline():
            verb = line.split(b" ")[0].strip().upper()
            if verb == b"QUIT":
                self._say("221 bye")
                return
            if verb == b"RCPT":
                self.recipients.append(line.partition(b"<")[2].partition(b">")[0].decode())
            elif verb in (b"MAIL", b"RSET"):
                self.recipients = []
            if verb != b"DATA":
                self._say("250 ok")
            elif not self._read_content():
                return

    def _read_content(self) -> bool:
        """Whether the mail came whole."""
        self._say("354 go on")
        lines = []
        while (line := self.stream.rfile.readline()) != b".\r\n":
            if not line:
                return False
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        time.sleep(self.dice.random() * SLOWEST)
        self.office.take(self.recipients, b"".join(lines))
        time.sleep(self.dice.random() * SLOWEST)
        self._say("250 taken")
        return True

    def _say(self, words: str) -> None:
        self.stream.wfile.write(f"{words}\r\n".encode())
