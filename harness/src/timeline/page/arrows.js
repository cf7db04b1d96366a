
// Messages between lanes.

// More arrows than these are a blur: beyond, the common kinds are thinned, the rare ones kept.
const ARROWS_MOST = 1600;

// The arrows to draw, by kind and fate, rarest last so that they lie on top.
// Each class: { kind, lost, total, every, arrows }, where one in `every` was taken.
function chooseArrows(view) {
  const { run, from, to } = view;
  const { arrows } = run;
  const visible = (i) =>
    arrows.end[i] >= from &&
    arrows.start[i] <= to &&
    !view.hiddenKinds.has(arrows.kind[i]) &&
    (view.showsNode(arrows.from[i]) || view.showsNode(arrows.to[i]));

  const classes = new Map();
  const key = (i) => arrows.kind[i] * 2 + (arrows.fate[i] === LOST ? 1 : 0);
  const seen = [];
  for (let i = 0; i < arrows.count; i++) {
    if (!visible(i)) continue;
    seen.push(i);
    const k = key(i);
    if (!classes.has(k)) {
      const kind = run.kinds[arrows.kind[i]];
      classes.set(k, { kind, lost: k % 2 === 1, total: 0, every: 1, arrows: [] });
    }
    classes.get(k).total += 1;
  }

  const rarestFirst = [...classes.values()].sort((a, b) => a.total - b.total);
  let left = ARROWS_MOST;
  rarestFirst.forEach((group, place) => {
    const share = left / (rarestFirst.length - place);
    // Powers of two: what is drawn stays while one zooms in, and does not flicker while one pans.
    while (group.total / group.every > share) group.every *= 2;
    left -= group.total / group.every;
  });
  for (const i of seen) {
    const group = classes.get(key(i));
    if (arrows.ordinal[i] % group.every === 0) group.arrows.push(i);
  }
  return rarestFirst.reverse();
}

// Where an arrow begins and ends on the stage. One that does not arrive stops on its way.
function arrowLine(view, i) {
  const { arrows } = view.run;
  const { start, end, from, to, fate } = arrows;
  const source = view.parts(from[i] < 0 ? 0 : from[i]);
  const line = { x1: view.x(start[i]), x2: view.x(end[i]), y1: 0, y2: 0 };
  if (to[i] < 0 || from[i] < 0 || to[i] === from[i]) {
    line.y1 = source.bar + BAR;
    line.y2 = line.y1 + 18;
    return line;
  }
  const target = view.parts(to[i]);
  const down = target.top > source.top;
  line.y1 = down ? source.bar + BAR : source.bar;
  line.y2 = down ? target.bar : target.bar + BAR;
  const way = fate[i] === DELIVERED ? 1 : fate[i] === LOST && end[i] > start[i] ? 0.75 : 0.35;
  line.y2 = line.y1 + (line.y2 - line.y1) * way;
  if (fate[i] === UNDERWAY) line.x2 = line.x1 + 16;
  return line;
}

// Draws the arrows, and answers with what was drawn: [{ i, line }].
function paintArrows(pen, view, colours, classes) {
  const drawn = [];
  const count = classes.reduce((sum, group) => sum + group.arrows.length, 0);
  const detailed = count <= 700;
  pen.save();
  for (const { kind, lost, every, arrows } of classes) {
    // The crowd recedes, so that what is rare stands out.
    const crowd = every > 1 || arrows.length > 200;
    pen.globalAlpha = count <= 150 ? 0.95 : detailed ? 0.7 : crowd ? 0.25 : 0.6;
    pen.strokeStyle = pen.fillStyle = lost ? colours.alarm : colours[kind.group];
    pen.lineWidth = detailed && kind.group !== "heartbeat" ? 1.4 : 1;
    pen.setLineDash(detailed && kind.response ? [5, 3] : []);
    const lines = arrows.map((i) => ({ i, line: arrowLine(view, i) }));
    pen.beginPath();
    for (const { line } of lines) {
      pen.moveTo(line.x1, line.y1);
      pen.lineTo(line.x2, line.y2);
    }
    pen.stroke();
    pen.setLineDash([]);
    if (detailed || (lost && every === 1)) for (const { i, line } of lines) paintTip(pen, view, i, line);
    drawn.push(...lines);
  }
  pen.restore();
  if (count <= 80) paintArrowLabels(pen, view, colours, drawn);
  return drawn;
}

// The end of an arrow says what came of the message.
function paintTip(pen, view, i, { x1, y1, x2, y2 }) {
  const fate = view.run.arrows.fate[i];
  pen.beginPath();
  if (fate === LOST) {
    pen.moveTo(x2 - 3.5, y2 - 3.5);
    pen.lineTo(x2 + 3.5, y2 + 3.5);
    pen.moveTo(x2 + 3.5, y2 - 3.5);
    pen.lineTo(x2 - 3.5, y2 + 3.5);
    pen.stroke();
  } else if (fate === UNDERWAY) {
    pen.arc(x2, y2, 3, 0, 2 * Math.PI);
    pen.stroke();
  } else {
    const angle = Math.atan2(y2 - y1, x2 - x1);
    for (const side of [-0.38, 0.38]) {
      pen.moveTo(x2, y2);
      pen.lineTo(x2 - 8 * Math.cos(angle + side), y2 - 8 * Math.sin(angle + side));
      pen.lineTo(x2 - 6 * Math.cos(angle), y2 - 6 * Math.sin(angle));
    }
    pen.fill();
  }
}

// Names the arrows that have room for it, where they leave.
function paintArrowLabels(pen, view, colours, drawn) {
  const { arrows, records, kinds } = view.run;
  pen.save();
  pen.font = `11px ${colours.sans}`;
  pen.textBaseline = "middle";
  const taken = [];
  const labelled = new Set();
  for (const { i, line } of drawn) {
    if (labelled.has(arrows.sent[i])) continue;
    const record = records[arrows.sent[i]];
    const kind = kinds[arrows.kind[i]];
    const name = record.kind.replace(/^Msg/, "");
    const text = record.text ? `${name} ${shortened(record.text, 34)}` : name;
    const width = pen.measureText(text).width;
    const places = [0.5, 0.3, 0.7, 0.15, 0.85].map((part) => {
      const x = line.x1 + (line.x2 - line.x1) * part + 6;
      return { x, y: line.y1 + (line.y2 - line.y1) * part, right: x + width };
    });
    const free = places.find(
      (p) =>
        p.x > GUTTER &&
        p.right < view.width &&
        !onBar(view, p.y) &&
        !taken.some((t) => p.x < t.right + 6 && p.right + 6 > t.x && Math.abs(p.y - t.y) < 14),
    );
    if (!free) continue;
    taken.push(free);
    labelled.add(arrows.sent[i]);
    const colour = arrows.fate[i] === LOST ? colours.alarm : colours[kind.group];
    paintText(pen, text, free.x, free.y, colour, colours.lane);
  }
  pen.restore();
}

// Whether words at this height would be covered by the bar of a lane.
function onBar(view, y) {
  const lane = view.laneAt(y);
  if (lane < 0) return true;
  const { marks, cut } = view.parts(lane);
  return y > marks && y < cut + 6;
}

function shortened(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

// What the status line says of the arrows in view.
function arrowsStatus(classes) {
  const total = classes.reduce((sum, group) => sum + group.total, 0);
  if (!total) return "";
  const thinned = classes
    .filter((group) => group.every > 1)
    .map((group) => `1 in ${group.every} ${group.lost ? "lost " : ""}${group.kind.name}`);
  const shown = thinned.length ? `, of which drawn: ${thinned.slice(0, 4).join(", ")}` : "";
  return `${counted(total, "arrow")} in view${shown}${thinned.length > 4 ? ", …" : ""}`;
}

// The drawn arrows that pass within a few pixels of a point, nearest first.
function arrowsAt(drawn, x, y) {
  const near = [];
  for (const arrow of drawn) {
    const distance = distanceToLine(arrow.line, x, y);
    if (distance < 5) near.push({ distance, ...arrow });
  }
  return near.sort((a, b) => a.distance - b.distance);
}

function distanceToLine({ x1, y1, x2, y2 }, x, y) {
  const dx = x2 - x1;
  const dy = y2 - y1;
  const along = ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy || 1);
  const part = Math.min(1, Math.max(0, along));
  return Math.hypot(x - x1 - part * dx, y - y1 - part * dy);
}
