"""iCalendar (RFC 5545): a calendar file, as it is published for calendars to subscribe to.

What it lacks is gone as far as it is still to come: most calendars leave out what is over. The
file is read by the room of events.
"""

from mapservice.imports.connectors.model import Connector, RecordKind

CONNECTOR = Connector(
    "icalendar",
    "iCalendar: the events of a calendar (.ics)",
    None,
    kind=RecordKind.EVENT,
    file_name="calendar.ics",
)
