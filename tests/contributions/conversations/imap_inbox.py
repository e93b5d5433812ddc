"""An inbox of the tests that speaks as much IMAP4rev1 (RFC 3501) as a reader of replies needs."""

import re
import socketserver
import threading
from dataclasses import dataclass, field
from typing import Self

USER, PASSWORD = "reponses@map.test", "un secret"


@dataclass
class StoredMail:
    """`flags` are as the server keeps them, `content` as it came."""

    uid: int
    content: bytes
    flags: set[str] = field(default_factory=set)


@dataclass
class ImapInbox:
    """`fail_at` hangs up before that command is answered."""

    mails: list[StoredMail] = field(default_factory=list)
    fail_at: str = ""
    logins: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        inbox = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                ImapSession(inbox, self).run()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

        self.server = Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self) -> str:
        port = self.server.server_address[1]
        return f"imap://reponses%40map.test:un%20secret@127.0.0.1:{port}/INBOX"

    def deliver(self, content: bytes, *flags: str) -> None:
        uid = max((one.uid for one in self.mails), default=0) + 1
        self.mails.append(StoredMail(uid, content, set(flags)))


class ImapSession:
    """One connection."""

    def __init__(self, inbox: ImapInbox, stream: socketserver.StreamRequestHandler) -> None:
        self.inbox, self.stream = inbox, stream

    def run(self) -> None:
        self.say(b"* OK inbox of the tests")
        while line := self.stream.rfile.readline():
            tag, _sign, words = line.decode().strip().partition(" ")
            command = words.split(" ")[1 if words.upper().startswith("UID") else 0].upper()
            if command == self.inbox.fail_at:
                return
            if not self.obey(tag, command, words):
                return

    def obey(self, tag: str, command: str, words: str) -> bool:
        done = b"OK done"
        if command == "CAPABILITY":
            self.say(b"* CAPABILITY IMAP4rev1")
        elif command == "LOGIN":
            given = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', words)[1:]
            name, password = (quoted or bare for quoted, bare in given)
            self.inbox.logins.append(name)
            if (name, password) != (USER, PASSWORD):
                done = b"NO wrong password"
        elif command == "SELECT":
            self.say(b"* %d EXISTS" % len(self.inbox.mails))
        elif command == "SEARCH":
            assert words.upper() == "UID SEARCH UNDELETED UNFLAGGED", words
            left = [one for one in self.inbox.mails if not one.flags & {"\\Deleted", "\\Flagged"}]
            self.say(b"* SEARCH " + b" ".join(b"%d" % one.uid for one in left))
        elif command == "FETCH":
            self.fetch(words)
        elif command == "STORE":
            self.store(words)
        elif command == "EXPUNGE":
            self.inbox.mails = [one for one in self.inbox.mails if "\\Deleted" not in one.flags]
        elif command == "LOGOUT":
            self.say(b"* BYE")
        else:
            done = b"BAD what is that"
        self.say(tag.encode() + b" " + done)
        return command != "LOGOUT"

    def fetch(self, words: str) -> None:
        found = re.fullmatch(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", words)
        assert found, words
        one = self.find(int(found[1]))
        content = one.content[: int(found[2])]
        head = b"* 1 FETCH (UID %d BODY[]<0> {%d}\r\n" % (one.uid, len(content))
        self.stream.wfile.write(head + content + b")\r\n")

    def store(self, words: str) -> None:
        found = re.fullmatch(r"UID STORE (\d+) \+FLAGS \((\\\w+)\)", words)
        assert found, words
        self.find(int(found[1])).flags.add(found[2])

    def find(self, uid: int) -> StoredMail:
        return next(one for one in self.inbox.mails if one.uid == uid)

    def say(self, line: bytes) -> None:
        self.stream.wfile.write(line + b"\r\n")
