
// The gutter: what each node is at the cursor, beside its lane.

function paintGutter(pen, view, colours) {
  const { run, cursor } = view;
  pen.save();
  clip(pen, 0, 0, GUTTER, view.height);
  pen.fillStyle = colours.paper;
  pen.fillRect(0, 0, GUTTER, view.height);
  pen.textBaseline = "middle";
  clip(pen, 0, view.lanesTop, GUTTER, view.height);
  run.lanes.forEach((lane) => paintLaneLabel(pen, view, colours, lane));
  pen.restore();
  pen.save();
  pen.textBaseline = "middle";
  pen.fillStyle = colours.accent;
  pen.font = `600 12px ${colours.sans}`;
  pen.fillText(`at ${timeText(run, cursor, view.pixel)}`, 14, RULER / 2);
  pen.fillStyle = colours.soft;
  pen.font = `11px ${colours.sans}`;
  if (run.clusterMarks.at.length) pen.fillText("Cluster", 14, RULER + CLUSTER_ROW / 2);
  paintClientLabels(pen, view);
  pen.restore();
}

function paintClientLabels(pen, view) {
  let row = 0;
  for (const { client, rows } of view.run.clients) {
    const y = view.clientsTop + 3 + (row + 0.5) * view.clientRow;
    if (view.clientRow >= 12 || row === 0) pen.fillText(`Client ${client}`, 14, y);
    row += rows;
  }
}

function paintLaneLabel(pen, view, colours, lane) {
  const { top, bottom } = view.parts(lane.index);
  const at = view.cursor;
  const state = lane.states.valueAt(at);
  pen.globalAlpha = view.showsNode(lane.index) ? 1 : 0.4;
  pen.fillStyle = colours.panel;
  pen.fillRect(6, top, GUTTER - 12, bottom - top);
  pen.fillStyle = state ? colours[state.state] : colours.line;
  pen.fillRect(6, top, 4, bottom - top);
  pen.fillStyle = colours.ink;
  pen.font = `700 14px ${colours.sans}`;
  pen.fillText(fitted(pen, `Node ${lane.id}`, GUTTER - 30), 18, top + 14);
  if (!state) return;
  const leader = Number(state.leader) && state.state !== "leader" ? ` of ${state.leader}` : "";
  const still = state.paused ? ", paused" : "";
  const cuts = lane.cuts.valueAt(at);
  const lines = [[`${ROLES[state.state]}${leader} · term ${state.term}${still}`, colours.ink]];
  pen.font = `11.5px ${colours.sans}`;
  const indexes = ["commit", "applied"].map((name) => {
    const steps = name === "commit" ? lane.commits : lane.applied;
    return `${name} ${steps.valueAt(at) ?? "–"}`;
  });
  // On one line, unless long indexes need two: they are what is compared.
  const wide = pen.measureText(indexes.join(" · ")).width > GUTTER - 30;
  for (const text of wide ? indexes : [indexes.join(" · ")]) lines.push([text, colours.commit]);
  if (cuts && (cuts.to.length || cuts.from.length)) lines.push([peersText(cuts), colours.cut]);
  // "voters=(1 2 3)&&(2 3 4) learners=(5)": voters on a line, the others on the next.
  const config = lane.configs.valueAt(at)?.replace(") ", ")\n").split("\n") ?? [];
  for (const part of config) lines.push([part, colours.soft]);
  lines.forEach(([text, colour], place) => {
    const y = top + 33 + place * 16;
    if (y > bottom - 6) return;
    pen.fillStyle = colour;
    pen.fillText(fitted(pen, text, GUTTER - 30), 18, y);
  });
  pen.globalAlpha = 1;
}

// How much of the lanes is seen, when they do not fit.
function paintScrollBar(pen, view, colours) {
  if (!view.hiddenHeight) return;
  const seen = view.height - view.lanesTop;
  const whole = seen + view.hiddenHeight;
  pen.fillStyle = colours.faint;
  pen.globalAlpha = 0.5;
  pen.beginPath();
  const top = view.lanesTop + (view.scroll / whole) * seen;
  pen.roundRect(view.width - 8, top, 5, (seen / whole) * seen, 2.5);
  pen.fill();
  pen.globalAlpha = 1;
}
