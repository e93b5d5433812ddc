"""Whose an order is, and how many they may have: by person where one is known, else by network."""

from dataclasses import replace

from mapservice.accounts.people import session
from mapservice.accounts.people.model import Person
from mapservice.errors import TooManyRequests
from mapservice.publishing.exports.model import MAX_OWN_HOURLY
from mapservice.publishing.exports.service import ExportTerms
from mapservice.web import forms
from mapservice.web.forms import RateLimit

NAME = "export"
HOURLY = RateLimit(MAX_OWN_HOURLY)


def terms_for(person: Person | None, terms: ExportTerms) -> ExportTerms:
    """The terms with whose order it is; counts it. Raises TooManyRequests.

    `person` is the owner of a key; without one, whoever is signed in.
    """
    who = person or session.current_person()
    whose = f"person {who.id}" if who else f"network {forms.visitor_network()}"
    wait = forms.seconds_to_wait(NAME, HOURLY, whose)
    if wait:
        raise TooManyRequests(f"More than {MAX_OWN_HOURLY} files ordered within an hour.", wait)
    return replace(terms, asker=forms.keyed_digest(NAME, whose))
