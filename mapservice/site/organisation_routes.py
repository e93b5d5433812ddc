"""`/organisations/{slug}`: the initiatives of an author who chose to have a public page."""

from flask import Blueprint, render_template

from mapservice.contributions.proposals import queries as proposals
from mapservice.errors import NotFound
from mapservice.initiatives import queries
from mapservice.web.edge import base_url, only_parameters, same_for_all, services

blueprint = Blueprint("organisations", __name__, url_prefix="/organisations")

SHOWN = 100


@blueprint.get("/<slug>")
def page(slug: str) -> str:
    """Nobody has a page who did not choose to: any other name is not found."""
    only_parameters()
    same_for_all()
    with services().autocommit.connect() as connection:
        author = proposals.author_page(connection, slug)
        if author is None:
            raise NotFound("There is no such page.")
        ids, total = proposals.public_of(connection, author.person, SHOWN)
        found = queries.of_any_status(connection, ids)
        return render_template(
            "initiatives/organisation.html",
            author=author,
            initiatives=[found[one] for one in ids],
            total=total,
            canonical=f"{base_url()}/organisations/{slug}",
        )
