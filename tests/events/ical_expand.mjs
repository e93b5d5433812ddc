// Reads JSON from stdin and expands calendars with ical.js: {"series": [{"ics", "limit", "until"}], "calendars": […]}.
import ICAL from "ical.js";

const read = async () => {
  let text = "";
  for await (const part of process.stdin) text += part;
  return JSON.parse(text);
};

const wall = (time) => time.toString().slice(0, 19);

/** Wall times of a series, with what its exceptions say. */
function expand({ ics, until }) {
  const root = new ICAL.Component(ICAL.parse(ics));
  const zones = root.getAllSubcomponents("vtimezone").map((zone) => new ICAL.Timezone(zone));
  const components = root.getAllSubcomponents("vevent");
  const found = [];
  const byUid = new Map();
  for (const one of components) {
    const uid = one.getFirstPropertyValue("uid");
    byUid.set(uid, [...(byUid.get(uid) ?? []), one]);
  }
  for (const [uid, parts] of byUid) {
    const master = parts.find((one) => !one.hasProperty("recurrence-id")) ?? parts[0];
    const event = new ICAL.Event(master, { exceptions: parts.filter((one) => one !== master) });
    const item = (detail) => ({
      uid, recurrence: wall(detail.recurrenceId), start: wall(detail.startDate), end: wall(detail.endDate),
      utc: detail.startDate.toUnixTime(), zone: detail.startDate.zone.tzid,
      status: detail.item.component.getFirstPropertyValue("status"), sequence: detail.item.sequence,
    });
    if (!event.isRecurring()) {
      found.push(item({ recurrenceId: event.startDate, startDate: event.startDate, endDate: event.endDate, item: event }));
      continue;
    }
    const iterator = event.iterator();
    for (let next = iterator.next(), count = 0; next && count < 3000; next = iterator.next(), count += 1) {
      if (wall(next) >= until) break;
      found.push(item(event.getOccurrenceDetails(next)));
    }
  }
  return { found, zones: zones.map((zone) => zone.tzid) };
}

const { calendars } = await read();
process.stdout.write(JSON.stringify(calendars.map(expand)));
