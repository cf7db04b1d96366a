
// What is under the pointer, in full.

// The things at a point of the stage, as [{ title, fields, record }].
function thingsAt(view, painted, x, y) {
  const { run } = view;
  const marks = painted.marks.filter((m) => Math.abs(m.x - x) < 9 && Math.abs(m.y - y) < 10);
  if (marks.length) return marks.map(({ record }) => recordDetails(run, record));
  const lane = view.laneAt(y);
  const parts = lane >= 0 ? view.parts(lane) : null;
  const onBar = parts && y >= parts.bar && y < parts.bar + BAR;
  if (!onBar && lane >= 0) {
    const arrows = arrowsAt(painted.arrows, x, y);
    if (arrows.length) {
      return arrows.map(({ i, line }) => ({ ...arrowDetails(run, i), arrow: i, line }));
    }
  }
  if (lane >= 0) return [stateDetails(run, run.lanes[lane], view.at(x))].filter(Boolean);
  return operationsAt(view, x, y).map((operation) => operationDetails(run, operation));
}

function operationsAt(view, x, y) {
  const row = Math.floor((y - view.clientsTop - 4) / view.clientRow);
  return view.run.operations.filter(
    (o) => o.row === row && view.x(o.start) - 2 <= x && x <= view.x(o.until) + 2,
  );
}

// All fields of a record as they stand in the trace.
function fieldsOf(run, record) {
  const fields = Object.entries(record)
    .filter(([name]) => name !== "at" && name !== "event")
    .map(([name, value]) => [name, Array.isArray(value) ? value.join(" ") : String(value)]);
  return [["at", timeText(run, Number(record.at))], ...fields];
}

function recordDetails(run, number) {
  const record = run.records[number];
  const title = record.event.replace("_", " ");
  if (record.event === "delivered" || record.event === "lost" || record.event === "sent") {
    const sent = run.messages.get(record.id)?.sent;
    const i = run.arrows.sent.findIndex(
      (from, i) => from === sent && (record.event === "sent" || run.arrows.ended[i] === number),
    );
    if (i >= 0) return { ...arrowDetails(run, i), record: number, arrow: i };
  }
  return {
    title: title[0].toUpperCase() + title.slice(1),
    fields: fieldsOf(run, record),
    record: number,
    event: record.event,
  };
}

function arrowDetails(run, i) {
  const { arrows, records } = run;
  const sent = records[arrows.sent[i]];
  const { at, event, kind, from, to, ...rest } = sent;
  const fields = Object.entries(rest).map(([name, value]) => [name, String(value)]);
  fields.push(["sent", timeText(run, Number(at))]);
  if (arrows.fate[i] === UNDERWAY) {
    fields.push(["fate", "not recorded: under way when the run ends"]);
  } else {
    const end = records[arrows.ended[i]];
    const after = durationText(run, arrows.end[i] - arrows.start[i]);
    const word = end.event === "lost" ? "lost" : "delivered";
    fields.push([word, `${timeText(run, Number(end.at))} (after ${after})`]);
    if (end.event === "lost") fields.push(["why", end.why]);
  }
  const { copies } = run.messages.get(sent.id);
  if (copies > 1) fields.push(["copy", `${arrows.copy[i]} of ${copies}`]);
  return { title: `${kind}: ${from} → ${to}`, fields, record: arrows.sent[i] };
}

function stateDetails(run, lane, at) {
  const place = lane.states.indexAt(at);
  if (place < 0 || at > run.last) return null;
  const { state, paused, term, leader, record } = lane.states.values[place];
  const since = lane.states.at[place];
  const until = lane.states.at[place + 1] ?? run.last;
  const applied = lane.applied.valueAt(at);
  const cuts = lane.cuts.valueAt(at);
  const fields = [
    ["at", timeText(run, at, 1)],
    ["term", term],
    ["leader", Number(leader) ? leader : "not known"],
    ["commit", lane.commits.valueAt(at) ?? "–"],
    ["applied", applied ?? "–"],
    ["since", timeText(run, since)],
    ["until", `${timeText(run, until)} (${durationText(run, until - since)})`],
  ];
  if (lane.configs.indexAt(at) >= 0) fields.push(["config", lane.configs.valueAt(at)]);
  if (cuts?.to.length) fields.push(["cannot reach", cuts.to.join(" ")]);
  if (cuts?.from.length) fields.push(["not reached by", cuts.from.join(" ")]);
  const still = paused ? ", paused" : "";
  return { title: `Node ${lane.id}: ${ROLES[state].toLowerCase()}${still}`, fields, record };
}

function operationDetails(run, operation) {
  const { client, op, node, asked, answered, start, end } = operation;
  const fields = [
    ["asks node", node],
    ["op", op],
    ["text", run.records[asked].text],
    ["asked", timeText(run, start)],
  ];
  if (end === null) {
    fields.push(["answer", "none"]);
  } else {
    fields.push(["answer", run.records[answered].text]);
    fields.push(["answered", `${timeText(run, end)} (after ${durationText(run, end - start)})`]);
  }
  return { title: `Client ${client}`, fields, record: asked };
}

function fillThings(box, things) {
  const most = 4;
  box.replaceChildren();
  for (const { title, fields, event } of things.slice(0, most)) {
    const list = element("dl");
    for (const [name, value] of fields) list.append(element("dt", name), element("dd", value));
    box.append(element("h2", title, event), list);
  }
  if (things.length > most) box.append(element("p", `and ${things.length - most} more here`));
}

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}
