"""Addresses of people: what mail goes to, and the key of a mailbox."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from disposable_email_domains import blocklist
from email_validator import EmailNotValidError, validate_email

from mapservice.errors import InvalidInput


class AddressMistake(StrEnum):
    """What can be wrong with an address."""

    SYNTAX = "is not an e-mail address"
    DISPOSABLE = "is an address for one use, of a service that throws mail away"


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """`address` is what mail goes to, in ASCII; `key` is the same for all spellings of one mailbox.

    The key is in lower case and leaves out a `+tag`, so that one mailbox is one person. Where a
    server should hold `a+b` for another mailbox than `a`, its two people cannot have an account
    each, but no mail of one goes to the other: mail goes to the address that was proved.
    """

    address: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """By its syntax alone (no look-up is made). Raises InvalidInput for an AddressMistake."""
        try:
            valid = validate_email(
                text.strip(), check_deliverability=False, allow_smtputf8=False, strict=True
            )
        except EmailNotValidError:
            raise InvalidInput("email", AddressMistake.SYNTAX) from None
        if valid.ascii_email is None:
            raise InvalidInput("email", AddressMistake.SYNTAX)
        local, _, domain = valid.ascii_email.rpartition("@")
        domain = domain.lower()
        if is_disposable(domain):
            raise InvalidInput("email", AddressMistake.DISPOSABLE)
        mailbox = local.lower().partition("+")[0] or local.lower()
        return cls(f"{local}@{domain}", f"{mailbox}@{domain}")


def is_disposable(domain: str) -> bool:
    """The list names some thousands of domains; those under them count as well."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))
