"""A mail server of the tests that takes mail, refuses it, hangs, or drops, at the step one says."""

import socket
import socketserver
import threading
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Self

STEPS = ("connect", "EHLO", "MAIL", "RCPT", "DATA", "content", "accepted")


@dataclass
class PostOffice:
    """`refuse` answers a step with a line, `hang_at` stays silent there, `drop_at` hangs up.

    `accepted` is the moment after a mail was taken and before that was said.
    """

    refuse: dict[str, str] = field(default_factory=dict)
    hang_at: str = ""
    drop_at: str = ""
    taken: list[Message] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    arrivals: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    reached: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        office = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                Conversation(office, self).run()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

        self.server = Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server.server_address[1]}"

    @property
    def message_ids(self) -> list[str]:
        return [str(message["Message-ID"]) for message in self.taken]

    def mend(self) -> None:
        """From now on it takes all mail."""
        self.refuse.clear()
        self.hang_at = self.drop_at = ""


class Dropped(Exception):
    """The server hangs up."""


class Conversation:
    """One connection, as RFC 5321 has it."""

    def __init__(self, office: PostOffice, stream: socketserver.StreamRequestHandler) -> None:
        self.office, self.stream = office, stream

    def run(self) -> None:
        try:
            self.answer("connect", "220 post office")
            while line := self.stream.rfile.readline():
                if not self.obey(line.decode().strip()):
                    return
        except (Dropped, OSError):
            self.stream.connection.close()

    def obey(self, line: str) -> bool:
        verb = line.split(" ")[0].upper()
        if verb == "QUIT":
            self.say("221 bye")
            return False
        if verb == "DATA":
            if self.answer(verb, "354 go on"):
                self.read_content()
        elif verb == "RSET":
            self.say("250 ok")
        else:
            if verb == "RCPT":
                self.office.recipients.append(line.partition("<")[2].partition(">")[0])
            self.answer(verb, "250 ok")
        return True

    def read_content(self) -> None:
        lines = []
        self.stop_at("content")
        while (line := self.stream.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        if "content" in self.office.refuse:
            self.say(self.office.refuse["content"])
            return
        self.office.taken.append(message_from_bytes(b"".join(lines)))
        self.stop_at("accepted")
        self.say("250 taken")
        self.office.arrivals.release()

    def answer(self, step: str, words: str) -> bool:
        """Whether the step went well."""
        self.stop_at(step)
        self.say(self.office.refuse.get(step, words))
        return step not in self.office.refuse

    def stop_at(self, step: str) -> None:
        if self.office.drop_at == step:
            self.stream.connection.shutdown(socket.SHUT_RDWR)
            raise Dropped
        if self.office.hang_at == step:
            self.office.reached.set()
            self.office.closing.wait()
            raise Dropped

    def say(self, words: str) -> None:
        self.stream.wfile.write(f"{words}\r\n".encode())
